/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the selftests of pinpool share: calls that give a negative errno, probes
 * that survive SIGBUS, and the accounts that must be even after each test
 */
#ifndef PINPOOL_TEST_H
#define PINPOOL_TEST_H

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <linux/pinpool.h>

#define KIB	1024ULL
#define MIB	(1024 * KIB)

#define ARRAY_LEN(a)	(sizeof(a) / sizeof((a)[0]))

static inline const char *pp_node(void)
{
	return getenv("PINPOOL_DEV") ?: "/dev/pinpool/default";
}

static inline int pp_ioctl(int fd, unsigned int cmd, void *arg)
{
	return ioctl(fd, cmd, arg) < 0 ? -errno : 0;
}

static inline int pp_info(int fd, struct pinpool_info *info)
{
	*info = (struct pinpool_info){ .size = sizeof(*info) };
	return pp_ioctl(fd, PINPOOL_IOC_INFO, info);
}

static inline int pp_stats(int fd, struct pinpool_stats *stats)
{
	*stats = (struct pinpool_stats){ .size = sizeof(*stats) };
	return pp_ioctl(fd, PINPOOL_IOC_STATS, stats);
}

/* On success fills in the offset and handle of *@buf. */
static inline int pp_alloc(int fd, uint64_t length, uint64_t align, struct pinpool_buf *buf)
{
	struct pinpool_alloc alloc = {
		.size = sizeof(alloc), .length = length, .align = align,
	};
	int err = pp_ioctl(fd, PINPOOL_IOC_ALLOC, &alloc);

	if (!err)
		*buf = (struct pinpool_buf){
			.length = length, .align = align,
			.offset = alloc.offset, .handle = alloc.handle,
		};
	return err;
}

/* *@done, if asked for, tells how many were made; also set on failure. */
static inline int pp_alloc_array(int fd, struct pinpool_buf *bufs, uint32_t count,
				 uint32_t flags, uint32_t *done)
{
	struct pinpool_alloc alloc = {
		.size = sizeof(alloc), .flags = flags, .bufs = (uintptr_t)bufs,
		.count = count, .buf_size = sizeof(*bufs),
	};
	int err = pp_ioctl(fd, PINPOOL_IOC_ALLOC, &alloc);

	if (done)
		*done = alloc.done;
	return err;
}

static inline int pp_free(int fd, uint64_t handle)
{
	struct pinpool_free free = { .size = sizeof(free), .handle = handle };

	return pp_ioctl(fd, PINPOOL_IOC_FREE, &free);
}

static inline int pp_resize(int fd, uint64_t handle, uint64_t length)
{
	struct pinpool_resize resize = {
		.size = sizeof(resize), .handle = handle, .length = length,
	};

	return pp_ioctl(fd, PINPOOL_IOC_RESIZE, &resize);
}

/* @handles: of __u64 or uint64_t, which C takes for different types */
static inline int pp_free_array(int fd, const void *handles, uint32_t count, uint32_t *done)
{
	struct pinpool_free free = {
		.size = sizeof(free), .handles = (uintptr_t)handles, .count = count,
	};
	int err = pp_ioctl(fd, PINPOOL_IOC_FREE, &free);

	if (done)
		*done = free.done;
	return err;
}

static inline int pp_query(int fd, uint64_t handle, struct pinpool_query *query)
{
	*query = (struct pinpool_query){ .size = sizeof(*query), .handle = handle };
	return pp_ioctl(fd, PINPOOL_IOC_QUERY, query);
}

/* With @flags 0, the buffer at @offset; with PINPOOL_QUERY_NEXT at or after it */
static inline int pp_find(int fd, uint64_t offset, uint32_t flags, struct pinpool_query *query)
{
	*query = (struct pinpool_query){
		.size = sizeof(*query), .flags = PINPOOL_QUERY_OFFSET | flags, .offset = offset,
	};
	return pp_ioctl(fd, PINPOOL_IOC_QUERY, query);
}

