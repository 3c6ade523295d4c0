// SPDX-License-Identifier: GPL-2.0
/*
 * The control plane while allocations and copies fail in turn, those of the workers that
 * it has included: a command that fails changes nothing, nothing is left of one that
 * succeeds and is undone, and who listens is told, or told that something is missing
 *
 * Needs root, and a kernel that injects faults. Pools of memory that this kernel hasn't
 * are skipped.
 */
#define _FILE_OFFSET_BITS 64
#include "fault.h"
#include "fault_worker.h"
#include "foreign.h"
#include "user.h"

#include <time.h>

#include "kselftest_harness.h"

/* There all the time, and what tests make */
#define POOL		"fault-test"
#define POOL_NODE	"/dev/pinpool/" POOL
#define NEW		"fault-new"
#define NEW_NODE	"/dev/pinpool/" NEW

#define PAGE		4096ULL

/* No kind of memory takes more allocations to make a pool of. */
#define MEMORY		150
#define CAPACITY	(4 * MIB)
/* Not of whole chunks, so that there are small pieces, without which it is nothing */
#define ODD		(2 * MIB + 3 * PAGE)

/* pinpool-test is what `pinpool` of selftests/vm has reserved, and this. */
#define RESERVED_BASE	(512 * MIB)
#define REGION		"pinpool-test"

struct env {
	struct nl watch;
	struct nl nl;
	struct nl listener;
	struct pp_client a;
	struct pinpool_buf buf;
	int share;
	struct nlmsghdr *msg;
	uint8_t event;		/* that comes of success, or 0 */
	int fd;
	int fd2;
	int drm;
	int pipe[2];
	struct pp_client c;
	char *memory;
};

static void take(struct state *state, struct env *env)
{
	state_begin(state);
	state_all(state, &env->watch);
	state_pool(state, &env->watch, POOL, env->a.fd);
	state_lines(state, "/proc/iomem", "pinpool");
}

/* A socket of which nothing is known yet */
static int open_socket(struct env *env)
{
	struct timeval timeout = { .tv_sec = NL_SOON_MS / 1000 };
	int err;

	nl_close(&env->nl);
	err = nl_open(&env->nl);
	if (err)
		return err;
	return setsockopt(mnl_socket_get_fd(env->nl.sock), SOL_SOCKET, SO_RCVTIMEO, &timeout,
			  sizeof(timeout)) ? -errno : 0;
}

static int prepare_msg(struct env *env, uint8_t cmd, const char *name)
{
	int err = open_socket(env);

	if (err)
		return err;
	env->event = 0;
	env->msg = nl_request(&env->nl, cmd);
	mnl_attr_put_strz(env->msg, PINPOOL_A_POOL_NAME, name);
	return 0;
}

static int prepare_dump(struct env *env, uint8_t cmd)
{
	int err = open_socket(env);

	env->msg = err ? NULL : nl_dump(&env->nl, cmd);
	return err;
}

/* The command is done meanwhile. */
static int run_send(struct env *env)
{
	return mnl_socket_sendto(env->nl.sock, env->msg, env->msg->nlmsg_len) < 0 ? -errno : 0;
}

static bool told(struct env *env)
{
	const struct nlmsghdr *msg;

	errno = 0;
	msg = nl_event(&env->listener, env->event, NL_SOON_MS);
	return msg || errno == ENOBUFS;
}

/* Without faults, but one may have kept the answer from us: then this is 1. */
static int finish(struct env *env, int ret)
{
	int err = 0;

	if (ret)
		return ret;
	while (!nl_receive(&env->nl, NULL, NULL, &err))
		;
	if (err == -ENOBUFS)
		return 1;
	return !err && env->event && !told(env) ? -ENODATA : err;
}

/* Other than commands, dumps go on while their answers are read. */
static int run_dump(struct env *env)
{
	int err = run_send(env);

	while (!err && !nl_receive(&env->nl, NULL, NULL, &err))
		;
	return err;
}

/* One that wasn't read to its end has a reference to the module until then. */
static int finish_dump(struct env *env, int ret)
{
	return open_socket(env) ?: ret;
}

