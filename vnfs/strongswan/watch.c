/*
 * watch SOCKET WAKE INITIATORS HISTORY LIMIT: brings up the tunnels that this end initiates, and brings them back when a
 * peer refused or deleted them, which charon by itself takes as the end. Notes all security associations that ever stood.
 *
 * SOCKET is charon's vici socket, INITIATORS the file with the names of the tunnels, WAKE a FIFO that it makes when it
 * hears all that charon tells: each line there says that the file has changed. One connection does all, however many
 * tunnels there are, and no program is started. It looks when charon tells that something went down, when it is woken,
 * and once a minute in case it missed something. While a tunnel is not up it looks more often, because charon tells
 * nothing of an attempt that fails.
 *
 * HISTORY is the file to which each rise, fall and rekeying of an association goes, one a line behind its time in
 * seconds, until it has LIMIT bytes. Where both ends replace a CHILD SA at once there are two new ones, and charon has no
 * event for the one that this end made and deletes again (RFC 7296, section 2.8.1), though the peer may have used it.
 * Only its log tells of that; what stands then is noted, that one with it: charon keeps what it has deleted for seconds.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

/* Of libvici.h, which the distribution does not ship. */
typedef struct vici_conn vici_conn;
typedef struct vici_req vici_req;
typedef struct vici_res vici_res;
typedef int (*section_cb)(void *user, vici_res *response, char *name);
typedef int (*value_cb)(void *user, vici_res *response, char *name, void *value, int length);
typedef void (*event_cb)(void *user, char *name, vici_res *event);
void vici_init(void);
vici_conn *vici_connect(const char *uri);
int vici_register(vici_conn *connection, const char *event, event_cb callback, void *user);
vici_req *vici_begin(const char *command);
void vici_add_key_valuef(vici_req *request, const char *key, const char *format, ...);
vici_res *vici_submit(vici_req *request, vici_conn *connection);
void vici_free_res(vici_res *response);
int vici_parse_cb(vici_res *response, section_cb section, value_cb value, value_cb item, void *user);
int vici_dump(vici_res *response, const char *label, int pretty, FILE *out);
char *vici_find_str(vici_res *response, const char *otherwise, const char *format, ...);

enum { SHORTEST = 100, LONGEST = 2000, QUIET = 60000 }; /* milliseconds from one look to the next */
enum { MAX_TUNNELS = 4096, LINE = 1 << 20 };
enum state { DOWN, BEGUN, UP };

static char names[LINE], *tunnel[MAX_TUNNELS];
static enum state state[MAX_TUNNELS];
static int tunnels, wake = -1;
static volatile int untold, noting; /* there is an SA without an event; what is listed is to be noted */
static int gone;                    /* the IKE SA that is being listed has one that is deleted */
static FILE *history;
static long limit;

static void note(vici_res *event)
{
    struct stat file;
    char now[32];

    if (fstat(fileno(history), &file) || file.st_size >= limit)
        return;
    snprintf(now, sizeof now, "%lld", (long long)time(NULL));
    vici_dump(event, now, 0, history);
    fflush(history);
}

static void rekeyed(void *user, char *name, vici_res *event)
{
    note(event);
}

static void went(void *user, char *name, vici_res *event)
{
    note(event);
    if (!vici_find_str(event, NULL, "up"))
        write(wake, "\n", 1);
}

static void logged(void *user, char *name, vici_res *event)
{
    if (strstr(vici_find_str(event, "", "msg"), "deleting redundant child")) {
        untold = 1;
        write(wake, "\n", 1);
    }
}

static void read_names(const char *path)
{
    FILE *file = fopen(path, "r");
    size_t length = file ? fread(names, 1, sizeof names - 1, file) : 0;

    if (file)
        fclose(file);
    names[length] = 0;
    tunnels = 0;
    for (char *name = strtok(names, " \n"); name && tunnels < MAX_TUNNELS; name = strtok(NULL, " \n"))
        tunnel[tunnels++] = name;
    memset(state, DOWN, sizeof state);
}

static int is(const void *value, int length, const char *word)
{
    return length == (int)strlen(word) && !memcmp(value, word, length);
}

