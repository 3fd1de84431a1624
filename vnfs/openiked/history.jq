# The contract's history, from the same lines as the status.
include "ipsec";
include "report";

def history($intent):
  (lines("[0-9]+ ") | noted) as $noted
  | {proposals: ($intent | if . then .ipsec | defaults | {ike: .ike_proposal, esp: .esp_proposal} else null end),
     ike: [$noted.ike[] | del(.udp)] | sort_by(.since),
     children: [$noted.children[] | $noted.ike[.of] as $ike | select($ike)
       | {since, rekeyed, peer: $ike.peer, local_address: $ike.local_address, remote_address: $ike.remote_address}
         + associated($noted)]};
