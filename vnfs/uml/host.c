/*
 * Preloaded into linux.uml: what it awaits of its host, and a container or a newer processor does not give.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdarg.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

enum { XSTATE = 0x202, LEGACY = 512, MOST = 1 << 16 }; /* NT_X86_XSTATE; octets of the FXSAVE area; of all registers */

/*
 * On one CPU: each system call of the guest changes processes here, and moving them costs more than the call. The kernel
 * has just put this program where there was least to do.
 */
__attribute__((constructor)) static void stay_here(void)
{
    cpu_set_t here;

    CPU_ZERO(&here);
    CPU_SET(sched_getcpu(), &here);
    sched_setaffinity(0, sizeof here, &here);
}

/*
 * Its memory is a file without a name that can be executed. In a container no tmpfs allows that, and on a disk the kernel
 * would write back what is only memory. So it gets a file of memory of its own.
 */
int open64(const char *path, int flags, ...)
{
    va_list more;
    int mode = 0;

    if ((flags & O_TMPFILE) == O_TMPFILE)
        return memfd_create("uml", MFD_CLOEXEC);
    if (flags & O_CREAT) {
        va_start(more, flags);
        mode = va_arg(more, int);
        va_end(more);
    }
    return syscall(SYS_openat, AT_FDCWD, path, flags, mode);
}

/*
 * It keeps 2,696 octets of a process's extended registers. Processors with AMX have four times as many, and their kernel
 * takes all of them or none. Those that it does not keep belong to components that are not in use, and that says so
 * (Intel SDM, volume 1, 13.4): what is behind its own octets is not read then.
 */
static long set_registers(int process, void *kind, struct iovec *some)
{
    static unsigned char all[MOST];
    static size_t size;
    struct iovec whole = {all, sizeof all};
    unsigned long long used;

    if (!size) {
        if (syscall(SYS_ptrace, PTRACE_GETREGSET, process, kind, &whole) < 0)
            return -1;
        size = whole.iov_len;
        memset(all, 0, sizeof all);
    }
    if (some->iov_len >= size)
        return syscall(SYS_ptrace, PTRACE_SETREGSET, process, kind, some);
    memcpy(all, some->iov_base, some->iov_len);
    memcpy(&used, all + LEGACY, sizeof used);
    used &= (1ull << 10) - 1; /* x87 to PKRU */
    memcpy(all + LEGACY, &used, sizeof used);
    whole.iov_len = size;
    return syscall(SYS_ptrace, PTRACE_SETREGSET, process, kind, &whole);
}

long ptrace(enum __ptrace_request request, ...)
{
    va_list more;
    long result, word;
    int process;
    void *address, *data;

    va_start(more, request);
    process = va_arg(more, int);
    address = va_arg(more, void *);
    data = va_arg(more, void *);
    va_end(more);
    if (request == PTRACE_SETREGSET && (long)address == XSTATE)
        return set_registers(process, address, data);
    if (request < PTRACE_PEEKTEXT || request > PTRACE_PEEKUSER)
        return syscall(SYS_ptrace, request, process, address, data);
    result = syscall(SYS_ptrace, request, process, address, &word); /* the kernel stores what the C library returns */
    if (result < 0)
        return result;
    errno = 0;
    return word;
}
