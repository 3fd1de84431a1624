# What meters share: the settings of an intent, with what it leaves out.
def settings:
  {flow_table_size: 65536, flow_timeout_seconds: 300, export: null} + .statistics
  | if .export then .export |= {port: 4739, active_timeout_seconds: 60} + . else . end;

# After how many seconds without a packet the exporter tells of a flow.
def idle_seconds: [.active_timeout_seconds, 15] | min;

# Whether the flow table has to begin anew, which was made by the intent $before.
def resized($before):
  def table: settings | [.flow_table_size, .flow_timeout_seconds];
  $before != null and table != ($before | table);

def protocol: {"1": "icmp", "6": "tcp", "17": "udp", "58": "icmpv6", "ipv6-icmp": "icmpv6"}[tostring] // tostring;

# The status of the export, which is $running.
def exported($running):
  .statistics.export | if . then {protocol, collector, port: (.port // 4739), $running} else null end;
