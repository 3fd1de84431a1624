# The firewall's part of the status, from the counters of chains, of both address families, the number of tracked
# connections, and time-outs.
include "compile";
include "conntrack";

def report($applied):
  (map(objects | select(.chain)) | group_by(.chain)
   | map({(.[0].chain): {packets: (map(.packets) | add), bytes: (map(.bytes) | add)}}) | add // {}) as $chains
  | def of($chain): $chains[$chain] // {packets: 0, bytes: 0};
    of("foreign") as $foreign
  | {engine: {bridge: "br_netfilter", filter: "xtables", frames: "tc"},
     rules: [$applied.firewall.rules[]? | {id} + of(counted)],
     established: of("established"),
     default: ([of("default"), of("dropped"), $foreign] | {packets: map(.packets) | add, bytes: map(.bytes) | add}),
     $foreign,
     connections: .[-2],
     timeouts: (.[-1].timeouts | in_force)};
