# The gateway's part of the status, from the lines of `facts` in own.sh, each behind its source.
include "contract";
include "ipsec";
include "compile";
include "xfrm";

def of($source): map(select(startswith($source + "\t"))[($source | length) + 1:]);

# `AES_GCM_16_256` has the length of the key behind a dash here.
def sized: sub("_(?<bits>128|192|256)$"; "-\(.bits)") | if startswith("CHACHA20") then "CHACHA20_POLY1305" else . end;

def integrity_name: if IN("NONE", "n/a") then null else . end;

def group_name:
  {DH19: "ECP_256", DH20: "ECP_384", DH21: "ECP_521", DH31: "CURVE_25519"}[.] // sub("^MODP"; "MODP_");

# Of a line of notes.awk: {since, kind, connection, number} and what there is of an IKE SA or a CHILD SA.
def noted:
  split("\t")
  | {since: (.[0] | tonumber | todate), kind: .[1], connection: .[2], number: .[3]}
    + if .[1] == "ike" then
        (.[5] | capture("cipher=(?<cipher>\\S+) integ=(?<integ>\\S+) prf=(?<prf>\\S+) group=(?<group>\\S+)")) as $names
        | {initiator_spi: .[4][:16], responder_spi: .[4][16:], remote_id: (.[6] | ltrimstr("@")),
           encryption: ($names.cipher | sized), integrity: ($names.integ | integrity_name), prf: "PRF_\($names.prf)",
           dh: ($names.group | group_name)}
      else
        (.[5] | capture("^(?<form>\\S+)=>0x(?<out>[0-9a-f]+) <0x(?<in>[0-9a-f]+) xfrm=(?<names>\\S+)")) as $sa
        | ($sa.names | split("-")) as $names
        | (.[6] | capture("tunnel (?<ours>[0-9./]+)\\S*?->(?<local>[0-9.]+)\\[\\S+?>(?<remote>[0-9.]+)-\\S*?->(?<theirs>[0-9./]+)")) as $ends
        | {rekeyed: (.[4] == "1"), local_address: $ends.local, remote_address: $ends.remote, mode: "TUNNEL",
           protocol: "ESP", udp_encapsulation: ($sa.form == "ESPinUDP"), spi_in: $sa.in, spi_out: $sa.out,
           encryption: ($names[0] | sized), integrity: ($names[1] | integrity_name),
           dh: ($names[2] | if . then group_name else null end), local_subnets: [$ends.ours],
           remote_subnets: [$ends.theirs]} end;

# The numbers of the states that stand.
def standing: map(capture("^000 #(?<number>[0-9]+): .* STATE_V2_ESTABLISHED_").number);

# Connection → what it shows and takes, of all that are loaded.
def loaded:
  reduce (.[] | capture("^000 \"(?<name>[^\"]*)\": +(?<text>.*)$")?) as $line ({};
    .[$line.name] += ($line.text
      | {subnets: (capture("^(?<local>[0-9./]+)===.*===(?<remote>[0-9./]+);") // null),
         life: (capture("^ike_life: (?<ike>[0-9]+)s; ipsec_life: (?<child>[0-9]+)s") // null),
         silence: (capture("dpddelay:(?<seconds>[0-9]+)s").seconds // null),
         auth: (capture("^our auth:(?<local>[^,]+), their auth:(?<remote>[^,]+),") // null),
         identities: (capture("our id=(?<local>.*?); their idtype: \\S+; their id=(?<remote>.*)$") // null)}
      | with_entries(select(.value != null))));

def peer($name; $notes; $passed):
  [$notes[] | select(.connection | peer_name == $name)] as $own
  | {$name,
     ike: ([$own[] | select(.kind == "ike")] | if . == [] then null else .[-1]
       | {state: "ESTABLISHED", version: 2, initiator_spi, responder_spi, local_id, remote_id, encryption, integrity, prf,
          dh} end),
     children: [$own[] | select(.kind == "child")
       | {name: .connection, state: "INSTALLED", mode, protocol, udp_encapsulation, spi_in, spi_out, encryption,
          integrity, dh, local_subnets, remote_subnets,
          packets_in: ($passed[.spi_in].packets // 0), bytes_in: ($passed[.spi_in].bytes // 0),
          packets_out: ($passed[.spi_out].packets // 0), bytes_out: ($passed[.spi_out].bytes // 0)}]};

# Each note with the identity that its connection shows.
def with_identity($loaded):
  .local_id = ($loaded[.connection].identities.local // "" | ltrimstr("@"));

def report($applied):
  of("status") as $status
  | ($status | standing) as $standing
  | ($status | loaded) as $loaded
  | (of("xfrm") | join("\n") | passed_by_spi) as $passed
  | [of("note")[] | noted | select(.number | IN($standing[])) | with_identity($loaded)] as $notes
  | [$applied.ipsec.peers[]?.name] as $known
  | {engine: {esp: "kernel", ike: "pluto"},
     peers: [$known[] | peer(.; $notes; $passed)],
     foreign: [$loaded | keys[] | peer_name] | unique | map(select(IN($known[]) | not) | peer(.; $notes; $passed))};
