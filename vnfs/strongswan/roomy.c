/*
 * Preloaded into charon: more room for ESP packets that wait to be decrypted.
 *
 * With ESP in user space each packet waits in a UDP socket. The kernel's default holds some 90 of them, which is 5 ms
 * of a busy tunnel: as long as another process may have the core. What comes then is lost, and TCP slows down. The
 * default is one for the whole machine, and charon has no setting for it.
 */
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

int socket(int domain, int type, int protocol)
{
    int made = syscall(SYS_socket, domain, type, protocol), bytes = 4 << 20;

    if (made >= 0 && (domain == AF_INET || domain == AF_INET6) && (type & SOCK_DGRAM))
        setsockopt(made, SOL_SOCKET, SO_RCVBUFFORCE, &bytes, sizeof bytes);
    return made;
}
