# The flow meter: a plain bridge forwards; a copy of each IP packet is segmented, counted and dropped beside it.
#
# A packet can be a TCP super-packet of up to 64 kB that offload formed, and counting that as one would be wrong. The
# copies leave through `meter0`, which has no TSO: the kernel cuts them into the packets that the wire carries, with
# its own segmentation code, and `meter1` receives those. What passes is never touched.

engine_start() { engine_process keep_exporter; }
engine_stop() { ! exporter_runs || kill "$(cat "$RUN/exporter.pid")"; }
engine_runs() { nft list chain netdev flowstat count >/dev/null 2>&1; }

make_meter() {
  [ ! -e /sys/class/net/meter0 ] || return 0
  ip link add meter0 mtu 65535 type veth peer name meter1 mtu 65535
  ethtool -K meter0 tso off gso off tx-udp-segmentation off
  link_up meter0
  link_up meter1
}

engine_apply() {
  make_meter
  bridge_large "$large_mac" nf_call_iptables 1
  error=$(printf '%s' "$ruleset" | nft -D lan="$LAN" -D wan="$WAN" -f - 2>&1) ||
    bad_intent "nft refuses the meter: ${error%%
*}" statistics
  set_port "$LAN" "$lan_mtu"
  set_port "$WAN" "$wan_mtu"
  # With netfilter's check of IPv4 headers: no packet passes that the meter's IP layer would not take.
  bridge_ports br0 "$LAN" "$WAN" "$bridge_mac" nf_call_iptables 1
  set_port br0 "$lan_mtu" $address
  [ "$exporter_arguments" = "$(cat "$RUN/exporter" 2>/dev/null)" ] || change_exporter
}

# keep_exporter: runs softflowd with the arguments in $RUN/exporter, or nothing while there are none. A lock, because
# /vnf/apply ends the process whose arguments are old: exporter.pid must be that of the newest by then.
keep_exporter() {
  while :; do
    exec 8>"$RUN/exporter.lock"
    flock 8
    arguments=$(cat "$RUN/exporter" 2>/dev/null)
    # shellcheck disable=SC2086  # a list of words, compiled from checked values
    if [ -n "$arguments" ]; then
      LD_PRELOAD=$LIB/capture_timeout.so softflowd -d -i meter1 -c "$RUN/exporter.ctl" $arguments \
        </dev/null >"$RUN/exporter.log" 2>&1 8>&- &
    else
      sleep infinity 8>&- &
    fi
    echo $! >"$RUN/exporter.pid"
    exec 8>&-
    wait $!
    [ "$arguments" != "$(cat "$RUN/exporter" 2>/dev/null)" ] || sleep 0.5 # it ended by itself: not in a tight loop
  done
}

# SIGTERM makes softflowd export the flows that it holds.
change_exporter() {
  exec 8>"$RUN/exporter.lock"
  flock 8
  printf '%s' "$exporter_arguments" >"$RUN/exporter"
  kill "$(cat "$RUN/exporter.pid")" 2>/dev/null || :
  exec 8>&-
}

exporter_runs() {
  pid=$(cat "$RUN/exporter.pid" 2>/dev/null) && grep -qs softflowd "/proc/$pid/comm"
}

engine_facts() {
  nft -j list table ip flowstat 2>/dev/null || echo '{"nftables": []}'
  nft -j list table netdev flowstat 2>/dev/null || echo '{"nftables": []}'
  cat /sys/class/net/meter0/statistics/tx_dropped 2>/dev/null || echo 0
  if exporter_runs; then echo true; else echo false; fi
}
