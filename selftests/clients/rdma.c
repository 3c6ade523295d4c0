// SPDX-License-Identifier: GPL-2.0
/*
 * RDMA: memory regions in windows, and what becomes of them when buffers are
 * freed or their owners die
 *
 * The test is a director: an owner and a peer, processes of their own with an
 * RDMA device each, do what it tells them. It has itself a client of the pool, a
 * stranger to what they do.
 */
#define _FILE_OFFSET_BITS 64
#include "../pinpool_test.h"

#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include "kselftest_harness.h"
#include "verbs.h"

#define LOCAL		IBV_ACCESS_LOCAL_WRITE
#define ALL_RIGHTS	(LOCAL | IBV_ACCESS_REMOTE_WRITE | IBV_ACCESS_REMOTE_READ)
#define MAX_REGIONS	4
#define DEADLINE_MS	10000

/*
 * An order to a process, and its answer
 *
 * @what: Which order; in the answer 0, a negative errno, or the status of a
 *        transfer
 * @buf: The buffer, or the part of it, that it is about
 * @region: Which of the process's memory regions
 * @seed: Of the pattern that memory is filled with
 * @remote: The place in the memory of the other
 */
struct order {
	int what;
	int region;
	int access;
	struct pinpool_buf buf;
	uint64_t seed;
	struct verbs_remote remote;
	struct verbs_address address;
};

enum {
	ALLOC, FREE, FILL, COMPARE, REGISTER, DEREGISTER, ADDRESS, CONNECT, WRITE, READ, FORK, CLOSE
};

struct process {
	struct pp_client client;
	struct verbs verbs;
	struct ibv_mr *regions[MAX_REGIONS];
};

static int register_region(struct process *p, struct order *order)
{
	char *start = p->client.window + order->buf.offset;
	struct ibv_mr *mr;

	mr = ibv_reg_mr(p->verbs.pd, start, order->buf.length, order->access);
	if (!mr)
		return -errno;
	p->regions[order->region] = mr;
	order->remote = (struct verbs_remote){ (uintptr_t)start, mr->rkey };
	return 0;
}

static int deregister_region(struct process *p, int region)
{
	struct ibv_mr *mr = p->regions[region];

	p->regions[region] = NULL;
	return mr ? -ibv_dereg_mr(mr) : 0;
}

/* A child that is gone again: it writes one byte first. */
static int fork_and_write(char *memory, char byte)
{
	pid_t pid = fork();
	int status;

	if (!pid) {
		*memory = byte;
		_exit(0);
	}
	return waitpid(pid, &status, 0) == pid && !status ? 0 : -ECHILD;
}

static int carry_out(struct process *p, struct order *order)
{
	char *memory = p->client.window + order->buf.offset;

	switch (order->what) {
	case ALLOC:
		return pp_alloc(p->client.fd, order->buf.length, 0, &order->buf);
	case FREE:
		return pp_free(p->client.fd, order->buf.handle);
	case FILL:
		pp_fill(memory, order->buf.length, order->seed);
		return 0;
	case COMPARE:
		return pp_matches(memory, order->buf.length, order->seed) ? 0 : -EILSEQ;
	case REGISTER:
		return register_region(p, order);
	case DEREGISTER:
		return deregister_region(p, order->region);
	case ADDRESS:
		return verbs_address(&p->verbs, &order->address);
	case CONNECT:
		return verbs_connect(&p->verbs, &order->address);
	case WRITE:
	case READ:
		return verbs_transfer(&p->verbs, order->what == WRITE ? IBV_WR_RDMA_WRITE :
				      IBV_WR_RDMA_READ, p->regions[order->region], memory,
				      &order->remote, order->buf.length);
	case FORK:
		return fork_and_write(memory, order->seed);
	case CLOSE:
		pp_client_close(&p->client);
		return 0;
	}
	return -EINVAL;
}

/* Ends with the director, or when it hangs up */
static void process_main(int sock, int device)
{
	struct process p = {};
	struct order order;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (!pp_client_open(&p.client) || verbs_open(&p.verbs, device))
		_exit(1);
	while (read(sock, &order, sizeof(order)) == sizeof(order)) {
		order.what = carry_out(&p, &order);
		if (write(sock, &order, sizeof(order)) != sizeof(order))
			break;
	}
	_exit(0);
}

