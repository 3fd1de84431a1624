# Helpers of transparent VNFs whose classifiers of tc take out what is not untagged IP or ARP. Sourced; POSIX sh.

# classify PORT LARGE: foreign frames end at a link that counts them, large packets take their own way. Preferences
# between theirs are the product's own.
classify() {
  tc qdisc replace dev "$1" clsact
  led "$1" 1 "$foreign" redirect foreign
  led "$1" 9 "$large" redirect "$2"
  tc qdisc replace dev "$2" clsact
  led "$2" 1 '1,6 0 0 4294967295' redirect "$1"
}

# led PORT PREFERENCE BYTECODE redirect|mirror TO [CONTROL]: what the program says -1 of leaves by another link, or a
# copy of it does.
led() {
  port=$1 preference=$2 program=$3
  shift 3
  tc filter replace dev "$port" ingress pref "$preference" handle 1 protocol all bpf bytecode "$program" flowid 1:1 \
    action mirred egress "$1" dev "$2" ${3:-}
}
