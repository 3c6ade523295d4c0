// SPDX-License-Identifier: GPL-2.0
/*
 * Buffers that become longer or shorter in their place: what stays, what comes, what
 * goes, and who is asked
 */
#define _FILE_OFFSET_BITS 64
#include "pinpool_test.h"

#include <pthread.h>
#include <stdatomic.h>
#include <sys/uio.h>
#include <sys/wait.h>

#include "kselftest_harness.h"

FIXTURE(buffer_resize)
{
	struct pp_client a;
	struct pp_client b;
	struct pinpool_info info;
	uint64_t granule;
};

FIXTURE_SETUP(buffer_resize)
{
	ASSERT_TRUE(pp_client_open(&self->a));
	ASSERT_TRUE(pp_client_open(&self->b));
	ASSERT_EQ(0, pp_info(self->a.fd, &self->info));
	self->granule = self->info.granule;
	if (self->info.capacity < 16 * self->granule)
		PP_SKIP_SETUP("the pool is too small");
}

FIXTURE_TEARDOWN(buffer_resize)
{
	EXPECT_TRUE(pp_pool_is_whole(self->b.fd, 2));
	pp_client_close(&self->a);
	pp_client_close(&self->b);
}

static int alloc_at(int fd, uint64_t offset, uint64_t length, struct pinpool_buf *buf)
{
	struct pinpool_alloc alloc = {
		.size = sizeof(alloc), .flags = PINPOOL_ALLOC_AT, .length = length,
		.offset = offset,
	};
	int err = pp_ioctl(fd, PINPOOL_IOC_ALLOC, &alloc);

	*buf = (struct pinpool_buf){
		.length = length, .offset = alloc.offset, .handle = alloc.handle,
	};
	return err;
}

/* The buffer has this length, and the client this much in one buffer */
static bool is(const struct pp_client *client, const struct pinpool_buf *buf, uint64_t length)
{
	uint64_t extent = (length + client->granule - 1) / client->granule * client->granule;
	struct pinpool_query query;
	struct pinpool_stats stats;

	return !pp_query(client->fd, buf->handle, &query) && query.offset == buf->offset &&
	       query.length == length && query.extent == extent &&
	       !pp_stats(client->fd, &stats) && stats.client_used == extent &&
	       stats.client_requested == length && stats.client_buffers == 1;
}

TEST_F(buffer_resize, longer_and_shorter)
{
	uint64_t granule = self->granule;
	struct pinpool_buf buf;
	char *at;

	ASSERT_EQ(0, alloc_at(self->a.fd, 2 * granule, 2 * granule, &buf));
	at = self->a.window + buf.offset;
	pp_fill(at, 2 * granule, 1);
	EXPECT_EQ(SIGBUS, pp_probe_read(at + 2 * granule));

	ASSERT_EQ(0, pp_resize(self->a.fd, buf.handle, 7 * granule - 3));
	EXPECT_TRUE(is(&self->a, &buf, 7 * granule - 3));
	EXPECT_TRUE(pp_matches(at, 2 * granule, 1));
	EXPECT_TRUE(pp_is_zero(at + 2 * granule, 5 * granule));
	pp_fill(at, 7 * granule, 2);
	EXPECT_EQ(SIGBUS, pp_probe_read(at + 7 * granule));

	ASSERT_EQ(0, pp_resize(self->a.fd, buf.handle, 3 * granule + 1));
	EXPECT_TRUE(is(&self->a, &buf, 3 * granule + 1));
	EXPECT_TRUE(pp_matches(at, 4 * granule, 2));
	EXPECT_EQ(SIGBUS, pp_probe_read(at + 4 * granule));
	EXPECT_EQ(SIGBUS, pp_probe_write(at + 7 * granule - 1));

	EXPECT_EQ(0, pp_free(self->a.fd, buf.handle));
	EXPECT_EQ(SIGBUS, pp_probe_read(at));
}