/* What the director knows of a process */
struct actor {
	pid_t pid;
	int sock;
};

static bool start(struct actor *actor, int device)
{
	int socks[2];

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, socks))
		return false;
	actor->sock = socks[0];
	actor->pid = fork();
	if (!actor->pid) {
		close(socks[0]);
		process_main(socks[1], device);
	}
	close(socks[1]);
	return actor->pid > 0;
}

static void stop(struct actor *actor, int sig)
{
	if (!actor->pid)
		return;
	if (sig)
		kill(actor->pid, sig);
	/* The other actor may have a copy. */
	shutdown(actor->sock, SHUT_RDWR);
	close(actor->sock);
	waitpid(actor->pid, NULL, 0);
	actor->pid = 0;
}

static bool send_order(const struct actor *actor, int what, struct order *order)
{
	order->what = what;
	return write(actor->sock, order, sizeof(*order)) == sizeof(*order);
}

static int get_answer(const struct actor *actor, struct order *order)
{
	return read(actor->sock, order, sizeof(*order)) == sizeof(*order) ? order->what : -EPIPE;
}

/* @order comes back with what the process made of it. */
static int tell(const struct actor *actor, int what, struct order *order)
{
	return send_order(actor, what, order) ? get_answer(actor, order) : -EPIPE;
}

/* An order on a whole buffer, as region 0 */
static struct order on(const struct pinpool_buf *buf)
{
	return (struct order){ .buf = *buf, .access = ALL_RIGHTS };
}

static int tell_seed(const struct actor *actor, int what, const struct pinpool_buf *buf,
		     uint64_t seed)
{
	struct order order = on(buf);

	order.seed = seed;
	return tell(actor, what, &order);
}

static int tell_buf(const struct actor *actor, int what, const struct pinpool_buf *buf)
{
	return tell_seed(actor, what, buf, 0);
}

static int allocate(const struct actor *actor, uint64_t length, struct pinpool_buf *buf)
{
	struct order order = { .buf.length = length };
	int err = tell(actor, ALLOC, &order);

	*buf = order.buf;
	return err;
}

static int register_as(const struct actor *actor, int region, const struct pinpool_buf *buf,
		       int access, struct verbs_remote *remote)
{
	struct order order = { .region = region, .buf = *buf, .access = access };
	int err = tell(actor, REGISTER, &order);

	if (remote)
		*remote = order.remote;
	return err;
}

static int register_whole(const struct actor *actor, const struct pinpool_buf *buf,
			  struct verbs_remote *remote)
{
	return register_as(actor, 0, buf, ALL_RIGHTS, remote);
}

static int deregister(const struct actor *actor, int region)
{
	struct order order = { .region = region };

	return tell(actor, DEREGISTER, &order);
}

/* @what: WRITE or READ, from @buf or into it */
static int transfer(const struct actor *actor, int what, const struct pinpool_buf *buf,
		    const struct verbs_remote *remote)
{
	struct order order = on(buf);

	order.remote = *remote;
	return tell(actor, what, &order);
}

static bool connect_actors(const struct actor *a, const struct actor *b)
{
	struct order of_a = {}, of_b = {};

	return !tell(a, ADDRESS, &of_a) && !tell(b, ADDRESS, &of_b) &&
	       !tell(a, CONNECT, &of_b) && !tell(b, CONNECT, &of_a);
}

FIXTURE(rdma)
{
	struct pp_client stranger;
	struct actor owner;
	struct actor peer;
	/* Of the owner, registered */
	struct pinpool_buf buf;
	struct verbs_remote remote;
	/* Of the peer, registered */
	struct pinpool_buf own;
};

