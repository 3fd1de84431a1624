/*
 * Digests what passes each port of a network namespace until it is killed. Its words are the networks of the underlays,
 * ADDRESS/BITS: packets within one of them are left out, for gateways make them of others. Behind "--" are the ports that
 * count of those that are there when it starts; all that come up later count.
 *
 * Says "ready" when it sees all. At SIGUSR1 it says in the place of what it said before how many frames the kernel lost
 * by then and how many it could not digest for lack of room or octets, how many it saw at each port, and all that it has
 * digested of them, a flow a line, and in the last line how often it was asked.
 */
#include <errno.h>
#include <linux/filter.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

enum { ROOM = 1 << 19, BLOCKS = 16, LATEST = 20 /* milliseconds */, HEADERS = ETHERNET + 60 + 60, ALL = 1 << 18 };
enum { PORTS = 256, LONGEST_PROGRAM = 4096 };

static struct sock_filter program[LONGEST_PROGRAM];
static uint32_t programmed;
static volatile sig_atomic_t asked;
static struct port { uint32_t index; char name[IF_NAMESIZE]; uint64_t frames[2]; } ports[PORTS + 1]; /* the last is of all others */

int ppoll(struct pollfd *, nfds_t, const struct timespec *, const sigset_t *); /* which headers hide */

static void fail(const char *what)
{
    fprintf(stderr, "%s: %s\n", what, strerror(errno));
    exit(1);
}

static void ask(int signal)
{
    asked = 1;
}

static void add(uint16_t code, uint32_t k, uint8_t yes, uint8_t no)
{
    struct sock_filter one = {code, yes, no, k};

    if (programmed == LONGEST_PROGRAM) {
        errno = E2BIG;
        fail("filter");
    }
    program[programmed++] = one;
}

#define LOAD(size, where, k) add(BPF_LD | size | where, k, 0, 0)
#define JUMP(kind, k, yes, no) add(BPF_JMP | kind | BPF_K, k, yes, no)
#define DO(kind, k) add(BPF_ALU | kind | BPF_K, k, 0, 0)
#define RETURN(k) add(BPF_RET | BPF_K, k, 0, 0)

/* Goes on where the window in the accumulator is not chosen. */
static void take_all_of_chosen(void)
{
    DO(BPF_RSH, 16);
    DO(BPF_MUL, choice[0]);
    DO(BPF_XOR, choice[1]);
    DO(BPF_MUL, choice[2]);
    JUMP(BPF_JGE, UINT32_MAX / SHARE, 1, 0);
    RETURN(ALL);
}

static int is_among(const char *name, char **words)
{
    while (*words && strcmp(*words, name))
        words++;
    return !!*words;
}

