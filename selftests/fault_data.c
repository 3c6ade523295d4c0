// SPDX-License-Identifier: GPL-2.0
/*
 * The data plane while allocations and copies fail in turn: a call that fails changes
 * nothing, and nothing is left of one that succeeds and is undone
 *
 * Needs root, and a kernel that injects faults.
 */
#define _FILE_OFFSET_BITS 64
#include "fault.h"

#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <sys/wait.h>

#include "kselftest_harness.h"

#define NAME		"fault-test"
#define NODE		"/dev/pinpool/" NAME
#define CAPACITY	(8 * MIB)
#define PAGE		4096ULL

/* As many nodes as one chunk of the allocator has; see kmod/offset_alloc_internal.h */
#define NODES		1016

#define NR		8

/* @a holds @held, which it shares as @share; @b holds nothing. The rest is of tests. */
struct env {
	struct nl nl;
	struct pp_client a;
	struct pp_client b;
	struct pinpool_buf held;
	int share;
	struct pinpool_buf bufs[NR];
	struct pinpool_buf buf;
	struct pinpool_buf many[NODES];
	int pipe[2];
	int fd;
	char *map;
	char *moved_from;
	pthread_t thread;
	bool stop;
};

static void take(struct state *state, struct env *env)
{
	state_begin(state);
	state_all(state, &env->nl);
	state_pool(state, &env->nl, NAME, env->a.fd);
}

/* Of one granule, at the end of the pool, so that nothing moves */
static int prepare_buf(struct env *env)
{
	int err = pp_alloc(env->a.fd, 5 * PAGE - 7, 0, &env->buf);

	if (!err)
		pp_fill(env->a.window + env->buf.offset, env->buf.length, 3);
	return err;
}

static void free_buf(struct env *env)
{
	pp_free(env->a.fd, env->buf.handle);
}

static int run_info(struct env *env)
{
	struct pinpool_info info;

	return pp_info(env->a.fd, &info);
}

static int run_stats(struct env *env)
{
	struct pinpool_stats stats;

	return pp_stats(env->a.fd, &stats);
}

static int run_query(struct env *env)
{
	struct pinpool_query query;

	return pp_query(env->a.fd, env->held.handle, &query);
}

static int run_find(struct env *env)
{
	struct pinpool_query query;

	return pp_find(env->a.fd, 0, PINPOOL_QUERY_NEXT, &query);
}

static int run_alloc(struct env *env)
{
	return pp_alloc(env->a.fd, 5 * PAGE - 7, 0, &env->buf);
}

static int run_alloc_aligned(struct env *env)
{
	return pp_alloc(env->a.fd, 5 * PAGE - 7, MIB, &env->buf);
}

static int run_alloc_too_much(struct env *env)
{
	return pp_alloc(env->a.fd, env->a.capacity, 0, &env->buf);
}

static int alloc_array(struct env *env, uint32_t flags)
{
	uint32_t done;
	int i, err;

	for (i = 0; i < NR; i++)
		env->bufs[i] = (struct pinpool_buf){ .length = (i + 1) * PAGE };
	err = pp_alloc_array(env->a.fd, env->bufs, NR, flags, &done);
	for (i = err ? 0 : done; i < NR; i++)
		env->bufs[i].handle = 0;
	return err;
}

static int run_alloc_array(struct env *env)
{
	return alloc_array(env, 0);
}

static int run_alloc_partial(struct env *env)
{
	return alloc_array(env, PINPOOL_ALLOC_PARTIAL);
}

static void free_bufs(struct env *env)
{
	int i;

	for (i = 0; i < NR; i++)
		if (env->bufs[i].handle)
			pp_free(env->a.fd, env->bufs[i].handle);
}

static int run_alloc_at(struct env *env)
{
	struct pinpool_alloc alloc = {
		.size = sizeof(alloc), .flags = PINPOOL_ALLOC_AT, .length = 3 * PAGE,
		.offset = env->a.capacity / 2,
	};
	int err = pp_ioctl(env->a.fd, PINPOOL_IOC_ALLOC, &alloc);

	env->buf.handle = alloc.handle;
	return err;
}

