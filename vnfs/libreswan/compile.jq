# Compiles an ipsec intent to Libreswan's ipsec.conf and ipsec.secrets.
include "contract";
include "ipsec";

# What the product lacks of the contract's proposals.
def lacking:
  {"ccm(8|12|16).*-prf": "AES-CCM for IKE", "ecp(256|384|512)bp": "Brainpool groups", "curve448": "Curve448"}
  | to_entries[];

def group:
  {ecp256: 19, ecp384: 20, ecp521: 21, curve25519: 31, x25519: 31, modp2048: 14, modp3072: 15, modp4096: 16,
   modp6144: 17, modp8192: 18}[.] | "dh\(.)";

def cipher:
  {"8": "a", "12": "b", "16": "c"} as $lengths
  | if startswith("chacha") then "chacha20_poly1305"
    else capture("^(?<name>aes|camellia)(?<bits>[0-9]{3})(?<mode>gcm|ccm|ctr)?(?<octets>8|12|16)?$")
      | if .octets then "aes_\(.mode)_\($lengths[.octets])_\(.bits)"
        elif .mode then "aes_ctr_\(.bits)" else "\(.name)_cbc_\(.bits)" end end;

def hash: ltrimstr("prf") | if . == "sha1" then . else "sha2_\(ltrimstr("sha"))" end;

# A proposal's words by what they are; the schema has seen to their order.
def parts:
  split("-")
  | {ciphers: map(select(test("^(aes|camellia|chacha)"))), hashes: map(select(startswith("sha"))),
     prfs: map(select(startswith("prf"))), groups: map(select(test("^(ecp|curve|x25519|modp)"))),
     esn: map(select(test("esn$")))};

def alternatives(f): map(f) | join("+");

# The pseudo-random function is that of the integrity check; with an AEAD cipher it stands alone.
def ike_algorithms:
  parts
  | [(.ciphers | alternatives(cipher)), (if .hashes == [] then .prfs else .hashes end | alternatives(hash)),
     (.groups | alternatives(group))]
  | join("-");

def esp_algorithms:
  parts
  | [(.ciphers | alternatives(cipher)), (if .hashes == [] then "none" else .hashes | alternatives(hash) end)]
    + (if .groups == [] then [] else [.groups | alternatives(group)] end)
  | join("-");

# ESP with NULL encryption (RFC 2410) keeps the key exchange that the proposal asks for.
def child_algorithms:
  if .encryption == "integrity-only"
  then ["null", "sha2_256"] + (.esp_proposal | parts.groups | if . == [] then . else [alternatives(group)] end) | join("-")
  else .esp_proposal | esp_algorithms end;

def esn: parts.esn | if . == [] or . == ["noesn"] then "no" elif . == ["esn"] then "yes" else "either" end;

# An identity that is no address is a name, with an @ before it.
def identity: if test("^[0-9]+(\\.[0-9]+){3}$") or contains("@") then . else "@\(.)" end;

# One connection for each pair of subnets, because a CHILD SA of the product has one of each.
def pairs($ipsec): [$ipsec.local.subnets[] as $local | .subnets[] as $remote | {$local, $remote}] | to_entries;
def connection_name($number): "p\($number + 1)-\(.name)";
def connection_names($ipsec): . as $peer | pairs($ipsec)[] | .key as $number | $peer | connection_name($number);
def peer_name: sub("^p[0-9]+-"; "");

# pluto replaces an SA up to one and a half margins before the end of its life, or half of one where it has not begun it.
def lifetimes:
  {ikelifetime: .ike_lifetime_seconds, salifetime: .child_lifetime_seconds} | map_values(select(.))
  | if . == {} then . else {rekeymargin: ([.[]] | min | . - replaced_after), rekeyfuzz: "50%"} + . end
  | to_entries | map("\n\t\(.key)=\(.value)") | join("");