/* Of TCP's data only the headers are needed, but in chosen windows. */
static void make_filter(char **words)
{
    struct if_nameindex *other;
    char text[64], *bits;
    struct in_addr network;
    uint32_t mask;

    for (other = if_nameindex(); other && other->if_index; other++) {
        if (is_among(other->if_name, words))
            continue;
        LOAD(BPF_W, BPF_ABS, SKF_AD_OFF + SKF_AD_IFINDEX);
        JUMP(BPF_JEQ, other->if_index, 0, 1);
        RETURN(0);
    }
    for (; *words && strcmp(*words, "--"); words++) {
        snprintf(text, sizeof text, "%s", *words);
        bits = strchr(text, '/');
        if (bits)
            *bits++ = 0;
        if (!bits || !inet_aton(text, &network)) {
            errno = EINVAL;
            fail(*words);
        }
        mask = atoi(bits) ? UINT32_MAX << (32 - atoi(bits)) : 0;
        LOAD(BPF_H, BPF_ABS, 12);
        JUMP(BPF_JEQ, ETH_P_IP, 0, 7);
        LOAD(BPF_W, BPF_ABS, 26);
        DO(BPF_AND, mask);
        JUMP(BPF_JEQ, ntohl(network.s_addr) & mask, 0, 4);
        LOAD(BPF_W, BPF_ABS, 30);
        DO(BPF_AND, mask);
        JUMP(BPF_JEQ, ntohl(network.s_addr) & mask, 0, 1);
        RETURN(0);
    }
    LOAD(BPF_H, BPF_ABS, 12);
    JUMP(BPF_JEQ, ETH_P_IP, 1, 0);
    RETURN(ALL);
    LOAD(BPF_B, BPF_ABS, 23);
    JUMP(BPF_JEQ, TCP, 1, 0);
    RETURN(ALL);
    LOAD(BPF_H, BPF_ABS, 20);
    JUMP(BPF_JSET, 0x3fff, 0, 1); /* fragments */
    RETURN(ALL);
    LOAD(BPF_W, BPF_LEN, 0);
    JUMP(BPF_JGT, HEADERS, 1, 0);
    RETURN(ALL);
    add(BPF_LDX | BPF_B | BPF_MSH, 14, 0, 0); /* X: octets of the IP header */
    LOAD(BPF_B, BPF_IND, 14 + 13);
    JUMP(BPF_JSET, SYN | RST, 0, 1);
    RETURN(ALL);
    LOAD(BPF_B, BPF_IND, 14 + 12);
    DO(BPF_AND, 0xf0);
    DO(BPF_RSH, 2);
    add(BPF_ALU | BPF_ADD | BPF_X, 0, 0, 0);
    add(BPF_ST, 0, 0, 0);
    LOAD(BPF_H, BPF_ABS, 16);
    add(BPF_LDX | BPF_MEM, 0, 0, 0);
    add(BPF_ALU | BPF_SUB | BPF_X, 0, 0, 0);
    add(BPF_ST, 1, 0, 0); /* octets of data */
    DO(BPF_SUB, 1);
    JUMP(BPF_JGE, 65535, 0, 1);
    RETURN(ALL);
    add(BPF_LDX | BPF_B | BPF_MSH, 14, 0, 0);
    LOAD(BPF_W, BPF_IND, 14 + 4);
    take_all_of_chosen();
    LOAD(BPF_W, BPF_IND, 14 + 4);
    add(BPF_LDX | BPF_MEM, 1, 0, 0);
    add(BPF_ALU | BPF_ADD | BPF_X, 0, 0, 0);
    DO(BPF_SUB, 1);
    take_all_of_chosen();
    RETURN(HEADERS);
}

/* The port of that index, whose name is asked for when it is first seen: later it may be gone. */
static struct port *port_of(uint32_t index)
{
    struct port *port = ports;

    while (port < ports + PORTS && port->index && port->index != index)
        port++;
    if (!port->index) {
        port->index = index;
        if (port == ports + PORTS || !if_indextoname(index, port->name))
            strcpy(port->name, "?");
    }
    return port;
}

static void say(uint64_t lost)
{
    static unsigned times;
    char ends[2][INET6_ADDRSTRLEN];
    uint32_t i;
    int j, family;

    if (ftruncate(1, 0) || lseek(1, 0, SEEK_SET))
        fail("output");
    printf("- - lost 0 0 - 0 - 0 %llu %u 0 0 0\n", (unsigned long long)lost, full);
    for (i = 0; i < 2 * (PORTS + 1); i++)
        if (ports[i / 2].frames[i % 2])
            printf("%s %s all 0 0 - 0 - 0 %llu 0 0 0 0\n", ports[i / 2].name, i % 2 ? "tx" : "rx",
                   (unsigned long long)ports[i / 2].frames[i % 2]);
    for (i = 0; i < used; i++) {
        const struct flow *flow = &flows[i];
        const struct key *key = &flow->key;
        if (!flow->packets && !flow->segments)
            continue;
        family = key->type == ETH_P_IPV6 ? AF_INET6 : AF_INET;
        for (j = 0; j < 2; j++)
            inet_ntop(family, key->addresses[j], ends[j], sizeof ends[j]);
        printf("%s %s %04x %u %u %s %u %s %u %llu %llu %llu %016llx %016llx\n",
               port_of(key->port)->name, key->leaves ? "tx" : "rx", key->type, key->tag, key->protocol,
               ends[0], ntohs(key->ports[0]), ends[1], ntohs(key->ports[1]), (unsigned long long)flow->packets,
               (unsigned long long)flow->segments, (unsigned long long)flow->octets, (unsigned long long)flow->same,
               (unsigned long long)flow->hop);
    }
    printf("end %u\n", ++times);
    fflush(stdout);
}

