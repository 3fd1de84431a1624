# Compiles a statistics intent to one nft script, the address of br0 and the exporter's arguments.
#
# IPv4 copies go up to the IP layer, which cuts Ethernet padding off, and are counted at its first hook; a container
# has no IPv6 layer as a rule, so IPv6 copies are counted as they arrive.
include "contract";
include "statistics";
include "transparent";

def ways: "lan-to-wan", "wan-to-lan";

# nft 1.0.6 aborts when it lists a set of more than five fields, so each way has its own.
def sets($settings):
  {"ip flowstat": "ipv4_addr", "netdev flowstat": "ipv6_addr"} | to_entries[]
  | "\(.key) \(ways)" as $set
  | "\(.value) . \(.value) . inet_proto" as $type
  | "size \($settings.flow_table_size); flags dynamic,timeout; counter; timeout \($settings.flow_timeout_seconds)s;" as $limits
  | "add set \($set)-flows { type \($type) . inet_service . inet_service; \($limits) }",
    "add set \($set)-portless { type \($type); \($limits) }";

def key: "\(.) saddr . \(.) daddr . meta l4proto";

def ports: "{ tcp, udp, sctp, udplite }";

# Totals, protocols and one chain for each way.
def objects($table):
  "add table \($table)",
  "add counter \($table) untracked",
  (ways as $way
   | "add counter \($table) \($way)",
     "add set \($table) \($way)-protocols { type inet_proto; size 256; flags dynamic; counter; }",
     "add chain \($table) \($way)",
     "flush chain \($table) \($way)");

# What the chains do. `$later` matches fragments that have no ports because they are not the first.
def counting($table; $ip; $first; $later):
  ways as $way
  | "add rule \($table) \($way) counter name \($way)",
    "add rule \($table) \($way) update @\($way)-protocols { meta l4proto }",
    "add rule \($table) \($way) meta l4proto \(ports) \($first) update @\($way)-flows { \($ip | key) . th sport . th dport } drop",
    "add rule \($table) \($way) meta l4proto != \(ports) update @\($way)-portless { \($ip | key) } drop",
    "add rule \($table) \($way) \($later) update @\($way)-portless { \($ip | key) } drop",
    "add rule \($table) \($way) counter name untracked drop";

# Nothing passes uncounted: ARP has counters of its own, and what is neither ARP nor untagged IP ends here. `ether type`
# is the frame's own; `meta protocol` would be what is inside a tag. A bridge keeps group addresses of IEEE 802.1D.
def capture($port; $way; $mark; $mtu):
  "add counter netdev flowstat \($way)-other",
  "add chain netdev flowstat \($port) { type filter hook ingress device $\($port) priority 0; policy accept; }",
  "flush chain netdev flowstat \($port)",
  "add rule netdev flowstat \($port) ether daddr & ff:ff:ff:ff:ff:f0 == 01:80:c2:00:00:00 counter name foreign drop",
  "add rule netdev flowstat \($port) ether type { ip, ip6 } meta mark set \($mark) dup to \"meter0\" meta mark set 0",
  large("netdev flowstat"; $port; $mtu),
  "add rule netdev flowstat \($port) ether type { ip, ip6 } accept",
  "add rule netdev flowstat \($port) ether type arp counter name \($way)-other accept",
  "add rule netdev flowstat \($port) counter name foreign drop";

def ruleset($resized; $mtu):
  . as $settings
  | [objects("ip flowstat"), objects("netdev flowstat"),
     "add chain netdev flowstat count { type filter hook ingress device \"meter1\" priority 0; policy drop; }",
     "add chain ip flowstat count { type filter hook prerouting priority raw; policy accept; }",
     "flush chain netdev flowstat count",
     "flush chain ip flowstat count",
     if $resized then
       "delete set \("ip", "netdev") flowstat \(ways)-\("flows", "portless")"
     else empty end,
     sets($settings),
     counting("ip flowstat"; "ip"; "ip frag-off & 0x1fff == 0"; "ip frag-off & 0x1fff != 0"),
     counting("netdev flowstat"; "ip6"; "exthdr frag missing"; "exthdr frag exists"),
     "add rule netdev flowstat count meta protocol ip meta pkttype set host accept",
     "add rule netdev flowstat count meta mark 1 goto lan-to-wan",
     "add rule netdev flowstat count meta mark 2 goto wan-to-lan",
     "add rule ip flowstat count iifname != \"meter1\" accept",
     "add rule ip flowstat count meta mark 1 goto lan-to-wan",
     "add rule ip flowstat count meta mark 2 goto wan-to-lan",
     "add counter netdev flowstat foreign",
     capture("lan"; "lan-to-wan"; 1; $mtu), capture("wan"; "wan-to-lan"; 2; $mtu), large_ports("netdev flowstat"),
     ""]
  | join("\n");

# Without -A softflowd tells times by an uptime that is up to a second off, and flows that end before they begin.
def exporter_arguments:
  if .export == null then ""
  else .export
    | idle_seconds as $idle
    | "-v \({ipfix: 10, netflow9: 9}[.protocol]) -A milli -n \(.collector):\(.port) -t maxlife=\(.active_timeout_seconds) -t expint=1"
      + (["general", "tcp", "tcp.rst", "tcp.fin", "udp", "icmp"] | map(" -t \(.)=\($idle)") | add)
  end;

def compile($applied):
  (.ports | map({(.role): .}) | add) as $port
  | settings as $now
  | {lan_mac: $port.lan.mac, wan_mac: $port.wan.mac, lan_mtu: $port.lan.mtu, wan_mtu: $port.wan.mtu,
     bridge_mac: ("06" + $port.lan.mac[2:]), large_mac: ("0a" + $port.lan.mac[2:]),
     address: ($now.export.address // ""), exporter_arguments: ($now | exporter_arguments),
     ruleset: (resized($applied) as $resized | $now | ruleset($resized; [$port[].mtu] | min))};