FIXTURE_SETUP(rdma)
{
	size_t length = 256 * KIB;

	signal(SIGPIPE, SIG_IGN);
	ASSERT_TRUE(pp_client_open(&self->stranger));
	ASSERT_TRUE(start(&self->owner, 0));
	/* With but one device it talks to itself. */
	ASSERT_TRUE(start(&self->peer, verbs_devices() - 1));
	ASSERT_TRUE(connect_actors(&self->owner, &self->peer));
	ASSERT_EQ(0, allocate(&self->owner, length, &self->buf));
	ASSERT_EQ(0, allocate(&self->peer, length, &self->own));
	ASSERT_EQ(0, register_whole(&self->owner, &self->buf, &self->remote));
	ASSERT_EQ(0, register_whole(&self->peer, &self->own, NULL));
}

FIXTURE_TEARDOWN(rdma)
{
	stop(&self->owner, 0);
	stop(&self->peer, 0);
	/* Without its buffers. An ASSERT here would come back here. */
	pp_client_close(&self->stranger);
	EXPECT_TRUE(pp_client_open(&self->stranger));
	EXPECT_TRUE(pp_pool_is_whole(self->stranger.fd, 1));
	pp_client_close(&self->stranger);
}

/* Whether the quarantine shrinks to so many bytes */
static bool wait_quarantined(int fd, uint64_t bytes)
{
	struct pinpool_stats stats;
	int ms;

	for (ms = 0; ms < DEADLINE_MS; ms++) {
		if (pp_stats(fd, &stats))
			return false;
		if (stats.quarantined == bytes)
			return true;
		usleep(1000);
	}
	return false;
}

/*
 * Let the stranger allocate all there is; whether that is zero and nothing of it
 * lies in @taboo
 */
static bool fill_pool(const struct pp_client *client, const struct pinpool_buf *taboo)
{
	struct pinpool_stats stats;
	struct pinpool_buf buf;

	for (;;) {
		if (pp_stats(client->fd, &stats))
			return false;
		if (!stats.largest_free)
			return true;
		if (pp_alloc(client->fd, stats.largest_free, 0, &buf) ||
		    (buf.offset < taboo->offset + taboo->length &&
		     taboo->offset < buf.offset + buf.length) ||
		    !pp_is_zero(client->window + buf.offset, buf.length))
			return false;
	}
}

/* Whether all that a client has is zero */
static bool is_all_zero(const struct pp_client *client)
{
	struct pinpool_query query = {};
	uint64_t offset = 0;

	for (; !pp_find(client->fd, offset, PINPOOL_QUERY_NEXT, &query);
	     offset = query.offset + query.extent)
		if (!pp_is_zero(client->window + query.offset, query.length))
			return false;
	return offset;
}

TEST_F(rdma, a_peer_writes_into_a_buffer_and_reads_from_it)
{
	ASSERT_EQ(0, tell_seed(&self->peer, FILL, &self->own, 1));
	ASSERT_EQ(0, transfer(&self->peer, WRITE, &self->own, &self->remote));
	EXPECT_EQ(0, tell_seed(&self->owner, COMPARE, &self->buf, 1));
	ASSERT_EQ(0, tell_seed(&self->owner, FILL, &self->buf, 2));
	ASSERT_EQ(0, transfer(&self->peer, READ, &self->own, &self->remote));
	EXPECT_EQ(0, tell_seed(&self->peer, COMPARE, &self->own, 2));
}

/* A region may begin and end anywhere, and its neighbours stay as they are. */
TEST_F(rdma, a_region_within_a_buffer)
{
	struct pinpool_buf part = self->buf, before, after;
	struct verbs_remote remote;

	part.offset += 4096 + 24;
	part.length = 2 * 4096;
	before = self->buf;
	before.length = part.offset - before.offset;
	after.offset = part.offset + part.length;
	after.length = self->buf.offset + self->buf.length - after.offset;
	ASSERT_EQ(0, tell_seed(&self->owner, FILL, &before, 3));
	ASSERT_EQ(0, tell_seed(&self->owner, FILL, &after, 4));
	ASSERT_EQ(0, register_as(&self->owner, 1, &part, ALL_RIGHTS, &remote));
	self->own.length = part.length;
	ASSERT_EQ(0, tell_seed(&self->peer, FILL, &self->own, 5));
	ASSERT_EQ(0, transfer(&self->peer, WRITE, &self->own, &remote));
	EXPECT_EQ(0, tell_seed(&self->owner, COMPARE, &before, 3));
	EXPECT_EQ(0, tell_seed(&self->owner, COMPARE, &part, 5));
	EXPECT_EQ(0, tell_seed(&self->owner, COMPARE, &after, 4));
	/* Beyond its end the device keeps the peer out. */
	remote.address += 8;
	EXPECT_EQ(IBV_WC_REM_ACCESS_ERR, transfer(&self->peer, WRITE, &self->own, &remote));
	EXPECT_EQ(0, tell_seed(&self->owner, COMPARE, &after, 4));
}

