# Of all that pluto tells while it is debugged, the security associations that come up, one a line: fields between tabs.
#   seconds ike   connection number SPIs algorithms identity
#   seconds child connection number rekeyed algorithms outbound inbound
# Only what has been authenticated is noted. Appends to HISTORY, which has `size` bytes, until that has `limit`; prints all.

function number_of(text) { sub(/^[^#]*#/, "", text); sub(/[^0-9].*/, "", text); return text }
function connection_of(text) { sub(/^[^"]*"/, "", text); sub(/".*/, "", text); return text }
function in_braces(text) { sub(/^[^{]*[{]/, "", text); sub(/[}].*/, "", text); return text }
function note(what) {
  what = systime() "\t" what
  print what
  fflush()
  if ((size += length(what) + 1) < limit) { print what >>history; fflush(history) } else size = limit
}
function note_ike(number, line) {
  note("ike\t" connection_of(line) "\t" number "\t" spis[number] "\t" algorithms[number] "\t" identity[number])
}

{ sub(/^[A-Z][a-z][a-z] +[0-9]+ [0-9:.]+: /, "") } # the time; a note has another form of it
/^\| entry state hash_table_entries\.ike_spis@.* (added to|deleted from) hash table/ {
  number = number_of($0)
  found = $0
  sub(/^.*#[0-9]+: /, "", found)
  sub(/ (added|deleted).*/, "", found)
  gsub(/ /, "", found)
  if (/ added to/) spis[number] = found; else delete spis[number]
  next
}
/^\| kernel: add_sa\(\) / {
  sub(/^.*add_sa\(\) level=[0-9]+ /, "")
  if (/^outbound /) outbound = $0; else inbound = $0
  next
}
/^\|/ { next }
/^("|packet from )|[Ee][Rr][Rr][Oo][Rr]|EXPECTATION|failed/ { print >"/dev/stderr" } # the container's log
/ #[0-9]+: .*[{]cipher=/ { algorithms[number_of($0)] = in_braces($0) }
/ #[0-9]+: (initiator|responder) established IKE SA; / {
  number = number_of($0)
  identity[number] = $0
  sub(/^.*( and ID_[A-Z0-9_]+| peer certificate) '/, "", identity[number])
  sub(/'.*/, "", identity[number])
  note_ike(number, $0)
}
/ #[0-9]+: (initiator|responder) rekeyed IKE SA #/ {
  number = number_of($0)
  old = $0
  sub(/^.* rekeyed IKE SA #/, "", old)
  identity[number] = identity[number_of("#" old)]
  note_ike(number, $0)
}
/ #[0-9]+: (initiator|responder) (established|rekeyed) Child SA / {
  note("child\t" connection_of($0) "\t" number_of($0) "\t" (/ rekeyed /  ? 1 : 0) "\t" in_braces($0) "\t" outbound "\t" inbound)
}