/* Two granules are free here and there, and nowhere three in a row. */
static int prepare_holes(struct env *env)
{
	struct pinpool_stats stats;
	int i, err;

	for (i = 0; i < NR; i++)
		env->bufs[i] = (struct pinpool_buf){ .length = 2 * PAGE };
	err = pp_alloc_array(env->a.fd, env->bufs, NR, 0, NULL) ?: pp_stats(env->a.fd, &stats);
	if (!err)
		err = pp_alloc(env->a.fd, stats.largest_free, 0, &env->buf);
	for (i = 0; !err && i < NR; i += 2) {
		err = pp_free(env->a.fd, env->bufs[i].handle);
		env->bufs[i].handle = 0;
	}
	return err;
}

static int run_alloc_scatter(struct env *env)
{
	struct pinpool_buf *parts = env->many;
	struct pinpool_alloc alloc = {
		.size = sizeof(alloc), .flags = PINPOOL_ALLOC_SCATTER, .length = 5 * PAGE,
		.bufs = (uintptr_t)parts, .count = NR, .buf_size = sizeof(*parts),
	};
	int err = pp_ioctl(env->a.fd, PINPOOL_IOC_ALLOC, &alloc);

	parts[alloc.done].handle = 0;
	return err;
}

static void free_parts(struct env *env)
{
	int i;

	for (i = 0; env->many[i].handle; i++)
		pp_free(env->a.fd, env->many[i].handle);
}

static void free_holes(struct env *env)
{
	free_bufs(env);
	free_buf(env);
}

/* There are so many buffers that the next few take more nodes than there are. */
static int alloc_nodes(struct env *env)
{
	int i;

	for (i = 0; i < NODES - 6; i++)
		env->many[i] = (struct pinpool_buf){ .length = PAGE };
	return pp_alloc_array(env->a.fd, env->many, i, 0, NULL);
}

static void free_nodes(struct env *env)
{
	uint64_t handles[NODES];
	int i;

	for (i = 0; i < NODES - 6; i++)
		handles[i] = env->many[i].handle;
	pp_free_array(env->a.fd, handles, i, NULL);
}

static int alloc_until(struct env *env, uint64_t length, uint64_t wait_ns)
{
	struct pinpool_alloc alloc = {
		.size = sizeof(alloc), .length = length, .deadline_ns = pp_now_ns() + wait_ns,
	};
	int err = pp_ioctl(env->b.fd, PINPOOL_IOC_ALLOC, &alloc);

	env->bufs[0].handle = alloc.handle;
	return err;
}

static int run_wait_in_vain(struct env *env)
{
	return alloc_until(env, env->a.capacity, 1000000);
}

/* Gives all that @b waits for, when it does. */
static void *give(void *arg)
{
	struct env *env = arg;
	struct pinpool_stats stats;

	do {
		sched_yield();
		if (pp_stats(env->a.fd, &stats))
			return NULL;
	} while (!stats.waiters && !__atomic_load_n(&env->stop, __ATOMIC_ACQUIRE));
	free_buf(env);
	return NULL;
}

static int prepare_wait(struct env *env)
{
	struct pinpool_stats stats;
	int err = pp_stats(env->a.fd, &stats);

	if (!err)
		err = pp_alloc(env->a.fd, stats.largest_free, 0, &env->buf);
	env->stop = false;
	env->bufs[0].handle = 0;
	return err ?: -pthread_create(&env->thread, NULL, give, env);
}

static int run_wait(struct env *env)
{
	return alloc_until(env, PAGE, 60000000000ULL);
}

static void free_waited(struct env *env)
{
	pp_free(env->b.fd, env->bufs[0].handle);
}

static void end_wait(struct env *env)
{
	__atomic_store_n(&env->stop, true, __ATOMIC_RELEASE);
	pthread_join(env->thread, NULL);
}

/* Nothing of the window is mapped, not even page tables. */
static int prepare_unmapped(struct env *env)
{
	munmap(env->a.window, env->a.capacity);
	env->a.window = pp_window(env->a.fd, PROT_READ | PROT_WRITE);
	return env->a.window == MAP_FAILED ? -ENOMEM : 0;
}

static int run_populate(struct env *env)
{
	struct pinpool_alloc alloc = {
		.size = sizeof(alloc), .flags = PINPOOL_ALLOC_POPULATE, .length = 2 * MIB,
		.window = (uintptr_t)env->a.window,
	};
	int err = pp_ioctl(env->a.fd, PINPOOL_IOC_ALLOC, &alloc);

	env->buf.handle = alloc.handle;
	return err;
}

