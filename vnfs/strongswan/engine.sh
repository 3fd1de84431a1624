# The gateway: strongSwan's charon, with ESP in the kernel where it has that, else in charon (kernel-libipsec).

. /vnf/lib/credentials.sh

export SWANCTL_DIR=$RUN/swanctl STRONGSWAN_CONF=$RUN/strongswan.conf
KEY_LOG=/dev/shm/charon-keys      # a tmpfs; 0600 by the umask
HISTORY=$STATE/history            # of the security associations, across restarts; see watch.c
HISTORY_LIMIT=2097152             # bytes
MERGE_WAIT=500000                 # nanoseconds that a TCP segment waits for the next one of its connection

# write_settings LEVEL: charon's settings; LEVEL is that of the key log, 4 shows keys, -1 is silent. Retransmission
# starts fast because at a deployment the peer is about to come up.
write_settings() {
  case $(cat "$RUN/esp") in libipsec) libipsec=kernel-libipsec ;; *) libipsec= ;; esac
  cat >"$STRONGSWAN_CONF" <<SETTINGS
charon-systemd {
  load = random nonce aesni openssl pem pkcs1 pkcs8 x509 pubkey constraints revocation kdf $libipsec kernel-netlink socket-default vici
  plugins {
    vici {
      socket = unix://$RUN/charon.vici
    }
  }
  retransmit_timeout = 0.2
  retransmit_base = 1.3
  retransmit_tries = 12
  retransmit_limit = 3
  # A peer that starts up on a busy machine finds several retransmissions waiting; they are no attack.
  cookie_threshold_ip = 30
  block_threshold = 30
  install_virtual_ip = no
  # Seconds for packets that are late, and for watch.c to see it.
  delete_rekeyed_delay = 5
  filelog {
    stderr {
      path = stderr
      default = 0
      ike = 1
      cfg = 1
      flush_line = yes
    }
    keys {
      path = $KEY_LOG
      default = -1
      chd = $1
      enc = $(($1 > 0 ? 1 : -1))
      flush_line = yes
    }
  }
}
swanctl {
  load = random nonce openssl pem pkcs1 pkcs8 x509 pubkey
  socket = unix://$RUN/charon.vici
}
SETTINGS
}

engine_start() {
  if kernel_has_esp; then echo kernel >"$RUN/esp"; else echo libipsec >"$RUN/esp"; fi
  # Until there is a configuration a peer must find silence, which it retries, and no refusal, which it would believe.
  nft -f - <<'RULES'
table inet gateway {
  chain input { type filter hook input priority filter; policy accept; udp dport { 500, 4500 } drop; }
  chain forward { type filter hook forward priority filter; policy drop; }
  chain own-input { type filter hook input priority filter; policy accept; }
  chain own-output { type filter hook output priority filter; policy accept; }
}
RULES
  write_settings -1
  LD_PRELOAD=/usr/local/lib/roomy.so engine_process charon-systemd
  charon=$!
  rm -f "$RUN/wake"
  engine_process watch "unix://$RUN/charon.vici" "$RUN/wake" "$RUN/initiators" "$HISTORY" "$HISTORY_LIMIT"
}

engine_stop() {
  kill "$charon"
  wait "$charon"
}

engine_runs() { timeout 2 swanctl --version --daemon >/dev/null 2>&1; }

# make_lan: the gateway's own interface in the LAN is `gro0`. What it sends comes out of `gro1`, where TCP segments are
# merged (see coalesce.c), and goes on to the port; what the port receives takes the same way back.
make_lan() {
  if [ ! -e /sys/class/net/gro0 ]; then
    ip link add gro0 address "$gateway_mac" type veth peer name gro1
    # A veth spares itself the merging while its sender could send large packets.
    ethtool -K gro0 tso off
    ethtool -K gro1 gro on
  fi
  set_port "$LAN" "$lan_mtu"
  ip link set "$LAN" promisc on # the LAN knows the gateway by the MAC of gro0
  # Room for packets that a host makes larger than the service takes: IP answers them here, what drops them does not.
  set_port gro1 "$LARGEST"
  # shellcheck disable=SC2086  # a list of checked addresses
  set_port gro0 "$LARGEST" $lan_addresses
  # Above 1400 it fragments what it sends by itself.
  [ ! -e /sys/class/net/ipsec0 ] || ip link set ipsec0 mtu "$((lan_mtu < 1400 ? lan_mtu : 1400))"
  coalesce gro1 "$MERGE_WAIT" || echo "gateway: only segments that come in one go are merged" >&2
  nft -f - <<RULES
table netdev lan
delete table netdev lan
table netdev lan {
  chain from-port {
    type filter hook ingress device "$LAN" priority filter
    fwd to "gro1"
  }
  chain to-port {
    type filter hook ingress device "gro1" priority filter
    fwd to "$LAN"
  }
}
RULES
}

