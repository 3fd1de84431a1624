# The flow meter: a plain bridge forwards. tc makes a copy of each IP packet, xtables count it, and NFLOG hands its first
# octets to uacctd, which knows the flows. Totals are the kernel's and exact; how much the flows lack is told (flows_error).
#
# Copies are segmented first (segmenting_link in meter.sh). They end at a bridge beside the way, whose netfilter hooks cut
# off Ethernet padding and see packets of both address families; it forwards nothing.

. /vnf/lib/frames.sh
. /vnf/lib/kept.sh
. /vnf/lib/meter.sh

TICK=10 # seconds after which the flows are collected, also if nobody asks for them
PROTOCOLS='6 17 1 58' # those that are met first
for number in $(seq 255); do PROTOCOLS="$PROTOCOLS $number"; done

# Groups of NFLOG: packets with ports or without, fragments after the first, which have none, and all of them. pmacct
# would give a fragment the ports of the first one, and count none whose first one it has not seen.
WHOLE=1 LATER=2 ALL=3

# For uacctd a packet beyond these is a flow's of its own; fragments without their first one are no exception.
uacctd_settings() {
  printf '%s\n' "uacctd_group: $1" 'uacctd_threshold: 64' 'uacctd_nl_size: 32768' 'uacctd_ext_sampling_rate: 1' 'snaplen: 128' \
    'plugin_pipe_size: 12000000'
}

engine_start() {
  for flows in "whole $WHOLE" "later $LATER"; do
    name=${flows% *}
    {
      uacctd_settings "${flows#* }"
      printf '%s\n' 'plugins: memory' 'aggregate: in_iface, src_host, dst_host, src_port, dst_port, proto' \
        "imt_path: $RUN/$name.imt" 'imt_buckets: 4099' 'imt_mem_pools_number: 256' 'imt_mem_pools_size: 65536'
    } >"$RUN/$name.conf"
    printf '%s' "$RUN/$name.conf" >"$RUN/$name"
  done
  for name in whole later exporter; do
    engine_process keep "$name" env LD_PRELOAD="$LIB/roomy.so" uacctd -f
  done
  engine_process collect_by_and_by
}
engine_stop() { ! keeps exporter || end_kept "$(cat "$RUN/exporter.pid")"; }
engine_runs() {
  for family in iptables ip6tables; do counting "$family" || return; done
  [ "$(tc qdisc show | grep -c clsact)" -eq 4 ]
}

engine_apply() {
  bridge_large "$large_mac" nf_call_iptables 1
  for port in lan wan; do
    segmenting_link "meter-$port" "meter-$port-in"
    link_between "arp-$port" "arp-$port-end"
  done
  link_between foreign foreign-end
  bridge_ports br2 meter-lan-in meter-wan-in "$meter_mac" nf_call_iptables 1 nf_call_ip6tables 1
  for family in iptables ip6tables; do counting "$family" || rules "$family" | refused "$family"; done
  classify "$LAN" large-lan
  classify "$WAN" large-wan
  measure "$LAN" lan
  measure "$WAN" wan
  until collects $WHOLE && collects $LATER; do sleep 0.02; done
  [ -z "$resized" ] || emptied
  echo "$limits" >"$RUN/limits"
  set_port "$LAN" "$lan_mtu"
  set_port "$WAN" "$wan_mtu"
  # With netfilter's check of IPv4 headers: no packet passes that the meter would not count.
  bridge_ports br0 "$LAN" "$WAN" "$bridge_mac" nf_call_iptables 1
  settings=
  if [ -n "$exporter" ]; then
    settings=$RUN/exporter.$(printf '%s' "$exporter" | cksum | cut -d ' ' -f 1).conf
    { uacctd_settings $ALL; printf '%s' "$exporter"; } >"$settings"
  fi
  finish exporter "$settings" # while its address is there
  set_port br0 "$lan_mtu" $address
  begin exporter "$settings"
}

# measure PORT ROLE: ARP is copied to a link that counts it, what is left to the meter.
measure() {
  led "$1" 2 "$arp" mirror "arp-$2"
  led "$1" 3 '1,6 0 0 4294967295' mirror "meter-$2" continue
}

counting() { "$1-legacy" -w -t raw -C PREROUTING -m physdev --physdev-in meter-wan-in -g wan-to-lan >/dev/null 2>&1; }

# rules FAMILY: what counts, the same for every intent. Each packet ends in one rule of its way; the last one takes
# what is of no protocol that has a rule.
rules() {
  echo '*raw'
  for chain in lan-to-wan wan-to-lan logged whole later; do echo ":$chain - [0:0]"; done
  echo "-A whole -j NFLOG --nflog-group $WHOLE"
  echo "-A later -j NFLOG --nflog-group $LATER"
  echo "-A logged -j NFLOG --nflog-group $ALL"
  if [ "$1" = iptables ]; then
    echo '-A logged -f -g later'
  else
    printf '%s\n' '-A logged -m frag --fragfirst -g whole' '-A logged -m frag -g later'
  fi
  echo '-A logged -g whole'
  for way in lan-to-wan wan-to-lan; do
    echo "-A $way -j logged"
    for number in $PROTOCOLS; do echo "-A $way -p $number -j DROP"; done
    echo "-A $way -j DROP"
    echo "-A PREROUTING -m physdev --physdev-in meter-${way%-to-*}-in -g $way"
  done
  echo COMMIT
}