static int run_populate_array(struct env *env)
{
	struct pinpool_alloc alloc = {
		.size = sizeof(alloc), .flags = PINPOOL_ALLOC_POPULATE,
		.bufs = (uintptr_t)env->bufs, .count = 2, .buf_size = sizeof(env->bufs[0]),
		.window = (uintptr_t)env->a.window,
	};

	memset(env->bufs, 0, sizeof(env->bufs));
	env->bufs[0].length = PAGE;
	env->bufs[1].length = 100 * PAGE;
	return pp_ioctl(env->a.fd, PINPOOL_IOC_ALLOC, &alloc);
}

static int run_free(struct env *env)
{
	return pp_free(env->a.fd, env->buf.handle);
}

static int prepare_bufs(struct env *env)
{
	return alloc_array(env, 0);
}

static int run_free_array(struct env *env)
{
	uint64_t handles[NR];
	int i;

	for (i = 0; i < NR; i++)
		handles[i] = env->bufs[i].handle;
	return pp_free_array(env->a.fd, handles, NR, NULL);
}

/* Of its pages the first is pinned by a pipe. */
static int prepare_pinned(struct env *env)
{
	struct iovec iov = { .iov_len = PAGE };
	int err = prepare_buf(env);

	if (err)
		return err;
	if (pipe2(env->pipe, O_CLOEXEC))
		return -errno;
	iov.iov_base = env->a.window + env->buf.offset;
	return vmsplice(env->pipe[1], &iov, 1, 0) == PAGE ? 0 : -EIO;
}

static void unpin(struct env *env)
{
	close(env->pipe[0]);
	close(env->pipe[1]);
}

static void free_pinned(struct env *env)
{
	free_buf(env);
	unpin(env);
}

/* It is in @a's quarantine. */
static int prepare_quarantined(struct env *env)
{
	return prepare_pinned(env) ?: pp_free(env->a.fd, env->buf.handle);
}

static int run_alloc_quarantined(struct env *env)
{
	return pp_alloc(env->a.fd, 2 * PAGE, 0, &env->buf);
}

/* Two pages in the middle of it, or elsewhere where there is no record for what is left */
static int run_alloc_quarantined_aligned(struct env *env)
{
	return pp_alloc(env->a.fd, 2 * PAGE, 2 * PAGE, &env->buf);
}

/* What nobody has pinned any more is looked for by who finds no space. */
static int prepare_reapable(struct env *env)
{
	int err = prepare_quarantined(env);

	unpin(env);
	return err;
}

static int run_reap(struct env *env)
{
	return pp_alloc(env->b.fd, env->b.capacity, 0, &env->bufs[0]);
}

/* Nothing else is free but what is in @a's quarantine, which it lets go of just now. */
static int prepare_last(struct env *env)
{
	int err = prepare_quarantined(env);
	struct pinpool_stats stats;

	env->many[0].handle = 0;
	if (!err)
		err = pp_stats(env->b.fd, &stats);
	return err ?: pp_alloc(env->b.fd, stats.largest_free, 0, &env->many[0]);
}

static int run_alloc_last(struct env *env)
{
	unpin(env);
	return pp_alloc(env->b.fd, 5 * PAGE, 0, &env->bufs[0]);
}

static void free_last(struct env *env)
{
	pp_free(env->b.fd, env->many[0].handle);
}

static int run_grow(struct env *env)
{
	return pp_resize(env->a.fd, env->buf.handle, 9 * PAGE + 1);
}

static int run_shrink(struct env *env)
{
	return pp_resize(env->a.fd, env->buf.handle, PAGE + 1);
}

static int run_resize_same(struct env *env)
{
	return pp_resize(env->a.fd, env->buf.handle, 5 * PAGE);
}

static int run_export(struct env *env)
{
	env->fd = pp_export(env->a.fd, env->held.handle, 0);
	return env->fd;
}

static int run_export_rdonly(struct env *env)
{
	env->fd = pp_export(env->a.fd, env->held.handle, PINPOOL_SHARE_RDONLY);
	return env->fd;
}

/* What was never shared before */
static int run_export_first(struct env *env)
{
	env->fd = pp_export(env->a.fd, env->buf.handle, 0);
	return env->fd;
}

static int prepare_export(struct env *env)
{
	return run_export(env) < 0 ? env->fd : 0;
}