TEST_F(buffer_resize, within_a_granule)
{
	struct pinpool_buf buf;

	ASSERT_EQ(0, pp_alloc(self->a.fd, 1, 0, &buf));
	pp_fill(self->a.window + buf.offset, self->granule, 3);
	EXPECT_EQ(0, pp_resize(self->a.fd, buf.handle, self->granule));
	EXPECT_TRUE(is(&self->a, &buf, self->granule));
	EXPECT_EQ(0, pp_resize(self->a.fd, buf.handle, self->granule));
	EXPECT_EQ(0, pp_resize(self->a.fd, buf.handle, 5));
	EXPECT_TRUE(is(&self->a, &buf, 5));
	EXPECT_TRUE(pp_matches(self->a.window + buf.offset, self->granule, 3));
	EXPECT_EQ(0, pp_free(self->a.fd, buf.handle));
}

TEST_F(buffer_resize, to_all_of_the_pool)
{
	struct pinpool_buf buf, other;

	ASSERT_EQ(0, alloc_at(self->a.fd, 0, 1, &buf));
	ASSERT_EQ(0, pp_resize(self->a.fd, buf.handle, self->info.capacity));
	EXPECT_TRUE(is(&self->a, &buf, self->info.capacity));
	EXPECT_EQ(-ENOSPC, pp_alloc(self->b.fd, 1, 0, &other));
	ASSERT_EQ(0, pp_resize(self->a.fd, buf.handle, 1));
	ASSERT_EQ(0, pp_alloc(self->b.fd, self->info.capacity - self->granule, 0, &other));
	EXPECT_EQ(self->granule, other.offset);
	EXPECT_EQ(0, pp_free(self->b.fd, other.handle));
	EXPECT_EQ(0, pp_free(self->a.fd, buf.handle));
}

TEST_F(buffer_resize, not_over_others)
{
	uint64_t granule = self->granule;
	struct pinpool_stats before, after;
	struct pinpool_buf buf, other;

	ASSERT_EQ(0, alloc_at(self->a.fd, 0, 2 * granule, &buf));
	ASSERT_EQ(0, alloc_at(self->b.fd, 4 * granule, granule, &other));
	pp_fill(self->b.window + other.offset, granule, 4);
	ASSERT_EQ(0, pp_stats(self->a.fd, &before));
	EXPECT_EQ(-ENOSPC, pp_resize(self->a.fd, buf.handle, 4 * granule + 1));
	EXPECT_EQ(-ENOSPC, pp_resize(self->a.fd, buf.handle, self->info.capacity));
	ASSERT_EQ(0, pp_stats(self->a.fd, &after));
	EXPECT_EQ(0, memcmp(&before, &after, sizeof(before)));
	EXPECT_TRUE(is(&self->a, &buf, 2 * granule));
	EXPECT_EQ(0, pp_resize(self->a.fd, buf.handle, 4 * granule));
	EXPECT_EQ(SIGBUS, pp_probe_read(self->a.window + 4 * granule));
	EXPECT_TRUE(pp_matches(self->b.window + other.offset, granule, 4));
	EXPECT_EQ(0, pp_free(self->a.fd, buf.handle));
	EXPECT_EQ(0, pp_free(self->b.fd, other.handle));
}

/* Another's bytes are no more to be seen than in a new buffer. */
TEST_F(buffer_resize, what_is_new_is_zeroed)
{
	uint64_t granule = self->granule;
	struct pinpool_buf buf, other;

	if (self->info.zero == PINPOOL_ZERO_NEVER)
		SKIP(return, "the pool doesn't");
	ASSERT_EQ(0, alloc_at(self->a.fd, 0, granule, &buf));
	ASSERT_EQ(0, alloc_at(self->b.fd, granule, 9 * granule, &other));
	pp_fill(self->b.window + other.offset, 9 * granule, 5);
	EXPECT_EQ(0, pp_free(self->b.fd, other.handle));
	ASSERT_EQ(0, pp_resize(self->a.fd, buf.handle, 10 * granule));
	EXPECT_TRUE(pp_is_zero(self->a.window + granule, 9 * granule));
	/* And the other way: what is cut off has bytes of this client. */
	pp_fill(self->a.window, 10 * granule, 6);
	ASSERT_EQ(0, pp_resize(self->a.fd, buf.handle, granule));
	ASSERT_EQ(0, alloc_at(self->b.fd, granule, 9 * granule, &other));
	EXPECT_TRUE(pp_is_zero(self->b.window + granule, 9 * granule));
	EXPECT_EQ(0, pp_free(self->b.fd, other.handle));
	EXPECT_EQ(0, pp_free(self->a.fd, buf.handle));
}

