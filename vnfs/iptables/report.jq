# The firewall's part of the status, from the counters of chains, of both address families, and the number of tracked
# connections.
include "compile";

def report($applied):
  (map(objects) | group_by(.chain)
   | map({(.[0].chain): {packets: (map(.packets) | add), bytes: (map(.bytes) | add)}}) | add // {}) as $chains
  | def of($chain): $chains[$chain] // {packets: 0, bytes: 0};
    of("foreign") as $foreign
  | {engine: {bridge: "br_netfilter", filter: "xtables", frames: "tc"},
     rules: [$applied.firewall.rules[]? | {id} + of(counted)],
     established: of("established"),
     default: ([of("default"), of("dropped"), $foreign] | {packets: map(.packets) | add, bytes: map(.bytes) | add}),
     $foreign,
     connections: .[-1]};