/* Only what is allocated, and by this client, can be registered. */
TEST_F(rdma, no_region_with_holes_or_of_others)
{
	struct pinpool_buf whole = { .length = self->stranger.capacity };
	struct pinpool_buf buf, gap;

	EXPECT_EQ(-EFAULT, register_as(&self->owner, 1, &whole, ALL_RIGHTS, NULL));
	EXPECT_EQ(-EFAULT, register_as(&self->owner, 1, &self->own, ALL_RIGHTS, NULL));
	gap = self->buf;
	gap.length += 1;
	EXPECT_EQ(-EFAULT, register_as(&self->owner, 1, &gap, ALL_RIGHTS, NULL));
	ASSERT_EQ(0, allocate(&self->owner, MIB, &buf));
	ASSERT_EQ(0, tell_buf(&self->owner, FREE, &buf));
	EXPECT_EQ(-EFAULT, register_as(&self->owner, 1, &buf, ALL_RIGHTS, NULL));
	/* What failed holds nothing back. */
	ASSERT_EQ(0, deregister(&self->owner, 0));
	ASSERT_EQ(0, tell_buf(&self->owner, FREE, &self->buf));
	EXPECT_TRUE(wait_quarantined(self->stranger.fd, 0));
}

/* The one registration for everything, of a client that has everything */
TEST_F(rdma, a_region_of_the_whole_window)
{
	struct pinpool_buf whole;
	struct verbs_remote remote;

	stop(&self->owner, 0);
	stop(&self->peer, 0);
	ASSERT_TRUE(pp_pool_is_whole(self->stranger.fd, 1));
	ASSERT_TRUE(start(&self->owner, 0));
	ASSERT_EQ(0, allocate(&self->owner, self->stranger.capacity, &whole));
	ASSERT_EQ(0, register_whole(&self->owner, &whole, &remote));
	EXPECT_EQ(0, deregister(&self->owner, 0));
}

/* Freed under a peer's hands: the peer's doing is nobody else's damage. */
TEST_F(rdma, a_freed_buffer_waits_for_its_region)
{
	struct pinpool_stats stats;
	struct pinpool_buf buf;

	ASSERT_EQ(0, tell_seed(&self->peer, FILL, &self->own, 6));
	ASSERT_EQ(0, transfer(&self->peer, WRITE, &self->own, &self->remote));
	ASSERT_EQ(0, tell_buf(&self->owner, FREE, &self->buf));
	ASSERT_EQ(0, pp_stats(self->stranger.fd, &stats));
	EXPECT_EQ(self->buf.length, stats.quarantined);
	EXPECT_EQ(1, stats.quarantined_extents);

	ASSERT_TRUE(fill_pool(&self->stranger, &self->buf));
	EXPECT_EQ(-ENOSPC, pp_alloc(self->stranger.fd, 1, 0, &buf));
	ASSERT_EQ(0, tell_seed(&self->peer, FILL, &self->own, 7));
	EXPECT_EQ(0, transfer(&self->peer, WRITE, &self->own, &self->remote));
	EXPECT_TRUE(is_all_zero(&self->stranger));
	EXPECT_EQ(SIGBUS, pp_probe_read(self->stranger.window + self->buf.offset));
	/* It went somewhere, though. */
	ASSERT_EQ(0, tell_seed(&self->peer, FILL, &self->own, 8));
	EXPECT_EQ(0, transfer(&self->peer, READ, &self->own, &self->remote));
	EXPECT_EQ(0, tell_seed(&self->peer, COMPARE, &self->own, 7));

	ASSERT_EQ(0, deregister(&self->owner, 0));
	EXPECT_TRUE(wait_quarantined(self->stranger.fd, 0));
	ASSERT_EQ(0, pp_alloc(self->stranger.fd, self->buf.length, 0, &buf));
	EXPECT_EQ(self->buf.offset, buf.offset);
	EXPECT_TRUE(is_all_zero(&self->stranger));
	/* The region is gone for the peer, too. */
	EXPECT_EQ(IBV_WC_REM_ACCESS_ERR, transfer(&self->peer, WRITE, &self->own, &self->remote));
	EXPECT_TRUE(is_all_zero(&self->stranger));
}