/* What was told is of no interest any more. */
static void drain(struct env *env)
{
	struct pollfd pollfd = {
		.fd = mnl_socket_get_fd(env->listener.sock), .events = POLLIN,
	};

	while (poll(&pollfd, 1, 0) == 1)
		if (mnl_socket_recvfrom(env->listener.sock, env->listener.reply,
					sizeof(env->listener.reply)) < 0 && errno != ENOBUFS)
			break;
}

static void cleanup(struct env *env)
{
	nl_close(&env->nl);
	drain(env);
}

static void del_new(struct env *env)
{
	nl_pool_del(&env->watch, NEW, true);
}

static int prepare_new(struct env *env, uint64_t capacity, uint32_t backing)
{
	int err = prepare_msg(env, PINPOOL_NL_CMD_POOL_NEW, NEW);

	if (err)
		return err;
	mnl_attr_put_u64(env->msg, PINPOOL_A_POOL_CAPACITY, capacity);
	mnl_attr_put_u32(env->msg, PINPOOL_A_POOL_BACKING, backing);
	env->event = PINPOOL_NL_CMD_POOL_NEW_NTF;
	return 0;
}

static int prepare_pages(struct env *env)
{
	return prepare_new(env, ODD, PINPOOL_BACKING_PAGES);
}

static int prepare_huge(struct env *env)
{
	int err = prepare_new(env, 2 * MIB, PINPOOL_BACKING_PAGES);

	if (!err)
		mnl_attr_put_u64(env->msg, PINPOOL_A_POOL_GRANULE, 2 * MIB);
	return err;
}

static void put_settings(struct env *env)
{
	struct nlattr *nest;

	nest = mnl_attr_nest_start(env->msg, PINPOOL_A_POOL_LIMITS);
	mnl_attr_put_u64(env->msg, PINPOOL_A_LIMITS_CLIENT_BYTES, MIB);
	mnl_attr_put_u64(env->msg, PINPOOL_A_LIMITS_UID_BUFFERS, 100);
	mnl_attr_nest_end(env->msg, nest);
	nest = mnl_attr_nest_start(env->msg, PINPOOL_A_POOL_WATERMARKS);
	mnl_attr_put_u32(env->msg, PINPOOL_A_WATERMARKS_LOW_PERCENT, 50);
	mnl_attr_put_u32(env->msg, PINPOOL_A_WATERMARKS_HIGH_PERCENT, 75);
	mnl_attr_nest_end(env->msg, nest);
}

static int prepare_settings(struct env *env)
{
	int err = prepare_new(env, PAGE, PINPOOL_BACKING_PAGES);

	if (!err)
		put_settings(env);
	return err;
}

static int prepare_contig(struct env *env)
{
	return prepare_new(env, ODD, PINPOOL_BACKING_CONTIG);
}

static int prepare_reserved(struct env *env)
{
	int err = prepare_new(env, 2 * MIB, PINPOOL_BACKING_RESERVED);

	if (!err)
		mnl_attr_put_u64(env->msg, PINPOOL_A_POOL_BASE, RESERVED_BASE);
	return err;
}

static int prepare_region(struct env *env)
{
	int err = prepare_new(env, ODD, PINPOOL_BACKING_RESERVED);

	if (!err)
		mnl_attr_put_strz(env->msg, PINPOOL_A_POOL_REGION, REGION);
	return err;
}

static int prepare_none(struct env *env)
{
	return prepare_new(env, ODD, PINPOOL_BACKING_NONE);
}

static int prepare_dmabuf(struct env *env, int fd)
{
	int err = fd < 0 ? -ENODEV : prepare_new(env, MIB, PINPOOL_BACKING_DMABUF);

	env->fd = fd;
	if (!err)
		mnl_attr_put_u32(env->msg, PINPOOL_A_POOL_FD, fd);
	return err;
}

static int prepare_vgem(struct env *env)
{
	return prepare_dmabuf(env, vgem_new(MIB));
}

static int prepare_udmabuf(struct env *env)
{
	return prepare_dmabuf(env, udmabuf_new(MIB));
}

