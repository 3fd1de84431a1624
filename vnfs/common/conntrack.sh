# How long the kernel keeps the state of connections (nf_conntrack). Sourced by the engines of firewalls; POSIX sh.

SYSCTLS=/proc/sys/net/netfilter/nf_conntrack_ # the shell reads by the octet, and a sysctl has but one

# set_timeouts LINES: makes the lines that conntrack.jq prints so. /proc/sys is read-only in a container, so what differs is
# set by netlink (nfnetlink_cttimeout); what the descriptor's sysctls have set needs none of that.
set_timeouts() {
  error=
  differing=$(printf '%s\n' "$1" | awk -v sysctls="$SYSCTLS" '(getline now <(sysctls $4)) > 0 && now != $5')
  [ -n "$differing" ] || return 0
  while read -r family protocol state _ seconds; do
    error=$(nfct timeout default-set "$family" "$protocol" "$state" "$seconds" 2>&1) || return
  done <<END
$differing
END
}

# refused_with_timeouts MESSAGE PATH: the contract's refusal, with the time-outs of before.
refused_with_timeouts() {
  set_timeouts "$timeouts_before" || :
  bad_intent "$1" "$2"
}

# keep_timeouts: makes those of the intent so.
keep_timeouts() {
  set_timeouts "$timeouts" || refused_with_timeouts "nfct refuses the time-outs: ${error%%
*}" firewall.timeouts
}

# timeouts_in_force: all of them as one JSON object, by the sysctls' names.
timeouts_in_force() {
  set -- "$SYSCTLS"*_timeout*
  [ -e "$1" ] || set -- /dev/null
  awk -v sysctls="$SYSCTLS" 'BEGIN { printf "{\"timeouts\": {" }
    { printf "%s\"%s\": %s", comma, substr(FILENAME, length(sysctls) + 1), $1; comma = ", " }
    END { print "}}" }' "$@"
}
