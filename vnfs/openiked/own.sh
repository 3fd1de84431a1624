# The gateway: OpenIKED's iked, with ESP in the kernel.

. /vnf/lib/credentials.sh
. /vnf/lib/gateway.sh

FOLDER=/dev/shm/iked        # of credentials; /etc/iked, which is built into iked, is a link to it
SETTINGS=$RUN/iked.conf
HISTORY=$STATE/history      # of the security associations, across restarts; see notes
HISTORY_LIMIT=2097152       # bytes
AGAIN=3                     # seconds from the end of a tunnel until it is initiated anew

# iked sets up SAs by PF_KEY.
kernel_serves() { kernel_has_esp && [ -e /proc/net/pfkey ]; }

control() { timeout 5 ikectl -s "$RUN/iked.sock" "$@"; }

note() {
  [ "$(stat -c %s "$HISTORY")" -ge "$HISTORY_LIMIT" ] || printf '%(%s)T %s\n' -1 "$1" >>"$HISTORY"
}

# note_ike LINE SPI: with what iked shows of the IKE SA; the log does not tell the responder's SPI.
note_ike() { note "$1 $(control show sa | grep "^iked_sas: .* ispi $2 ")"; }

# notes: reads iked's log from descriptor 6. It keeps what is said of associations, and has tunnels that ended initiated
# anew; iked itself would wait for a minute. It passes the log on.
notes() {
  due='' role=''
  while :; do
    IFS= read -r -u 6 -t "$AGAIN" line || line=''
    if [ -n "$due" ] && [ "$SECONDS" -ge "$due" ]; then
      control active >/dev/null 2>&1
      due=''
    fi
    [ -n "$line" ] || continue
    case $line in
      *': sa_free: reload'*) ;;
      *': sa_free: '*) due=$((SECONDS + AGAIN)) ;;
      *': recv '*' res '*) role=initiator ;;
      *': send '*' res '*) role=responder ;;
      *': loaded SPIs: '*) note "$role $line" ;;
      *': loaded flows: '*) note "$role $line" ;;
      *': established peer '*) spi=${line#spi=} && note_ike "$role $line" "${spi%%:*}" ;;
      *': rekeyed as new IKESA '*) spi=${line##*IKESA } && note_ike "$role $line" "${spi%% *}" ;;
    esac
    printf '%s\n' "$line" >&2
  done
}

put() {
  mkdir -p "${1%/*}"
  cat >"$1"
}

# iked wants a key pair of its own, also where it authenticates by pre-shared keys.
make_key() {
  openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out "$FOLDER/private/local.key"
  openssl pkey -in "$FOLDER/private/local.key" -pubout -out "$FOLDER/local.pub"
}

# put_credentials: those of the intent are what iked finds. A process of iked has the folder as its root, and no right to
# read what is root's alone.
put_credentials() {
  new=$RUN/new
  rm -rf "$new"
  if [ -n "$certificate" ]; then
    printf '%s' "$private_key" | put "$new/private/local.key"
    printf '%s' "$certificate" | put "$new/certs/site.pem"
    printf '%s' "$ca_certificate" | put "$new/ca/ca.pem"
    check_certificate "$new/certs/site.pem" "$new/private/local.key" "$new/ca/ca.pem"
    if [ -n "$crl" ]; then
      printf '%s' "$crl" | put "$new/crls/ca.crl"
      check_crl "$new/crls/ca.crl" "$new/ca/ca.pem"
    else
      rm -f "$FOLDER/crls/ca.crl"
    fi
    openssl pkey -in "$new/private/local.key" -pubout -out "$new/local.pub"
    cp -r "$new/." "$FOLDER"
    chmod -R a+rX "$FOLDER"
    chmod 600 "$FOLDER/private/local.key"
  else
    rm -f "$FOLDER/certs/site.pem" "$FOLDER/ca/ca.pem" "$FOLDER/crls/ca.crl"
  fi
}

engine_start() {
  silent
  mkdir -p -m 755 "$FOLDER" "$FOLDER/ca" "$FOLDER/certs" "$FOLDER/crls" "$FOLDER/private" "$FOLDER/pubkeys"
  make_key
  chmod 644 "$FOLDER/local.pub"
  : >"$SETTINGS"
  touch "$HISTORY"
  mkfifo "$RUN/log"
  exec 6<>"$RUN/log" # an open that does not wait for the other end
  # Without -v, which would have it print policies with their keys.
  engine_process iked -d -f "$SETTINGS" -s "$RUN/iked.sock" >&6 2>&1
  iked=$!
  engine_process notes
}

# Peers learn that their tunnels end; iked itself would leave without a word.
engine_stop() {
  control reset sa >/dev/null
  kill "$iked"
  wait "$iked"
}

engine_runs() { control show sa >/dev/null 2>&1; }

engine_apply() {
  until [ -S "$RUN/iked.sock" ]; do sleep 0.1; done
  put_credentials
  # shellcheck disable=SC2086  # a list of checked addresses
  protect "$LAN" "$WAN" "$lan_mtu" $lan_addresses
  # shellcheck disable=SC2086
  set_port "$LAN" "$lan_mtu" $lan_addresses
  # shellcheck disable=SC2086
  set_port "$WAN" "$wan_mtu" $wan_addresses
  ip ntable change name arp_cache dev "$WAN" retrans 100 # ms; a peer that is about to come up misses the first question
  if [ -n "$gateway" ]; then ip route replace default via "$gateway"; else ip route flush default; fi
  # What is larger than the LAN takes is answered, or fragmented, here and not behind the tunnel.
  for subnet in $remote_subnets; do ip route replace "$subnet" ${gateway:+via "$gateway"} dev "$WAN" mtu "$lan_mtu"; done
  printf '%s' "$configuration" >"$SETTINGS"
  for peer in $stale; do control reset id "$peer" >/dev/null; done
  control reload >/dev/null
}

engine_facts() { { control show sa; ip -s xfrm state; cat "$HISTORY"; } | quoted; }
