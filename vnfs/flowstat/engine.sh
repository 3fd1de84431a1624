# The flow meter: a plain bridge forwards; a copy of each IP packet is segmented, counted and dropped beside it.
#
# The copies leave through `meter0`, and `meter1` receives the packets that the wire carries (segmenting_link in
# meter.sh). What passes is never touched.

. /vnf/lib/kept.sh
. /vnf/lib/meter.sh

engine_start() {
  engine_process keep exporter env LD_PRELOAD="$LIB/capture_timeout.so" softflowd -d -i meter1 -c "$RUN/exporter.ctl"
}
engine_stop() { ! keeps exporter || kill "$(cat "$RUN/exporter.pid")"; }
engine_runs() { nft list chain netdev flowstat count >/dev/null 2>&1; }

engine_apply() {
  segmenting_link meter0 meter1
  bridge_large "$large_mac" nf_call_iptables 1
  error=$(printf '%s' "$ruleset" | nft -D lan="$LAN" -D wan="$WAN" -f - 2>&1) ||
    bad_intent "nft refuses the meter: ${error%%
*}" statistics
  set_port "$LAN" "$lan_mtu"
  set_port "$WAN" "$wan_mtu"
  # With netfilter's check of IPv4 headers: no packet passes that the meter's IP layer would not take.
  bridge_ports br0 "$LAN" "$WAN" "$bridge_mac" nf_call_iptables 1
  finish exporter "$exporter_arguments" # while its address is there
  set_port br0 "$lan_mtu" $address
  begin exporter "$exporter_arguments"
}

engine_facts() {
  nft -j list table ip flowstat 2>/dev/null || echo '{"nftables": []}'
  nft -j list table netdev flowstat 2>/dev/null || echo '{"nftables": []}'
  cat /sys/class/net/meter0/statistics/tx_dropped 2>/dev/null || echo 0
  if keeps exporter; then echo true; else echo false; fi
}
