# What an IPsec gateway with ESP in the kernel passes, by iptables: the guest of docs/uml.md has it, and no nftables for IP.
# Sourced; POSIX sh.

# rules: loads what comes on stdin, by whichever kind of iptables this kernel has.
rules() {
  for kind in legacy nft; do
    ! "iptables-$kind" -S >/dev/null 2>&1 || break
  done
  "iptables-$kind-restore"
}

# silent: until there is a configuration a peer must find silence, which it retries, and no refusal, which it would believe.
silent() {
  rules <<'RULES'
*filter
:INPUT ACCEPT
:FORWARD DROP
:OUTPUT ACCEPT
-A INPUT -p udp --dport 500 -j DROP
-A INPUT -p udp --dport 4500 -j DROP
COMMIT
RULES
}

# protect LAN WAN LAN_MTU [LAN_ADDRESS/LENGTH...]: nothing passes between LAN and WAN but through an SA, nor what the
# gateway itself says and hears by its LAN addresses; an MSS fits into the tunnel, and none is added. A peer finds silence, too, when the engine
# has been killed.
protect() {
  lan=$1 wan=$2 mss=$(($3 - 40))
  shift 3
  {
    echo "*mangle
:FORWARD ACCEPT
-A FORWARD -p tcp --tcp-flags SYN,RST SYN -m tcpmss --mss 0:65535 -j TCPMSS --clamp-mss-to-pmtu
-A FORWARD -p tcp --tcp-flags SYN,RST SYN -m tcpmss --mss 0:65535 -j TCPMSS --set-mss $mss
COMMIT
*filter
:INPUT ACCEPT
:FORWARD DROP
:OUTPUT ACCEPT
-A FORWARD -i $lan -o $wan -m policy --dir out --pol ipsec -j ACCEPT
-A FORWARD -i $wan -o $lan -m policy --dir in --pol ipsec -j ACCEPT
-A OUTPUT -o $wan -p icmp --icmp-type port-unreachable -j DROP"
    for address in "$@"; do
      echo "-A INPUT -i $wan -d ${address%/*} -m policy --dir in --pol none -j DROP"
      echo "-A OUTPUT -o $wan -s ${address%/*} -m policy --dir out --pol none -j DROP"
    done
    echo COMMIT
  } | rules
}
