/*
 * Digests of all packets of each flow at each port: sums modulo 2^64 of keyed hashes, so that the order in which packets
 * pass changes nothing, and what passed between two moments is the difference of their sums. Without KEY, which is drawn
 * for each run, nobody can make up packets whose digest is that of others.
 *
 * Segmentation offload cuts TCP's data anew from place to place. So the digest of a segment with data is made of what
 * no cut changes: where it begins and ends in the stream, and its octets, each by its place there. Looked at are only
 * the octets of one window of WINDOW octets in SHARE, chosen by KEY. Fragments are digested as the packet that they make
 * up. Of packets without such data all octets count, but for what routers change (RFC 1812, 5.3.1), checksums, of which
 * only counts whether they are right, and the largest segment that a SYN allows for. A packet whose IPv4 header has a
 * wrong one is of a flow without ports.
 *
 * What may change at a router, and how TCP's data is cut, is in a digest of its own, for ports with none between them.
 */
#include <arpa/inet.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

enum { FLOWS = 1 << 18, PLACES = 2 * FLOWS, DATAGRAMS = 32, LONGEST = 1 << 16, WINDOW = 1 << 16, SHARE = 16, BLOCK = 64 };
enum { ETHERNET = 14, TCP = 6, UDP = 17, FRAGMENT = 255 };
enum { FIN = 1, SYN = 2, RST = 4 };
enum { PLACE, HEAD, END, CHOICE, WHOLE, HOP, RIGHT, WRONG, LAST, TABLE }; /* what a hash is of */

struct key {
    uint32_t port;
    uint32_t tag; /* of a VLAN, its EtherType first, 0 for none */
    uint16_t type;
    uint8_t leaves, protocol;
    uint16_t ports[2];
    uint8_t addresses[2][16];
};

struct flow {
    struct key key;
    uint64_t packets;          /* but for segments with data of TCP */
    uint64_t segments, octets; /* of these, and their data */
    uint64_t same, hop;        /* the digests: what no router may change, and all else */
};

struct datagram {
    struct key key;
    uint16_t id;
    uint32_t octets, length, count;
    uint64_t same, hop; /* of its fragments so far */
    struct flow *flow;  /* that these are in */
    uint8_t header[ETHERNET + 60], body[LONGEST];
    uint32_t header_length;
};

struct flow *flows;
uint32_t used, full; /* flows that there are, and packets that found no room or were not whole */

uint32_t choice[3]; /* the numbers by which windows are chosen: filters of the kernel do so, too */

static uint64_t seed, weights[BLOCK / 4];
static uint32_t *places; /* of a hash: the number of its flow, counted from 1 */
static struct datagram *waiting;
static uint32_t next_waiting;

static uint64_t mixed(uint64_t x)
{
    x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9ULL;
    x = (x ^ x >> 27) * 0x94d049bb133111ebULL;
    return x ^ x >> 31;
}

static uint64_t hash(int what, uint64_t value)
{
    return mixed(mixed(value + seed) + (what + 1) * 0x9e3779b97f4a7c15ULL + seed);
}

/* Memory for all, which takes room when it is written to. Fails where there is none. */
int begin(uint64_t key)
{
    int i;

    flows = calloc(FLOWS, sizeof *flows);
    places = calloc(PLACES, sizeof *places);
    waiting = calloc(DATAGRAMS, sizeof *waiting);
    seed = mixed(key);
    for (i = 0; i < BLOCK / 4; i++)
        weights[i] = hash(TABLE, i);
    for (i = 0; i < 3; i++)
        choice[i] = hash(CHOICE, i) | 1;
    return flows && places && waiting ? 0 : -1;
}

static int chosen(uint32_t window)
{
    return (uint32_t)((window * choice[0] ^ choice[1]) * choice[2]) < UINT32_MAX / SHARE;
}

/* The sum of the 16 words of a block, each weighted; spelt out, because the compiler does not. */
static uint64_t block_of(const uint8_t *octets)
{
    const uint32_t *word = (const void *)octets;
    const uint64_t *by = weights;

    return by[0] * word[0] + by[1] * word[1] + by[2] * word[2] + by[3] * word[3] + by[4] * word[4] + by[5] * word[5] +
           by[6] * word[6] + by[7] * word[7] + by[8] * word[8] + by[9] * word[9] + by[10] * word[10] +
           by[11] * word[11] + by[12] * word[12] + by[13] * word[13] + by[14] * word[14] + by[15] * word[15];
}

/* The sum of the octets from a place on, each weighted by its place. */
static uint64_t weighted(const uint8_t *octets, uint32_t length, uint32_t place, uint64_t salt)
{
    uint64_t sum = 0, block;
    uint8_t part[BLOCK];
    uint32_t within, here;

    while (length) {
        within = place % BLOCK;
        here = BLOCK - within < length ? BLOCK - within : length;
        if (here == BLOCK) {
            block = block_of(octets);
        } else {
            memset(part, 0, BLOCK);
            memcpy(part + within, octets, here);
            block = block_of(part);
        }
        sum += block * (mixed(salt + place / BLOCK) | 1);
        octets += here;
        place += here;
        length -= here;
    }
    return sum;
}

