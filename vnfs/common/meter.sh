# What meters share. Sourced; POSIX sh.

# segmenting_link NAME PEER: a link for copies of packets. A packet can be a TCP super-packet of up to 64 kB that offload
# formed, and counting that as one would be wrong. NAME has no segmentation offload: the kernel cuts what leaves by it
# into the packets that the wire carries, with its own code, and PEER receives those.
segmenting_link() {
  [ ! -e "/sys/class/net/$1" ] || return 0
  ip link add "$1" mtu 65535 type veth peer name "$2" mtu 65535
  ethtool -K "$1" tso off gso off tx-udp-segmentation off
  link_up "$1"
  link_up "$2"
}