TEST_F(rdma, the_last_of_several_regions_counts)
{
	struct pinpool_buf page = self->buf, buf;
	struct pinpool_stats stats;

	page.offset += self->buf.length - 1;
	page.length = 1;
	ASSERT_EQ(0, register_as(&self->owner, 1, &self->buf, LOCAL, NULL));
	ASSERT_EQ(0, register_as(&self->owner, 2, &page, LOCAL, NULL));
	ASSERT_EQ(0, tell_buf(&self->owner, FREE, &self->buf));
	ASSERT_EQ(0, deregister(&self->owner, 0));
	ASSERT_EQ(0, deregister(&self->owner, 1));
	/* It finds all of the extent pinned, or what the last region pins. */
	ASSERT_TRUE(fill_pool(&self->stranger, &page));
	EXPECT_EQ(-ENOSPC, pp_alloc(self->stranger.fd, 1, 0, &buf));
	ASSERT_EQ(0, pp_stats(self->stranger.fd, &stats));
	EXPECT_LT(0, stats.quarantined);
	ASSERT_EQ(0, deregister(&self->owner, 2));
	EXPECT_TRUE(wait_quarantined(self->stranger.fd, 0));
}

/* A process that waits for memory, as the stranger; its exit status tells how it went */
static pid_t start_waiting(const struct pp_client *client, const struct pinpool_buf *wanted)
{
	struct pinpool_alloc alloc = {
		.size = sizeof(alloc), .length = wanted->length, .deadline_ns = ~0ULL,
	};
	pid_t pid = fork();

	if (pid)
		return pid;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	_exit(pp_ioctl(client->fd, PINPOOL_IOC_ALLOC, &alloc) || alloc.offset != wanted->offset);
}

TEST_F(rdma, who_waits_gets_what_a_region_lets_go_of)
{
	struct pinpool_stats stats;
	int status, ms;
	pid_t pid;

	ASSERT_EQ(0, tell_buf(&self->owner, FREE, &self->buf));
	ASSERT_TRUE(fill_pool(&self->stranger, &self->buf));
	pid = start_waiting(&self->stranger, &self->buf);
	for (ms = 0; ms < DEADLINE_MS; ms++) {
		ASSERT_EQ(0, pp_stats(self->stranger.fd, &stats));
		if (stats.waiters)
			break;
		usleep(1000);
	}
	EXPECT_EQ(1, stats.waiters);
	ASSERT_EQ(0, deregister(&self->owner, 0));
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	EXPECT_EQ(0, status);
}

/* A store that keeps one region over all its memory goes on working in it. */
TEST_F(rdma, the_same_client_reuses_what_it_has_registered)
{
	struct pinpool_buf part, rest;
	struct verbs_remote remote;

	ASSERT_EQ(0, tell_buf(&self->owner, FREE, &self->buf));
	ASSERT_EQ(0, allocate(&self->owner, self->buf.length / 2, &part));
	ASSERT_EQ(0, allocate(&self->owner, self->buf.length / 2, &rest));
	EXPECT_EQ(2 * self->buf.offset + self->buf.length / 2, part.offset + rest.offset);
	self->own.length = part.length;
	remote = self->remote;
	remote.address += part.offset - self->buf.offset;
	ASSERT_EQ(0, tell_seed(&self->owner, FILL, &rest, 9));
	ASSERT_EQ(0, tell_seed(&self->peer, FILL, &self->own, 10));
	EXPECT_EQ(0, transfer(&self->peer, WRITE, &self->own, &remote));
	EXPECT_EQ(0, tell_seed(&self->owner, COMPARE, &part, 10));
	EXPECT_EQ(0, tell_seed(&self->owner, COMPARE, &rest, 9));
}

