"""A second machine without hardware virtualisation: Debian 12 on a user-mode-Linux kernel.

It has the halves of the engine choices that many kernels lack: ESP, netem, the Open vSwitch datapath and cgroup v2.
The machine has one CPU, no network, and is thrown away after its one job; all it needs is carried in.
``python -m testbed.vm`` is the way in, ``docs/vm.md`` the manual.
"""
