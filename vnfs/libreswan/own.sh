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
  cp /usr/local/share/nss/* "$PLUTO/nss"
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

# engine_prepare: refuses credentials that are not right, and prints what engine_apply needs of them. pluto wants to know
# what kind of signature both ends make; the peer's key is taken to be of the kind of this one.
engine_prepare() {
  [ -n "$certificate" ] || { echo authby=secret; return 0; }
  new=$(mktemp -d "$RUN/credentials.XXXXXX")
  trap 'rm -rf "$new"' EXIT # of the subshell that this runs in
  printf '%s' "$certificate" >"$new/site"
  printf '%s' "$private_key" >"$new/key"
  printf '%s' "$ca_certificate" >"$new/ca"
  check_certificate "$new/site" "$new/key" "$new/ca"
  problem=$(openssl verify -CAfile "$new/ca" -untrusted "$new/site" "$new/site" 2>&1) ||
    bad_intent "libreswan shows no certificate that does not hold now: $(why_invalid "$problem")" ipsec.local.certificate
  if [ -n "$crl" ]; then
    printf '%s' "$crl" >"$new/crl"
    check_crl "$new/crl" "$new/ca"
    echo "revoked=$(openssl crl -in "$new/crl" -outform DER | base64 -w 0)"
  fi
  case $(openssl x509 -in "$new/site" -noout -text) in
    *id-ecPublicKey*) authby=ecdsa ;;
    *rsaEncryption*) authby=rsa-sha2 ;;
    *) bad_intent "libreswan takes keys for RSA and ECDSA only" ipsec.local.certificate ;;
  esac
  echo "authby=$authby"
  echo "pkcs12=$(openssl pkcs12 -export -name site -in "$new/site" -inkey "$new/key" -passout pass: | base64 -w 0)"
}

# load_credentials: into pluto's store, in the place of those before. pluto remembers for minutes which authorities there
# were, once it has had connections.
load_credentials() {
  printf '%s' "$ca_certificate$crl" >"$PLUTO/ca.pem.new"
  if [ -e "$PLUTO/ca.pem" ]; then
    certutil -F -d "$NSS" -n site 2>/dev/null || :
    crlutil -D -d "$NSS" -n ca 2>/dev/null || :
    certutil -D -d "$NSS" -n ca 2>/dev/null || :
  fi
  printf '%s' "$pkcs12" | base64 -d >"$PLUTO/site.p12"
  pk12util -i "$PLUTO/site.p12" -d "$NSS" -W '' >/dev/null
  rm "$PLUTO/site.p12"
  certutil -A -d "$NSS" -n ca -t CT,, -i "$PLUTO/ca.pem.new"
  if [ -n "$crl" ]; then
    printf '%s' "$revoked" | base64 -d >"$PLUTO/crl.der"
    crlutil -I -i "$PLUTO/crl.der" -d "$NSS" >&2
  fi
  if [ -e "$CONF" ] && ! cmp -s "$PLUTO/ca.pem.new" "$PLUTO/ca.pem"; then start_pluto_again; fi
  mv "$PLUTO/ca.pem.new" "$PLUTO/ca.pem"
}

# shellcheck disable=SC2086,SC2154  # lists of checked addresses and names, from apply
engine_apply() {
  until [ -S "$PLUTO/pluto.ctl" ]; do sleep 0.01; done
  if [ -z "${authby-}" ]; then # no guest
    prepared=$(engine_prepare)
    eval "$prepared"
  fi
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
