# The meter's part of the status, from nft's tables of both address families, the copies lost, and the exporter's life.
include "statistics";

def ways: "lan-to-wan", "wan-to-lan";

def counted: {packets: .counter.packets, bytes: .counter.bytes};

def elements($name): .[].nftables[].set | select(.name? == $name) | .elem[]?.elem;

def total($name): [.[].nftables[].counter | select(.name? == $name)]
  | {packets: (map(.packets) | add // 0), bytes: (map(.bytes) | add // 0)};

def report($applied):
  .[:2] as $tables
  | {engine: {meter: "nftables", segments: "veth", exporter: "softflowd"},
     directions: ([ways as $way | {($way): ($tables | total($way))}] | add),
     protocols: [ways as $way
       | [$tables | elements($way + "-protocols")] | group_by(.val)[]
       | {direction: $way, protocol: (.[0].val | protocol),
          packets: (map(.counter.packets) | add), bytes: (map(.counter.bytes) | add)}],
     flows: [ways as $way
       | $tables | elements($way + ("-flows", "-portless"))
       | .val.concat as $key
       | {direction: $way, source: $key[0], destination: $key[1], protocol: ($key[2] | protocol),
          source_port: ($key[3] // 0), destination_port: ($key[4] // 0)} + counted],
     untracked: ($tables | total("untracked")),
     other: ([ways as $way | {($way): ($tables | total($way + "-other"))}] | add),
     foreign: ($tables | total("foreign")),
     lost: .[2],
     export: (.[3] as $running | $applied | exported($running))};
