# The meter's part of the status, from nft's tables of both address families, the copies lost, and the exporter's life.
def direction: {"1": "lan-to-wan", "2": "wan-to-lan"}[tostring];

def protocol: {"1": "icmp", "6": "tcp", "17": "udp", "58": "icmpv6", "ipv6-icmp": "icmpv6"}[tostring] // tostring;

def counted: {packets: .counter.packets, bytes: .counter.bytes};

def elements($name): [.[].nftables[].set | select(.name? == $name) | .elem[]?.elem];

def total($name): [.[].nftables[].counter | select(.name? == $name)]
  | {packets: (map(.packets) | add // 0), bytes: (map(.bytes) | add // 0)};

def report($applied):
  .[:2] as $tables
  | {engine: {meter: "nftables", segments: "veth", exporter: "softflowd"},
     directions: (["lan-to-wan", "wan-to-lan"] | map(. as $name | {($name): ($tables | total($name))}) | add),
     protocols: ($tables | elements("protocols")
       | map({direction: (.val.concat[0] | direction), protocol: (.val.concat[1] | protocol)} + counted)
       | group_by([.direction, .protocol])
       | map(.[0] + {packets: (map(.packets) | add), bytes: (map(.bytes) | add)})),
     flows: ($tables | elements("flows") + elements("portless")
       | map(.val.concat as $key
           | {direction: ($key[0] | direction), source: $key[1], destination: $key[2], protocol: ($key[3] | protocol),
              source_port: ($key[4] // 0), destination_port: ($key[5] // 0)} + counted)),
     untracked: ($tables | total("untracked")),
     lost: .[2],
     export: (.[3] as $running | $applied.statistics.export
       | if . then {protocol, collector, port: (.port // 4739), running: $running} else null end)};
