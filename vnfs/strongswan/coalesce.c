/*
 * coalesce INTERFACE NANOSECONDS: lets generic receive offload (GRO) on the interface wait so long for the next TCP
 * segment to merge with the last one.
 *
 * charon hands decrypted packets to the kernel one by one. Each of them would cross every VNF of the chain alone;
 * merged, some ten cross as one, which doubles the throughput of the site. The merged packet keeps the size of its
 * segments, so whoever must (the wire, the flow meter) cuts it into exactly the same ones again.
 *
 * The time can be set for a receive queue since Linux 6.13 (NAPI_SET of the generic netlink family "netdev"); before,
 * only by a file of sysfs, which is read-only in a container. Exits with 1 where the kernel does not have it: then
 * only packets that come in one go are merged.
 */
#include <errno.h>
#include <linux/genetlink.h>
#include <net/if.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* Of linux/netdev.h, newer than the distribution's. */
enum { NAPI_GET = 11, NAPI_SET = 14 };
enum { NAPI_IFINDEX = 1, NAPI_ID = 2, NAPI_DEFER_HARD_IRQS = 5, NAPI_GRO_FLUSH_TIMEOUT = 6 };

struct message {
    struct nlmsghdr header;
    struct genlmsghdr generic;
    char attributes[8192];
};

static void fail(const char *what)
{
    fprintf(stderr, "coalesce: %s: %s\n", what, strerror(errno));
    exit(1);
}

static void start(struct message *message, int family, int command, int flags)
{
    memset(message, 0, sizeof *message);
    message->header.nlmsg_len = NLMSG_LENGTH(GENL_HDRLEN);
    message->header.nlmsg_type = family;
    message->header.nlmsg_flags = NLM_F_REQUEST | flags;
    message->generic.cmd = command;
    message->generic.version = 1;
}

static void add(struct message *message, int type, const void *value, int length)
{
    struct nlattr *attribute = (void *)((char *)message + NLMSG_ALIGN(message->header.nlmsg_len));

    attribute->nla_type = type;
    attribute->nla_len = NLA_HDRLEN + length;
    memcpy((char *)attribute + NLA_HDRLEN, value, length);
    message->header.nlmsg_len = NLMSG_ALIGN(message->header.nlmsg_len) + NLA_ALIGN(attribute->nla_len);
}

/* Sends the message and returns the first answer in its place. */
static void ask(int netlink, struct message *message)
{
    if (send(netlink, message, message->header.nlmsg_len, 0) < 0 || recv(netlink, message, sizeof *message, 0) < 0)
        fail("netlink");
    if (message->header.nlmsg_type == NLMSG_ERROR) {
        errno = -*(int *)NLMSG_DATA(&message->header);
        if (errno)
            fail("netlink");
    }
}

/* The number (2 or 4 bytes) that the first entry of an answer has as this attribute. */
static uint32_t number(struct message *message, int type)
{
    char *end = (char *)message + message->header.nlmsg_len;
    struct nlattr *attribute = (void *)message->attributes;

    while ((char *)attribute + NLA_HDRLEN <= end && attribute->nla_len >= NLA_HDRLEN) {
        void *value = (char *)attribute + NLA_HDRLEN;

        if (attribute->nla_type == type)
            return attribute->nla_len == NLA_HDRLEN + 2 ? *(uint16_t *)value : *(uint32_t *)value;
        attribute = (void *)((char *)attribute + NLA_ALIGN(attribute->nla_len));
    }
    errno = ENOENT;
    fail("the kernel's answer");
    return 0;
}

int main(int count, char **arguments)
{
    struct message message;
    int netlink = socket(AF_NETLINK, SOCK_RAW, NETLINK_GENERIC);
    uint32_t interface, queue, rounds = 1, wait;
    int family;

    if (count != 3)
        return fprintf(stderr, "usage: coalesce INTERFACE NANOSECONDS\n"), 2;
    wait = strtoul(arguments[2], NULL, 10);

    start(&message, GENL_ID_CTRL, CTRL_CMD_GETFAMILY, 0);
    add(&message, CTRL_ATTR_FAMILY_NAME, "netdev", sizeof "netdev");
    ask(netlink, &message);
    family = number(&message, CTRL_ATTR_FAMILY_ID);

    interface = if_nametoindex(arguments[1]);
    start(&message, family, NAPI_GET, NLM_F_DUMP);
    add(&message, NAPI_IFINDEX, &interface, sizeof interface);
    ask(netlink, &message);
    if (message.header.nlmsg_type == NLMSG_DONE) {
        errno = ENOENT;
        fail(arguments[1]);
    }
    queue = number(&message, NAPI_ID);

    close(netlink); /* with the rest of the answers */
    netlink = socket(AF_NETLINK, SOCK_RAW, NETLINK_GENERIC);
    start(&message, family, NAPI_SET, NLM_F_ACK);
    add(&message, NAPI_ID, &queue, sizeof queue);
    add(&message, NAPI_DEFER_HARD_IRQS, &rounds, sizeof rounds);
    add(&message, NAPI_GRO_FLUSH_TIMEOUT, &wait, sizeof wait);
    ask(netlink, &message);
    return 0;
}
