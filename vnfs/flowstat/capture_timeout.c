/*
 * Preloaded into softflowd, which opens its capture with a read timeout of 0. libpcap hands that to the kernel as
 * "never retire a block that is not full"; since Linux 6.18 the kernel keeps to it, and on a quiet link softflowd
 * sees nothing until 128 kB have passed. This gives the capture a timeout.
 */

#define NEXT_LIBRARY ((void *)-1)

void *dlsym(void *handle, const char *symbol);

int pcap_set_timeout(void *capture, int milliseconds)
{
    int (*set_timeout)(void *, int) = dlsym(NEXT_LIBRARY, "pcap_set_timeout");

    return set_timeout(capture, milliseconds > 0 ? milliseconds : 100);
}
