"""Two containers, two switches, a shaped link between them; then Mininet's command line."""

from mininet.cli import CLI
from mininet.link import TCLink
from mininet.log import info, setLogLevel
from mininet.node import Controller

from testbed.containernet import Containernet

setLogLevel("info")

net = Containernet(controller=Controller)
info("*** Adding controller\n")
net.addController("c0")
info("*** Adding containers\n")
d1 = net.addDocker("d1", ip="10.0.0.251", dimage="lso/base")
d2 = net.addDocker("d2", ip="10.0.0.252", dimage="lso/base", cpu_period=50000, cpu_quota=25000)
info("*** Adding switches\n")
s1 = net.addSwitch("s1")
s2 = net.addSwitch("s2")
info("*** Adding links\n")
net.addLink(d1, s1)
net.addLink(s1, s2, cls=TCLink, delay="20ms", bw=100)
net.addLink(s2, d2)
info("*** Starting\n")
net.start()
info("*** Testing\n")
lost = net.ping([d1, d2])
info(f"lost {lost} %\n")
CLI(net)
info("*** Stopping\n")
net.stop()