static void close_fd(struct env *env)
{
	close(env->fd);
}

static int run_import(struct env *env)
{
	return pp_import(env->b.fd, env->share, 0, &env->buf);
}

static int run_import_rdonly(struct env *env)
{
	return pp_import(env->b.fd, env->share, PINPOOL_SHARE_RDONLY, &env->buf);
}

static void free_imported(struct env *env)
{
	pp_free(env->b.fd, env->buf.handle);
}

static int prepare_imported(struct env *env)
{
	return run_import(env);
}

static int run_free_imported(struct env *env)
{
	return pp_free(env->b.fd, env->buf.handle);
}

static int run_open(struct env *env)
{
	env->fd = open(NODE, O_RDWR | O_CLOEXEC);
	return env->fd < 0 ? -errno : 0;
}

/* A client with all that one can have, which is closed at once */
static int prepare_close(struct env *env)
{
	struct pinpool_buf more[] = { { .length = 1 }, { .length = PAGE } };
	struct pp_client c;
	int err;

	if (!pp_client_open_at(&c, NODE))
		return -EIO;
	env->fd = c.fd;
	env->map = c.window;
	err = pp_import(c.fd, env->share, 0, &env->buf) ?: pp_alloc(c.fd, 3 * PAGE, 0, &env->buf);
	if (!err)
		pp_fill(c.window + env->buf.offset, 3 * PAGE, 2);
	munmap(c.window, c.capacity);
	if (!err)
		err = pp_alloc_array(c.fd, more, ARRAY_LEN(more), 0, NULL);
	return err;
}

static int run_close(struct env *env)
{
	return close(env->fd) ? -errno : 0;
}

static int map_window(struct env *env, size_t length, int prot, int flags, off_t offset)
{
	env->map = mmap(NULL, length, prot, MAP_SHARED | flags, env->a.fd, offset);
	return env->map == MAP_FAILED ? -errno : 0;
}

static int run_mmap(struct env *env)
{
	return map_window(env, env->a.capacity, PROT_READ | PROT_WRITE, 0, 0);
}

static int run_mmap_rdonly(struct env *env)
{
	return map_window(env, env->a.capacity, PROT_READ, 0, 0);
}

static int run_mmap_populated(struct env *env)
{
	return map_window(env, env->a.capacity, PROT_READ | PROT_WRITE, MAP_POPULATE, 0);
}

static void unmap(struct env *env)
{
	munmap(env->map, env->a.capacity);
}

static int run_munmap(struct env *env)
{
	return munmap(env->map, env->a.capacity) ? -errno : 0;
}

static int run_munmap_middle(struct env *env)
{
	return munmap(env->map + 16 * PAGE, PAGE) ? -errno : 0;
}

static int run_mprotect(struct env *env)
{
	return mprotect(env->map + 16 * PAGE, PAGE, PROT_READ) ? -errno : 0;
}

static int run_mremap(struct env *env)
{
	char *map = mremap(env->map, env->a.capacity, env->a.capacity / 2, MREMAP_MAYMOVE);

	return map == MAP_FAILED ? -errno : 0;
}

