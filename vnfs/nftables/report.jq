# The firewall's part of the status, from `nft -j list counters` and the number of tracked connections.
def report($applied):
  ([.[0].nftables[].counter | select(.) | {(.name): {packets, bytes}}] | add // {}) as $counters
  | {packets: 0, bytes: 0} as $none
  | {engine: {bridge: "br_netfilter", filter: "nftables"},
     rules: [$applied.firewall.rules[]? | {id} + ($counters["rule-" + .id] // $none)],
     established: ($counters.established // $none),
     default: ($counters.default // $none),
     connections: .[1]};
