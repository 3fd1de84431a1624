# Compiles an ipsec intent to swanctl's configuration, credentials and the gateway's forwarding policy.
include "ipsec";

# swanctl reads a dot as a path separator.
def connection_name: gsub("_"; "__") | gsub("\\."; "_d");
def peer_name: gsub("_(?<mark>[_d])"; if .mark == "_" then "_" else "." end);

# ESP with NULL encryption (RFC 2410) keeps the key exchange that the proposal asks for.
def child_proposal:
  if .encryption == "integrity-only"
  then ["null", "sha256"] + (.esp_proposal | split("-") | map(select(test("^(ecp|modp|curve|x)[0-9]")))) | join("-")
  else .esp_proposal end;

# Who initiates a tunnel replaces its SAs; the other end would do so a little later, so that both do not at once (RFC 7296,
# section 2.8.1). `life` is what ends an SA, with the seconds after which it is replaced.
def lifetime($seconds; $initiate; life):
  if $seconds == null then ""
  else (if $initiate then [($seconds | replaced_after), $seconds / 6] else [$seconds * 3 / 4, 0] end | map(floor)) as [$rekey, $random]
    | "rekey_time = \($rekey)s\n  rand_time = \($random)s\n  \($rekey | life)s\n  " end;

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
  \(lifetime($ipsec.ike_lifetime_seconds; .initiate; "over_time = \($ipsec.ike_lifetime_seconds - .)"))dpd_delay = \($dead_peer_delay)s
  local {
    auth = \($auth)
    id = \($ipsec.local.identity)\(if $auth == "pubkey" then "\n    certs = site.pem" else "" end)
  }
  remote {
    auth = \($auth)
    id = \(.identity)\(if $ipsec.local.crl then "\n    revocation = strict" else "" end)
  }
  children {
    \($name) {
      local_ts = \($ipsec.local.subnets | join(","))
      remote_ts = \(.subnets | join(","))
      esp_proposals = \($ipsec | child_proposal)
      \(lifetime($ipsec.child_lifetime_seconds; .initiate; "life_time = \($ipsec.child_lifetime_seconds)"))dpd_action = \(if .initiate then "restart" else "clear" end)
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
  def credentials: [.authentication, (.local | .certificate, .private_key, .ca_certificate, .crl)];
  if $applied == null then []
  else ($applied.ipsec | defaults) as $before
    | connections(0) as $now
    | (credentials != ($before | credentials)) as $all
    | (.peers | map({(.name | connection_name): .psk}) | add) as $psk
    | ($before.peers | map({(.name | connection_name): .psk}) | add) as $psk_before
    | [$before | connections(0) | to_entries[]
       | select($all or $now[.key] != .value or $psk[.key] != $psk_before[.key]) | .key]
  end;

def compile($applied):
  checked
  | (.ipsec | defaults) as $ipsec
  | gateway
  + {gateway_mac: ("06" + (gateway.lan_mac[2:])),
     configuration: ($ipsec | configuration),
     export_keys: $ipsec.export_keys,
     initiators: ($ipsec.peers | map(select(.initiate).name | connection_name) | join(" ")),
     stale: ($ipsec | stale($applied) | join(" "))};
