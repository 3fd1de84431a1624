# Compiles an ipsec intent to swanctl's configuration, credentials and the gateway's forwarding policy.
include "contract";

def defaults:
  {encryption: "required", export_keys: false, ike_proposal: "aes256gcm16-prfsha384-ecp384",
   esp_proposal: "aes256gcm16-ecp384"} + .
  | .peers |= map({initiate: true} + .);

# swanctl reads a dot as a path separator.
def connection_name: gsub("_"; "__") | gsub("\\."; "_d");
def peer_name: gsub("_(?<mark>[_d])"; if .mark == "_" then "_" else "." end);

# ESP with NULL encryption (RFC 2410) keeps the key exchange that the proposal asks for.
def child_proposal:
  if .encryption == "integrity-only"
  then ["null", "sha256"] + (.esp_proposal | split("-") | map(select(test("^(ecp|modp|curve|x)[0-9]")))) | join("-")
  else .esp_proposal end;

# Seconds of silence after which a peer is asked whether it lives (RFC 7296, section 2.4): of many peers about one each
# second, or the questions of a large mesh would cost more than its traffic.
def dead_peer_delay: [10, (.peers | length)] | max;

def connection($ipsec; $dead_peer_delay):
  (.name | connection_name) as $name
  | (if $ipsec.authentication == "psk" then "psk" else "pubkey" end) as $auth
  | "\($name) {
  version = 2
  mobike = no
  unique = replace
  local_addrs = \($ipsec.local.address)
  remote_addrs = \(.address)
  proposals = \($ipsec.ike_proposal)
  dpd_delay = \($dead_peer_delay)s
  local {
    auth = \($auth)
    id = \($ipsec.local.identity)\(if $auth == "pubkey" then "\n    certs = site.pem" else "" end)
  }
  remote {
    auth = \($auth)
    id = \(.identity)
  }
  children {
    \($name) {
      local_ts = \($ipsec.local.subnets | join(","))
      remote_ts = \(.subnets | join(","))
      esp_proposals = \($ipsec | child_proposal)
      dpd_action = \(if .initiate then "restart" else "clear" end)
    }
  }
}";

def secret:
  "ike-\(.name | connection_name) {\n  id = \(.identity)\n  secret = 0s\(.psk | @base64)\n}";

def connections($dead_peer_delay):
  . as $ipsec
  | .peers | map({key: .name | connection_name, value: connection($ipsec; $dead_peer_delay)}) | from_entries;

def configuration:
  . as $ipsec
  | "connections {\n\(connections(dead_peer_delay) | [.[]] | join("\n"))\n}\n"
    + (if .authentication == "psk" then "secrets {\n\($ipsec.peers | map(secret) | join("\n"))\n}\n" else "" end);

# Tunnels of peers that are gone or different now; new credentials make all of them different.
def stale($applied):
  def credentials: [.authentication, (.local | .certificate, .private_key, .ca_certificate)];
  if $applied == null then []
  else ($applied.ipsec | defaults) as $before
    | connections(0) as $now
    | (credentials != ($before | credentials)) as $all
    | (.peers | map({(.name | connection_name): .psk}) | add) as $psk
    | ($before.peers | map({(.name | connection_name): .psk}) | add) as $psk_before
    | [$before | connections(0) | to_entries[]
       | select($all or $now[.key] != .value or $psk[.key] != $psk_before[.key]) | .key]
  end;

# Ciphers that no tool of the test-bed opens with exported keys.
def sealed: "gcm(8|12)|ccm|camellia";

# charon finds a key by the identity that a peer shows, so there is one key for each.
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

def compile($applied):
  checked
  | (.ports | map({(.role): .}) | add) as $port
  | (.ipsec | defaults) as $ipsec
  | {lan_mac: $port.lan.mac, wan_mac: $port.wan.mac, lan_mtu: $port.lan.mtu, wan_mtu: $port.wan.mtu,
     lan_addresses: ($port.lan.addresses | join(" ")), wan_addresses: ($port.wan.addresses | join(" ")),
     gateway_mac: ("06" + $port.lan.mac[2:]),
     gateway: ($port.wan.gateway // $port.lan.gateway // ""),
     configuration: ($ipsec | configuration),
     identity: $ipsec.local.identity,
     certificate: ($ipsec.local.certificate // ""), private_key: ($ipsec.local.private_key // ""),
     ca_certificate: ($ipsec.local.ca_certificate // ""),
     export_keys: $ipsec.export_keys,
     initiators: ($ipsec.peers | map(select(.initiate).name | connection_name) | join(" ")),
     stale: ($ipsec | stale($applied) | join(" "))};
