# How long Linux (nf_conntrack) keeps the state of connections, in the contract's words.
import "firewall-intent.schema" as $schema;

# The kernel's time-outs that each of the contract's is: family, protocol and state as nfct names them, and the sysctl.
def kernel:
  {tcp_opening: ("syn_sent", "syn_recv" | ["inet", "tcp", ., "tcp_timeout_\(.)"])},
  {tcp_established: ["inet", "tcp", "established", "tcp_timeout_established"]},
  {tcp_closing: ("fin_wait", "close_wait", "last_ack", "time_wait", "close" | ["inet", "tcp", ., "tcp_timeout_\(.)"])},
  {udp: ["inet", "udp", "unreplied", "udp_timeout"]},
  {udp_stream: ["inet", "udp", "replied", "udp_timeout_stream"]},
  {icmp: (["inet", "icmp", "timeout", "icmp_timeout"], ["inet6", "icmpv6", "timeout", "icmpv6_timeout"])};

# These end a state of TCP before its time, where data are sent again or not acknowledged: they must not be shorter.
def sooner: ["inet", "tcp", "retrans", "tcp_timeout_max_retrans"], ["inet", "tcp", "unacknowledged", "tcp_timeout_unacknowledged"];

# Of an intent, or none: what it declares, and for the rest the default of its schema.
def declared:
  ($schema[0]["$defs"].timeouts.properties | map_values(.default)) + (.firewall.timeouts // {});

# Lines of "family protocol state sysctl seconds".
def settings:
  declared as $seconds
  | [(kernel | to_entries[] | .value + [$seconds[.key]]),
     (sooner + [$seconds | [.tcp_opening, .tcp_established, .tcp_closing] | max])]
  | map(map(tostring) | join(" ")) | join("\n");

# Of the sysctls by name: the different seconds after which states of each kind end.
def in_force:
  (. // {}) as $now
  | [sooner | $now[.[3]] // empty] as $sooner
  | reduce (kernel | to_entries[]) as $one ({};
      $now[$one.value[3]] as $seconds
      | .[$one.key] += if $seconds
          then [$seconds, (select($one.value[1] == "tcp") | [$sooner[], $seconds] | min)] else [] end)
  | map_values(unique);
