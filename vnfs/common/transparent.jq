# What transparent VNFs share: which frames may pass, and by which way.

# A bridge drops what is larger than its port's MTU without a word, and so no sender learns of it. Such packets take a
# way of their own, `large-lan` and `large-wan` (see common.sh), to the gateway, which fragments them or says that they
# are too large. A larger TCP packet is one that offload formed: it will be cut to fit.
def large($table; $port; $mtu):
  "add rule \($table) \($port) ether type ip ip length > \($mtu) ip protocol != tcp fwd to \"large-\($port)\"",
  if $mtu < 1500
  then "add rule \($table) \($port) ether type ip ip length \($mtu + 1)-1500 fwd to \"large-\($port)\"" else empty end;

# What comes back out of it.
def large_ports($table):
  ("lan", "wan") as $port
  | "add chain \($table) large-\($port) { type filter hook ingress device \"large-\($port)\" priority 0; policy drop; }",
    "flush chain \($table) large-\($port)",
    "add rule \($table) large-\($port) fwd to $\($port)";