int main(int count_of_words, char **words)
{
    int version = TPACKET_V3, there = socket(AF_PACKET, SOCK_RAW, 0);
    struct tpacket_req3 request = {ROOM, BLOCKS, 2048, ROOM / 2048 * BLOCKS, LATEST, 0, 0};
    struct sockaddr_ll all = {.sll_family = AF_PACKET, .sll_protocol = htons(ETH_P_ALL)};
    struct timespec soon = {0, 1000000};
    struct sigaction action;
    sigset_t signals, before;
    struct sock_fprog filter;
    struct tpacket_stats_v3 newly;
    socklen_t size;
    uint64_t seen = 0, passed = 0, lost = 0, until = 0;
    uint32_t block = 0, i;
    int telling = 0;
    uint8_t *ring;

    if (begin(KEY))
        fail("memory");
    make_filter(words + 1);
    filter.len = programmed;
    filter.filter = program;
    memset(&action, 0, sizeof action);
    action.sa_handler = ask;
    sigaction(SIGUSR1, &action, 0);
    sigemptyset(&signals); /* heard while it waits alone, so that none comes just before */
    sigaddset(&signals, SIGUSR1);
    sigprocmask(SIG_BLOCK, &signals, &before);
    if (there < 0 || setsockopt(there, SOL_PACKET, PACKET_VERSION, &version, sizeof version) ||
        setsockopt(there, SOL_SOCKET, SO_ATTACH_FILTER, &filter, sizeof filter) ||
        setsockopt(there, SOL_PACKET, PACKET_RX_RING, &request, sizeof request))
        fail("packet socket");
    ring = mmap(0, ROOM * BLOCKS, PROT_READ | PROT_WRITE, MAP_SHARED, there, 0);
    if (ring == MAP_FAILED || bind(there, (struct sockaddr *)&all, sizeof all))
        fail("packet socket");
    puts("ready");
    fflush(stdout);
    for (;;) {
        struct tpacket_block_desc *now = (void *)(ring + block * ROOM);
        struct pollfd wait = {there, POLLIN, 0};
        if (asked || telling) {
            size = sizeof newly;
            if (getsockopt(there, SOL_PACKET, PACKET_STATISTICS, &newly, &size))
                fail("packet socket");
            passed += newly.tp_packets;
            lost += newly.tp_drops;
            if (asked)
                until = passed;
            asked = 0;
            telling = seen + lost < until;
            if (!telling)
                say(lost);
        }
        if (!(now->hdr.bh1.block_status & TP_STATUS_USER)) {
            ppoll(&wait, 1, telling ? &soon : 0, &before);
            continue;
        }
        struct tpacket3_hdr *frame = (void *)((uint8_t *)now + now->hdr.bh1.offset_to_first_pkt);
        for (i = 0; i < now->hdr.bh1.num_pkts; i++) {
            struct sockaddr_ll *from = (void *)((uint8_t *)frame + TPACKET_ALIGN(sizeof *frame));
            int leaves = from->sll_pkttype == PACKET_OUTGOING;
            port_of(from->sll_ifindex)->frames[leaves]++;
            take(from->sll_ifindex, leaves,
                 frame->tp_status & TP_STATUS_VLAN_VALID ? frame->hv1.tp_vlan_tpid << 16 | frame->hv1.tp_vlan_tci : 0,
                 (uint8_t *)frame + frame->tp_mac, frame->tp_snaplen, frame->tp_len,
                 !!(frame->tp_status & TP_STATUS_CSUMNOTREADY));
            frame = (void *)((uint8_t *)frame + frame->tp_next_offset);
        }
        seen += now->hdr.bh1.num_pkts;
        now->hdr.bh1.block_status = TP_STATUS_KERNEL;
        block = (block + 1) % BLOCKS;
    }
}
