# The contract's keys from charon's key log.

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
