# The meter's part of the status, from the counters of xtables and of links, the flow table, and the exporter's life.
include "statistics";

def ways: "lan-to-wan", "wan-to-lan";

def added: {packets: (map(.packets) | add // 0), bytes: (map(.bytes) | add // 0)};

def report($applied):
  map(objects) as $facts
  | [$facts[] | select(.way)] as $counters
  | ([$facts[] | select(.accounted)][0] // {accounted: ([] | added), untracked: ([] | added)}) as $table
  | ([$counters[] | select(.protocol == null)] | added) as $all
  | def link($name): [$facts[] | select(.link == $name)] | added;
    {engine: {meter: "xtables", segments: "veth", frames: "tc", flows: "uacctd", exporter: "uacctd"},
     directions: ([ways as $way | {($way): ([$counters[] | select(.way == $way and .protocol == null)] | added)}] | add),
     protocols: [$counters | map(select(.protocol)) | group_by([.way, .protocol])[]
       | {direction: .[0].way, protocol: (.[0].protocol | protocol)} + added],
     flows: [$facts[] | select(.source) | .protocol |= protocol],
     flows_error: ($all | with_entries(.value -= $table.accounted[.key])),
     untracked: $table.untracked,
     other: ([{"lan": "lan-to-wan", "wan": "wan-to-lan"} | to_entries[] | {(.value): link("arp-" + .key)}] | add),
     foreign: link("foreign"),
     lost: ([$facts[] | .lost // empty] | add // 0),
     export: (map(booleans)[0] as $running | $applied | exported($running))};
