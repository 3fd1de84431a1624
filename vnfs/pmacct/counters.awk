# Reads what iptables-legacy-save or ip6tables-legacy-save prints of the table `raw`: what each way's rule has counted,
# all and by protocol. A chain's rules stand in the order of `protocols` (engine.sh); the last one takes what is left.
BEGIN { split(protocols, of) }

match($0, /^\[[0-9]+:[0-9]+\]/) {
  split(substr($0, 2, RLENGTH - 2), counted, ":")
  if ($3 == "PREROUTING") print_counter($NF, "null")
  else if ($NF == "DROP") print_counter($3, "\"" (++rule[$3] in of ? of[rule[$3]] : 0) "\"")
}

function print_counter(way, protocol) {
  if (counted[1] > 0)
    printf "{\"way\": \"%s\", \"protocol\": %s, \"packets\": %s, \"bytes\": %s}\n", way, protocol, counted[1], counted[2]
}