/* The descriptor of a new share, or a negative errno */
static inline int pp_export(int fd, uint64_t handle, uint32_t flags)
{
	struct pinpool_export export = {
		.size = sizeof(export), .flags = flags, .handle = handle,
	};
	int err = pp_ioctl(fd, PINPOOL_IOC_EXPORT, &export);

	return err ?: export.fd;
}

/* On success fills in *@buf as pp_alloc() does. */
static inline int pp_import(int fd, int share, uint32_t flags, struct pinpool_buf *buf)
{
	struct pinpool_import import = {
		.size = sizeof(import), .flags = flags, .fd = share,
	};
	int err = pp_ioctl(fd, PINPOOL_IOC_IMPORT, &import);

	if (!err)
		*buf = (struct pinpool_buf){
			.length = import.length, .offset = import.offset, .handle = import.handle,
		};
	return err;
}

/* A window on the whole pool, or MAP_FAILED */
static inline char *pp_window(int fd, int prot)
{
	struct pinpool_info info;

	if (pp_info(fd, &info))
		return MAP_FAILED;
	return mmap(NULL, info.capacity, prot, MAP_SHARED, fd, 0);
}

/* Have nothing mapped of a window on all of the pool: the next touch is the first. */
static inline int pp_remap(int fd, char *window, size_t capacity)
{
	return mmap(window, capacity, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, fd, 0) ==
	       window ? 0 : -errno;
}

/*
 * The pages of some pools are not their own: their windows are of bare frames, which
 * can't be pinned, and of which the kernel's accounts know nothing.
 */
static inline bool pp_has_pages(int fd)
{
	struct pinpool_info info;

	return !pp_info(fd, &info) && info.longterm == PINPOOL_LONGTERM_YES;
}

#define PP_NO_PAGES	"no pages of the pool's own, which could be pinned and counted"

/* An open file of the pool, and its window on all of it */
struct pp_client {
	int fd;
	char *window;
	size_t capacity;
	size_t granule;
};

static inline bool pp_client_open_at(struct pp_client *client, const char *node)
{
	struct pinpool_info info;

	client->window = MAP_FAILED;
	client->fd = open(node, O_RDWR | O_CLOEXEC);
	if (client->fd < 0 || pp_info(client->fd, &info))
		return false;
	client->capacity = info.capacity;
	client->granule = info.granule;
	client->window = pp_window(client->fd, PROT_READ | PROT_WRITE);
	return client->window != MAP_FAILED;
}

static inline bool pp_client_open(struct pp_client *client)
{
	return pp_client_open_at(client, pp_node());
}

static inline void pp_client_close(struct pp_client *client)
{
	if (client->window != MAP_FAILED)
		munmap(client->window, client->capacity);
	close(client->fd);
}

/* Send a file, or receive one: it, or -1 */
static inline bool pp_send_file(int sock, int fd)
{
	union {
		struct cmsghdr align;
		char bytes[CMSG_SPACE(sizeof(int))];
	} control = {};
	char byte = 0;
	struct iovec iov = { .iov_base = &byte, .iov_len = 1 };
	struct msghdr msg = {
		.msg_iov = &iov, .msg_iovlen = 1,
		.msg_control = &control, .msg_controllen = sizeof(control),
	};
	struct cmsghdr *cmsg = CMSG_FIRSTHDR(&msg);

	cmsg->cmsg_level = SOL_SOCKET;
	cmsg->cmsg_type = SCM_RIGHTS;
	cmsg->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(cmsg), &fd, sizeof(fd));
	return sendmsg(sock, &msg, MSG_NOSIGNAL) == 1;
}

static inline int pp_receive_file(int sock)
{
	union {
		struct cmsghdr align;
		char bytes[CMSG_SPACE(sizeof(int))];
	} control = {};
	char byte;
	struct iovec iov = { .iov_base = &byte, .iov_len = 1 };
	struct msghdr msg = {
		.msg_iov = &iov, .msg_iovlen = 1,
		.msg_control = &control, .msg_controllen = sizeof(control),
	};
	struct cmsghdr *cmsg;
	int fd = -1;

	if (recvmsg(sock, &msg, MSG_CMSG_CLOEXEC) != 1)
		return -1;
	cmsg = CMSG_FIRSTHDR(&msg);
	if (cmsg && cmsg->cmsg_type == SCM_RIGHTS)
		memcpy(&fd, CMSG_DATA(cmsg), sizeof(fd));
	return fd;
}

