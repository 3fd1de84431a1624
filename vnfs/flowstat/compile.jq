# Compiles a statistics intent to one nft script, the address of br0 and the exporter's arguments.
#
# IPv4 copies go up to the IP layer, which cuts Ethernet padding off, and are counted at its first hook; a container
# has no IPv6 layer as a rule, so IPv6 copies are counted as they arrive.
include "contract";

def defaults: {flow_table_size: 65536, flow_timeout_seconds: 300, export: null} + .;

def key: "meta mark . \(.) saddr . \(.) daddr . meta l4proto";

def ports: "{ tcp, udp, sctp, udplite }";

# What both address families have: totals, protocols, flows with and without transport ports.
def objects($table):
  "add table \($table)",
  ("lan-to-wan", "wan-to-lan", "untracked" | "add counter \($table) \(.)"),
  "add set \($table) protocols { typeof meta mark . meta l4proto; size 512; flags dynamic; counter; }";

def sets($table; $ip):
  "add set \($table) flows { typeof \($ip | key) . th sport . th dport; size \(.flow_table_size); flags dynamic,timeout; counter; timeout \(.flow_timeout_seconds)s; }",
  "add set \($table) portless { typeof \($ip | key); size \(.flow_table_size); flags dynamic,timeout; counter; timeout \(.flow_timeout_seconds)s; }";

def counting($table; $ip; $first_fragment; $later_fragment):
  "add rule \($table) count meta mark 1 counter name lan-to-wan",
  "add rule \($table) count meta mark 2 counter name wan-to-lan",
  "add rule \($table) count update @protocols { meta mark . meta l4proto }",
  "add rule \($table) count meta l4proto \(ports) \($first_fragment) update @flows { \($ip | key) . th sport . th dport } drop",
  "add rule \($table) count meta l4proto != \(ports) update @portless { \($ip | key) } drop",
  "add rule \($table) count \($later_fragment) update @portless { \($ip | key) } drop",
  "add rule \($table) count counter name untracked drop";

def capture($port; $mark):
  "add chain netdev flowstat \($port) { type filter hook ingress device $\($port) priority 0; policy accept; }",
  "flush chain netdev flowstat \($port)",
  "add rule netdev flowstat \($port) meta protocol { ip, ip6 } meta mark set \($mark) dup to \"meter0\" meta mark set 0";

def ruleset($resized):
  [(objects("ip flowstat"), objects("netdev flowstat")),
   "add chain netdev flowstat count { type filter hook ingress device \"meter1\" priority 0; policy drop; }",
   "add chain ip flowstat count { type filter hook prerouting priority raw; policy accept; }",
   "flush chain netdev flowstat count",
   "flush chain ip flowstat count",
   if $resized then ("ip", "netdev" | "delete set \(.) flowstat flows", "delete set \(.) flowstat portless") else empty end,
   sets("ip flowstat"; "ip"), sets("netdev flowstat"; "ip6"),
   "add rule netdev flowstat count meta protocol ip meta pkttype set host accept",
   "add rule ip flowstat count iifname != \"meter1\" accept",
   counting("ip flowstat"; "ip"; "ip frag-off & 0x1fff == 0"; "ip frag-off & 0x1fff != 0"),
   counting("netdev flowstat"; "ip6"; "exthdr frag missing"; "exthdr frag exists"),
   capture("lan"; 1), capture("wan"; 2),
   ""]
  | join("\n");

def exporter_arguments:
  if .export == null then ""
  else {port: 4739, active_timeout_seconds: 60} + .export
    | .active_timeout_seconds as $active
    | ([$active, 15] | min) as $idle
    | "-v \({ipfix: 10, netflow9: 9}[.protocol]) -n \(.collector):\(.port) -t maxlife=\($active) -t expint=1"
      + (["general", "tcp", "tcp.rst", "tcp.fin", "udp", "icmp"] | map(" -t \(.)=\($idle)") | add)
  end;

def compile($applied):
  (.ports | map({(.role): .}) | add) as $port
  | (.statistics | defaults) as $now
  | (($applied.statistics // $now) | defaults) as $before
  | {lan_mac: $port.lan.mac, wan_mac: $port.wan.mac, lan_mtu: $port.lan.mtu, wan_mtu: $port.wan.mtu,
     bridge_mac: ("06" + $port.lan.mac[2:]),
     address: ($now.export.address // ""), exporter_arguments: ($now | exporter_arguments),
     ruleset: ($now | ruleset([.flow_table_size, .flow_timeout_seconds] != ($before | [.flow_table_size, .flow_timeout_seconds])))};
