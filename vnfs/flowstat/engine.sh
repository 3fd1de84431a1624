# The flow meter: a plain bridge forwards; a copy of each IP packet is segmented, counted and dropped beside it.
#
# A packet can be a TCP super-packet of up to 64 kB that offload formed, and counting that as one would be wrong. The
# copies leave through `meter0`, which has no TSO: the kernel cuts them into the packets that the wire carries, with
# its own segmentation code, and `meter1` receives those. What passes is never touched.

engine_start() { :; }
engine_stop() { stop_exporter; }

make_meter() {
  [ ! -e /sys/class/net/meter0 ] || return 0
  # addrgenmode only once they exist: where IPv6 is off, creation with it is refused.
  ip link add meter0 mtu 65535 type veth peer name meter1 mtu 65535
  ethtool -K meter0 tso off gso off tx-udp-segmentation off
  ip link set meter0 addrgenmode none up
  ip link set meter1 addrgenmode none up
}

engine_apply() {
  make_meter
  error=$(printf '%s' "$ruleset" | nft -D lan="$LAN" -D wan="$WAN" -f - 2>&1) ||
    bad_intent "nft refuses the meter: ${error%%
*}" statistics
  set_port "$LAN" "$lan_mtu"
  set_port "$WAN" "$wan_mtu"
  # With netfilter's check of IPv4 headers: no packet passes that the meter's IP layer would not take.
  bridge_ports "$LAN" "$WAN" "$bridge_mac" nf_call_iptables 1
  set_port br0 "$lan_mtu" $address
  if [ "$exporter_arguments" != "$(cat "$RUN/exporter" 2>/dev/null)" ]; then
    stop_exporter
    start_exporter
  fi
}

# SIGTERM makes softflowd export the flows that it holds.
stop_exporter() {
  if exporter_runs; then kill "$(cat "$RUN/exporter.pid")"; fi
}

start_exporter() {
  printf '%s' "$exporter_arguments" >"$RUN/exporter"
  [ -n "$exporter_arguments" ] || return 0
  # shellcheck disable=SC2086  # a list of words, compiled from checked values
  LD_PRELOAD=$LIB/capture_timeout.so setsid softflowd -d -i meter1 -c "$RUN/exporter.ctl" $exporter_arguments </dev/null >"$RUN/exporter.log" 2>&1 9>&- &
  echo $! >"$RUN/exporter.pid"
}

exporter_runs() {
  [ -s "$RUN/exporter.pid" ] && grep -qs softflowd "/proc/$(cat "$RUN/exporter.pid")/comm"
}

engine_facts() {
  nft -j list table ip flowstat 2>/dev/null || echo '{"nftables": []}'
  nft -j list table netdev flowstat 2>/dev/null || echo '{"nftables": []}'
  cat /sys/class/net/meter0/statistics/tx_dropped 2>/dev/null || echo 0
  if exporter_runs; then echo true; else echo false; fi
}