def connection($ipsec; $pair; $dead_peer_delay):
  "conn \(connection_name($pair.key))
	left=\($ipsec.local.address)
	leftid=\($ipsec.local.identity | identity)
	leftsubnet=\($pair.value.local)
	right=\(.address)
	rightid=\(.identity | identity)
	rightsubnet=\($pair.value.remote)
	\(if $ipsec.authentication == "psk" then "authby=secret"
      else "authby=certificate\n\tleftcert=site\n\tleftsendcert=always\n\trightca=%same" end)
	ike=\($ipsec.ike_proposal | ike_algorithms)
	esp=\($ipsec | child_algorithms)
	pfs=\(if $ipsec.esp_proposal | parts.groups == [] then "no" else "yes" end)
	esn=\($ipsec.esp_proposal | esn)\($ipsec | lifetimes)
	dpddelay=\($dead_peer_delay)
	dpdaction=\(if .initiate then "restart" else "clear" end)
";

# The connections by their names.
def connections($dead_peer_delay):
  . as $ipsec
  | [.peers[] | . as $peer | pairs($ipsec)[]
     | . as $pair | $peer | {key: connection_name($pair.key), value: connection($ipsec; $pair; $dead_peer_delay)}]
  | from_entries;

def secret($ipsec):
  "\($ipsec.local.identity | identity) \(.identity | identity) : PSK 0s\(.psk | @base64)";

def configuration:
  "config setup
	uniqueids=yes
	nssdir=/run/pluto/nss
	secretsfile=/run/pluto/ipsec.secrets
	dumpdir=/run/pluto
	virtual-private=
	ikev1-policy=drop

conn %default
	ikev2=insist
	type=tunnel
	mobike=no
	fragmentation=yes
	encapsulation=auto
	ikelifetime=4h
	salifetime=1h
	rekey=yes
	keyingtries=%forever
	retransmit-interval=200
	retransmit-timeout=7
	replay-window=32
	sha2-truncbug=no
	narrowing=no
	leftupdown=/bin/true
	auto=ignore

\(connections(dead_peer_delay) | [.[]] | join("\n"))";

def secrets:
  . as $ipsec | if .authentication == "psk" then .peers | map(secret($ipsec)) | join("\n") + "\n" else "" end;

# Each connection with all that it depends on; new credentials make all of them different.
def keyed:
  . as $ipsec | connections(0) as $connections
  | [.peers[] | . as $peer | connection_names($ipsec) | {key: ., value: [$connections[.], $peer.psk, $peer.initiate]}]
  | from_entries | map_values(. + [$ipsec.authentication, ($ipsec.local | .certificate, .private_key, .ca_certificate, .crl)]);

def names_where(other): . as $these | [keys[] | select(. as $name | $these[$name] != (other)[$name])] | join(" ");

def compile($applied):
  checked
  | (.ipsec | defaults) as $ipsec
  | first((("ike_proposal", "esp_proposal") as $which | lacking as $one | select($ipsec[$which] | test($one.key))
      | {$which, what: $one.value}), null) as $lacks
  | if $lacks then refuse("the product has no \($lacks.what)"; "ipsec.\($lacks.which)") else . end
  | ($ipsec.ike_proposal | parts) as $ike
  | if $ike.hashes != [] and $ike.prfs != [] and ($ike.prfs | map(ltrimstr("prf"))) != $ike.hashes
    then refuse("the product takes the hash of the integrity check as the pseudo-random function"; "ipsec.ike_proposal")
    else . end
  | ($ipsec | keyed) as $now
  | (if $applied then $applied.ipsec | defaults | keyed else {} end) as $before
  | gateway
  + {configuration: ($ipsec | configuration), secrets: ($ipsec | secrets),
     remote_subnets: ([$ipsec.peers[].subnets[]] | unique | join(" ")),
     initiators: ([$ipsec.peers[] | select(.initiate) | connection_names($ipsec)] | join(" ")),
     stale: ($before | names_where($now)), fresh: ($now | names_where($before))};
