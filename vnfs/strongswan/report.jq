# The gateway's part of the status, from the ESP engine's name, the lines of `ip -s xfrm state` where that is the kernel, and
# those of `swanctl --list-sas --raw`.
include "compile";
include "xfrm";

# swanctl's raw messages, `name {key=value key=[a b] section {…}}`, as nested objects; lists stay text in brackets.
def messages:
  [scan("[{}]|[^ {}=]+=\\[[^\\]]*\\]|[^ {}=]+=[^ {}]*|[^ {}=\n]+")]
  | reduce .[] as $token ({path: [], pending: null, tree: {}};
      if $token == "{" then .path += [.pending] | .path as $path | .tree |= setpath($path; getpath($path) // {})
      elif $token == "}" then .path |= .[:-1]
      elif $token | test("=") then
        ($token | index("=")) as $at | setpath(["tree"] + .path + [$token[:$at]]; $token[$at + 1:])
      else .pending = $token end)
  | .tree;

def listed: ltrimstr("[") | rtrimstr("]") | split(" ") | map(select(. != ""));

def algorithm($name; $size): if .[$name] then .[$name] + (if .[$size] then "-" + .[$size] else "" end) else null end;

def padded($length): "0" * $length + . | .[-$length:];

def child:
  {name, state, mode, protocol, udp_encapsulation: (.encap == "yes"),
   spi_in: (."spi-in" | padded(8)), spi_out: (."spi-out" | padded(8)),
   encryption: algorithm("encr-alg"; "encr-keysize"), integrity: algorithm("integ-alg"; "integ-keysize"),
   dh: ."dh-group", local_subnets: (."local-ts" | listed), remote_subnets: (."remote-ts" | listed),
   packets_in: (."packets-in" | tonumber), bytes_in: (."bytes-in" | tonumber),
   packets_out: (."packets-out" | tonumber), bytes_out: (."bytes-out" | tonumber)};

def ike:
  {state, version: (.version | tonumber),
   initiator_spi: (."initiator-spi" | padded(16)), responder_spi: (."responder-spi" | padded(16)),
   local_id: ."local-id", remote_id: ."remote-id",
   encryption: algorithm("encr-alg"; "encr-keysize"), integrity: algorithm("integ-alg"; "integ-keysize"),
   prf: ."prf-alg", dh: ."dh-group"};

# Several IKE SAs can be there for a moment; the established one speaks for the peer.
def peer($associations; $passed):
  {name} + ([$associations[] | select(has("state"))] | sort_by(.state == "ESTABLISHED") as $known
    | {ike: ($known[-1] | if . then ike else null end),
       children: [$known[]."child-sas"? // {} | .[] | select(."spi-in" and ."spi-out") | child
                  | .packets_out = ($passed[.spi_out].packets // .packets_out)]});

def report($applied):
  .[0] as $esp
  | (.[1:] | join("\n") | passed_by_spi) as $passed
  | [.[1:][] | select(contains("{")) | messages.event? // empty | to_entries[]] as $connections
  | def associations($name): [$connections[] | select(.key == $name).value];
  ([$applied.ipsec.peers[]?.name | connection_name]) as $known
  | {engine: {esp: $esp, ike: "charon"},
     peers: [$known[] | . as $name | {name: peer_name} | peer(associations($name); $passed)],
     # A peer that has begun a key exchange has no name yet.
     foreign: [$connections[] | select(.value.state | IN("CREATED", "CONNECTING") | not).key
         | select(IN($known[]) | not)] | unique
       | map(. as $name | {name: peer_name} | peer(associations($name); $passed))};
