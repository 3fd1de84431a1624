# The engine of a product that needs ESP in the kernel. It stands in the place of the product's own, /vnf/lib/own.sh:
# where this kernel has ESP that is all there is; elsewhere its functions run in a guest, user-mode Linux, which is an
# ordinary process of this container. The guest's root is the container's (hostfs), but for /dev/shm, /run and /tmp;
# its interfaces have the MACs of the ports and take what comes to them. See docs/uml.md.

MEMORY=160M           # of the guest
CALLS=/dev/shm/.uml   # what the guest is asked and answers, each call in a folder; it sees it as /run/calls
CALL_SECONDS=${CALL_SECONDS:-25}    # that an answer may take
STOP_SECONDS=3        # that the guest has to end in order

kernel_serves() { kernel_has_esp; } # own.sh may ask for more
engine_prepare() { :; }             # and print assignments for its engine_apply, made here, where programs start faster
. /vnf/lib/own.sh

if [ $$ = 1 ]; then
  mkdir -p "$RUN"
  if kernel_serves; then echo own; else echo guest; fi >"$RUN/kernel"
fi
until [ -s "$RUN/kernel" ]; do sleep 0.01; done # process 1 is just starting

[ "$(cat "$RUN/kernel")" != own ] || return 0

# inside FUNCTION [ARGUMENT...]: calls a function of own.sh, or a program, where the engine is: with this standard input,
# output and exit code.
inside() (
  until [ -e "$CALLS/ready" ]; do sleep 0.02; done
  call=$(mktemp -d "$CALLS/call.XXXXXX")
  trap 'rm -rf "$call"' EXIT
  printf '%s\0' "$@" >"$call/command"
  cat >"$call/stdin"
  mkfifo "$call/code"
  exec 7<>"$call/code"
  echo "${call##*/}" 1<>"$CALLS/requests"
  code=$(timeout "$CALL_SECONDS" head -n 1 <&7) || { echo "uml: no answer from the guest" >&2; exit 1; }
  cat "$call/stderr" >&2
  cat "$call/stdout"
  exit "$code"
)

# Tells each caller the code that its call ended with. Nobody may be waiting any more.
answer() {
  while read -r call code; do
    if [ "$call" = ready ]; then : >"$CALLS/ready"; elif [ -p "$CALLS/$call/code" ]; then
      echo "$code" 1<>"$CALLS/$call/code"
    fi
  done
}

engine_start() {
  mkdir -p "$CALLS"
  mkfifo "$CALLS/requests" "$CALLS/answers"
  answer <>"$CALLS/answers" &
  exec 8<>"$CALLS/requests" 9<>"$CALLS/answers" # opened anew, because the guest makes them non-blocking
  # The kernel would measure for a second which way to compute RAID 6 is the fastest.
  LD_PRELOAD=/usr/local/lib/uml/host.so TMPDIR=/tmp engine_process linux.uml "mem=$MEMORY" \
    root=/dev/root rootfstype=hostfs rootflags=/ rw init=/vnf/uml/init \
    con=null con0=null,fd:1 ssl=null ssl0=fd:8,fd:9 "uml_dir=$CALLS/" umid=guest \
    quiet panic=-1 cryptomgr.notests=1 initcall_blacklist=raid6_select_algo
  guest=$!
  exec 8<&- 9<&-
}

engine_stop() {
  echo stop 1<>"$CALLS/requests"
  { sleep "$STOP_SECONDS"; kill -KILL "$guest"; } &
  wait "$guest"
}

engine_runs() { inside engine_runs </dev/null; }

engine_facts() { inside engine_facts </dev/null; }

engine_apply() {
  plug 0 "$LAN" "$lan_mac" "$lan_mtu"
  plug 1 "$WAN" "$wan_mac" "$wan_mtu"
  prepared=$(engine_prepare)
  # shellcheck disable=SC2154  # what apply has compiled
  printf '%s\n%s' "$compiled" "$prepared" | inside apply_inside
}

console() { HOME=${CALLS%/*} uml_mconsole guest "$@"; }

# plug NUMBER INTERFACE MAC MTU: the port becomes the guest's interface vecNUMBER. The guest's packet socket sees what
# comes before the rule that keeps it from this kernel. `gro` is room for the large packets that offload forms. The driver
# offers to send packets that are lists of others, as merging decrypted segments makes them, but sends only the first
# and whatever is in memory behind it: so it may not offer that.
plug() {
  until [ -e "$CALLS/ready" ]; do sleep 0.02; done
  set_port "$2" "$4"
  port="$2 $(cat "/sys/class/net/$2/ifindex") $3"
  [ "$(cat "$CALLS/port$1" 2>/dev/null)" != "$port" ] || return 0
  nft -f - <<RULES
table netdev port$1
delete table netdev port$1
table netdev port$1 {
  chain arrives { type filter hook ingress device "$2" priority filter; policy drop; }
}
RULES
  if [ -e "$CALLS/port$1" ]; then # Docker has taken the port away and brought it again
    inside ip link set "vec$1" down </dev/null
    console remove "vec$1" >&2
  fi
  console config "vec$1:transport=raw,ifname=$2,mac=$3,depth=64,gro=1" >&2
  inside ethtool --features "vec$1" tx-scatter-gather-fraglist off </dev/null
  echo "$port" >"$CALLS/port$1"
}