/* To where something else is, which goes */
static int run_mremap_move(struct env *env)
{
	char *place = mmap(NULL, env->a.capacity, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	char *map = MAP_FAILED;
	int err = ENOMEM;

	if (place != MAP_FAILED) {
		map = mremap(env->map, env->a.capacity, env->a.capacity,
			     MREMAP_MAYMOVE | MREMAP_FIXED, place);
		err = errno;
	}
	env->moved_from = env->map;
	if (map != MAP_FAILED)
		env->map = map;
	else if (place != MAP_FAILED)
		munmap(place, env->a.capacity);
	return map == MAP_FAILED ? -err : 0;
}

/* Where there was no memory to unmap it, the kernel leaves the old mapping, and says 0. */
static void unmap_moved(struct env *env)
{
	munmap(env->moved_from, env->a.capacity);
	unmap(env);
}

static int prepare_mapped(struct env *env)
{
	int err = run_mmap(env);

	if (!err)
		memcpy(env->map + env->held.offset, "mapped", 6);
	return err;
}

/*
 * A touch is tried again until there is memory: it is never SIGBUS, nor does it kill,
 * where the buffer is there.
 */
static int run_touch(struct env *env)
{
	return pp_probe_write(env->a.window + env->held.offset) ? -EIO : 0;
}

static int run_touch_read(struct env *env)
{
	return pp_probe_read(env->a.window + env->held.offset) ? -EIO : 0;
}

/* Of memory that isn't the client's it is SIGBUS, now as ever. */
static int run_touch_nothing(struct env *env)
{
	return pp_probe_read(env->a.window + env->a.capacity - PAGE) == SIGBUS ? 0 : -EIO;
}

/* The fault may be that of the call which installs the handler, ... */
static int prepare_trap(struct env *env)
{
	struct sigaction action = { .sa_sigaction = pp_trap, .sa_flags = SA_SIGINFO };
	int err = prepare_unmapped(env);

	return err ?: sigaction(SIGBUS, &action, NULL) ? -errno : 0;
}

/* ... or of that which ends it. */
static int finish_trap(struct env *env, int ret)
{
	sigset_t set;

	(void)env;
	sigemptyset(&set);
	sigaddset(&set, SIGBUS);
	signal(SIGBUS, SIG_DFL);
	signal(SIGSEGV, SIG_DFL);
	return sigprocmask(SIG_UNBLOCK, &set, NULL) ? -errno : ret;
}

/* The kernel itself touches it. */
static int run_read_into(struct env *env)
{
	ssize_t got = pread(env->fd, env->a.window + env->held.offset, 3 * PAGE, 0);

	return got < 0 ? -errno : 0;
}

static int prepare_file(struct env *env)
{
	env->fd = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
	return env->fd < 0 ? -errno : prepare_unmapped(env);
}

/* Somebody pins it. */
static int run_pin(struct env *env)
{
	struct iovec iov = { env->a.window + env->held.offset, 3 * PAGE };

	return vmsplice(env->pipe[1], &iov, 1, 0) < 0 ? -errno : 0;
}

static int prepare_pin(struct env *env)
{
	return pipe2(env->pipe, O_CLOEXEC) ? -errno : prepare_unmapped(env);
}

static int prepare_share(struct env *env)
{
	env->map = mmap(NULL, env->held.length, PROT_READ | PROT_WRITE, MAP_SHARED, env->share, 0);
	return env->map == MAP_FAILED ? -errno : 0;
}

static int run_mmap_share(struct env *env)
{
	return prepare_share(env);
}

static int run_touch_share(struct env *env)
{
	return pp_probe_write(env->map) ? -EIO : 0;
}

static void unmap_share(struct env *env)
{
	munmap(env->map, env->held.length);
}

/* Its first buffer is the child's as well. */
static int run_fork(struct env *env)
{
	pid_t pid = fork();
	int status;

	if (pid < 0)
		return -errno;
	if (!pid)
		_exit(pp_probe_write(env->a.window + env->held.offset));
	if (waitpid(pid, &status, 0) != pid)
		return -errno;
	return status ? -EIO : 0;
}

static int run_poll(struct env *env)
{
	struct pollfd pollfd = { .fd = env->a.fd, .events = POLLOUT };
	int ready = poll(&pollfd, 1, 0);

	return ready < 0 ? -errno : ready == 1 ? 0 : -EIO;
}

static int read_file(const char *path)
{
	char text[1024];
	ssize_t got;
	int fd, err;

	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	got = read(fd, text, sizeof(text));
	err = got < 0 ? -errno : 0;
	close(fd);
	return err;
}

static int run_fdinfo(struct env *env)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", env->a.fd);
	return read_file(path);
}

static int run_sysfs(struct env *env)
{
	return read_file("/sys/class/pinpool/" NAME "/largest_free");
}

FIXTURE(data)
{
	struct env env;
};

FIXTURE_VARIANT(data)
{
	const char *name;
	struct fault_op op;
	uint64_t granule;	/* or 0 */
	bool nodes;		/* there are as many as one chunk has */
};

static int pool_new(struct nl *nl, uint64_t granule)
{
	struct nlmsghdr *msg = nl_request(nl, PINPOOL_NL_CMD_POOL_NEW);

	mnl_attr_put_strz(msg, PINPOOL_A_POOL_NAME, NAME);
	mnl_attr_put_u64(msg, PINPOOL_A_POOL_CAPACITY, CAPACITY);
	if (granule)
		mnl_attr_put_u64(msg, PINPOOL_A_POOL_GRANULE, granule);
	return nl_talk(nl, msg, NULL, NULL);
}

