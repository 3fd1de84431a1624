# The firewall's part of the status, from `nft -j list counters` of both tables, the number of tracked connections, and
# time-outs.
include "conntrack";

def report($applied):
  ([.[:2][].nftables[].counter | select(.) | {(.name): {packets, bytes}}] | add // {}) as $counters
  | {packets: 0, bytes: 0} as $none
  | ($counters.default // $none) as $default
  | ($counters.foreign // $none) as $foreign
  | {engine: {bridge: "br_netfilter", filter: "nftables"},
     rules: [$applied.firewall.rules[]? | {id} + ($counters["rule-" + .id] // $none)],
     established: ($counters.established // $none),
     default: {packets: ($default.packets + $foreign.packets), bytes: ($default.bytes + $foreign.bytes)},
     $foreign,
     connections: .[2],
     timeouts: (.[3].timeouts | in_force)};
