"""A topology class of Mininet's with containers in it."""

from mininet.topo import Topo

from testbed.containernet import Containernet, Docker


class Star(Topo):  # type: ignore[misc]
    """*count* containers and one plain host around a switch."""

    def build(self, count: int = 3) -> None:
        """Describe the network; nothing is made here."""
        switch = self.addSwitch("s1")
        for number in range(1, count + 1):
            self.addLink(self.addHost(f"d{number}", cls=Docker, dimage="lso/base"), switch)
        self.addLink(self.addHost("h1"), switch)


net = Containernet(topo=Star(count=3))
net.start()
print("lost:", net.pingAll(), flush=True)
process = net["d2"].popen("cat /etc/hostname")
print("d2 says:", process.communicate()[0].decode().strip(), flush=True)
net.stop()