put() {
  mkdir -p "${1%/*}"
  cat >"$1"
}

# Nothing passes between LAN and WAN but through an SA, and MSS fits into the tunnel.
policy() {
  echo "flush chain inet gateway forward"
  echo "add rule inet gateway forward tcp flags syn / syn,rst tcp option maxseg size set rt mtu"
  echo "add rule inet gateway forward tcp flags syn / syn,rst tcp option maxseg size set $((lan_mtu - 40))"
  if [ "$(cat "$RUN/esp")" = libipsec ]; then
    echo "add rule inet gateway forward iifname gro0 oifname ipsec0 accept"
    echo "add rule inet gateway forward iifname ipsec0 oifname gro0 accept"
  else
    echo "add rule inet gateway forward iifname gro0 oifname $WAN rt ipsec exists accept"
    echo "add rule inet gateway forward iifname $WAN oifname gro0 meta ipsec exists accept"
  fi
  own_policy
}

# What the gateway itself says and hears by its LAN addresses passes the WAN through an SA only, too.
own_policy() {
  if [ "$(cat "$RUN/esp")" = libipsec ]; then unprotected_in='' unprotected_out=''; else
    unprotected_in='meta ipsec missing' unprotected_out='rt ipsec missing'
  fi
  echo "flush chain inet gateway own-input"
  echo "flush chain inet gateway own-output"
  # A peer finds silence as well when charon has been killed.
  echo "add rule inet gateway own-output oifname $WAN $unprotected_out icmp type destination-unreachable icmp code port-unreachable drop"
  for address in $lan_addresses; do
    echo "add rule inet gateway own-input iifname $WAN ip daddr ${address%/*} $unprotected_in drop"
    echo "add rule inet gateway own-output oifname $WAN ip saddr ${address%/*} $unprotected_out drop"
  done
}

# load DIRECTORY: what is there becomes charon's whole configuration. It starts nothing, so it can be taken back.
load() {
  rm -rf "$SWANCTL_DIR"
  cp -r "$1" "$SWANCTL_DIR"
  swanctl --load-all --clear --noprompt 2>&1
}

load_or_keep() {
  rm -rf "$RUN/new"
  printf '%s' "$configuration" | put "$RUN/new/swanctl.conf"
  if [ -n "$certificate" ]; then
    printf '%s' "$certificate" | put "$RUN/new/x509/site.pem"
    printf '%s' "$ca_certificate" | put "$RUN/new/x509ca/ca.pem"
    printf '%s' "$private_key" | put "$RUN/new/private/site.pem"
    check_certificate "$RUN/new/x509/site.pem" "$RUN/new/private/site.pem" "$RUN/new/x509ca/ca.pem"
    if [ -n "$crl" ]; then
      printf '%s' "$crl" | put "$RUN/new/x509crl/ca.pem"
      check_crl "$RUN/new/x509crl/ca.pem" "$RUN/new/x509ca/ca.pem"
    fi
  fi
  if ! error=$(load "$RUN/new"); then
    if [ -d "$RUN/loaded" ]; then load "$RUN/loaded" >/dev/null; fi
    bad_intent "charon refuses: $(printf '%s' "$error" | grep -i fail | head -n 1)" ipsec
  fi
  rm -rf "$RUN/loaded"
  mv "$RUN/new" "$RUN/loaded"
}

engine_apply() {
  until [ -S "$RUN/charon.vici" ] && [ -p "$RUN/wake" ]; do sleep 0.01; done # and all that happens is noted
  load_or_keep
  policy | nft -f -
  make_lan
  # shellcheck disable=SC2086  # a list of checked addresses
  set_port "$WAN" "$wan_mtu" $wan_addresses
  # A peer that is about to come up misses the first question for its address; the kernel would ask again after 1 s.
  ip ntable change name arp_cache dev "$WAN" retrans 100
  if [ -n "$gateway" ]; then ip route replace default via "$gateway"; else ip route flush default; fi
  if [ "$export_keys" = true ]; then write_settings 4; else write_settings -1; fi
  swanctl --reload-settings >/dev/null
  [ "$export_keys" = true ] || rm -f "$KEY_LOG"
  for name in $stale; do swanctl --terminate --ike "$name" --force --timeout 1 >/dev/null 2>&1 || :; done
  nft flush chain inet gateway input
  printf '%s' "$initiators" >"$RUN/initiators"
  echo look 1<>"$RUN/wake" # an open that does not wait for a reader
}

connections() { timeout 5 swanctl --list-conns --raw 2>/dev/null; }

associations() { timeout 5 swanctl --list-sas --raw 2>/dev/null; }

engine_facts() {
  until [ -s "$RUN/esp" ]; do sleep 0.01; done # process 1 is just starting
  {
    cat "$RUN/esp"
    ! grep -qx kernel "$RUN/esp" || ip -s xfrm state list nokeys
    associations
  } | quoted
}
