# The contract's history, from the lines that watch.c notes and those of `swanctl --list-sas --raw`.
include "ipsec";
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
  | .ike."child-sas"? // {} | .[] | ., .old?, (.new? // {} | .rekeyed = true) | select(."spi-in"? and ."spi-out"?)
  | $whose + $ends + {rekeyed: (.rekeyed // false)}
    + (child | del(.name, .state, .packets_in, .bytes_in, .packets_out, .bytes_out));

def risen:
  select(.ike.state | IN("CREATED", "CONNECTING") | not) | .whose + .ends + (.ike | ike | del(.state));

# An association is told of several times; that it replaced another one is told once.
def once(facts):
  group_by(facts) | map(min_by(.since) + if any(.[]; .rekeyed) then {rekeyed: true} else {} end) | sort_by(.since);

# swanctl tells `public key` and `pre-shared key`.
def shown($side):
  [to_entries[] | select(.key | test("^\($side)-[0-9]+$")).value
   | {authentication: ({public: "certificate", "pre-shared": "psk"}[.class] // .class),
      identity: (if .id == "%any" then null else .id end)}];

def seconds: map(. // "0" | tonumber | select(. > 0)) | min // 0;

# What is loaded, whether an SA of it stands or not.
def connections:
  messages.event? // empty | to_entries[] | select(.value | has("local_addrs")?)
  | {name: (.key | peer_name)} + (.value
    | {local: shown("local"), remote: shown("remote"), rekey_seconds: ([.rekey_time, .reauth_time] | seconds),
       dead_peer_seconds: ([.dpd_delay] | seconds),
       children: [.children // {} | to_entries[]
         | {name: .key} + (.value | {local_subnets: (."local-ts" | listed), remote_subnets: (."remote-ts" | listed),
                                     rekey_seconds: ([.rekey_time] | seconds)})]});

def history($intent):
  {proposals: ($intent | if . then .ipsec | defaults | {ike: .ike_proposal, esp: .esp_proposal} else null end),
   connections: map(connections)}
  + (map(associations)
    | {ike: map(risen) | once([.initiator_spi, .responder_spi]),
       children: map(children) | once([.local_address, .remote_address, .spi_in, .spi_out])});