static uint32_t added(const uint8_t *octets, uint32_t length, uint32_t sum)
{
    uint32_t i;

    for (i = 0; i + 1 < length; i += 2)
        sum += octets[i] << 8 | octets[i + 1];
    return sum + (length % 2 ? octets[length - 1] << 8 : 0);
}

/* Whether the checksum is right of all that a sum has been made of (RFC 1071). */
static int is_right(uint32_t sum)
{
    sum = (sum & 0xffff) + (sum >> 16);
    return (sum & 0xffff) + (sum >> 16) == 0xffff;
}

static uint16_t two(const uint8_t *octets)
{
    return octets[0] << 8 | octets[1];
}

static uint32_t four(const uint8_t *octets)
{
    return (uint32_t)two(octets) << 16 | two(octets + 2);
}

static struct flow *flow_of(const struct key *key)
{
    uint32_t place = mixed(weighted((const uint8_t *)key, sizeof *key, 0, seed)) % PLACES;

    for (; places[place]; place = (place + 1) % PLACES)
        if (!memcmp(&flows[places[place] - 1].key, key, sizeof *key))
            return &flows[places[place] - 1];
    if (used == FLOWS) {
        full++;
        return 0;
    }
    places[place] = ++used;
    flows[used - 1].key = *key;
    return &flows[used - 1];
}

static struct flow *count(const struct key *key, uint64_t same, uint64_t hop)
{
    struct flow *flow = flow_of(key);

    if (flow) {
        flow->packets++;
        flow->same += same;
        flow->hop += hop;
    }
    return flow;
}

/* The place of the value in a TCP header that tells the largest segment, 0 where there is none (RFC 9293, 3.2). */
static uint32_t largest_segment(const uint8_t *segment, uint32_t header)
{
    uint32_t at = 20;

    while (at + 4 <= header && segment[at]) {
        if (segment[at] == 2 && segment[at + 1] == 4)
            return at + 2;
        at += segment[at] == 1 ? 1 : segment[at + 1] ? segment[at + 1] : header;
    }
    return 0;
}

/* Takes a packet whose header has length octets behind frame's Ethernet header, and whose body may lie elsewhere. */
static void packet(struct key *key, const uint8_t *frame, uint32_t header, const uint8_t *body, uint32_t length,
                   uint32_t kept, int unfinished)
{
    static uint8_t copy[LONGEST + 128];
    uint8_t *ip = copy, *payload = copy + header;
    uint32_t checksum = 0, tcp = 0, from, until, place, at, sum, largest;
    uint64_t same, hop;
    struct flow *flow;
    int six = key->type == 0x86dd, right = RIGHT;

    memcpy(copy, frame + ETHERNET, header);
    if (six) {
        ip[7] = 0;
    } else {
        ip[8] = ip[10] = ip[11] = 0;
        memset(ip + 2, 0, 2);
        ip[6] &= 0x40; /* of fragments only whether there might be some */
        ip[7] = 0;
    }
    hop = weighted(frame, ETHERNET - 2, 0, hash(HOP, six ? frame[ETHERNET + 7] : frame[ETHERNET + 8]));
    if (key->protocol == TCP && length >= 20 && body[12] / 16 * 4 >= 20 && body[12] / 16 * 4 <= length)
        tcp = body[12] / 16 * 4;
    if ((key->protocol == TCP || key->protocol == UDP) && length >= 8) {
        memcpy(key->ports, body, 4);
    }
    if (tcp && length > tcp && !(body[13] & (SYN | RST))) {
        from = four(body + 4);
        until = from + (length - tcp);
        memcpy(payload, body, tcp);
        memset(payload + 16, 0, 2);
        if (!six)
            memcpy(ip + 2, frame + ETHERNET + 2, 2);
        hop = mixed(hop + weighted(copy, header + tcp, 0, hash(HOP, length)));
        same = hash(END, until) - hash(END, from) + (length - tcp) * hash(HEAD, six ? four(ip) : ip[1]);
        same += body[13] & FIN ? hash(LAST, until) : 0;
        for (place = from; place != until; place = at) {
            at = (place | (WINDOW - 1)) + 1;
            if (at - place > until - place)
                at = until;
            if (!chosen(place / WINDOW))
                continue;
            if (tcp + (at - from) > kept) {
                full++;
                return;
            }
            same += weighted(body + tcp + (place - from), at - place, place, seed);
        }
        if ((flow = flow_of(key))) {
            flow->segments++;
            flow->octets += length - tcp;
            flow->same += same;
            flow->hop += hop;
        }
        return;
    }
    if (kept < length) {
        full++;
        return;
    }
    memcpy(payload, body, length);
    if (tcp)
        checksum = 16;
    else if (key->protocol == UDP && length >= 8 && (two(body + 6) || six))
        checksum = 6;
    if (checksum) {
        if (!unfinished) {
            sum = added(body, length, key->protocol + length);
            sum = six ? added(frame + ETHERNET + 8, 32, sum) : added(frame + ETHERNET + 12, 8, sum);
            right = is_right(sum) ? RIGHT : WRONG;
        }
        memset(payload + checksum, 0, 2);
    }
    if (tcp && body[13] & SYN && (largest = largest_segment(body, tcp))) {
        hop += hash(HEAD, two(body + largest));
        memset(payload + largest, 0, 2);
    }
    same = hash(right, mixed(weighted(copy, header + length, 0, seed)) + length);
    count(key, same, mixed(hop));
}

