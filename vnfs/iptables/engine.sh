# The firewall: a bridge whose IPv4 and IPv6 packets pass the tables of xtables; classifiers of tc take out what is not IP
# or ARP where it comes in.

. /vnf/lib/conntrack.sh
. /vnf/lib/frames.sh

engine_start() { :; }
engine_stop() { :; }
engine_runs() {
  for family in iptables ip6tables; do
    "$family-legacy" -w -C FORWARD -m conntrack --ctstate INVALID -j dropped >/dev/null 2>&1 || return
  done
  # Each of the four ports that frames come in by has its classifiers.
  [ "$(tc qdisc show | grep -c clsact)" -eq 4 ]
}

engine_apply() {
  bridge_large "$large_mac" nf_call_iptables 1
  # All is tried before anything is taken over: then nothing is refused.
  for option in --test ''; do
    changed iptables "$rules4" | refused iptables $option
    changed ip6tables "$rules6" | refused ip6tables $option
    keep_timeouts
  done
  link_between foreign foreign-end
  classify "$LAN" large-lan
  classify "$WAN" large-wan
  set_port "$LAN" "$lan_mtu"
  set_port "$WAN" "$wan_mtu"
  bridge_ports br0 "$LAN" "$WAN" "$bridge_mac" nf_call_iptables 1 nf_call_ip6tables 1
}

# refused FAMILY [--test]: gives its input to the kernel, or only has it checked.
refused() {
  error=$("$1-legacy-restore" -w --noflush ${2:-} 2>&1) || bad_intent "$1 refuses the rules: ${error%%
*}" firewall
}

# changed FAMILY RULES: the rules as a change of those that are in force: with the ports' names, without the chains that
# count and are there already, and with the removal of those that are no longer wanted.
changed() {
  "$1-legacy" -w -S >"$RUN/$1.before"
  printf '%s' "$2" | sed "s/@lan@/$LAN/; s/@wan@/$WAN/" | awk '
    NR == FNR { if ($1 == "-N") there[$2]; next }
    $1 == "COMMIT" {
      for (chain in there) if (!(chain in wanted)) print "-F " chain
      for (chain in there) if (!(chain in wanted)) print "-X " chain
    }
    { chain = $1 == "-A" ? $2 : substr($1, 2); wanted[chain] }
    !(chain in there && chain ~ /^(established|default|dropped|rule-)/)' "$RUN/$1.before" -
}

engine_facts() {
  for family in iptables ip6tables; do
    "$family-legacy-save" -c -t filter 2>/dev/null | sed -En \
      's/^\[([0-9]+):([0-9]+)\] -A (established|default|dropped|rule-[0-9]+) .*/{"chain": "\3", "packets": \1, "bytes": \2}/p'
  done
  frames=/sys/class/net/foreign/statistics
  [ ! -e $frames ] || echo "{\"chain\": \"foreign\", \"packets\": $(cat $frames/tx_packets), \"bytes\": $(cat $frames/tx_bytes)}"
  cat /proc/sys/net/netfilter/nf_conntrack_count 2>/dev/null || echo 0
  timeouts_in_force
}
