# The gateway: Libreswan's pluto, with ESP in the kernel; docs/uml.md says in which.

. /vnf/lib/credentials.sh
. /vnf/lib/gateway.sh

PLUTO=/run/pluto                  # in memory, where there is a guest
CONF=$PLUTO/ipsec.conf
SECRETS=$PLUTO/ipsec.secrets
NSS=sql:$PLUTO/nss                # certificates and keys
NOTES=$PLUTO/notes                # the security associations of this start; see notes.awk
HISTORY=$STATE/history            # of all starts
HISTORY_LIMIT=2097152             # bytes

whack() { /usr/libexec/ipsec/whack --ctlsocket "$PLUTO/pluto.ctl" "$@"; }

addconn() { /usr/libexec/ipsec/addconn --ctlsocket "$PLUTO/pluto.ctl" --config "$CONF" "$@"; }

# pluto tells the SPIs of IKE SAs only when it is debugged.
engine_start() {
  rm -rf "$PLUTO"
  mkdir -p "$PLUTO/nss"
  silent
  printf 'config setup\n\tplutodebug=base\n' >"$PLUTO/start.conf"
  : >"$SECRETS"
  certutil -N -d "$NSS" --empty-password
  mkfifo "$PLUTO/log"
  : >>"$HISTORY"
  size=$(stat -c %s "$HISTORY")
  engine_process mawk -W interactive -v "size=$size" -v "limit=$HISTORY_LIMIT" -v "history=$HISTORY" \
    -f /vnf/lib/notes.awk "$PLUTO/log" >>"$NOTES"
  engine_process run_pluto 2>"$PLUTO/log"
  pluto=$!
}

# Until it ends by itself.
run_pluto() {
  : >"$PLUTO/again"
  while rm "$PLUTO/again" 2>/dev/null; do
    : >"$NOTES" # pluto counts its states from 1
    /usr/libexec/ipsec/pluto --nofork --stderrlog --config "$PLUTO/start.conf" --rundir "$PLUTO" --nssdir "$PLUTO/nss" \
      --secretsfile "$SECRETS" --use-xfrm --uniqueids --no-dnssec || :
  done
}

start_pluto_again() {
  silent
  : >"$PLUTO/again"
  whack --shutdown >/dev/null
  until [ ! -e "$PLUTO/again" ] && [ -S "$PLUTO/pluto.ctl" ]; do sleep 0.01; done
}

engine_stop() {
  whack --shutdown >/dev/null
  wait "$pluto"
}

engine_runs() { timeout 2 /usr/libexec/ipsec/whack --ctlsocket "$PLUTO/pluto.ctl" --briefstatus >/dev/null 2>&1; }

# check: refuses what the product's own parser does.
check() {
  printf '%s' "$configuration" | sed "s/authby=certificate/authby=$authby/" >"$CONF.new"
  error=$(/usr/libexec/ipsec/addconn --config "$CONF.new" --checkconfig 2>&1) ||
    bad_intent "libreswan refuses: $(printf '%s' "$error" | tail -n 1)" ipsec
}

# look_at_credentials: refuses those that are not right, and sets $authby: pluto wants to know what kind of signature both
# ends make, and the peer's key is taken to be of the kind of this one.
look_at_credentials() {
  printf '%s' "$certificate" >"$PLUTO/site.pem"
  printf '%s' "$private_key" >"$PLUTO/key.pem"
  printf '%s' "$ca_certificate" >"$PLUTO/ca.pem.new"
  check_certificate "$PLUTO/site.pem" "$PLUTO/key.pem" "$PLUTO/ca.pem.new"
  case $(openssl x509 -in "$PLUTO/site.pem" -noout -text) in
    *id-ecPublicKey*) authby=ecdsa ;;
    *rsaEncryption*) authby=rsa-sha2 ;;
    *) bad_intent "libreswan takes keys for RSA and ECDSA only" ipsec.local.certificate ;;
  esac
}

# load_credentials: into pluto's store, in the place of those before. It remembers for minutes which authorities there were.
load_credentials() {
  certutil -F -d "$NSS" -n site 2>/dev/null || :
  certutil -D -d "$NSS" -n ca 2>/dev/null || :
  openssl pkcs12 -export -name site -in "$PLUTO/site.pem" -inkey "$PLUTO/key.pem" -passout pass: -out "$PLUTO/site.p12"
  pk12util -i "$PLUTO/site.p12" -d "$NSS" -W '' >/dev/null
  certutil -A -d "$NSS" -n ca -t CT,, -i "$PLUTO/ca.pem.new"
  cmp -s "$PLUTO/ca.pem.new" "$PLUTO/ca.pem" || start_pluto_again
  mv "$PLUTO/ca.pem.new" "$PLUTO/ca.pem"
  rm -f "$PLUTO/site.pem" "$PLUTO/key.pem" "$PLUTO/site.p12"
}

# shellcheck disable=SC2086,SC2154  # lists of checked addresses and names, from apply
engine_apply() {
  until [ -S "$PLUTO/pluto.ctl" ]; do sleep 0.01; done
  authby=secret
  if [ -n "$certificate" ]; then look_at_credentials; fi
  check
  if [ -n "$certificate" ]; then load_credentials; fi
  printf '%s' "$secrets" >"$SECRETS"
  mv "$CONF.new" "$CONF"
  set_port "$LAN" "$lan_mtu" $lan_addresses
  set_port "$WAN" "$wan_mtu" $wan_addresses
  ip ntable change name arp_cache dev "$WAN" retrans 100
  if [ -n "$gateway" ]; then ip route replace default via "$gateway"; else ip route flush default; fi
  # The route says how large a packet may be; where it goes says the SA.
  for subnet in $remote_subnets; do ip route replace "$subnet" dev "$WAN" mtu "$lan_mtu"; done
  {
    for name in $stale; do whack --delete --name "$name" || :; done
    whack --listen
    whack --rereadsecrets
    [ -z "$fresh" ] || addconn $fresh
  } >&2
  protect "$LAN" "$WAN" "$lan_mtu" $lan_addresses
  for name in $fresh; do
    case " $initiators " in *" $name "*) whack --initiate --asynchronous --name "$name" >&2 || : ;; esac
  done
}

# facts NOTES: the states and connections as pluto lists them, the SAs of the kernel, and what was noted, each line behind
# its source.
facts() {
  {
    timeout 5 /usr/libexec/ipsec/whack --ctlsocket "$PLUTO/pluto.ctl" --status 2>/dev/null | sed 's/^/status\t/' || :
    ip -s xfrm state | sed 's/^/xfrm\t/'
    sed 's/^/note\t/' "$1"
  } | quoted
}

engine_facts() { facts "$NOTES"; }
