# Helpers that every adaptor shares. Sourced; POSIX sh.

STATE=/var/lib/vnf        # the intent survives a restart
RUN=/dev/shm/vnf          # what is true of this start only; a tmpfs of its own
LIB=/vnf/lib
LARGEST=9216               # the largest MTU of the contract
PROCESSES=''               # those of the engine; process 1 ends when one of them does
umask 077

# engine_process COMMAND...: starts a process of the engine, as a child of process 1.
engine_process() {
  "$@" &
  PROCESSES="$PROCESSES $!"
}

# inside COMMAND...: where the engine is; it may have a kernel of its own (see uml/engine.sh).
inside() { "$@"; }

# bad_intent MESSAGE PATH: the contract's refusal.
bad_intent() {
  jq -cn --arg error "$1" --arg path "$2" '{$error, $path}' >&2
  exit 2
}

# interface_of MAC: prints the name of the interface that has it.
interface_of() {
  for file in /sys/class/net/*/address; do
    read -r found <"$file" || continue
    [ "$found" = "$1" ] || continue
    name=${file%/address}
    echo "${name##*/}"
    return 0
  done
  return 1
}

# quoted: each line as JSON text.
quoted() { tr -d '\000-\010\013-\037' | sed 's/[\\"]/\\&/g; s/\t/\\t/g; s/.*/"&"/'; }

# drop_nat: without the NAT rules that Docker puts here for its name server, which a VNF does not use. While they are
# there the kernel tracks the connection of every packet.
drop_nat() { nft delete table ip nat 2>/dev/null || :; }

# link_up INTERFACE: without an IPv6 address of its own, where it has IPv6: not below an MTU of 1280.
link_up() {
  if [ -e "/proc/sys/net/ipv6/conf/$1" ]; then ip link set "$1" addrgenmode none up; else ip link set "$1" up; fi
}

# set_port INTERFACE MTU [ADDRESS...]: exactly these IPv4 addresses, no default route that Docker may have set.
set_port() {
  interface=$1 mtu=$2
  shift 2
  wanted=" $* "
  ip link set "$interface" mtu "$mtu"
  link_up "$interface"
  ip -4 -o address show dev "$interface" | while read -r _ _ _ address _; do
    case $wanted in *" $address "*) ;; *) ip address del "$address" dev "$interface" ;; esac
  done
  for address in "$@"; do ip address replace "$address" dev "$interface"; done
  ip -6 address flush dev "$interface"
}

# bridge_ports BRIDGE LAN WAN MAC [OPTION...]: the bridge joins both ports. MAC is one that no port has: a bridge takes a
# port's by itself, and ports are found by theirs.
bridge_ports() {
  bridge=$1 lan=$2 wan=$3 mac=$4
  shift 4
  [ -e "/sys/class/net/$bridge" ] || ip link add "$bridge" address "$mac" type bridge
  ip link set "$bridge" type bridge stp_state 0 forward_delay 0 mcast_snooping 0 "$@"
  for port in "$lan" "$wan"; do ip link set "$port" master "$bridge"; done
  link_up "$bridge"
}

# link_between NAME PEER: two ends of a link with room for every frame, up.
link_between() {
  [ -e "/sys/class/net/$1" ] || ip link add "$1" mtu "$LARGEST" type veth peer name "$2" mtu "$LARGEST"
  link_up "$1"
  link_up "$2"
}

# bridge_large MAC [OPTION...]: the way for packets that are larger than the ports' MTU, from `large-lan` to `large-wan`
# and back, by a bridge with room for them. What makes packets go there is in transparent.jq.
bridge_large() {
  for port in lan wan; do link_between "large-$port" "large-$port-in"; done
  bridge_ports br1 large-lan-in large-wan-in "$@"
}

kernel_has_esp() {
  ip xfrm state add src 127.0.0.1 dst 127.0.0.2 proto esp spi 0x1 mode tunnel \
    aead 'rfc4106(gcm(aes))' 0x0000000000000000000000000000000000000000 128 2>/dev/null &&
    ip xfrm state delete src 127.0.0.1 dst 127.0.0.2 proto esp spi 0x1
}
