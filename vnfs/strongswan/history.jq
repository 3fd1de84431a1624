# The contract's history, from the lines that watch.c notes and those of `swanctl --list-sas --raw`.
include "compile";
include "report";

# Each IKE SA in a line, with when that was and whose it is; an event of a rekeying has the old one and the new one.
def associations:
  messages | to_entries[] | select(.key != "reply")
  | (if .key == "event" then now | floor else .key | tonumber end | todate) as $since
  | .value | to_entries[] | select(.value | type == "object")
  | {since: $since, peer: (.key | peer_name)} as $whose
  | .value | ., .old?, .new? | select(."initiator-spi"?)
  | {$whose, ike: ., ends: {local_address: ."local-host", remote_address: ."remote-host"}};

def children:
  . as {$whose, $ends}
  | .ike."child-sas"? // {} | .[] | ., .old?, .new? | select(."spi-in"? and ."spi-out"?)
  | $whose + $ends + (child | del(.name, .state, .packets_in, .bytes_in, .packets_out, .bytes_out));

def risen:
  select(.ike.state | IN("CREATED", "CONNECTING") | not) | .whose + .ends + (.ike | ike | del(.state));

def once(facts): group_by(facts) | map(min_by(.since)) | sort_by(.since);

def history:
  [.[] | associations]
  | {ike: map(risen) | once([.initiator_spi, .responder_spi]),
     children: map(children) | once([.local_address, .remote_address, .spi_in, .spi_out])};