static sigjmp_buf pp_trap_env;
static siginfo_t pp_trap_info;

static inline void pp_trap(int sig, siginfo_t *info, void *context)
{
	(void)context;
	pp_trap_info = *info;
	siglongjmp(pp_trap_env, sig);
}

/*
 * Touch one byte. Returns 0, or SIGBUS or SIGSEGV if that is what it got, which
 * pp_trap_info then tells more of. One thread at a time.
 */
static inline int pp_probe(volatile char *address, bool write)
{
	struct sigaction action = { .sa_sigaction = pp_trap, .sa_flags = SA_SIGINFO };
	struct sigaction old_bus = {}, old_segv = {};
	int sig;

	sigaction(SIGBUS, &action, &old_bus);
	sigaction(SIGSEGV, &action, &old_segv);
	sig = sigsetjmp(pp_trap_env, 1);
	if (!sig) {
		if (write)
			*address = *address + 1;
		else
			(void)*address;
	}
	sigaction(SIGBUS, &old_bus, NULL);
	sigaction(SIGSEGV, &old_segv, NULL);
	return sig;
}

static inline int pp_probe_read(const void *address)
{
	return pp_probe((char *)address, false);
}

static inline int pp_probe_write(void *address)
{
	return pp_probe(address, true);
}

/* As deadlines are given; nanoseconds */
static inline uint64_t pp_now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000000000ULL + ts.tv_nsec;
}

/* What the kernel could give, in KiB */
static inline unsigned long pp_available_kib(void)
{
	unsigned long kib = 0;
	char line[128];
	FILE *file = fopen("/proc/meminfo", "re");

	while (file && fgets(line, sizeof(line), file) &&
	       sscanf(line, "MemAvailable: %lu", &kib) != 1)
		;
	if (file)
		fclose(file);
	return kib;
}

/*
 * Whether the kernel could give as much as @before again, but for @noise, both in KiB.
 * What was freed while others may still look at it comes back a little later, and each
 * processor keeps some, uncounted, until it is asked for its counters a few times.
 */
static inline bool pp_memory_is_back(unsigned long before, unsigned long noise)
{
	int fd, tries;
	char byte;

	for (tries = 0; before >= pp_available_kib() + noise; tries++) {
		if (tries == 100) {
			fprintf(stderr, "# %lu KiB were available, %lu are\n", before,
				pp_available_kib());
			return false;
		}
		fd = open("/proc/sys/vm/stat_refresh", O_RDONLY | O_CLOEXEC);
		if (fd < 0 || read(fd, &byte, 1) < 0)
			fprintf(stderr, "# counters are not to be had: %s\n", strerror(errno));
		close(fd);
		usleep(100000);
	}
	return true;
}

/* The kernel's log from now on, or -1 */
static inline int pp_log_open(void)
{
	int log = open("/dev/kmsg", O_RDONLY | O_NONBLOCK | O_CLOEXEC);

	if (log >= 0)
		lseek(log, 0, SEEK_END);
	return log;
}

/* What @log has behind @words in a line that nobody has read yet; false if there is none */
static inline bool pp_log_find(int log, const char *words, char *rest, size_t size)
{
	const char *found;
	char line[2048];
	ssize_t len;

	while ((len = read(log, line, sizeof(line) - 1)) > 0 || (len < 0 && errno == EPIPE)) {
		if (len < 0)
			continue;
		line[len] = '\0';
		found = strstr(line, words);
		if (found) {
			snprintf(rest, size, "%s", found + strlen(words));
			return true;
		}
	}
	return false;
}

/* Remove the module, and load that of PINPOOL_KO with the default pool */
static inline int pp_unload(void)
{
	return syscall(SYS_delete_module, "pinpool", O_NONBLOCK) ? -errno : 0;
}

