// SPDX-License-Identifier: GPL-2.0
/*
 * Sharing under load: processes that allocate, share, import, pin, free and die at
 * random. What a buffer held when it was made it must hold for all who have it,
 * however its makers end, and at the end nothing is left.
 */
#define _FILE_OFFSET_BITS 64
#include "pinpool_test.h"

#include <sys/uio.h>
#include <sys/wait.h>

#include "kselftest_harness.h"

#define WORKERS	4
#define SLOTS	24

/**
 * struct worker - A process with a client
 * @client: Closed and opened again now and then
 * @queue: Where shares come and go, for all workers
 * @pipe: Has pages of buffers, perhaps freed ones
 * @spliced: Whose page is in @pipe, or 0
 * @spliced_at: Where that is
 * @again: The client, which had freed that page, has got it again
 * @slots: What the client holds; a handle of 0 for nothing
 * @random: State of the generator
 */
struct worker {
	struct pp_client client;
	int queue;
	int pipe[2];
	uint64_t spliced;
	uint64_t spliced_at;
	bool again;
	struct pinpool_buf slots[SLOTS];
	uint64_t random;
};

static uint64_t draw(struct worker *worker)
{
	uint64_t x = worker->random;

	x ^= x << 13;
	x ^= x >> 7;
	x ^= x << 17;
	return worker->random = x;
}

/* Only so many bytes of each buffer are looked at. */
#define LOOK	256

static void must(bool good, const char *what)
{
	if (good)
		return;
	fprintf(stderr, "# %s\n", what);
	_exit(1);
}

static bool intact(const struct worker *worker, const struct pinpool_buf *buf)
{
	char *at = worker->client.window + buf->offset;

	return pp_matches(at, LOOK, buf->handle) &&
	       pp_matches(at + buf->length - LOOK, LOOK, buf->handle);
}

static void slot_alloc(struct worker *worker, struct pinpool_buf *slot)
{
	uint64_t length = (1 + draw(worker) % 40) * 2048;
	char *at;

	if (pp_alloc(worker->client.fd, length, 0, slot)) {
		slot->handle = 0;
		return;
	}
	if (worker->spliced_at >= slot->offset && worker->spliced_at < slot->offset + length)
		worker->again = true;
	at = worker->client.window + slot->offset;
	pp_fill(at, LOOK, slot->handle);
	pp_fill(at + length - LOOK, LOOK, slot->handle);
}

static void slot_free(struct worker *worker, struct pinpool_buf *slot)
{
	must(intact(worker, slot), "a buffer that was held has changed");
	must(!pp_free(worker->client.fd, slot->handle), "FREE of what is held");
	slot->handle = 0;
}

/* Into the queue, if it has room */
static void slot_share(struct worker *worker, const struct pinpool_buf *slot)
{
	int share = pp_export(worker->client.fd, slot->handle, 0);

	must(share >= 0, "EXPORT of what is held");
	pp_send_file(worker->queue, share);
	close(share);
}

/* Of the queue, if there is something that the client doesn't hold */
static void slot_import(struct worker *worker, struct pinpool_buf *slot)
{
	int share = pp_receive_file(worker->queue);
	struct pinpool_buf buf;
	int err;

	if (share < 0)
		return;
	err = pp_import(worker->client.fd, share, 0, &buf);
	/* Not always the first thing to go */
	if (draw(worker) % 2) {
		close(share);
		share = -1;
	}
	must(!err || err == -EEXIST, "IMPORT of a share");
	if (!err) {
		*slot = buf;
		must(intact(worker, slot), "an imported buffer isn't what was shared");
	}
	if (share >= 0)
		close(share);
}

/* Pin a page, or look whether the pinned one is as it was. */
static void slot_splice(struct worker *worker, const struct pinpool_buf *slot)
{
	struct iovec iov = { worker->client.window + slot->offset, LOOK };
	char copy[LOOK];

	if (!pp_has_pages(worker->client.fd))
		return;
	if (worker->spliced) {
		must(read(worker->pipe[0], copy, LOOK) == LOOK, "read of a pipe");
		must(worker->again || pp_matches(copy, LOOK, worker->spliced),
		     "a pinned page has changed");
		worker->spliced = 0;
	} else {
		must(vmsplice(worker->pipe[1], &iov, 1, 0) == LOOK, "vmsplice");
		worker->spliced = slot->handle;
		worker->spliced_at = slot->offset;
		worker->again = false;
	}
}