# refused FAMILY: gives its input to the kernel.
refused() {
  error=$("$1-legacy-restore" -w --noflush 2>&1) || bad_intent "$1 refuses the meter: ${error%%
*}" statistics
}

# collects GROUP: whether a process is bound to that group of NFLOG.
collects() { grep -qs "^ *$1 " /proc/net/netfilter/nfnetlink_log; }

# end_kept PID: SIGINT makes a plugin tell of the flows that it holds. uacctd would hand a signal on to it with the next
# packet, whenever that comes; until the timeout in roomy.c has passed the kernel may have some that are older.
end_kept() {
  plugins=$(grep -l "^PPid:[[:space:]]*$1\$" /proc/[0-9]*/status | cut -d / -f 3)
  if [ -n "$plugins" ]; then
    sleep 0.1
    kill -INT $plugins
    for _ in $(seq 100); do
      [ -s "/proc/${plugins%%[!0-9]*}/cmdline" ] || break
      sleep 0.02
    done
  fi
  kill -KILL "$1"
}

collect_by_and_by() { while sleep "$TICK"; do [ ! -e "$RUN/limits" ] || collect || :; done; }

# collect: adds what uacctd has counted since it was last asked to the flow table; false if it does not answer.
collect() {
  exec 7>"$RUN/table.lock"
  flock 7
  read -r size timeout <"$RUN/limits"
  {
    [ ! -e "$RUN/table" ] || cat "$RUN/table"
    for name in whole later; do
      timeout 2 pmacct -s -e -u -O csv -p "$RUN/$name.imt" 2>/dev/null || { echo silent && break; }
    done
  } | awk -v now="$(cut -d . -f 1 /proc/uptime)" -v size="$size" -v timeout="$timeout" \
    -v lan="$(cat /sys/class/net/meter-lan-in/ifindex)" -f "$LIB/fold.awk" >"$RUN/table.new" && answered=true || answered=false
  mv "$RUN/table.new" "$RUN/table"
  exec 7>&-
  $answered
}

# emptied: the flow table without its flows.
emptied() {
  exec 7>"$RUN/table.lock"
  flock 7
  [ ! -e "$RUN/table" ] || sed -i 1q "$RUN/table"
  exec 7>&-
}

counters() {
  for family in iptables ip6tables; do
    "$family-legacy-save" -c -t raw 2>/dev/null | awk -v protocols="$PROTOCOLS" -f "$LIB/counters.awk"
  done
}

# packets: how many packets the kernel has counted.
packets() { counters | awk -F '[:,]' '/null/ { all += $6 } END { printf "%.0f", all }'; }

# collect_all: collects until the flows have what the kernel had counted, but for what is known to be missing. What has
# not come after a while never will.
collect_all() {
  wanted=$(packets) missing=0 accounted=0
  [ ! -e "$RUN/missing" ] || read -r missing <"$RUN/missing"
  for _ in 1 2 3 4 5 6 7 8; do
    collect || return 0
    read -r _ accounted _ <"$RUN/table"
    [ "$((accounted + missing))" -lt "$wanted" ] || return 0
    sleep 0.05
  done
  echo "$((wanted - accounted))" >"$RUN/missing"
}

engine_facts() {
  if [ -e "$RUN/limits" ]; then
    collect_all
    awk 'NR == 1 {
      printf "{\"accounted\": {\"packets\": %s, \"bytes\": %s}, \"untracked\": {\"packets\": %s, \"bytes\": %s}}\n", $2, $3, $4, $5
      next
    }
    {
      printf "{\"direction\": \"%s\", \"source\": \"%s\", \"destination\": \"%s\", \"protocol\": \"%s\", ", $1, $2, $3, $4
      printf "\"source_port\": %s, \"destination_port\": %s, \"packets\": %s, \"bytes\": %s}\n", $5, $6, $7, $8
    }' "$RUN/table"
  fi
  counters
  for link in foreign arp-lan arp-wan; do
    frames=/sys/class/net/$link/statistics
    [ ! -e $frames ] || {
      read -r count <$frames/tx_packets
      read -r octets <$frames/tx_bytes
      echo "{\"link\": \"$link\", \"packets\": $count, \"bytes\": $((octets - 14 * count))}"
    }
  done
  for link in meter-lan meter-wan; do
    [ ! -e "/sys/class/net/$link" ] || echo "{\"lost\": $(cat "/sys/class/net/$link/statistics/tx_dropped")}"
  done
  if keeps exporter; then echo true; else echo false; fi
}