static inline int pp_load(void)
{
	int fd = open(getenv("PINPOOL_KO"), O_RDONLY | O_CLOEXEC);
	int err = syscall(SYS_finit_module, fd, "", 0) ? -errno : 0;

	close(fd);
	return err;
}

/* A pattern that tells buffers, and places within one, apart */
static inline uint64_t pp_pattern(uint64_t seed, uint64_t word)
{
	uint64_t x = seed * 0x9e3779b97f4a7c15ULL + word;

	x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9ULL;
	return (x ^ (x >> 27)) | 1;	/* never zero */
}

static inline void pp_fill(void *memory, size_t length, uint64_t seed)
{
	uint64_t *words = memory;
	size_t i;

	for (i = 0; i < length / sizeof(*words); i++)
		words[i] = pp_pattern(seed, i);
}

static inline bool pp_matches(const void *memory, size_t length, uint64_t seed)
{
	const uint64_t *words = memory;
	size_t i;

	for (i = 0; i < length / sizeof(*words); i++)
		if (words[i] != pp_pattern(seed, i))
			return false;
	return true;
}

static inline bool pp_is_zero(const void *memory, size_t length)
{
	const char *bytes = memory;

	return !length || (!bytes[0] && !memcmp(bytes, bytes + 1, length - 1));
}

/*
 * Whether the pool is whole again and @clients files of it are open. Says what
 * is wrong, as a comment.
 *
 * Direct I/O may let go of its pages shortly after read() or write() returned,
 * and nothing tells when, and graphics drivers let go of shares by a work: these get
 * a few seconds to end.
 */
static inline bool pp_pool_is_whole(int fd, unsigned int clients)
{
	struct pinpool_stats s;
	int tries = 5000;
	int err;

	while (!(err = pp_stats(fd, &s)) && (s.quarantined || s.shares) && tries--)
		usleep(1000);
	if (!err && !s.used && !s.quarantined && s.free == s.capacity && !s.requested &&
	    s.largest_free == s.capacity && !s.buffers && s.free_extents == 1 &&
	    !s.quarantined_extents && s.clients == clients && s.allocs == s.frees &&
	    !s.client_used && !s.client_requested && !s.client_buffers &&
	    !s.client_quarantined && !s.shares && !s.waiters)
		return true;
	fprintf(stderr,
		"# pool is not whole (error %d): %llu used, %llu free of %llu in %llu extents, %llu quarantined, %llu buffers, %llu shares, %llu clients of %u, %llu allocs, %llu frees\n",
		err, s.used, s.free, s.capacity, s.free_extents, s.quarantined, s.buffers,
		s.shares, s.clients, clients, s.allocs, s.frees);
	return false;
}

/*
 * The tests need a pool to themselves. For main(): ends the program as skipped,
 * or as failed where PINPOOL_REQUIRE is set, if there is none.
 */
static inline void pp_require_pool(void)
{
	int fd = open(pp_node(), O_RDWR | O_CLOEXEC);
	struct pinpool_stats stats;

	if (fd >= 0 && !pp_stats(fd, &stats) && !stats.used && stats.clients == 1) {
		close(fd);
		return;
	}
	printf("TAP version 13\n1..0 # SKIP %s: %s\n", pp_node(),
	       fd < 0 ? strerror(errno) : "in use by others");
	exit(getenv("PINPOOL_REQUIRE") ? 1 : 4);
}

/*
 * In place of the harness's SKIP in FIXTURE_SETUP, from where it would go on with the
 * test: the status by which its parent knows what was skipped
 */
#define PP_SKIP_SETUP(...)	SKIP(exit(255), __VA_ARGS__)

/* In place of the harness's TEST_HARNESS_MAIN */
#define PP_HARNESS_MAIN							\
	static void __attribute__((constructor)) pp_constructor(void)	\
	{								\
		pp_require_pool();					\
	}								\
	TEST_HARNESS_MAIN

#endif /* PINPOOL_TEST_H */
