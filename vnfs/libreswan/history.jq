# The contract's history, from the lines of `facts` in own.sh with the notes of all starts.
include "contract";
include "ipsec";
include "compile";
include "report";

def shown($side):
  [{authentication: (.auth[$side] | if test("rsa|ecdsa"; "i") then "certificate" elif . == "secret" then "psk" else . end),
    identity: (.identities[$side] | ltrimstr("@") | if . == "%any" then null else . end)}];

def connections:
  to_entries | map({name: (.key | peer_name)} + (.value
    | {local: shown("local"), remote: shown("remote"), rekey_seconds: (.life.ike | tonumber),
       dead_peer_seconds: (.silence // "0" | tonumber)})
    + {children: [{name: .key} + (.value | {local_subnets: [.subnets.local], remote_subnets: [.subnets.remote],
                                            rekey_seconds: (.life.child | tonumber)})]});

def history($intent):
  (of("status") | loaded) as $loaded
  | [of("note")[] | noted] as $notes
  # An IKE SA has the ends of its children.
  | ([$notes[] | select(.kind == "child") | {(.connection): {local_address, remote_address}}] | add // {}) as $ends
  | def whose: {since, peer: (.connection | peer_name)};
  {proposals: ($intent | if . then .ipsec | defaults | {ike: .ike_proposal, esp: .esp_proposal} else null end),
   connections: ($loaded | connections),
   ike: [$notes[] | select(.kind == "ike") | with_identity($loaded)
     | whose + ($ends[.connection] // {local_address: ($intent.ipsec.local.address // ""), remote_address: ""})
       + {version: 2, initiator_spi, responder_spi, local_id, remote_id, encryption, integrity, prf, dh}],
   children: [$notes[] | select(.kind == "child")
     | whose + {rekeyed, local_address, remote_address, mode, protocol, udp_encapsulation, spi_in, spi_out, encryption,
                integrity, dh, local_subnets, remote_subnets}]};
