"""Change a running network: a container comes with a link, limits change, a link and a container go."""

from mininet.log import info, setLogLevel

from testbed.containernet import Containernet, Docker

setLogLevel("warning")

net = Containernet()
net.addController("c0")
h1 = net.addHost("h1")
d1 = net.addHost("d1", cls=Docker, ip="10.0.0.2", dimage="lso/base", cpu_shares=20)
s1 = net.addSwitch("s1")
s2 = net.addSwitch("s2")
net.addLink(h1, s1)
net.addLink(d1, s1)
net.addLink(d1, s2, params1={"ip": "11.0.0.1/8"})  # a second interface
net.start()
print("d1 has", d1.intfNames(), flush=True)
print("at first, lost:", net.ping([h1, d1]), flush=True)

d2 = net.addDocker("d2", dimage="lso/base", ip="11.0.0.2/8", environment={"COLOUR": "green"})
net.addLink(d2, s2)
print("d2 to d1, lost:", net.ping([d2], manualdestip="11.0.0.1"), flush=True)
print("d2 says:", d2.cmd("echo $COLOUR $(hostname)").strip(), flush=True)

d1.updateCpuLimit(cpu_period=100000, cpu_quota=20000)
d1.updateMemoryLimit(mem_limit="64m")
print("d1 is limited to", d1.resources["cpu_quota"], d1.resources["mem_limit"], flush=True)

net.removeLink(node1=d2, node2=s2)
print("link removed, lost:", net.ping([d2], manualdestip="11.0.0.1", timeout=1), flush=True)
net.removeDocker("d2")
print("hosts left:", [host.name for host in net.hosts], flush=True)
info("*** Stopping\n")
net.stop()
