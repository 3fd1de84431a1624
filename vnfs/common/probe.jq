# What /vnf/probe is asked, and what `fping -C` printed: `10.2.0.1 : 0.91 - 1.02`, a line for each address.
include "contract";

def cannot($error): {error: $error} | tojson + "\n" | halt_error(3);

# Input: the text of the request. Output: the arguments of the measurement.
def asked($schemas; $applied):
  (try fromjson catch refuse("not JSON: \(.)"; ""))
  | first(violations($schemas[1]; []; $schemas[0]["$defs"]), null) as $wrong
  | if $wrong then refuse($wrong.error; $wrong.path) else . end
  | if $applied == null then cannot("no intent is in force") else . end
  | ([$applied.ports[] | select(.role == "lan").addresses[] | sub("/.*"; "")] | first // null) as $source
  | if $source == null then cannot("the LAN port has no address to measure from") else . end
  | {echoes, targets: ([.peers[].address] | unique | join(" ")), $source, name: $applied.name};

# Input: the text that was printed. Output: the peers of the request with their round trips in milliseconds.
def measured($request):
  (split("\n") | map(capture("^(?<address>[0-9.]+) +: (?<times>[-0-9. ]+)$"))
    | map({(.address): [.times | scan("[0-9.]+|-") | if . == "-" then null else tonumber end]}) | add // {}) as $times
  | $request.peers[] | {name, address, round_trips_ms: ($times[.address] // [range($request.echoes) | null])};
