# What IPsec gateways share: the defaults of an intent, and the checks that its schema does not have.
include "contract";

def defaults:
  {encryption: "required", export_keys: false, ike_proposal: "aes256gcm16-prfsha384-ecp384",
   esp_proposal: "aes256gcm16-ecp384"} + .
  | .peers |= map({initiate: true} + .);

# Seconds of silence after which a peer is asked whether it lives (RFC 7296, section 2.4): of many peers about one each
# second, or the questions of a large mesh would cost more than its traffic.
def dead_peer_delay: [10, (.peers | length)] | max;

# Seconds after which an SA is replaced at the latest, so that there is time left of its life.
def replaced_after: . * 2 / 3 | floor;

# Ciphers that no tool of the test-bed opens with exported keys.
def sealed: "gcm(8|12)|ccm|camellia";

# An engine finds a key by the identity that a peer shows, so there is one key for each.
def second_key:
  reduce to_entries[] as {key: $at, value: {$identity, $psk}} ({keys: {}, at: null};
    ($identity | ascii_downcase) as $name
    | if .keys | has($name) | not then .keys[$name] = $psk
      elif .keys[$name] != $psk and .at == null then .at = $at
      else . end)
  | .at;

def checked:
  (.ipsec.peers | map(.name) | group_by(.) | map(select(length > 1)[0])) as $twice
  | if $twice != [] then refuse("the peer \($twice[0]) is named twice"; "ipsec.peers") else . end
  | (if .ipsec.authentication == "psk" then .ipsec.peers | second_key else null end) as $second
  | if $second != null
    then refuse("the identity is that of another peer, which has another key"; "ipsec.peers[\($second)].identity")
    else . end
  | if .ipsec.export_keys and ((.ipsec.esp_proposal // "") | test(sealed))
    then refuse("the keys of \(.ipsec.esp_proposal) cannot be exported: nothing opens what it encrypts";
                "ipsec.esp_proposal") else . end;

# Of an intent: what a gateway's engine_apply finds of its ports and its own credentials.
def gateway:
  (.ports | map({(.role): .}) | add) as $port
  | {lan_mac: $port.lan.mac, wan_mac: $port.wan.mac, lan_mtu: $port.lan.mtu, wan_mtu: $port.wan.mtu,
     lan_addresses: ($port.lan.addresses | join(" ")), wan_addresses: ($port.wan.addresses | join(" ")),
     gateway: ($port.wan.gateway // $port.lan.gateway // ""),
     identity: .ipsec.local.identity,
     certificate: (.ipsec.local.certificate // ""), private_key: (.ipsec.local.private_key // ""),
     ca_certificate: (.ipsec.local.ca_certificate // ""), crl: (.ipsec.local.crl // "")};
