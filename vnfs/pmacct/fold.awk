# Adds to the flow table, which comes first, what uacctd has counted since, in lines of CSV with a head line of its own, or
# `silent` (then the exit code is 1). A line that cannot be a flow is left out: on a machine that is busy uacctd's answer
# can break off, and pmacct then prints what lies in its memory.
#
# The table's first line has the packets and bytes of all flows that ever were, and of those that found no room. Each of
# the others is a flow: direction, source, destination, protocol, ports, packets, bytes, and when it was seen last.
BEGIN { FS = "[ ,]"; OFS = " "; accounted[0] = accounted[1] = untracked[0] = untracked[1] = 0 }

$1 == "all" { accounted[0] = $2; accounted[1] = $3; untracked[0] = $4; untracked[1] = $5; next }
$1 ~ /-/ {
  if (now - $9 > timeout) next
  flow = $1 " " $2 " " $3 " " $4 " " $5 " " $6
  packets[flow] = $7; bytes[flow] = $8; seen[flow] = $9; flows++
  next
}
$1 == "silent" { silent = 1; next }
NF == 8 && $1 $4 $5 $6 $7 $8 ~ /^[0-9]+$/ && $2 ~ /^[0-9a-f.:]+$/ && $3 ~ /^[0-9a-f.:]+$/ &&
$4 != "" && $5 != "" && $6 != "" && $8 >= 20 * $7 && $8 <= 65575 * $7 { # the smallest header, the largest IPv6 packet
  flow = ($1 == lan ? "lan-to-wan" : "wan-to-lan") " " $2 " " $3 " " $6 " " $4 " " $5
  accounted[0] += $7; accounted[1] += $8
  if (!(flow in packets)) {
    if (flows >= size) { untracked[0] += $7; untracked[1] += $8; next }
    flows++
  }
  packets[flow] += $7; bytes[flow] += $8; seen[flow] = now
}

END {
  printf "all %.0f %.0f %.0f %.0f\n", accounted[0], accounted[1], untracked[0], untracked[1]
  for (flow in packets) printf "%s %.0f %.0f %d\n", flow, packets[flow], bytes[flow], seen[flow]
  exit silent
}
