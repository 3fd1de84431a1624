/*
 * Preloaded into linux.uml: its memory is a file without a name that can be executed. In a container no tmpfs allows
 * that, and on a disk the kernel would write back what is only memory. So it gets a file of memory of its own.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdarg.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

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
