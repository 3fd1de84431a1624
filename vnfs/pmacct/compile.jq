# Compiles a statistics intent to programs for tc, the limits of the flow table, and the exporter's settings. What counts
# is the same for every intent, and so no change touches it (engine.sh).
include "contract";
include "frames";
include "statistics";

def arp: ["40 0 0 12", "21 0 1 2054", "6 0 0 4294967295", "6 0 0 0"];

def exporter:
  if .export == null then ""
  else .export
    | idle_seconds as $idle
    | ["plugins: nfprobe",
       "aggregate: in_iface, src_host, dst_host, src_port, dst_port, proto",
       "nfprobe_receiver: \(.collector):\(.port)",
       "nfprobe_source_ip: \(.address | split("/")[0])",
       "nfprobe_version: \({ipfix: 10, netflow9: 9}[.protocol])",
       "nfprobe_maxflows: 65536",
       "nfprobe_timeouts: " + ((["general", "tcp", "tcp.rst", "tcp.fin", "udp", "icmp"] | map("\(.)=\($idle):") | add)
         + "maxlife=\(.active_timeout_seconds):expint=1"),
       ""]
    | join("\n")
  end;

def compile($applied):
  (.ports | map({(.role): .}) | add) as $port
  | settings as $now
  | {lan_mac: $port.lan.mac, wan_mac: $port.wan.mac, lan_mtu: $port.lan.mtu, wan_mtu: $port.wan.mtu,
     bridge_mac: ("06" + $port.lan.mac[2:]), large_mac: ("0a" + $port.lan.mac[2:]),
     meter_mac: ("0e" + $port.lan.mac[2:]),
     foreign: (foreign | bytecode), large: (large([$port[].mtu] | min) | bytecode), arp: (arp | bytecode),
     limits: "\($now.flow_table_size) \($now.flow_timeout_seconds)", resized: (if resized($applied) then "yes" else "" end),
     address: ($now.export.address // ""), exporter: ($now | exporter)};
