# Programs of classic BPF (linux/filter.h) by which tc tells what may cross a transparent VNF (classify in frames.sh).

# -1 for frames that are neither untagged IP nor ARP, or to a group address of IEEE 802.1D, which a bridge keeps. The
# kernel has taken the tag off, so it is asked for it (SKF_AD_VLAN_TAG_PRESENT).
def foreign:
  ["48 0 0 4294963248", "21 9 0 1",                           # tagged
   "40 0 0 12", "21 2 0 2048", "21 1 0 34525", "21 0 5 2054", # EtherType
   "32 0 0 0", "21 0 4 25215488",                             # to 01:80:c2:00
   "40 0 0 4", "84 0 0 65520", "21 0 1 0",
   "6 0 0 4294967295", "6 0 0 0"];

# -1 for IPv4 packets that a bridge would drop as larger than its port's MTU (see transparent.jq). Larger TCP packets are
# those that offload formed: they will be cut to fit.
def large($mtu):
  ["40 0 0 12", "21 0 6 2048", "40 0 0 16", "37 0 4 \($mtu)", "37 0 2 1500", "48 0 0 23", "21 1 0 6",
   "6 0 0 4294967295", "6 0 0 0"];

def bytecode: "\(length),\(join(","))";