static void worker_run(int queue, uint64_t seed, unsigned int ops)
{
	struct worker worker = { .queue = queue, .random = seed * 0x9e3779b97f4a7c15ULL + 1 };
	struct pinpool_buf *slot;

	must(!pipe2(worker.pipe, O_CLOEXEC) && pp_client_open(&worker.client), "start");
	while (ops--) {
		slot = &worker.slots[draw(&worker) % SLOTS];
		switch (draw(&worker) % 8) {
		case 0 ... 1:
			if (!slot->handle)
				slot_alloc(&worker, slot);
			break;
		case 2:
			if (slot->handle)
				slot_free(&worker, slot);
			break;
		case 3:
			if (slot->handle)
				slot_share(&worker, slot);
			break;
		case 4 ... 5:
			if (!slot->handle)
				slot_import(&worker, slot);
			break;
		case 6:
			if (slot->handle)
				slot_splice(&worker, slot);
			break;
		case 7:
			if (draw(&worker) % 64)
				break;
			pp_client_close(&worker.client);
			memset(worker.slots, 0, sizeof(worker.slots));
			must(pp_client_open(&worker.client), "open");
			break;
		}
	}
	_exit(0);
}

static pid_t worker_start(int queue, uint64_t seed, unsigned int ops)
{
	pid_t pid = fork();

	if (!pid)
		worker_run(queue, seed, ops);
	return pid;
}

/* Shares that nobody took go with the queue. */
FIXTURE(share_load)
{
	struct pp_client observer;
	int queues[2];
	pid_t pids[WORKERS];
};

FIXTURE_SETUP(share_load)
{
	ASSERT_TRUE(pp_client_open(&self->observer));
	ASSERT_EQ(0, socketpair(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0,
				self->queues));
}

FIXTURE_TEARDOWN(share_load)
{
	close(self->queues[0]);
	close(self->queues[1]);
	EXPECT_TRUE(pp_pool_is_whole(self->observer.fd, 1));
	pp_client_close(&self->observer);
}

TEST_F(share_load, at_random)
{
	const char *env = getenv("PINPOOL_OPS");
	unsigned int ops = env ? strtoul(env, NULL, 0) / 20 : 10000;
	struct pinpool_stats stats;
	int i, status;

	for (i = 0; i < WORKERS; i++)
		self->pids[i] = worker_start(self->queues[i % 2], i + 1, ops);
	for (i = 0; i < WORKERS; i++) {
		ASSERT_EQ(self->pids[i], waitpid(self->pids[i], &status, 0));
		EXPECT_EQ(0, status);
	}
	ASSERT_EQ(0, pp_stats(self->observer.fd, &stats));
	TH_LOG("%u operations by each of %u, %llu buffers", ops, WORKERS, stats.allocs);
}

static bool wait_for_allocs(int fd, uint64_t more)
{
	struct pinpool_stats stats;
	uint64_t first;

	if (pp_stats(fd, &stats))
		return false;
	first = stats.allocs;
	do {
		if (pp_stats(fd, &stats))
			return false;
	} while (stats.allocs < first + more);
	return true;
}

TEST_F(share_load, at_random_with_kills)
{
	enum { KILLS = 60 };
	int i, status;
	pid_t *pid;

	for (i = 0; i < WORKERS; i++)
		self->pids[i] = worker_start(self->queues[i % 2], i + 100, UINT32_MAX);
	for (i = 0; i < KILLS + WORKERS; i++) {
		pid = &self->pids[i % WORKERS];
		if (i < KILLS)
			ASSERT_TRUE(wait_for_allocs(self->observer.fd, 50));
		ASSERT_EQ(0, kill(*pid, SIGKILL));
		ASSERT_EQ(*pid, waitpid(*pid, &status, 0));
		/* Not by its own will, which would be a failure it saw */
		EXPECT_EQ(SIGKILL, status);
		if (i < KILLS)
			*pid = worker_start(self->queues[i % 2], i + 200, UINT32_MAX);
	}
}

PP_HARNESS_MAIN
