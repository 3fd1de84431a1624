# The contract's keys from either source of them: charon's key log, or `ip xfrm state`.

def hex: scan("0x([0-9a-f]+)")[0];

# charon logs, thread by thread: the message that it parsed, the algorithms, both sides' keys as hex dumps, and the
# SAs that it adds. Who *sent* the request of the exchange is the initiator of these keys.
def from_log($log):
  def dump: [scan("^[0-9]+\\[CHD\\] +[0-9]+: ((?:[0-9A-F]{2} )+)")[0] | gsub(" "; "") | ascii_downcase] | add // "";
  reduce ($log | split("\n")[] | select(test("^[0-9]+\\["))) as $line ({threads: {}, sas: []};
    ($line | capture("^(?<id>[0-9]+)").id) as $id
    | (.threads[$id] // {}) as $thread
    | if $line | test("\\] parsed .* (request|response) [0-9]") then
        .threads[$id] = {initiator: ($line | test(" response [0-9]"))}
      elif $line | test("\\]   using .* for (encryption|integrity)") then
        ($line | capture("using (?<name>[^ ]+) for (?<use>[a-z]+)")) as $algorithm
        | .threads[$id][$algorithm.use] = $algorithm.name
      elif $line | test(" (initiator|responder) key => ") then
        ($line | capture("\\] (?<use>[a-z]+) (?<side>[a-z]+) key")) as $key
        | .threads[$id].dump = "\($key.use) \($key.side)" | .threads[$id][.threads[$id].dump] = ""
      elif $line | test(" (initiator|responder)? ?[a-z]+ =>|^[0-9]+\\[CHD\\] [a-z]+ => ") then .threads[$id].dump = null
      elif $thread.dump and ($line | test("\\] +[0-9]+: ")) then
        .threads[$id][$thread.dump] += ($line | dump)
      elif $line | test("(adding|registering) (inbound|outbound) ESP SA") then
        .threads[$id].outbound = ($line | test("outbound"))
      elif $line | test("\\]   SPI 0x") then
        ($line | capture("SPI 0x(?<spi>[0-9a-f]+), src (?<source>[^ ]+) dst (?<destination>[^ ]+)")) as $sa
        | (if $thread.outbound == $thread.initiator then "initiator" else "responder" end) as $side
        # An outbound SA of a rekeying is registered with its keys first and added later.
        | if any(.sas[]; .spi == $sa.spi) then . else .sas += [$sa + {
            encryption: ($thread.encryption // "NULL"), encryption_key: ($thread["encryption " + $side] // ""),
            integrity: $thread.integrity, integrity_key: $thread["integrity " + $side]}] end
      else . end)
  | .sas;

# The kernel names algorithms, and the length of the check value (ICV) stands behind the key, in bits.
def from_kernel($state):
  {"cbc(aes)": "AES_CBC", "rfc3686(ctr(aes))": "AES_CTR", "cbc(camellia)": "CAMELLIA_CBC", "cbc(des3_ede)": "3DES",
   "ecb(cipher_null)": "NULL", "rfc7539esp(chacha20,poly1305)": "CHACHA20_POLY1305",
   "rfc4543(gcm(aes))": "NULL_AES_GMAC"} as $ciphers
  | {"rfc4106(gcm(aes))": "AES_GCM", "rfc4309(ccm(aes))": "AES_CCM"} as $with_length
  | {"hmac(sha256)": "HMAC_SHA2_256", "hmac(sha384)": "HMAC_SHA2_384", "hmac(sha512)": "HMAC_SHA2_512",
     "hmac(sha1)": "HMAC_SHA1", "hmac(md5)": "HMAC_MD5", "xcbc(aes)": "AES_XCBC", "cmac(aes)": "AES_CMAC"} as $macs
  | {"hmac(sha1)": 96, "hmac(md5)": 96, "hmac(sha256)": 96} as $usual_bits # of `auth` without a length
  | $state | [splits("(?m)^(?=src )")] | map(select(contains("proto esp")))
  | map(capture("^src (?<source>[^ ]+) dst (?<destination>[^ \n]+)\n\\s+proto esp spi 0x(?<spi>[0-9a-f]+)")
      + ((capture("\\b(?:aead|enc) (?<name>[^ ]+) (?:0x)?(?<key>[0-9a-f]*)(?: (?<bits>[0-9]+))?")
            // {name: "ecb(cipher_null)", key: "", bits: null})
         | {encryption: (if $with_length[.name] then "\($with_length[.name])_\((.bits | tonumber) / 8)"
                         else $ciphers[.name] // .name end), encryption_key: .key})
      + ((capture("\\bauth(?:-trunc)? (?<name>[^ ]+) 0x(?<key>[0-9a-f]+)(?: (?<bits>[0-9]+))?") // null)
         | if . == null then {integrity: null, integrity_key: null}
           else {integrity: (if $macs[.name] then "\($macs[.name])_\(.bits // $usual_bits[.name] // "")" else .name end),
                 integrity_key: .key} end));

# Only SAs that are installed now; a key log also has those of the past.
def current($installed): map(.spi |= ("00000000" + .)[-8:] | select(.spi | IN($installed[])));
