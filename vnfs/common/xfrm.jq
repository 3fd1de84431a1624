# The contract's keys from `ip xfrm state`.

# The text of `ip xfrm state` as that of each state, behind its first word.
def states: "\n" + . | split("\nsrc ")[1:];

# The kernel names algorithms, and the length of the check value (ICV) stands behind the key, in bits.
def from_kernel($state):
  {"cbc(aes)": "AES_CBC", "rfc3686(ctr(aes))": "AES_CTR", "cbc(camellia)": "CAMELLIA_CBC", "cbc(des3_ede)": "3DES",
   "ecb(cipher_null)": "NULL", "rfc7539esp(chacha20,poly1305)": "CHACHA20_POLY1305",
   "rfc4543(gcm(aes))": "NULL_AES_GMAC"} as $ciphers
  | {"rfc4106(gcm(aes))": "AES_GCM", "rfc4309(ccm(aes))": "AES_CCM"} as $with_length
  | {"hmac(sha256)": "HMAC_SHA2_256", "hmac(sha384)": "HMAC_SHA2_384", "hmac(sha512)": "HMAC_SHA2_512",
     "hmac(sha1)": "HMAC_SHA1", "hmac(md5)": "HMAC_MD5", "xcbc(aes)": "AES_XCBC", "cmac(aes)": "AES_CMAC"} as $macs
  | {"hmac(sha1)": 96, "hmac(md5)": 96, "hmac(sha256)": 96} as $usual_bits # of `auth` without a length
  | $state | states | map(select(contains("proto esp")))
  | map(capture("^(?<source>[^ ]+) dst (?<destination>[^ \n]+)\n\\s+proto esp spi 0x(?<spi>[0-9a-f]+)")
      + ((capture("\\b(?:aead|enc) (?<name>[^ ]+) (?:0x)?(?<key>[0-9a-f]*)(?: (?<bits>[0-9]+))?")
            // {name: "ecb(cipher_null)", key: "", bits: null})
         | {encryption: (if $with_length[.name] then "\($with_length[.name])_\((.bits | tonumber) / 8)"
                         else $ciphers[.name] // .name end), encryption_key: .key})
      + ((capture("\\bauth(?:-trunc)? (?<name>[^ ]+) 0x(?<key>[0-9a-f]+)(?: (?<bits>[0-9]+))?") // null)
         | if . == null then {integrity: null, integrity_key: null}
           else {integrity: (if $macs[.name] then "\($macs[.name])_\(.bits // $usual_bits[.name] // "")" else .name end),
                 integrity_key: .key} end));

def from_hexadecimal: explode | reduce .[] as $digit (0; . * 16 + $digit - (if $digit > 96 then 87 else 48 end));

# Of the text of a state: how many packets it has sent, by their sequence numbers. The kernel's count has as one packet
# what offload cuts into many.
def sent:
  (capture("(oseq-hi 0x(?<high>[0-9a-f]+), )?oseq 0x(?<low>[0-9a-f]+)") // {low: "0"}) | map_values(. // "0" | from_hexadecimal)
  | (.high // 0) * 4294967296 + .low;

# SPI → bytes and packets that passed, of the text of all states with their counts (`ip -s`).
def passed_by_spi:
  states
  | map((capture("\\bspi 0x(?<spi>[0-9a-f]+)").spi // empty) as $spi
      | sent as $sent
      | (capture("lifetime current:\\s+(?<bytes>[0-9]+)\\(bytes\\), (?<packets>[0-9]+)\\(packets\\)") | map_values(tonumber))
      | .packets |= ([., $sent] | max)
      | {("00000000" + $spi | .[-8:]): .})
  | add // {};

# Only SAs that are installed now; a key log also has those of the past.
def current($installed): map(.spi |= ("00000000" + .)[-8:] | select(.spi | IN($installed[])));