TEST_F(buffer_resize, what_is_cut_off_is_gone_from_every_window)
{
	uint64_t granule = self->granule;
	struct pinpool_buf buf;
	char *second;

	second = pp_window(self->a.fd, PROT_READ | PROT_WRITE);
	ASSERT_NE(MAP_FAILED, second);
	ASSERT_EQ(0, alloc_at(self->a.fd, 0, 8 * granule, &buf));
	pp_fill(self->a.window, 8 * granule, 7);
	EXPECT_TRUE(pp_matches(second, 8 * granule, 7));
	ASSERT_EQ(0, pp_resize(self->a.fd, buf.handle, 4 * granule));
	EXPECT_EQ(SIGBUS, pp_probe_read(self->a.window + 4 * granule));
	EXPECT_EQ(SIGBUS, pp_probe_read(second + 4 * granule));
	EXPECT_EQ(SIGBUS, pp_probe_write(second + 8 * granule - 1));
	EXPECT_TRUE(pp_matches(second, 4 * granule, 7));
	EXPECT_EQ(0, pp_free(self->a.fd, buf.handle));
	munmap(second, self->info.capacity);
}

TEST_F(buffer_resize, bad_calls)
{
	struct pinpool_buf buf;
	int reader;

	ASSERT_EQ(0, pp_alloc(self->a.fd, self->granule, 0, &buf));
	EXPECT_EQ(-EINVAL, pp_resize(self->a.fd, buf.handle, 0));
	EXPECT_EQ(-EINVAL, pp_resize(self->a.fd, buf.handle, self->info.capacity + 1));
	EXPECT_EQ(-EINVAL, pp_resize(self->a.fd, buf.handle, ~0ULL));
	EXPECT_EQ(-ENOENT, pp_resize(self->a.fd, buf.handle + 1, 1));
	EXPECT_EQ(-ENOENT, pp_resize(self->a.fd, 0, 1));
	EXPECT_EQ(-ENOENT, pp_resize(self->b.fd, buf.handle, 1));
	reader = open(pp_node(), O_RDONLY | O_CLOEXEC);
	EXPECT_EQ(-EBADF, pp_resize(reader, buf.handle, 1));
	close(reader);
	EXPECT_TRUE(is(&self->a, &buf, self->granule));
	EXPECT_EQ(0, pp_free(self->a.fd, buf.handle));
	EXPECT_EQ(-ENOENT, pp_resize(self->a.fd, buf.handle, 1));
}

/* For others its length is what they were told. */
TEST_F(buffer_resize, shared_ones_stay)
{
	struct pinpool_buf buf, other;
	int share;

	ASSERT_EQ(0, alloc_at(self->a.fd, 0, 4 * self->granule, &buf));
	share = pp_export(self->a.fd, buf.handle, 0);
	ASSERT_LE(0, share);
	EXPECT_EQ(-EBUSY, pp_resize(self->a.fd, buf.handle, 1));
	EXPECT_EQ(-EBUSY, pp_resize(self->a.fd, buf.handle, 5 * self->granule));
	ASSERT_EQ(0, pp_import(self->b.fd, share, PINPOOL_SHARE_RDONLY, &other));
	close(share);
	EXPECT_EQ(-EBUSY, pp_resize(self->a.fd, buf.handle, 1));
	EXPECT_EQ(-EACCES, pp_resize(self->b.fd, other.handle, 1));
	EXPECT_EQ(0, pp_free(self->b.fd, other.handle));
	/* Alone again */
	EXPECT_EQ(0, pp_resize(self->a.fd, buf.handle, self->granule));
	EXPECT_EQ(0, pp_resize(self->a.fd, buf.handle, 5 * self->granule));
	EXPECT_TRUE(is(&self->a, &buf, 5 * self->granule));

	/* Who imported it may, once it is the last to have it. */
	share = pp_export(self->a.fd, buf.handle, 0);
	ASSERT_LE(0, share);
	ASSERT_EQ(0, pp_import(self->b.fd, share, 0, &other));
	close(share);
	EXPECT_EQ(0, pp_free(self->a.fd, buf.handle));
	EXPECT_EQ(0, pp_resize(self->b.fd, other.handle, 2 * self->granule));
	EXPECT_TRUE(is(&self->b, &other, 2 * self->granule));
	EXPECT_EQ(0, pp_resize(self->b.fd, other.handle, 6 * self->granule));
	EXPECT_EQ(0, pp_free(self->b.fd, other.handle));
}

