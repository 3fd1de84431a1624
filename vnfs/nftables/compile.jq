# Compiles a firewall intent to one nft script; `nft -f` applies it as one transaction.
#
# Rules look at the *original* tuple of the connection, so a packet of either direction can be judged by them. An
# allowed connection is marked with the generation of the rules that allowed it; packets with the current mark pass
# at once. After a change every open connection is judged anew by its next packet: what is still allowed goes on,
# what is not is cut.
include "conntrack";
include "firewall";
include "transparent";

def set_of: "{ \(join(", ")) }";

def port_range: split("-") | map(tonumber) | join("-");

# The address match, once per address family that the rule's prefixes name. Without any it is a rule of IPv4.
def address_matches:
  def family($six): map(select(contains(":") == $six));
  def side($keyword; $list; $field): if $list | is_any then "" else "ct original \($keyword) \($field) \($list | set_of) " end;
  . as $rule
  | if (.source | is_any) and (.destination | is_any) then "meta nfproto ipv4 "
    else ({ip: false, ip6: true} | to_entries[]) as $kind
      | ($rule.source // [] | family($kind.value)) as $source
      | ($rule.destination // [] | family($kind.value)) as $destination
      | select(($rule.source | is_any) or $source != [])
      | select(($rule.destination | is_any) or $destination != [])
      | side($kind.key; $source; "saddr") + side($kind.key; $destination; "daddr")
    end;

def protocol_match:
  (.protocol // "any") as $protocol
  | (if $protocol == "any" then "" else "meta l4proto \($protocol) " end)
  + (if .source_ports | is_any then "" else "ct original proto-src \(.source_ports | map(port_range) | set_of) " end)
  + (if .destination_ports | is_any then "" else "ct original proto-dst \(.destination_ports | map(port_range) | set_of) " end)
  # An ICMP connection has type and code where others have the destination port.
  + (if .icmp_types | is_any then ""
     else "ct original proto-dst \(.icmp_types | map(icmp_number * 256 | "\(.)-\(. + 255)") | set_of) " end);

def verdict($generation): if . == "allow" then "ct mark set \($generation) accept" else "drop" end;

def rule_lines($generation):
  (.direction // "both") as $direction
  | (if $direction == "both" then "lan-to-wan", "wan-to-lan" else $direction end) as $chain
  | address_matches as $addresses
  | "add rule inet firewall \($chain) \($addresses)\(protocol_match)counter name rule-\(.id) \(.action | verdict($generation))";

# Neighbour discovery is to IPv6 what ARP is to IPv4: it passes where IPv6 may pass at all. From a neighbour only
# (RFC 4861, 7.1).
def neighbour_discovery:
  if any(.[] | select(.action == "allow") | (.source, .destination)[]?; contains(":"))
  then "add rule inet firewall forward ip6 hoplimit 255 icmpv6 type { nd-neighbor-solicit, nd-neighbor-advert } accept"
  else empty end;

# Netfilter's inet hooks see untagged IP only, while `meta protocol` is what is inside a tag. So the frame's own EtherType
# decides, where it comes in: a bridge keeps some frames to the group addresses of IEEE 802.1D from its own hooks.
def frames($mtu):
  ("lan", "wan") as $port
  | "add chain netdev ports \($port) { type filter hook ingress device $\($port) priority 0; policy accept; }",
    "flush chain netdev ports \($port)",
    "add rule netdev ports \($port) ether daddr & ff:ff:ff:ff:ff:f0 == 01:80:c2:00:00:00 counter name foreign drop",
    "add rule netdev ports \($port) ether type != { ip, ip6, arp } counter name foreign drop",
    large("netdev ports"; $port; $mtu);

# What comes by no port of ours, past those chains, ends here.
def marks:
  "add table bridge ports",
  "add chain bridge ports prerouting { type filter hook prerouting priority dstnat; policy drop; }",
  "flush chain bridge ports prerouting",
  "add rule bridge ports prerouting ether type { ip, ip6, arp } iifname { $lan, \"large-lan-in\" } meta mark set 1 accept",
  "add rule bridge ports prerouting ether type { ip, ip6, arp } iifname { $wan, \"large-wan-in\" } meta mark set 2 accept";

# Counters of rules that are unchanged live on; those of changed and removed rules go.
def stale_counters($applied): . as $rules | ($applied.firewall.rules // []) - $rules | map("rule-\(.id)");

def ruleset($applied; $mtu):
  (.firewall | generation) as $generation
  | .firewall.rules as $rules
  | ["add table netdev ports", "add counter netdev ports foreign", frames($mtu), large_ports("netdev ports"), marks,
     "add table inet firewall",
     "add chain inet firewall lan-to-wan",
     "add chain inet firewall wan-to-lan",
     "add chain inet firewall forward { type filter hook forward priority filter; policy drop; }",
     "flush chain inet firewall forward",
     "flush chain inet firewall lan-to-wan",
     "flush chain inet firewall wan-to-lan",
     "add counter inet firewall established",
     "add counter inet firewall default",
     ($rules | stale_counters($applied)[] | "delete counter inet firewall \(.)"),
     ($rules[] | "add counter inet firewall rule-\(.id)"),
     "add rule inet firewall forward ct state established,related ct mark \($generation) counter name established accept",
     ($rules | neighbour_discovery),
     "add rule inet firewall forward ct state invalid counter name default drop",
     # The error that follows a connection is judged by no rule: one for ICMP would allow the connection itself anew.
     "add rule inet firewall forward ct state related counter name default drop",
     "add rule inet firewall forward ct direction original meta mark 1 jump lan-to-wan",
     "add rule inet firewall forward ct direction reply meta mark 2 jump lan-to-wan",
     "add rule inet firewall forward ct direction original meta mark 2 jump wan-to-lan",
     "add rule inet firewall forward ct direction reply meta mark 1 jump wan-to-lan",
     ($rules[] | rule_lines($generation)),
     "add rule inet firewall forward meta nfproto ipv6 counter name default drop",
     "add rule inet firewall forward counter name default \(.firewall.default | verdict($generation))",
     ""]
  | join("\n");

def compile($applied):
  checked
  | (.ports | map({(.role): .}) | add) as $port
  | {lan_mac: $port.lan.mac, wan_mac: $port.wan.mac, lan_mtu: $port.lan.mtu, wan_mtu: $port.wan.mtu,
     timeouts: settings, timeouts_before: ($applied | settings),
     bridge_mac: ("06" + $port.lan.mac[2:]), large_mac: ("0a" + $port.lan.mac[2:]),
     ruleset: ruleset($applied; [$port[].mtu] | min)};
