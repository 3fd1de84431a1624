# Compiles a firewall intent to the input of iptables-restore and ip6tables-restore, one transaction each.
#
# Rules look at the *original* tuple of the connection, so a packet of either direction can be judged by them. An
# allowed connection is marked with the generation of the rules that allowed it; packets with the current mark pass
# at once. After a change every open connection is judged anew by its next packet.
#
# What counts stands in chains of its own, one rule each, that a change leaves alone (engine.sh): `established`,
# `default`, `dropped`, and one for each rule of the intent, named by all that the rule says.
include "conntrack";
include "firewall";
include "frames";

# Which type of ICMP answers which (RFC 792, RFC 950).
def icmp_answer: {"8": 0, "13": 14, "15": 16, "17": 18}["\(.)"];

def counted:
  to_entries | sort_by(.key) | tojson | explode
  | "rule-" + (reduce .[] as $byte (7; (. * 31 + $byte) % 2147483647) | tostring)
            + (reduce .[] as $byte (5; (. * 131 + $byte) % 2147483647) | tostring);

# The conditions of a rule in one address family, each a list of alternatives; nothing where it is not about the family.
def conditions($six):
  def family: . // [] | map(select(contains(":") == $six));
  . as $rule
  | (.protocol // "any") as $protocol
  | def ports($option):
      . // [] | map("-m conntrack --ctproto \($protocol) \($option) " + (split("-") | map(tonumber | tostring) | join(":")));
    (if (.source | is_any) and (.destination | is_any) then ($six | not)
     else all(.source, .destination; is_any or family != []) end) as $concerned
  | select($concerned)
  | [(if $protocol == "any" then [] else ["-m conntrack --ctproto \($protocol)"] end),
     (.source | family | map("-m conntrack --ctorigsrc \(.)")),
     (.destination | family | map("-m conntrack --ctorigdst \(.)")),
     (.source_ports | ports("--ctorigsrcport")),
     (.destination_ports | ports("--ctorigdstport")),
     [.icmp_types // [] | .[] | icmp_number
      | "-p icmp -m icmp --icmp-type \(.) -m conntrack --ctdir ORIGINAL",
        (icmp_answer // empty | "-p icmp -m icmp --icmp-type \(.) -m conntrack --ctdir REPLY")]]
  | map(select(. != []));

# The lines of one rule: conditions with several alternatives have a chain each, and so one after the other is met.
def rule_lines($number; $six):
  . as $rule
  | counted as $target
  | (.direction // "both") as $direction
  | conditions($six)
  | (map(select(length == 1)[0]) | join(" ")) as $single
  | map(select(length > 1)) as $several
  | ([range($several | length) | "any-\($number).\(.)"] + [$target]) as $chains
  | ($chains[] | ":\(.) - [0:0]"),
    "-A \($target) -j \(if $rule.action == "allow" then "allow" else "DROP" end)",
    ((if $direction == "both" then "lan-to-wan", "wan-to-lan" else $direction end)
     | "-A \(.) \($single) -j \($chains[0])"),
    (range($several | length) as $at | $several[$at][] | "-A \($chains[$at]) \(.) -j \($chains[$at + 1])");

# Neighbour discovery is to IPv6 what ARP is to IPv4: it passes where IPv6 may pass at all. From a neighbour only
# (RFC 4861, 7.1).
def neighbour_discovery:
  if any(.[] | select(.action == "allow") | (.source, .destination)[]?; contains(":"))
  then (135, 136) | "-A FORWARD -p icmpv6 -m hl --hl-eq 255 -m icmp6 --icmpv6-type \(.) -j ACCEPT" else empty end;

# By which port a packet came in, and whether it goes as the connection's first, tells whose rules it must meet.
def directions:
  ({"lan": "lan-to-wan", "wan": "wan-to-lan"} | to_entries[]) as $side
  | ("@\($side.key)@", "large-\($side.key)-in") as $port
  | ({"ORIGINAL": $side.value, "REPLY": (if $side.key == "lan" then "wan-to-lan" else "lan-to-wan" end)} | to_entries[])
  | "-A FORWARD -m physdev --physdev-in \($port) -m conntrack --ctdir \(.key) -j \(.value)";

def table($six):
  (.firewall | generation) as $generation
  | [.firewall.rules | to_entries[] | .key as $number | .value | rule_lines($number; $six)] as $rules
  | ["*filter", ":FORWARD DROP [0:0]",
     (("established", "default", "dropped", "allow", "otherwise", "lan-to-wan", "wan-to-lan") | ":\(.) - [0:0]"),
     ($rules[] | select(startswith(":"))),
     "-F FORWARD",
     "-A established -j ACCEPT",
     "-A default -j otherwise",
     "-A dropped -j DROP",
     "-A allow -j CONNMARK --set-mark \($generation)",
     "-A allow -j ACCEPT",
     "-A otherwise -j \(if .firewall.default == "allow" then "allow" else "DROP" end)",
     "-A FORWARD -m conntrack --ctstate ESTABLISHED,RELATED -m connmark --mark \($generation) -j established",
     (select($six) | .firewall.rules | neighbour_discovery),
     "-A FORWARD -m conntrack --ctstate INVALID -j dropped",
     # The error that follows a connection is judged by no rule: one for ICMP would allow the connection itself anew.
     "-A FORWARD -m conntrack --ctstate RELATED -j dropped",
     directions,
     "-A FORWARD -j \(if $six then "dropped" else "default" end)",
     ($rules[] | select(startswith("-"))),
     "COMMIT", ""]
  | join("\n");

def compile($applied):
  checked
  | (.ports | map({(.role): .}) | add) as $port
  | {lan_mac: $port.lan.mac, wan_mac: $port.wan.mac, lan_mtu: $port.lan.mtu, wan_mtu: $port.wan.mtu,
     timeouts: settings, timeouts_before: ($applied | settings),
     bridge_mac: ("06" + $port.lan.mac[2:]), large_mac: ("0a" + $port.lan.mac[2:]),
     foreign: (foreign | bytecode), large: (large([$port[].mtu] | min) | bytecode),
     rules4: table(false), rules6: table(true)};