FIXTURE_SETUP(data)
{
	struct env *env = &self->env;

	if (!fault_wanted(variant->name))
		PP_SKIP_SETUP("not in PINPOOL_FAULT");
	ASSERT_EQ(0, nl_open(&env->nl));
	/* Of a test that died */
	nl_pool_del(&env->nl, NAME, true);
	ASSERT_EQ(0, pool_new(&env->nl, variant->granule));
	ASSERT_TRUE(pp_client_open_at(&env->a, NODE));
	ASSERT_TRUE(pp_client_open_at(&env->b, NODE));
	ASSERT_EQ(0, pp_alloc(env->a.fd, 16 * PAGE, 0, &env->held));
	pp_fill(env->a.window + env->held.offset, env->held.length, 1);
	env->share = pp_export(env->a.fd, env->held.handle, 0);
	ASSERT_LE(0, env->share);
	if (variant->nodes)
		ASSERT_EQ(0, alloc_nodes(env));
}

FIXTURE_TEARDOWN(data)
{
	struct env *env = &self->env;

	if (variant->nodes)
		free_nodes(env);
	close(env->share);
	EXPECT_EQ(0, pp_free(env->a.fd, env->held.handle));
	EXPECT_TRUE(pp_pool_is_whole(env->b.fd, 2));
	pp_client_close(&env->a);
	pp_client_close(&env->b);
	EXPECT_EQ(0, nl_pool_del(&env->nl, NAME, false));
	nl_close(&env->nl);
}

#define VARIANT(_name, ...)						\
	FIXTURE_VARIANT_ADD(data, _name) {				\
		.name = #_name, .op = { __VA_ARGS__ },			\
	}
#define VARIANT_2M(_name, ...)						\
	FIXTURE_VARIANT_ADD(data, _name) {				\
		.name = #_name, .op = { __VA_ARGS__ }, .granule = 2 * MIB,	\
	}
#define VARIANT_NODES(_name, ...)					\
	FIXTURE_VARIANT_ADD(data, _name) {				\
		.name = #_name, .op = { __VA_ARGS__ }, .nodes = true,	\
	}

VARIANT(info, run_info);
VARIANT(stats, run_stats);
VARIANT(query, run_query);
VARIANT(find, run_find);
VARIANT(alloc, run_alloc, .undo = free_buf);
VARIANT(alloc_aligned, run_alloc_aligned, .undo = free_buf);
VARIANT(alloc_too_much, run_alloc_too_much, .want = -ENOSPC);
VARIANT(alloc_array, run_alloc_array, .undo = free_bufs);
VARIANT(alloc_partial, run_alloc_partial, .undo = free_bufs);
VARIANT(alloc_at, run_alloc_at, .undo = free_buf);
VARIANT(alloc_scatter, run_alloc_scatter, .prepare = prepare_holes, .undo = free_parts,
	.cleanup = free_holes);
VARIANT_NODES(alloc_nodes, run_alloc_array, .undo = free_bufs);
VARIANT(alloc_wait, run_wait, .prepare = prepare_wait, .undo = free_waited, .cleanup = end_wait,
	.unstable = true);
VARIANT(alloc_wait_in_vain, run_wait_in_vain, .want = -ETIMEDOUT);
VARIANT(alloc_populate, run_populate, .prepare = prepare_unmapped, .undo = free_buf);
VARIANT(alloc_populate_array, run_populate_array, .prepare = prepare_unmapped, .undo = free_bufs);
VARIANT(alloc_quarantined, run_alloc_quarantined, .prepare = prepare_quarantined,
	.undo = free_buf, .cleanup = unpin, .unstable = true);
VARIANT(alloc_quarantined_aligned, run_alloc_quarantined_aligned,
	.prepare = prepare_quarantined, .undo = free_buf, .cleanup = unpin, .unstable = true);
VARIANT(alloc_reaps, run_reap, .prepare = prepare_reapable, .want = -ENOSPC,
	.unstable = true);
VARIANT(alloc_last, run_alloc_last, .prepare = prepare_last, .undo = free_waited,
	.cleanup = free_last, .unstable = true);
