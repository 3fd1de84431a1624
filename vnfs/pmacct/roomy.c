/*
 * Preloaded into uacctd, for what it has no settings: room for packets that come while other processes have the core, in
 * its socket and on the way to its plugins, and how long the kernel may gather packets before it hands them over (1 s by
 * default, too late for who asks for the flows).
 */

#define NEXT_LIBRARY ((void *)-1)
#define AF_UNIX 1
#define SOCK_DGRAM 2
#define SOL_SOCKET 1
#define SO_RCVBUFFORCE 33
#define F_SETPIPE_SZ 1031
#define ROOM (16 << 20)
#define POINTERS_ROOM (256 << 10) /* for fewer buffers than `plugin_pipe_size` has (engine.sh): none is written over */
#define HUNDREDTHS 5

void *dlsym(void *handle, const char *symbol);
int setsockopt(int socket, int level, int name, const void *value, unsigned size);
int fcntl(int file, int command, ...);
int pipe(int ends[2]);
int nflog_fd(void *handle);
int nflog_set_timeout(void *group, unsigned hundredths);

static void *handle;

void *nflog_open(void)
{
    void *(*open)(void) = dlsym(NEXT_LIBRARY, "nflog_open");

    return handle = open();
}

/* The library makes the socket's room ten times that of one message. */
int nflog_set_nlbufsiz(void *group, unsigned bytes)
{
    int (*set_nlbufsiz)(void *, unsigned) = dlsym(NEXT_LIBRARY, "nflog_set_nlbufsiz"), room = ROOM;

    if (set_nlbufsiz(group, bytes) < 0 || nflog_set_timeout(group, HUNDREDTHS) < 0)
        return -1;
    return setsockopt(nflog_fd(handle), SOL_SOCKET, SO_RCVBUFFORCE, &room, sizeof room);
}

/* Core and plugins: the kernel keeps ten datagrams for a reader that is busy, a pipe as many as have room. */
int socketpair(int domain, int type, int protocol, int ends[2])
{
    int (*pair)(int, int, int, int *) = dlsym(NEXT_LIBRARY, "socketpair");

    if (domain != AF_UNIX || type != SOCK_DGRAM)
        return pair(domain, type, protocol, ends);
    if (pipe(ends) < 0)
        return -1;
    fcntl(ends[1], F_SETPIPE_SZ, POINTERS_ROOM);
    return 0;
}
