# What firewalls share: the checks of an intent that its schema does not have, and numbers that stand for names.
include "contract";

def icmp_number: {
  "echo-reply": 0, "destination-unreachable": 3, "source-quench": 4, "redirect": 5, "echo-request": 8,
  "router-advertisement": 9, "router-solicitation": 10, "time-exceeded": 11, "parameter-problem": 12,
  "timestamp-request": 13, "timestamp-reply": 14, "info-request": 15, "info-reply": 16,
  "address-mask-request": 17, "address-mask-reply": 18}[.];

def is_any: (. // []) == [];

# A number from 1 to 2^31 - 1 that tells one value from another.
def generation: tojson | explode | reduce .[] as $byte (7; (. * 31 + $byte) % 2147483647) | . + 1;

# Whether a text of hexadecimal digits, dots and colons is an IPv6 address (RFC 4291, 2.2).
def is_six:
  split("::") as $halves
  | [$halves[] | select(. != "") | split(":")[]] as $groups
  | ($groups | map(if contains(".") then 2 else 1 end) | add // 0) as $length
  | all($groups[:-1][]; test("^[0-9A-Fa-f]{1,4}$")) and ($groups[-1:] | all(test("^([0-9A-Fa-f]{1,4}|[0-9]+(\\.[0-9]+){3})$")))
    and if ($halves | length) == 2 then $length < 8 else ($halves | length) == 1 and $length == 8 end;

def prefix_fault:
  (.firewall.rules | to_entries[]) as $rule
  | ("source", "destination") as $list
  | ($rule.value[$list] // [] | to_entries[])
  | select((.value | contains(":")) and (.value | split("/")[0] | is_six | not))
  | {error: "\(.value | tojson) is no IPv6 prefix", path: "firewall.rules[\($rule.key)].\($list)[\(.key)]"};

def range_fault:
  (.firewall.rules | to_entries[]) as $rule
  | ("source_ports", "destination_ports") as $list
  | ($rule.value[$list] // [] | to_entries[]) as $range
  | ($range.value | split("-") | map(tonumber)) as $ends
  | select($ends[0] > $ends[-1])
  | {error: "the range \($range.value) ends before it starts",
     path: "firewall.rules[\($rule.key)].\($list)[\($range.key)]"};

def checked:
  (.firewall.rules | map(.id) | group_by(.) | map(select(length > 1)[0])) as $twice
  | if $twice != [] then refuse("the rule id \($twice[0]) is used twice"; "firewall.rules") else . end
  | first(range_fault, prefix_fault, null) as $wrong
  | if $wrong then refuse($wrong.error; $wrong.path) else . end;
