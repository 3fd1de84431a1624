# The part of JSON Schema 2020-12 that the contract's schemas use, so that an image judges an intent by the
# published schemas themselves. `violations` yields {path, error} for each thing that is wrong, or nothing.

def type_is($wanted):
  if $wanted == "integer" then type == "number" and . == floor else type == $wanted end;

def joined($path): reduce $path[] as $step ("";
  if ($step | type) == "number" then . + "[\($step)]" elif . == "" then $step else "\(.).\($step)" end);

def short: tojson | if length > 60 then .[:57] + "..." else . end;

def violations($schema; $path; $definitions):
  def wrong($error): {path: joined($path), error: $error};
  def under($sub): violations($sub; $path; $definitions);
  def conforms($sub): [limit(1; under($sub))] == [];
  . as $value
  | if $schema["$ref"] then under($definitions[$schema["$ref"] | sub(".*/"; "")]) else empty end,
    if $schema.type and ([$schema.type] | flatten | any(. as $wanted | $value | type_is($wanted)) | not)
      then wrong("must be of type \([$schema.type] | flatten | join(" or ")), not \(type)") else empty end,
    if ($schema | has("const")) and $value != $schema.const then wrong("must be \($schema.const | tojson)") else empty end,
    if $schema.enum and ($schema.enum | index([$value]) | not)
      then wrong("\(short) is none of \($schema.enum | map(tojson) | join(", "))") else empty end,
    if $schema.anyOf and ([$schema.anyOf[] | . as $sub | $value | conforms($sub)] | any | not)
      then wrong("\(short) has none of the forms allowed here") else empty end,
    ($schema.allOf // [] | .[] as $sub | $value | under($sub)),
    if $schema.not and conforms($schema.not) then wrong("\(short) is malformed") else empty end,
    if $schema.if then if conforms($schema.if) then under($schema.then // {}) else under($schema.else // {}) end
      else empty end,
    if type == "string" then
      if $schema.pattern and (test($schema.pattern) | not) then wrong("\(short) is malformed") else empty end
    elif type == "number" then
      if $schema.minimum and . < $schema.minimum then wrong("must be at least \($schema.minimum)") else empty end,
      if $schema.maximum and . > $schema.maximum then wrong("must be at most \($schema.maximum)") else empty end
    elif type == "array" then
      if length < ($schema.minItems // 0) then wrong("needs at least \($schema.minItems) entries") else empty end,
      if $schema.maxItems and length > $schema.maxItems then wrong("takes at most \($schema.maxItems) entries")
        else empty end,
      if $schema.items then
        (range(length) as $at | .[$at] | violations($schema.items; $path + [$at]; $definitions)) else empty end
    elif type == "object" then
      ($schema.required // [] | .[] | select(in($value) | not) | wrong("\(.) is missing")),
      (keys[] as $key | .[$key]
        | if $schema.properties[$key] then violations($schema.properties[$key]; $path + [$key]; $definitions)
          elif $schema.additionalProperties == false
            then {path: joined($path + [$key]), error: "unknown key"}
          elif ($schema.additionalProperties | type) == "object"
            then violations($schema.additionalProperties; $path + [$key]; $definitions)
          else empty end)
    else empty end;

# Ends jq with exit code 2 and the contract's error object on stderr.
def refuse($error; $path): {error: $error, path: $path} | tojson + "\n" | halt_error(2);

# Input: the text of an intent. Output: the intent, when it conforms to $schemas (common first, then the kind's).
def accepted($schemas):
  . as $text | (try fromjson catch refuse("not JSON: \(.)"; ""))
  | first(violations($schemas[1]; []; $schemas[0]["$defs"] + $schemas[1]["$defs"]), null) as $wrong
  | if $wrong then refuse($wrong.error; $wrong.path) else . end
  | if ([.ports[].role] | sort) != ["lan", "wan"] then refuse("the roles must be lan and wan"; "ports") else . end
  | if .ports[0].mac == .ports[1].mac then refuse("two ports have the same MAC"; "ports[1].mac") else . end;