static int prepare_heap(struct env *env)
{
	return prepare_dmabuf(env, heap_new(MIB));
}

static void cleanup_dmabuf(struct env *env)
{
	close(env->fd);
	cleanup(env);
}

static int prepare_set(struct env *env, uint64_t capacity)
{
	int err = prepare_msg(env, PINPOOL_NL_CMD_POOL_SET, POOL);

	if (!err && capacity)
		mnl_attr_put_u64(env->msg, PINPOOL_A_POOL_CAPACITY, capacity);
	env->event = PINPOOL_NL_CMD_POOL_SET_NTF;
	return err;
}

static int prepare_set_settings(struct env *env)
{
	int err = prepare_set(env, 0);

	if (!err)
		put_settings(env);
	return err;
}

static void undo_settings(struct env *env)
{
	nl_set_limit(&env->watch, POOL, PINPOOL_A_LIMITS_CLIENT_BYTES, 0);
	nl_set_limit(&env->watch, POOL, PINPOOL_A_LIMITS_UID_BUFFERS, 0);
	nl_set_watermarks(&env->watch, POOL, 0, 0);
}

static int prepare_set_grow(struct env *env)
{
	return prepare_set(env, CAPACITY + ODD);
}

static int prepare_set_shrink(struct env *env)
{
	return prepare_set(env, CAPACITY - ODD);
}

static void undo_capacity(struct env *env)
{
	nl_set_capacity(&env->watch, POOL, CAPACITY);
}

static int prepare_del(struct env *env)
{
	int err = nl_pool_new(&env->watch, NEW, ODD, 0600);

	drain(env);
	err = err ?: prepare_msg(env, PINPOOL_NL_CMD_POOL_DEL, NEW);
	env->event = PINPOOL_NL_CMD_POOL_DEL_NTF;
	return err;
}

static void cleanup_del(struct env *env)
{
	del_new(env);
	cleanup(env);
}

/* All that one can have of a pool: a window, a share, mapped and with a driver, and a pin */
static int prepare_use(struct env *env)
{
	struct pinpool_buf buf, pinned;
	struct iovec iov = { .iov_len = PAGE };
	uint32_t handle;

	if (!pp_client_open_at(&env->c, NEW_NODE) || pipe2(env->pipe, O_CLOEXEC) ||
	    pp_alloc(env->c.fd, 100 * PAGE, 0, &buf) || pp_alloc(env->c.fd, PAGE, 0, &pinned))
		return -EIO;
	pp_fill(env->c.window + buf.offset, buf.length, 1);
	iov.iov_base = env->c.window + pinned.offset;
	if (vmsplice(env->pipe[1], &iov, 1, 0) != PAGE)
		return -EIO;
	env->fd = pp_export(env->c.fd, buf.handle, 0);
	if (env->fd < 0)
		return env->fd;
	env->memory = mmap(NULL, buf.length, PROT_READ | PROT_WRITE, MAP_SHARED, env->fd, 0);
	if (env->memory == MAP_FAILED || pp_probe_write(env->memory))
		return -EIO;
	env->drm = drm_open("vgem");
	return env->drm < 0 ? 0 : drm_import(env->drm, env->fd, &handle);
}

static void end_use(struct env *env)
{
	munmap(env->memory, 100 * PAGE);
	close(env->fd);
	close(env->drm);
	close(env->pipe[0]);
	close(env->pipe[1]);
	pp_client_close(&env->c);
}

static int prepare_del_force(struct env *env)
{
	int err = prepare_del(env) ?: prepare_use(env);

	if (!err)
		mnl_attr_put(env->msg, PINPOOL_A_POOL_FORCE, 0, NULL);
	return err;
}

/* It is nobody's any more. */
static int finish_del_force(struct env *env, int ret)
{
	ret = finish(env, ret);
	if (ret == 0 && pp_probe_read(env->memory) != SIGBUS)
		return -EIO;
	return ret;
}

static void cleanup_del_force(struct env *env)
{
	end_use(env);
	cleanup_del(env);
}