VARIANT(free, run_free, .prepare = prepare_buf, .cleanup = free_buf);
VARIANT(free_array, run_free_array, .prepare = prepare_bufs, .cleanup = free_bufs);
VARIANT(free_pinned, run_free, .prepare = prepare_pinned, .cleanup = free_pinned);
VARIANT(free_imported, run_free_imported, .prepare = prepare_imported,
	.cleanup = free_imported);
VARIANT(resize_grow, run_grow, .prepare = prepare_buf, .cleanup = free_buf);
VARIANT(resize_shrink, run_shrink, .prepare = prepare_buf, .cleanup = free_buf);
VARIANT(resize_same, run_resize_same, .prepare = prepare_buf, .cleanup = free_buf);
VARIANT(export, run_export, .undo = close_fd);
VARIANT(export_first, run_export_first, .prepare = prepare_buf, .undo = close_fd,
	.cleanup = free_buf);
VARIANT(export_rdonly, run_export_rdonly, .undo = close_fd);
VARIANT(import, run_import, .undo = free_imported);
VARIANT(import_rdonly, run_import_rdonly, .undo = free_imported);
VARIANT(open, run_open, .undo = close_fd);
VARIANT(close, run_close, .prepare = prepare_close, .never_fails = true);
VARIANT(close_share, run_close, .prepare = prepare_export, .never_fails = true);
VARIANT(mmap, run_mmap, .undo = unmap);
VARIANT(mmap_rdonly, run_mmap_rdonly, .undo = unmap);
VARIANT(mmap_populated, run_mmap_populated, .undo = unmap);
VARIANT(mmap_share, run_mmap_share, .undo = unmap_share);
VARIANT(munmap, run_munmap, .prepare = prepare_mapped, .cleanup = unmap);
VARIANT(munmap_middle, run_munmap_middle, .prepare = prepare_mapped, .cleanup = unmap);
VARIANT(mprotect, run_mprotect, .prepare = prepare_mapped, .cleanup = unmap);
VARIANT(mremap, run_mremap, .prepare = prepare_mapped, .cleanup = unmap);
VARIANT(mremap_move, run_mremap_move, .prepare = prepare_mapped, .cleanup = unmap_moved);
VARIANT(touch, run_touch, .prepare = prepare_unmapped, .never_fails = true);
VARIANT(touch_read, run_touch_read, .prepare = prepare_unmapped, .never_fails = true);
/* It becomes SIGSEGV where the signal's frame can't be written. */
VARIANT(touch_nothing, run_touch_nothing, .prepare = prepare_trap, .finish = finish_trap,
	.error = EIO);
VARIANT(touch_share, run_touch_share, .prepare = prepare_share, .cleanup = unmap_share,
	.never_fails = true);
VARIANT(read_into, run_read_into, .prepare = prepare_file, .cleanup = close_fd);
VARIANT(pin, run_pin, .prepare = prepare_pin, .cleanup = unpin);
VARIANT(fork, run_fork);
VARIANT(poll, run_poll);
VARIANT(fdinfo, run_fdinfo, .error = ENOENT);
VARIANT(sysfs, run_sysfs);

VARIANT_2M(huge_alloc, run_alloc, .undo = free_buf);
VARIANT_2M(huge_touch, run_touch, .prepare = prepare_unmapped, .never_fails = true);
VARIANT_2M(huge_touch_read, run_touch_read, .prepare = prepare_unmapped,
	   .never_fails = true);
VARIANT_2M(huge_touch_share, run_touch_share, .prepare = prepare_share,
	   .cleanup = unmap_share, .never_fails = true);
VARIANT_2M(huge_read_into, run_read_into, .prepare = prepare_file, .cleanup = close_fd);
VARIANT_2M(huge_pin, run_pin, .prepare = prepare_pin, .cleanup = unpin);
VARIANT_2M(huge_munmap_middle, run_munmap_middle, .prepare = prepare_mapped,
	   .cleanup = unmap);
VARIANT_2M(huge_mprotect, run_mprotect, .prepare = prepare_mapped, .cleanup = unmap);
VARIANT_2M(huge_fork, run_fork);

TEST_F_TIMEOUT(data, sweep, FAULT_TIMEOUT)
{
	EXPECT_TRUE(fault_sweep(&fault_self, &self->env, &variant->op, take));
}

static void __attribute__((constructor)) require(void)
{
	fault_require();
}

TEST_HARNESS_MAIN
