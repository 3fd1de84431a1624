# Compiles an ipsec intent to iked.conf(5), credentials and the gateway's forwarding policy.
include "contract";
include "ipsec";

# What a proposal's words are called in iked.conf; what is not here OpenIKED 7.2 cannot do on Linux. Its port sets up SAs
# by PF_KEY (RFC 2367), and there the kernel has no AEAD and no extended sequence numbers, and cuts HMAC-SHA-256 to 96
# bits. (AES-CTR would work, but iked does not tell which key length it agreed on.)
def ciphers:
  {aes128: "aes-128", aes192: "aes-192", aes256: "aes-256"} as $cbc
  | {ike: ($cbc + {aes128gcm16: "aes-128-gcm", aes256gcm16: "aes-256-gcm", aes128gcm12: "aes-128-gcm-12",
                   aes256gcm12: "aes-256-gcm-12"}),
     esp: $cbc};
def hashes:
  {sha1: "hmac-sha1", sha384: "hmac-sha2-384", sha512: "hmac-sha2-512"} as $esp
  | {ike: ($esp + {sha256: "hmac-sha2-256"}), $esp};
def groups:
  {ecp256: "ecp256", ecp384: "ecp384", ecp521: "ecp521", ecp256bp: "brainpool256", ecp384bp: "brainpool384",
   curve25519: "curve25519", x25519: "curve25519"}
  + ([2048, 3072, 4096, 6144, 8192 | {"modp\(.)": "modp\(.)"}] | add);

# transforms(SELECT; NAMES; WHAT; PATH): the words of a proposal that SELECT is true of, as NAMES has them. A proposal names
# alternatives, so those that are known will do, if there are any.
def transforms(wanted; $names; $what; $path):
  (split("-") | map(select(wanted))) as $asked
  | [$asked[] | $names[.] // empty] as $known
  | if $asked != [] and $known == []
    then refuse("OpenIKED on Linux has no \($asked | join(", ")) for \($what), only \($names | keys | join(", "))"; $path)
    else $known end;

def is_hash: test("^sha");
def is_prf: test("^prf");
def is_group: test("^(ecp|curve|x|modp)[0-9]");
def is_esn: test("esn$");
def is_cipher: (is_hash or is_prf or is_group or is_esn) | not;

def written($word): map(" \($word) \(.)") | join("");

def ikesa:
  "ipsec.ike_proposal" as $path
  | transforms(is_cipher; ciphers.ike; "IKE"; $path) as $ciphers
  | transforms(is_hash; hashes.ike; "IKE"; $path) as $hashes
  | transforms(is_group; groups; "IKE"; $path) as $groups
  | ([split("-")[] | select(is_prf) | ltrimstr("prf")] | join("-") | transforms(. != ""; hashes.ike; "IKE"; $path)) as $prfs
  | "ikesa\($ciphers | written("enc"))\($hashes | written("auth"))"
    + "\(if $prfs == [] then $hashes else $prfs end | written("prf"))\($groups | written("group"))";

def childsa:
  "ipsec.esp_proposal" as $path
  | transforms(is_cipher; ciphers.esp; "ESP"; $path) as $ciphers
  | transforms(is_hash; hashes.esp; "ESP"; $path) as $hashes
  | transforms(is_group; groups; "ESP"; $path) as $groups
  | transforms(is_esn; {noesn: "noesn"}; "ESP"; $path)
  | "childsa\($ciphers | written("enc"))\($hashes | written("auth"))\($groups | written("group")) noesn";

# Octets of a text in hexadecimal digits. gojq writes a space as +, which no text has unescaped.
def hexadecimal:
  def digit: "0123456789abcdef"[.:. + 1];
  [@uri | gsub("[+]"; " ") | scan("%(..)|(.)")
   | if .[0] then .[0] else .[1] | explode[0] | (. / 16 | floor | digit) + (. % 16 | digit) end]
  | add | ascii_downcase;

def authentication($at):
  if .psk == null then ""
  elif (.psk | utf8bytelength) > 1024
    then refuse("OpenIKED takes no key of more than 1024 octets"; "ipsec.peers[\($at)].psk")
  else " psk \"0x\(.psk | hexadecimal)\"" end;

# iked replaces an IKE SA after the first one, and a CHILD SA when 85 to 95 % of the second one have passed.
def lifetimes:
  "ikelifetime \(.ike_lifetime_seconds | if . then replaced_after else "4h" end)"
  + " lifetime \(.child_lifetime_seconds // "1h")";

# One policy for a peer. All its subnets are protected by one pair of SAs.
def policy($ipsec; $at):
  "ikev2 \"\(.name)\" \(if .initiate then "active" else "passive" end) esp "
  + ([$ipsec.local.subnets[] as $local | .subnets[] | "from \($local) to \(.)"] | join(" "))
  + " local \($ipsec.local.address) peer \(.address) \($ipsec.ike_proposal | ikesa) \($ipsec.esp_proposal | childsa)"
  + " srcid \"\($ipsec.local.identity)\" dstid \"\(.identity)\" \($ipsec | lifetimes)"
  + (if $ipsec.authentication == "psk" then authentication($at) else "" end);

def policies:
  . as $ipsec
  | .peers | to_entries | map({key: .value.name, value: (.key as $at | .value | policy($ipsec; $at))}) | from_entries;

def configuration:
  "set nomobike\nset enforcesingleikesa\nset fragmentation\nset dpd_check_interval \(dead_peer_delay)\n"
  + ([policies[]] | join("\n")) + "\n";

# How iked tells an identity.
def shown_identity: if test("@") then "UFQDN/\(.)" elif test("^[0-9.]+$") then "IPV4/\(.)" else "FQDN/\(.)" end;

# Identities of peers whose tunnels must go: they are gone or different now; new credentials make all of them different.
def stale($applied):
  def credentials: [.authentication, (.local | .certificate, .private_key, .ca_certificate, .crl)];
  if $applied == null then []
  else ($applied.ipsec | defaults) as $before
    | policies as $now
    | (credentials != ($before | credentials)) as $all
    | [($before | policies | to_entries[] | select($all or $now[.key] != .value).key) as $name
       | $before.peers[] | select(.name == $name).identity | shown_identity]
  end;

def compile($applied):
  checked
  | (.ipsec | defaults) as $ipsec
  | if $ipsec.encryption == "integrity-only"
    then refuse("OpenIKED on Linux has no NULL encryption with HMAC-SHA-256"; "ipsec.encryption") else . end
  | gateway
  + {configuration: ($ipsec | configuration), remote_subnets: ([$ipsec.peers[].subnets[]] | unique | join(" ")),
     stale: ($ipsec | stale($applied) | join(" "))};