static int prepare_get(struct env *env)
{
	return prepare_msg(env, PINPOOL_NL_CMD_POOL_GET, POOL);
}

static int prepare_stats(struct env *env)
{
	return prepare_msg(env, PINPOOL_NL_CMD_STATS_GET, POOL);
}

static int prepare_get_dump(struct env *env)
{
	return prepare_dump(env, PINPOOL_NL_CMD_POOL_GET);
}

static int prepare_clients(struct env *env)
{
	return prepare_dump(env, PINPOOL_NL_CMD_CLIENT_GET);
}

static int prepare_clients_of(struct env *env)
{
	int err = prepare_dump(env, PINPOOL_NL_CMD_CLIENT_GET);

	if (!err)
		mnl_attr_put_strz(env->msg, PINPOOL_A_CLIENT_POOL, POOL);
	return err;
}

static int prepare_buffers(struct env *env)
{
	int err = prepare_dump(env, PINPOOL_NL_CMD_BUFFER_GET);

	if (!err)
		mnl_attr_put_strz(env->msg, PINPOOL_A_BUFFER_POOL, POOL);
	return err;
}

static int run_control(struct env *env)
{
	env->fd = user_control();
	return env->fd < 0 ? -errno : 0;
}

static void close_control(struct env *env)
{
	close(env->fd);
	drain(env);
}

static int run_register(struct env *env)
{
	return user_register(env->fd, NEW, env->memory, MIB);
}