/* `state` of the IKE SA, and of its child SAs, which come behind it. */
static int see(void *user, vici_res *event, char *key, void *value, int length)
{
    enum state *known = user;

    if (strcmp(key, "state"))
        return 0;
    if (is(value, length, "INSTALLED") || is(value, length, "REKEYING") || is(value, length, "REKEYED"))
        *known = UP;
    else if (*known == DOWN && (is(value, length, "CREATED") || is(value, length, "CONNECTING") ||
                                is(value, length, "INSTALLING")))
        *known = BEGUN;
    gone |= is(value, length, "DELETING") || is(value, length, "DELETED");
    return 0;
}

static int inside(void *user, vici_res *event, char *name)
{
    return vici_parse_cb(event, inside, see, NULL, user);
}

/* A section that has the name of the tunnel. */
static int of_tunnel(void *user, vici_res *event, char *name)
{
    enum state other = DOWN, *known = &other;

    for (int number = 0; number < tunnels; number++)
        if (!strcmp(tunnel[number], name))
            known = &state[number];
    return inside(known, event, name);
}

static void listed(void *user, char *name, vici_res *event)
{
    gone = 0;
    vici_parse_cb(event, of_tunnel, NULL, NULL, NULL);
    if (noting && gone)
        note(event);
}

static void submit(vici_req *request, vici_conn *connection)
{
    vici_res *response = vici_submit(request, connection);

    if (!response) {
        fprintf(stderr, "watch: charon does not answer: %s\n", strerror(errno));
        exit(1);
    }
    vici_free_res(response);
}

static void initiate(vici_conn *connection, const char *name)
{
    vici_req *request = vici_begin("initiate");

    vici_add_key_valuef(request, "ike", "%s", name);
    vici_add_key_valuef(request, "child", "%s", name);
    vici_add_key_valuef(request, "timeout", "-1"); /* answer at once */
    submit(request, connection);
}

/* Whether all are up; what is down is initiated. */
static int look(vici_conn *connection, const char *path)
{
    int up = 0;

    read_names(path);
    noting = untold;
    untold = 0;
    if (tunnels || noting)
        submit(vici_begin("list-sas"), connection);
    noting = 0;
    for (int number = 0; number < tunnels; number++) {
        up += state[number] == UP;
        if (state[number] == DOWN)
            initiate(connection, tunnel[number]);
    }
    return up == tunnels;
}

int main(int count, char **arguments)
{
    vici_conn *connection;
    int pause = SHORTEST;
    char events[512];

    if (count != 6)
        return fprintf(stderr, "usage: watch SOCKET WAKE INITIATORS HISTORY LIMIT\n"), 2;
    history = fopen(arguments[4], "a");
    if (!history)
        return perror(arguments[4]), 1;
    limit = atol(arguments[5]);
    vici_init();
    while (!(connection = vici_connect(arguments[1])))
        usleep(50000); /* charon is starting */
    if (vici_register(connection, "list-sa", listed, NULL) || vici_register(connection, "ike-updown", went, NULL) ||
        vici_register(connection, "child-updown", went, NULL) ||
        vici_register(connection, "ike-rekey", rekeyed, NULL) ||
        vici_register(connection, "child-rekey", rekeyed, NULL) || vici_register(connection, "log", logged, NULL))
        return perror("watch: vici"), 1;
    if (mkfifo(arguments[2], 0600) || (wake = open(arguments[2], O_RDWR | O_NONBLOCK)) < 0)
        return perror(arguments[2]), 1;
    for (;;) {
        struct pollfd woken = {wake, POLLIN};
        int wait = look(connection, arguments[3]) ? QUIET : pause;

        pause = wait == QUIET ? SHORTEST : pause * 3 / 2 < LONGEST ? pause * 3 / 2 : LONGEST;
        if (poll(&woken, 1, wait) > 0) {
            pause = SHORTEST;
            usleep(50000); /* events come in bursts; one look serves for all of a burst */
            while (read(wake, events, sizeof events) == sizeof events)
                ;
        }
    }
}
