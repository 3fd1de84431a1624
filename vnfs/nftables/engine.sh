# The firewall: a bridge whose IPv4 and IPv6 frames pass netfilter's inet hooks, and one nft table.

. /vnf/lib/conntrack.sh

engine_start() { :; }
engine_stop() { :; }
engine_runs() { nft list chain inet firewall forward >/dev/null 2>&1; }

engine_apply() {
  bridge_large "$large_mac" nf_call_iptables 1
  keep_timeouts
  error=$(printf '%s' "$ruleset" | nft -D lan="$LAN" -D wan="$WAN" -f - 2>&1) ||
    refused_with_timeouts "nft refuses the rules: ${error%%
*}" firewall
  set_port "$LAN" "$lan_mtu"
  set_port "$WAN" "$wan_mtu"
  bridge_ports br0 "$LAN" "$WAN" "$bridge_mac" nf_call_iptables 1 nf_call_ip6tables 1
}

engine_facts() {
  nft -j list counters table inet firewall 2>/dev/null || echo '{"nftables": []}'
  nft -j list counters table netdev ports 2>/dev/null || echo '{"nftables": []}'
  cat /proc/sys/net/netfilter/nf_conntrack_count 2>/dev/null || echo 0
  timeouts_in_force
}