static int prepare_register(struct env *env)
{
	env->event = PINPOOL_NL_CMD_POOL_NEW_NTF;
	env->memory = mmap(NULL, MIB, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	return env->memory == MAP_FAILED ? -errno : run_control(env);
}

static int finish_register(struct env *env, int ret)
{
	return ret || told(env) ? ret : -ENODATA;
}

static void cleanup_register(struct env *env)
{
	munmap(env->memory, MIB);
	close_control(env);
}

/* The file that made a pool is closed while somebody has that open. */
static int prepare_close(struct env *env)
{
	struct pinpool_buf buf;
	int err = prepare_register(env) ?: run_register(env);

	if (err)
		return err;
	env->c.fd = open(NEW_NODE, O_RDWR | O_CLOEXEC);
	if (env->c.fd < 0)
		return -errno;
	env->c.window = pp_window(env->c.fd, PROT_READ | PROT_WRITE);
	env->c.capacity = MIB;
	err = pp_alloc(env->c.fd, 100 * PAGE, 0, &buf);
	if (!err)
		pp_fill(env->c.window + buf.offset, buf.length, 1);
	return err;
}

static int run_close(struct env *env)
{
	return close(env->fd) ? -errno : 0;
}

static void cleanup_close(struct env *env)
{
	munmap(env->memory, MIB);
	pp_client_close(&env->c);
	drain(env);
}

/* A client that held something ends; those are told who may know. */
static int prepare_die(struct env *env)
{
	struct pinpool_buf buf;

	env->event = PINPOOL_NL_CMD_CLIENT_DIED_NTF;
	env->fd = open(POOL_NODE, O_RDWR | O_CLOEXEC);
	return env->fd < 0 ? -errno : pp_alloc(env->fd, PAGE, 0, &buf);
}

FIXTURE(control)
{
	struct env env;
};

FIXTURE_VARIANT(control)
{
	const char *name;
	struct fault_op op;
	const struct fault_victim *victim;
};

FIXTURE_SETUP(control)
{
	struct env *env = &self->env;

	if (!fault_wanted(variant->name))
		PP_SKIP_SETUP("not in PINPOOL_FAULT");
	ASSERT_EQ(0, nl_open(&env->watch));
	/* Of a test that died */
	nl_pool_del(&env->watch, POOL, true);
	nl_pool_del(&env->watch, NEW, true);
	ASSERT_EQ(0, nl_pool_new(&env->watch, POOL, CAPACITY, 0600));
	ASSERT_EQ(0, nl_open(&env->listener));
	ASSERT_EQ(0, nl_listen(&env->listener, env->listener.events));
	ASSERT_EQ(0, nl_listen(&env->listener, env->listener.clients));
	ASSERT_TRUE(pp_client_open_at(&env->a, POOL_NODE));
	ASSERT_EQ(0, pp_alloc(env->a.fd, PAGE, 0, &env->buf));
	env->share = pp_export(env->a.fd, env->buf.handle, 0);
	ASSERT_LE(0, env->share);
}

FIXTURE_TEARDOWN(control)
{
	struct env *env = &self->env;

	close(env->share);
	EXPECT_EQ(0, pp_free(env->a.fd, env->buf.handle));
	EXPECT_TRUE(pp_pool_is_whole(env->a.fd, 1));
	pp_client_close(&env->a);
	EXPECT_EQ(0, nl_pool_del(&env->watch, POOL, false));
	nl_close(&env->nl);
	nl_close(&env->listener);
	nl_close(&env->watch);
}

#define VARIANT(_name, _victim, ...)					\
	FIXTURE_VARIANT_ADD(control, _name) {				\
		.name = #_name, .op = { __VA_ARGS__ }, .victim = &fault_##_victim,	\
	}
/*
 * A command by netlink that makes a pool. First it gets its memory, and then its node,
 * which is like that of any other.
 */
#define VARIANT_NEW(_name, _victim, _prepare, _cleanup, _to)		\
	VARIANT(_name, _victim, run_send, .prepare = _prepare, .finish = finish,	\
	      .undo = del_new, .cleanup = _cleanup, .error = ENOBUFS, .to = _to)
/* One that changes the pool */
#define VARIANT_SET(_name, _victim, _prepare, _undo)			\
	VARIANT(_name, _victim, run_send, .prepare = _prepare, .finish = finish,	\
	      .undo = _undo, .cleanup = cleanup, .error = ENOBUFS)
#define VARIANT_GET(_name, _run, _finish, _prepare)			\
	VARIANT(_name, self, _run, .prepare = _prepare, .finish = _finish,	\
	      .cleanup = cleanup, .error = ENOBUFS)

VARIANT_NEW(new_pages, self, prepare_pages, cleanup, 0);
VARIANT_NEW(new_huge, self, prepare_huge, cleanup, MEMORY);
VARIANT_NEW(new_settings, self, prepare_settings, cleanup, MEMORY);
VARIANT_NEW(new_contig, self, prepare_contig, cleanup, MEMORY);
VARIANT_NEW(new_reserved, self, prepare_reserved, cleanup, MEMORY);
VARIANT_NEW(new_region, self, prepare_region, cleanup, MEMORY);
VARIANT_NEW(new_none, self, prepare_none, cleanup, MEMORY);
VARIANT_NEW(new_vgem, self, prepare_vgem, cleanup_dmabuf, MEMORY);
VARIANT_NEW(new_udmabuf, self, prepare_udmabuf, cleanup_dmabuf, MEMORY);
VARIANT_NEW(new_heap, self, prepare_heap, cleanup_dmabuf, MEMORY);
VARIANT_SET(set_settings, self, prepare_set_settings, undo_settings);
VARIANT_SET(set_grow, self, prepare_set_grow, undo_capacity);
VARIANT_SET(set_shrink, self, prepare_set_shrink, undo_capacity);
VARIANT(del, self, run_send, .prepare = prepare_del, .finish = finish, .cleanup = cleanup_del,
	.error = ENOBUFS);
VARIANT(del_force, self, run_send, .prepare = prepare_del_force, .finish = finish_del_force,
	.cleanup = cleanup_del_force, .error = ENOBUFS);
VARIANT_GET(get, run_send, finish, prepare_get);
VARIANT_GET(stats, run_send, finish, prepare_stats);
VARIANT_GET(get_dump, run_dump, finish_dump, prepare_get_dump);
VARIANT_GET(clients, run_dump, finish_dump, prepare_clients);
VARIANT_GET(clients_of, run_dump, finish_dump, prepare_clients_of);
VARIANT_GET(buffers, run_dump, finish_dump, prepare_buffers);
VARIANT(client_died, self, run_close, .prepare = prepare_die, .finish = finish_register,
	.cleanup = drain, .never_fails = true);
VARIANT(open_control, self, run_control, .undo = close_control);
VARIANT(register, self, run_register, .prepare = prepare_register, .finish = finish_register,
	.cleanup = cleanup_register);
VARIANT(close_control, self, run_close, .prepare = prepare_close, .cleanup = cleanup_close,
	.never_fails = true);

/* What workers do for these calls */
VARIANT_NEW(worker_new_pages, worker, prepare_pages, cleanup, 0);
VARIANT_NEW(worker_new_huge, worker, prepare_huge, cleanup, 0);
VARIANT_NEW(worker_new_contig, worker, prepare_contig, cleanup, 0);
VARIANT_NEW(worker_new_reserved, worker, prepare_reserved, cleanup, 0);
VARIANT_SET(worker_set_grow, worker, prepare_set_grow, undo_capacity);

static bool is_quarantined(struct env *env)
{
	return nl_stat(&env->watch, POOL, PINPOOL_A_STATS_QUARANTINED);
}

static int prepare_quarantined(struct env *env)
{
	struct iovec iov = { .iov_len = PAGE };
	struct pinpool_buf buf;
	int err = pp_alloc(env->a.fd, 3 * PAGE, 0, &buf);

	if (err)
		return err;
	if (pipe2(env->pipe, O_CLOEXEC))
		return -errno;
	iov.iov_base = env->a.window + buf.offset;
	if (vmsplice(env->pipe[1], &iov, 1, 0) != PAGE)
		return -EIO;
	return pp_free(env->a.fd, buf.handle) ?: is_quarantined(env) ? 0 : -EIO;
}

/* A worker finds it when the pin is gone; if not at once, then later. */
static int run_unpin(struct env *env)
{
	int tries = 2000;

	close(env->pipe[0]);
	close(env->pipe[1]);
	while (is_quarantined(env) && tries--)
		usleep(5000);
	return tries < 0 ? -ETIMEDOUT : 0;
}

/* A worker tells that there was no space. */
static int run_exhaust(struct env *env)
{
	struct pinpool_buf buf;

	env->event = PINPOOL_NL_CMD_EXHAUSTED_NTF;
	if (pp_alloc(env->a.fd, env->a.capacity, 0, &buf) != -ENOSPC)
		return -EIO;
	return told(env) ? 0 : -ENODATA;
}

/* It is told only once there was space. */
static int prepare_exhaust(struct env *env)
{
	struct pinpool_buf buf;

	return pp_alloc(env->a.fd, PAGE, 0, &buf) ?: pp_free(env->a.fd, buf.handle);
}

VARIANT(worker_reap, worker, run_unpin, .prepare = prepare_quarantined, .cleanup = drain,
	.never_fails = true);
VARIANT(worker_event, worker, run_exhaust, .prepare = prepare_exhaust, .cleanup = drain,
	.never_fails = true);

/* Whether it can be done at all, where it is about memory that few kernels have */
static int try(struct env *env, const struct fault_op *op)
{
	int err = op->prepare ? op->prepare(env) : 0;

	if (err)
		return err;
	err = op->run(env);
	if (op->finish)
		err = op->finish(env, err);
	if (err >= 0 && op->undo)
		op->undo(env);
	if (op->cleanup)
		op->cleanup(env);
	return err;
}

TEST_F_TIMEOUT(control, sweep, FAULT_TIMEOUT)
{
	int err = try(&self->env, &variant->op);

	if (err == -ENODEV || err == -ENOENT || err == -EOPNOTSUPP || err == -EBUSY)
		SKIP(return, "no such memory here: %s", strerror(-err));
	if (foreign_cant_map(err, &self->env.nl))
		SKIP(return, "this kernel's can't be mapped by another driver");
	ASSERT_EQ(0, err);
	EXPECT_TRUE(fault_sweep(variant->victim, &self->env, &variant->op, take));
}

static void __attribute__((constructor)) require(void)
{
	fault_require();
}

TEST_HARNESS_MAIN
