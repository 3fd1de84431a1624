# The gateway's part of the status, from the lines of `ikectl show sa`, `ip -s xfrm state` and what was noted of iked's
# log (see notes in own.sh).

include "xfrm";

# iked's names of algorithms, as (enc aes-256 auth hmac-sha2-512 group ecp384 prf hmac-sha2-384).
def algorithms:
  (capture("\\((?<all>enc [^)]*)\\)").all | [scan("([a-z]+) ([^ ]+)") | {(.[0]): .[1]}] | add)
  | def hashed($bits): capture("hmac-sha(?<name>1|2-[0-9]+)").name | gsub("-"; "_") | $bits[.] as $cut
      | "HMAC_SHA\(.)\(if $cut then "_\($cut)" else "" end)";
  {encryption: (.enc | capture("aes-(?<key>[0-9]+)(-gcm(-(?<icv>[0-9]+))?)?") as $aes
     | "AES_\(if test("gcm") then "GCM_\($aes.icv // 16)" else "CBC" end)-\($aes.key)"),
   integrity: (.auth | if . then hashed({"1": 96, "2_256": 128, "2_384": 192, "2_512": 256}) else null end),
   prf: (.prf | if . then "PRF_" + hashed({}) else null end),
   dh: (.group | if . then capture("^(?<kind>ecp|modp|curve|brainpool)(?<size>[0-9]+)$")
     | if .kind == "brainpool" then "ECP_\(.size)_BP" else "\(.kind | ascii_upcase)_\(.size)" end else null end)};

def spi: capture("0x(?<spi>[0-9a-f]+)").spi;
def padded($length): "0" * $length + . | .[-$length:];
def ike_spi: spi | padded(16);
def identity: sub("^[A-Z0-9_]+/"; "");

# Of a line of `ikectl show sa` about an IKE SA, also at the end of a noted line.
def shown_ike:
  capture("iked_sas: .* rspi (?<responder_spi>0x[0-9a-f]+) ispi (?<initiator_spi>0x[0-9a-f]+) .*\\] (?<state>[A-Z_]+) [ir](?<flags>[^0-9]*)")
  | .initiator_spi |= ike_spi | .responder_spi |= ike_spi | .udp = (.flags | test("udpe"));

# What was noted: the IKE SAs by the initiator's SPI, and the CHILD SAs in their order. The first child of an IKE SA is
# told of before the IKE SA is. A rekeyed IKE SA keeps the ends and the flows of the old one.
def noted:
  reduce (.[] | capture("^(?<at>[0-9]+) (?<role>[a-z]*) spi=(?<spi>0x[0-9a-f]+): (?<text>.*)")) as {$at, $role, $spi, $text}
    ({ike: {}, flows: {}, children: []};
    ($at | tonumber | todate) as $since
    | ($spi | ike_spi) as $own
    | [$text | shown_ike][0] as $shown
    | if ($text | startswith("established peer ")) and $shown then
        ($text | capture("peer (?<remote_address>[0-9.]+):[0-9]+\\[(?<remote_id>[^]]*)\\] local "
          + "(?<local_address>[0-9.]+):[0-9]+\\[(?<local_id>[^]]*)\\].* policy '(?<peer>[^']*)'")) as $ends
        | .ike[$own] = $ends + {$since, version: 2, udp: $shown.udp, initiator_spi: $own,
            responder_spi: $shown.responder_spi, local_id: ($ends.local_id | identity),
            remote_id: ($ends.remote_id | identity)} + ($text | algorithms)
      elif ($text | startswith("rekeyed as new IKESA ")) and $shown and .ike[$own] then
        $shown.initiator_spi as $new
        | .ike[$new] = .ike[$own] + {$since, initiator_spi: $new, responder_spi: $shown.responder_spi}
            + ($text | algorithms)
        | .flows[$new] = .flows[$own]
      elif $text | test("loaded SPIs: ") then
        [$text | scan("0x[0-9a-f]+") | spi | padded(8)] as $spis
        | (if $role == "initiator" then $spis | reverse else $spis end) as [$in, $out]
        | (.flows[$own] != null) as $rekeyed
        | .flows[$own] //= []
        | .children += [{of: $own, $since, spi_in: $in, spi_out: $out, $rekeyed} + ($text | algorithms | del(.prf))]
      elif $text | test("loaded flows: ") then
        .flows[$own] = [$text | scan("ESP-([0-9./]+)=([0-9./]+)")]
      else . end);

def lines($prefix): map(select(test("^\($prefix)")));

def subnets($flows; $side): [$flows[][$side]] | unique;

def associated($noted):
  $noted.ike[.of] as $ike
  | {mode: "TUNNEL", protocol: "ESP", udp_encapsulation: $ike.udp, spi_in, spi_out, encryption, integrity, dh,
     local_subnets: subnets($noted.flows[.of]; 0), remote_subnets: subnets($noted.flows[.of]; 1)};

# The SAs that stand: of `ikectl show sa`, an IKE SA is followed by its CHILD SAs, in both directions.
def standing:
  reduce .[] as $line ([];
    if $line | startswith("iked_sas: ") then . + [([$line | shown_ike][0] // {initiator_spi: ""}) + {spis: []}]
    elif $line | startswith("  sa_childsas: ") then
      .[-1].spis += [$line | capture(" ESP 0x(?<spi>[0-9a-f]+) (?<direction>in|out) .*\\((?<flags>[A-Z]*)\\)")]
    else . end);

def peer($noted; $passed; $standing):
  . as $name
  | [$standing[] | select($noted.ike[.initiator_spi].peer == $name)] | sort_by(.state == "ESTABLISHED") as $known
  | {$name,
     ike: ($known[-1] | if . then . as $one | $noted.ike[.initiator_spi]
       | {state: $one.state, version, initiator_spi, responder_spi, local_id, remote_id, encryption, integrity, prf, dh}
       else null end),
     children: [$known[].spis[] | select((.flags | test("L")) and .direction == "in").spi | padded(8) as $in
       | $noted.children[] | select(.spi_in == $in)
       | {$name, state: "INSTALLED"} + associated($noted)
         + ([$passed[.spi_in], $passed[.spi_out]] | map(. // {bytes: 0, packets: 0})
           | {bytes_in: .[0].bytes, packets_in: .[0].packets, bytes_out: .[1].bytes, packets_out: .[1].packets})]};

def report($applied):
  (lines("[0-9]+ ") | noted) as $noted
  | (join("\n") | passed_by_spi) as $passed
  | standing as $standing
  | [$applied.ipsec.peers[]?.name] as $names
  | {engine: {esp: "kernel", ike: "iked"},
     peers: [$names[] | peer($noted; $passed; $standing)],
     foreign: ([$standing[] | $noted.ike[.initiator_spi].peer // empty] | unique - $names
       | map(peer($noted; $passed; $standing)))};
