"""The emulated network: labs with uCPEs, LAN hosts and underlays, what makes them and what looks at them.

========================  =============================================================================================
``spec``                  what a lab shall look like, and whether that can be
``lab``                   a lab that runs: start, use, stop; its management network, uCPEs and inventory file
``ownership``             who owns a lab (lease), what belongs to it (labels), removing it at the end and after a crash
``containernet``          Containernet's API on the distribution's Mininet
``nodes``                 one node of a running lab as a value, and the file that lists them all
``images``                the container images: recipes, builds, the store that uCPEs share; the uCPE image's own files
``host``                  this machine: Docker Engine, kernel, namespaces, processes, links, package archives
``impairment``            delay, jitter, loss, rate of links
``capture``               recording packets; ``esp`` decrypts them, ``ucpe_view`` looks into a uCPE
``packets``, ``traffic``  single packets; ping and iperf3
``doctor``                what this machine can do
``vm``                    the whole test-bed in a virtual machine
========================  =============================================================================================
"""