/* The region outlives the client whose window it was made of. */
TEST_F(rdma, a_closed_client_leaves_its_region_alone)
{
	struct pinpool_stats stats;
	struct order order = {};

	ASSERT_EQ(0, tell(&self->owner, CLOSE, &order));
	ASSERT_EQ(0, pp_stats(self->stranger.fd, &stats));
	EXPECT_EQ(2, stats.clients);
	EXPECT_EQ(self->buf.length, stats.quarantined);
	ASSERT_TRUE(fill_pool(&self->stranger, &self->buf));
	ASSERT_EQ(0, tell_seed(&self->peer, FILL, &self->own, 11));
	EXPECT_EQ(0, transfer(&self->peer, WRITE, &self->own, &self->remote));
	EXPECT_TRUE(is_all_zero(&self->stranger));
	ASSERT_EQ(0, deregister(&self->owner, 0));
	EXPECT_TRUE(wait_quarantined(self->stranger.fd, 0));
}

/* No copy on write: what peers write still arrives after a fork. */
TEST_F(rdma, a_region_survives_a_fork)
{
	ASSERT_EQ(0, tell_seed(&self->owner, FILL, &self->buf, 12));
	ASSERT_EQ(0, tell_buf(&self->owner, FORK, &self->buf));
	EXPECT_EQ(-EILSEQ, tell_seed(&self->owner, COMPARE, &self->buf, 12));
	ASSERT_EQ(0, tell_seed(&self->peer, FILL, &self->own, 13));
	EXPECT_EQ(0, transfer(&self->peer, WRITE, &self->own, &self->remote));
	EXPECT_EQ(0, tell_seed(&self->owner, COMPARE, &self->buf, 13));
}

TEST_F(rdma, a_killed_owner_leaves_nothing)
{
	struct pinpool_buf buf;

	ASSERT_EQ(0, tell_seed(&self->owner, FILL, &self->buf, 14));
	/* Another one waits in quarantine. */
	ASSERT_EQ(0, allocate(&self->owner, MIB, &buf));
	ASSERT_EQ(0, register_as(&self->owner, 1, &buf, ALL_RIGHTS, NULL));
	ASSERT_EQ(0, tell_seed(&self->owner, FILL, &buf, 15));
	ASSERT_EQ(0, tell_buf(&self->owner, FREE, &buf));
	stop(&self->owner, SIGKILL);
	stop(&self->peer, SIGKILL);
	ASSERT_TRUE(pp_pool_is_whole(self->stranger.fd, 1));
	ASSERT_EQ(0, pp_alloc(self->stranger.fd, self->stranger.capacity, 0, &buf));
	EXPECT_TRUE(is_all_zero(&self->stranger));
	EXPECT_EQ(0, pp_free(self->stranger.fd, buf.handle));
}

/* Killed while the other is at work on it: the transfer fails, or was quicker. */
TEST_F(rdma, killed_during_a_transfer)
{
	struct order order = on(&self->own);

	order.remote = self->remote;
	ASSERT_EQ(0, tell_seed(&self->peer, FILL, &self->own, 16));
	ASSERT_TRUE(send_order(&self->peer, WRITE, &order));
	stop(&self->owner, SIGKILL);
	ASSERT_TRUE(wait_quarantined(self->stranger.fd, 0));
	ASSERT_TRUE(fill_pool(&self->stranger, &self->own));
	EXPECT_LE(0, get_answer(&self->peer, &order));
	EXPECT_TRUE(is_all_zero(&self->stranger));
}

static void __attribute__((constructor)) require_devices(void)
{
	pp_require_pool();
	if (verbs_devices())
		return;
	printf("TAP version 13\n1..0 # SKIP no RDMA device\n");
	exit(getenv("PINPOOL_REQUIRE") ? 1 : 4);
}

TEST_HARNESS_MAIN
