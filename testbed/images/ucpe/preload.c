/*
 * Preloaded into ovs-vswitchd: two things that it has no setting for, and that cost a busy switch in user space much.
 *
 * Room for packets that wait. It takes packets from a packet socket for each port of the uCPE's own. The kernel's
 * default holds some 90 of them, which is 5 ms of a busy tunnel: as long as another process may have the CPU. What
 * comes then is lost, and TCP slows down. The default is one for the whole machine.
 *
 * A look before accept(). Its main loop, which forwards as well, asks each of its listeners for a connection each
 * time round. The kernel makes a whole socket before it finds that nobody waits; asking first is several times cheaper.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

int socket(int domain, int type, int protocol)
{
    int made = syscall(SYS_socket, domain, type, protocol), bytes = 4 << 20;

    if (made >= 0 && domain == AF_PACKET)
        setsockopt(made, SOL_SOCKET, SO_RCVBUFFORCE, &bytes, sizeof bytes);
    return made;
}

/* Its listeners never block. */
int accept(int listener, struct sockaddr *address, socklen_t *length)
{
    struct pollfd asked = {.fd = listener, .events = POLLIN};

    if (poll(&asked, 1, 0) == 0) {
        errno = EAGAIN;
        return -1;
    }
    return syscall(SYS_accept, listener, address, length);
}