TEST_F(buffer_resize, what_is_pinned_goes_to_quarantine)
{
	uint64_t granule = self->granule;
	struct pinpool_stats stats;
	struct pinpool_buf buf, other;
	struct iovec iov;
	char copy[64];
	int pipes[2];

	if (!pp_has_pages(self->a.fd))
		SKIP(return, PP_NO_PAGES);
	ASSERT_EQ(0, alloc_at(self->a.fd, 0, 6 * granule, &buf));
	pp_fill(self->a.window, 6 * granule, 8);
	ASSERT_EQ(0, pipe2(pipes, O_CLOEXEC));
	iov = (struct iovec){ self->a.window + 5 * granule, sizeof(copy) };
	ASSERT_EQ(sizeof(copy), vmsplice(pipes[1], &iov, 1, 0));
	ASSERT_EQ(0, pp_resize(self->a.fd, buf.handle, 2 * granule));
	EXPECT_TRUE(is(&self->a, &buf, 2 * granule));
	ASSERT_EQ(0, pp_stats(self->a.fd, &stats));
	EXPECT_EQ(4 * granule, stats.quarantined);
	EXPECT_EQ(-EBUSY, alloc_at(self->b.fd, 5 * granule, granule, &other));
	EXPECT_EQ(-ENOSPC, pp_resize(self->a.fd, buf.handle, 6 * granule));
	EXPECT_EQ(sizeof(copy), read(pipes[0], copy, sizeof(copy)));
	/* Without waiting for anybody to look */
	EXPECT_EQ(0, pp_resize(self->a.fd, buf.handle, 6 * granule));
	EXPECT_EQ(0, pp_free(self->a.fd, buf.handle));
	close(pipes[0]);
	close(pipes[1]);
}

struct waiter {
	int fd;
	uint64_t length;
	int err;
	uint64_t handle;
};

static void *wait_for_space(void *arg)
{
	struct waiter *waiter = arg;
	struct pinpool_alloc alloc = {
		.size = sizeof(alloc), .length = waiter->length, .deadline_ns = ~0ULL,
	};

	waiter->err = pp_ioctl(waiter->fd, PINPOOL_IOC_ALLOC, &alloc);
	waiter->handle = alloc.handle;
	return NULL;
}

TEST_F(buffer_resize, who_waits_gets_what_is_cut_off)
{
	struct waiter waiter = { .fd = self->b.fd, .err = 1 };
	struct pinpool_stats stats;
	struct pinpool_buf buf;
	pthread_t thread;

	waiter.length = self->info.capacity - self->granule;
	ASSERT_EQ(0, pp_alloc(self->a.fd, self->info.capacity, 0, &buf));
	ASSERT_EQ(0, pthread_create(&thread, NULL, wait_for_space, &waiter));
	do {
		ASSERT_EQ(0, pp_stats(self->a.fd, &stats));
	} while (!stats.waiters);
	EXPECT_EQ(0, pp_resize(self->a.fd, buf.handle, self->granule));
	ASSERT_EQ(0, pthread_join(thread, NULL));
	EXPECT_EQ(0, waiter.err);
	EXPECT_EQ(0, pp_free(self->b.fd, waiter.handle));
	EXPECT_EQ(0, pp_free(self->a.fd, buf.handle));
}

#define SLOTS	16
#define STEPS	4000

struct slot {
	struct pinpool_buf buf;
	uint64_t seed;		/* of what is in it */
};