/* Takes a fragment of IPv4: it counts as one until all are there, and then what they make up counts. */
static void fragment(struct key *key, const uint8_t *frame, uint32_t header, const uint8_t *body, uint32_t length,
                     uint32_t kept)
{
    const uint8_t *ip = frame + ETHERNET;
    uint32_t i, offset = (two(ip + 6) & 0x1fff) * 8;
    struct datagram *found = 0;
    struct key own = *key, whole;
    struct flow *flow;
    uint64_t same, hop;

    if (kept < length) {
        full++;
        return;
    }
    own.protocol = FRAGMENT;
    same = hash(WHOLE, weighted(body, length, 0, hash(PLACE, (uint64_t)four(ip + 4) << 8 | key->protocol)) + length);
    hop = mixed(weighted(frame, ETHERNET - 2, 0, hash(HOP, ip[8])));
    if (!(flow = count(&own, same, hop)))
        return;
    for (i = 0; i < DATAGRAMS && !found; i++)
        if (waiting[i].count && waiting[i].id == two(ip + 4) && !memcmp(&waiting[i].key, key, sizeof *key))
            found = &waiting[i];
    if (!found) {
        found = &waiting[next_waiting++ % DATAGRAMS];
        found->key = *key;
        found->id = two(ip + 4);
        found->octets = found->length = found->count = found->header_length = 0;
        found->same = found->hop = 0;
        found->flow = flow;
    }
    found->count++;
    found->same += same;
    found->hop += hop;
    if (offset + length > LONGEST)
        return;
    memcpy(found->body + offset, body, length);
    found->octets += length;
    if (!offset) {
        memcpy(found->header, frame, ETHERNET + header);
        found->header_length = header;
    }
    if (!(ip[6] & 0x20))
        found->length = offset + length;
    if (!found->header_length || found->octets != found->length)
        return;
    flow->packets -= found->count;
    flow->same -= found->same;
    flow->hop -= found->hop;
    found->count = 0;
    whole = *key;
    packet(&whole, found->header, found->header_length, found->body, found->length, found->length, 0);
}

/* Takes a frame of length octets, kept of them at hand; unfinished is one whose checksum is still to be made. */
void take(uint32_t port, int leaves, uint32_t tag, uint8_t *frame, uint32_t kept, uint32_t length, int unfinished)
{
    const uint8_t *ip;
    uint32_t header = 0, total = 0;
    struct key key;

    memset(&key, 0, sizeof key);
    key.port = port;
    key.leaves = leaves;
    key.tag = tag;
    if (kept < ETHERNET + 4) {
        full++;
        return;
    }
    if (two(frame + 12) == 0x8100 || two(frame + 12) == 0x88a8) { /* the kernel has the tag elsewhere where it can */
        key.tag = four(frame + 12);
        memmove(frame + 4, frame, 12);
        frame += 4;
        kept -= 4;
        length -= 4;
    }
    ip = frame + ETHERNET;
    key.type = two(frame + 12);
    length -= ETHERNET;
    kept -= ETHERNET;
    if (key.type == 0x0800 && kept >= 20 && ip[0] / 16 == 4) {
        header = ip[0] % 16 * 4;
        total = two(ip + 2);
        key.protocol = ip[9];
        memcpy(key.addresses, ip + 12, 4);
        memcpy(key.addresses[1], ip + 16, 4);
    } else if (key.type == 0x86dd && kept >= 40 && ip[0] / 16 == 6) {
        header = 40;
        total = 40 + two(ip + 4);
        key.protocol = ip[6];
        memcpy(key.addresses, ip + 8, 32);
    }
    if (header < 20 || total < header || total > length || kept < header) { /* no IP as it should be */
        if (kept < length)
            full++;
        else
            count(&key, hash(WHOLE, weighted(ip, length, 0, seed) + length), mixed(weighted(frame, 12, 0, seed)));
        return;
    }
    if (kept > total)
        kept = total;
    if (key.type == 0x0800 && !is_right(added(ip, header, 0))) { /* whoever comes next drops it: it is of no port */
        count(&key, hash(WRONG, weighted(ip, header, 0, seed)), 0);
        return;
    }
    if (key.type == 0x0800 && two(ip + 6) & 0x3fff)
        fragment(&key, frame, header, ip + header, total - header, kept - header);
    else
        packet(&key, frame, header, ip + header, total - header, kept - header, unfinished);
}