/* Against a model: what each buffer has, and that nobody else touches it */
TEST_F(buffer_resize, at_random)
{
	uint64_t most = self->info.capacity / SLOTS / 2;
	uint64_t random = 88172645463325252ULL;
	struct slot slots[SLOTS] = { };
	uint64_t length, was, kept;
	struct pinpool_query query;
	int i, step, err;
	char *at;

	if (most > 64 * self->granule)
		most = 64 * self->granule;
	for (step = 1; step <= STEPS; step++) {
		random ^= random << 13;
		random ^= random >> 7;
		random ^= random << 17;
		i = random % SLOTS;
		length = (random >> 8) % most / 8 * 8 + 8;
		if (!slots[i].buf.handle) {
			ASSERT_EQ(0, pp_alloc(self->a.fd, length, 0, &slots[i].buf));
		} else if ((random >> 40) % 4) {
			was = slots[i].buf.length;
			kept = was < length ? was : length;
			err = pp_resize(self->a.fd, slots[i].buf.handle, length);
			ASSERT_TRUE(!err || (err == -ENOSPC && length > was));
			if (err)
				length = was;
			at = self->a.window + slots[i].buf.offset;
			ASSERT_TRUE(pp_matches(at, kept, slots[i].seed));
			slots[i].buf.length = length;
		} else {
			at = self->a.window + slots[i].buf.offset;
			ASSERT_TRUE(pp_matches(at, slots[i].buf.length, slots[i].seed));
			ASSERT_EQ(0, pp_free(self->a.fd, slots[i].buf.handle));
			slots[i].buf.handle = 0;
			continue;
		}
		ASSERT_EQ(0, pp_query(self->a.fd, slots[i].buf.handle, &query));
		ASSERT_EQ(length, query.length);
		ASSERT_EQ(slots[i].buf.offset, query.offset);
		slots[i].seed = step;
		pp_fill(self->a.window + slots[i].buf.offset, length, step);
	}
	for (i = 0; i < SLOTS; i++)
		if (slots[i].buf.handle)
			EXPECT_EQ(0, pp_free(self->a.fd, slots[i].buf.handle));
}

struct race {
	int fd;
	uint64_t granule;
	atomic_ullong handle;
	atomic_bool stop;
	atomic_int bad;
};

/* What may come of it while others resize, free and share the buffer */
static bool expected(int err)
{
	return !err || err == -ENOENT || err == -EBUSY || err == -ENOSPC;
}

static void *race_resize(void *arg)
{
	struct race *race = arg;
	unsigned int i = (uintptr_t)&i >> 4;
	uint64_t length;

	while (!race->stop) {
		i = i * 1103515245 + 12345;
		length = (i >> 16) % 12 * race->granule + 1;
		if (!expected(pp_resize(race->fd, race->handle, length)))
			race->bad++;
	}
	return NULL;
}

static void *race_share(void *arg)
{
	struct race *race = arg;
	int share;

	while (!race->stop) {
		share = pp_export(race->fd, race->handle, 0);
		if (share >= 0)
			close(share);
		else if (share != -ENOENT)
			race->bad++;
	}
	return NULL;
}

/* All at once, of one buffer: none of it gets lost, and nothing is had twice. */
TEST_F(buffer_resize, races)
{
	struct race race = { .fd = self->a.fd, .granule = self->granule };
	struct pinpool_buf buf = { 0 }, other;
	pthread_t threads[3];
	int i;

	ASSERT_EQ(0, pp_alloc(self->a.fd, self->granule, 0, &buf));
	race.handle = buf.handle;
	ASSERT_EQ(0, pthread_create(&threads[0], NULL, race_resize, &race));
	ASSERT_EQ(0, pthread_create(&threads[1], NULL, race_resize, &race));
	ASSERT_EQ(0, pthread_create(&threads[2], NULL, race_share, &race));
	for (i = 0; i < 1000; i++) {
		if (!pp_alloc(self->b.fd, 3 * self->granule, 0, &other)) {
			memset(self->b.window + other.offset, 0x5a, 3 * self->granule);
			EXPECT_EQ(0, pp_free(self->b.fd, other.handle));
		}
		if (i % 8)
			continue;
		EXPECT_EQ(0, pp_free(self->a.fd, race.handle));
		ASSERT_EQ(0, pp_alloc(self->a.fd, self->granule, 0, &buf));
		race.handle = buf.handle;
	}
	race.stop = true;
	for (i = 0; i < 3; i++)
		ASSERT_EQ(0, pthread_join(threads[i], NULL));
	EXPECT_EQ(0, race.bad);
	EXPECT_EQ(0, pp_free(self->a.fd, race.handle));
}

PP_HARNESS_MAIN
