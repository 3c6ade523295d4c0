// SPDX-License-Identifier: GPL-2.0
/*
 * ALLOC at given offsets: buffers where they were before a restart
 */
#include "pinpool_test.h"

#include <pthread.h>
#include <stdatomic.h>
#include <sys/uio.h>

#include "kselftest_harness.h"

FIXTURE(at)
{
	int fd;
	char *window;
	struct pinpool_info info;
	uint64_t granule;
	uint64_t granules;
};

FIXTURE_SETUP(at)
{
	self->fd = open(pp_node(), O_RDWR | O_CLOEXEC);
	ASSERT_LE(0, self->fd);
	ASSERT_EQ(0, pp_info(self->fd, &self->info));
	self->granule = self->info.granule;
	self->granules = self->info.capacity / self->granule;
	/* Some pools have none. */
	self->window = pp_window(self->fd, PROT_READ | PROT_WRITE);
	ASSERT_EQ(self->window == MAP_FAILED, self->info.backing == PINPOOL_BACKING_NONE);
}

FIXTURE_TEARDOWN(at)
{
	EXPECT_TRUE(pp_pool_is_whole(self->fd, 1));
	if (self->window != MAP_FAILED)
		munmap(self->window, self->info.capacity);
	close(self->fd);
}

static int alloc_at(int fd, uint64_t offset, uint64_t length, struct pinpool_buf *buf)
{
	struct pinpool_alloc alloc = {
		.size = sizeof(alloc),
		.flags = PINPOOL_ALLOC_AT,
		.length = length,
		.offset = offset,
	};
	int err = pp_ioctl(fd, PINPOOL_IOC_ALLOC, &alloc);

	buf->offset = alloc.offset;
	buf->length = length;
	buf->handle = alloc.handle;
	return err;
}

static int alloc_array_at(int fd, struct pinpool_buf *bufs, uint32_t count, uint32_t *done)
{
	struct pinpool_alloc alloc = {
		.size = sizeof(alloc),
		.flags = PINPOOL_ALLOC_AT | (done ? PINPOOL_ALLOC_PARTIAL : 0),
		.bufs = (uintptr_t)bufs,
		.count = count,
		.buf_size = sizeof(*bufs),
	};
	int err = pp_ioctl(fd, PINPOOL_IOC_ALLOC, &alloc);

	if (done)
		*done = alloc.done;
	return err;
}

TEST_F(at, anywhere_that_is_free)
{
	uint64_t granule = self->granule, end = self->info.capacity;
	struct pinpool_query query;
	struct pinpool_buf bufs[4], other;

	ASSERT_EQ(0, alloc_at(self->fd, 5 * granule, 2 * granule - 1, &bufs[0]));
	EXPECT_EQ(5 * granule, bufs[0].offset);
	ASSERT_EQ(0, alloc_at(self->fd, end - granule, 1, &bufs[1]));
	ASSERT_EQ(0, alloc_at(self->fd, 0, 5 * granule, &bufs[2]));
	ASSERT_EQ(0, alloc_at(self->fd, 7 * granule, end - 8 * granule, &bufs[3]));
	EXPECT_EQ(-ENOSPC, pp_alloc(self->fd, 1, 0, &other));
	EXPECT_EQ(0, pp_query(self->fd, bufs[0].handle, &query));
	EXPECT_EQ(5 * granule, query.offset);
	EXPECT_EQ(2 * granule - 1, query.length);
	EXPECT_EQ(2 * granule, query.extent);
	if (self->window != MAP_FAILED)
		self->window[5 * granule] = 1;
	EXPECT_EQ(0, pp_free(self->fd, bufs[0].handle));
	if (self->window != MAP_FAILED)
		EXPECT_EQ(SIGBUS, pp_probe_read(self->window + 5 * granule));
	/* What is free now is found again. */
	EXPECT_EQ(0, alloc_at(self->fd, 6 * granule, granule, &bufs[0]));
	EXPECT_EQ(0, pp_free(self->fd, bufs[0].handle));
	EXPECT_EQ(0, pp_free(self->fd, bufs[1].handle));
	EXPECT_EQ(0, pp_free(self->fd, bufs[2].handle));
	EXPECT_EQ(0, pp_free(self->fd, bufs[3].handle));
}

TEST_F(at, not_where_it_is_not)
{
	uint64_t granule = self->granule;
	struct pinpool_buf buf, other;
	struct pinpool_stats before, after;

	ASSERT_EQ(0, alloc_at(self->fd, 4 * granule, 4 * granule, &buf));
	ASSERT_EQ(0, pp_stats(self->fd, &before));
	EXPECT_EQ(-EBUSY, alloc_at(self->fd, 4 * granule, 1, &other));
	EXPECT_EQ(-EBUSY, alloc_at(self->fd, 7 * granule, 2 * granule, &other));
	EXPECT_EQ(-EBUSY, alloc_at(self->fd, 3 * granule, granule + 1, &other));
	EXPECT_EQ(-EBUSY, alloc_at(self->fd, 0, self->info.capacity, &other));
	ASSERT_EQ(0, pp_stats(self->fd, &after));
	EXPECT_EQ(0, memcmp(&before, &after, sizeof(before)));
	EXPECT_EQ(0, pp_free(self->fd, buf.handle));
}

TEST_F(at, bad_calls)
{
	struct pinpool_alloc good = {
		.size = sizeof(good), .flags = PINPOOL_ALLOC_AT,
		.length = 1, .offset = self->granule,
	}, alloc;
	struct pinpool_buf bufs[2] = { { .length = 1 }, { .length = 1, .align = 1 } };
	struct pinpool_buf buf;

	EXPECT_EQ(-EINVAL, alloc_at(self->fd, 1, 1, &buf));
	EXPECT_EQ(-EINVAL, alloc_at(self->fd, self->granule, 0, &buf));
	EXPECT_EQ(-EINVAL, alloc_at(self->fd, self->info.capacity, 1, &buf));
	EXPECT_EQ(-EINVAL, alloc_at(self->fd, self->granule, self->info.capacity, &buf));
	EXPECT_EQ(-EINVAL, alloc_at(self->fd, -self->granule, self->granule, &buf));
	EXPECT_EQ(-EINVAL, alloc_at(self->fd, -self->granule, 2 * self->granule, &buf));
	alloc = good;
	alloc.align = self->granule;
	EXPECT_EQ(-EINVAL, pp_ioctl(self->fd, PINPOOL_IOC_ALLOC, &alloc));
	alloc = good;
	alloc.deadline_ns = ~0ULL;
	EXPECT_EQ(-EINVAL, pp_ioctl(self->fd, PINPOOL_IOC_ALLOC, &alloc));
	alloc = good;
	alloc.flags |= PINPOOL_ALLOC_SCATTER;
	alloc.bufs = (uintptr_t)bufs;
	alloc.count = 1;
	alloc.buf_size = sizeof(bufs[0]);
	EXPECT_EQ(-EINVAL, pp_ioctl(self->fd, PINPOOL_IOC_ALLOC, &alloc));
	EXPECT_EQ(-EINVAL, alloc_array_at(self->fd, bufs, 2, NULL));
}

/* In any order; wholly or as far as it goes */
TEST_F(at, arrays)
{
	enum { N = 100 };
	struct pinpool_buf bufs[N] = { { 0 } };
	uint32_t done;
	int i;

	if (self->granules < 2 * N)
		SKIP(return, "the pool is too small");
	for (i = 0; i < N; i++) {
		bufs[i].offset = (uint64_t)(i * 37 % N) * 2 * self->granule;
		bufs[i].length = self->granule - i;
	}
	ASSERT_EQ(0, alloc_array_at(self->fd, bufs, N, NULL));
	for (i = 0; i < N; i++) {
		EXPECT_EQ((uint64_t)(i * 37 % N) * 2 * self->granule, bufs[i].offset);
		if (i != 20)
			EXPECT_EQ(0, pp_free(self->fd, bufs[i].handle));
	}
	EXPECT_EQ(-EBUSY, alloc_array_at(self->fd, bufs, N, NULL));
	EXPECT_EQ(0, alloc_array_at(self->fd, bufs, N, &done));
	EXPECT_EQ(20, done);
	for (i = 0; i <= 20; i++)
		EXPECT_EQ(0, pp_free(self->fd, bufs[i].handle));
}

/* Not over what is pinned still; what isn't any more is no obstacle */
TEST_F(at, over_the_quarantine)
{
	struct pinpool_buf buf;
	struct iovec iovec;
	int pipes[2];

	if (!pp_has_pages(self->fd))
		SKIP(return, PP_NO_PAGES);
	ASSERT_EQ(0, alloc_at(self->fd, 2 * self->granule, 2 * self->granule, &buf));
	ASSERT_EQ(0, pipe(pipes));
	iovec.iov_base = self->window + buf.offset;
	iovec.iov_len = 4096;
	ASSERT_EQ(4096, vmsplice(pipes[1], &iovec, 1, 0));
	ASSERT_EQ(0, pp_free(self->fd, buf.handle));
	EXPECT_EQ(-EBUSY, alloc_at(self->fd, 2 * self->granule, 2 * self->granule, &buf));
	close(pipes[0]);
	close(pipes[1]);
	EXPECT_EQ(0, alloc_at(self->fd, 2 * self->granule, 2 * self->granule, &buf));
	EXPECT_EQ(0, pp_free(self->fd, buf.handle));
}

/* Another's bytes are no more to be seen than elsewhere. */
TEST_F(at, memory_is_zeroed)
{
	struct pp_client other;
	struct pinpool_buf buf;

	if (self->info.zero == PINPOOL_ZERO_NEVER)
		SKIP(return, "the pool doesn't");
	if (self->window == MAP_FAILED)
		SKIP(return, "there is no memory");
	ASSERT_TRUE(pp_client_open(&other));
	ASSERT_EQ(0, alloc_at(other.fd, 3 * self->granule, self->granule, &buf));
	pp_fill(other.window + buf.offset, self->granule, 1);
	EXPECT_EQ(-EBUSY, alloc_at(self->fd, 3 * self->granule, self->granule, &buf));
	pp_client_close(&other);
	ASSERT_EQ(0, alloc_at(self->fd, 3 * self->granule, self->granule, &buf));
	EXPECT_TRUE(pp_is_zero(self->window + buf.offset, self->granule));
	EXPECT_EQ(0, pp_free(self->fd, buf.handle));
}

static atomic_bool stop;

/* Takes and frees what it can get, at either end of the pool in turn */
static void *disturb(void *arg)
{
	const struct pinpool_info *info = arg;
	struct pinpool_buf bufs[64];
	int fd = open(pp_node(), O_RDWR | O_CLOEXEC);
	uint64_t from = info->capacity / info->granule / 2 * info->granule;
	intptr_t bad = fd < 0;
	int i, nr;

	while (!stop && !bad) {
		for (nr = 0; nr < 64; nr++)
			if (alloc_at(fd, from + nr * info->granule, 1, &bufs[nr]))
				break;
		bad = nr != 64;
		for (i = 0; i < nr; i++)
			bad |= pp_free(fd, bufs[i].handle);
		from = info->capacity - from - 64 * info->granule;
	}
	close(fd);
	return (void *)bad;
}

/* All there is, in a bad order, while somebody else goes another way */
TEST_F(at, among_others)
{
	uint64_t quarter = self->info.capacity / 4 / self->granule;
	struct pinpool_info info = self->info;
	struct pinpool_buf *bufs;
	pthread_t thread;
	void *bad;
	int i, n;

	if (quarter < 128)
		SKIP(return, "the pool is too small");
	n = quarter < 4000 ? quarter : 4000;
	bufs = calloc(n, sizeof(*bufs));
	ASSERT_NE(NULL, bufs);
	stop = false;
	ASSERT_EQ(0, pthread_create(&thread, NULL, disturb, &info));
	for (i = 0; i < n; i++) {
		uint64_t place = i % 2 ? n - 1 - i / 2 : i / 2;

		ASSERT_EQ(0, alloc_at(self->fd, place * self->granule, 1, &bufs[i]));
	}
	stop = true;
	ASSERT_EQ(0, pthread_join(thread, &bad));
	EXPECT_EQ(NULL, bad);
	for (i = 0; i < n; i++)
		EXPECT_EQ(0, pp_free(self->fd, bufs[i].handle));
	free(bufs);
}

static int alloc_aligned(int fd, uint64_t length, uint64_t align, uint64_t deadline_ns,
			 struct pinpool_buf *buf)
{
	struct pinpool_alloc alloc = {
		.size = sizeof(alloc),
		.length = length,
		.align = align,
		.deadline_ns = deadline_ns,
	};
	int err = pp_ioctl(fd, PINPOOL_IOC_ALLOC, &alloc);

	*buf = (struct pinpool_buf){ .offset = alloc.offset, .handle = alloc.handle };
	return err;
}

/* Hundreds of free extents are large enough, and one of them lies right. */
TEST_F(at, alignment_that_hardly_any_has)
{
	enum { N = 1000, LUCKY = N / 2, PERIOD = 8, USED = 3, WANTED = 4 };
	static struct pinpool_buf bufs[N + 3];
	uint64_t g = self->granule;
	struct pinpool_buf lucky;
	int i, nr = 0;

	if (self->granules < N * PERIOD + PERIOD)
		SKIP(return, "the pool is too small");
	/* Each free one begins in the middle of a period, and has a granule of the next. */
	ASSERT_EQ(0, alloc_at(self->fd, 0, g, &bufs[nr++]));
	for (i = 0; i < N; i++) {
		uint64_t start = i == LUCKY ? WANTED + 1 : 1;
		uint64_t length = i == LUCKY - 1 ? PERIOD - 1 : USED;

		ASSERT_EQ(0, alloc_at(self->fd, (i * PERIOD + start) * g, length * g,
				      &bufs[nr++]));
	}
	ASSERT_EQ(0, alloc_at(self->fd, (N * PERIOD + 1) * g,
			      self->info.capacity - (N * PERIOD + 1) * g, &bufs[nr++]));

	/* Without a deadline, and with one that is over */
	for (i = 0; i < 2; i++) {
		ASSERT_EQ(0, alloc_aligned(self->fd, WANTED * g, PERIOD * g, i, &lucky));
		EXPECT_EQ(LUCKY * PERIOD * g, lucky.offset);
		EXPECT_EQ(i ? -ETIMEDOUT : -ENOSPC,
			  alloc_aligned(self->fd, WANTED * g, PERIOD * g, i, &bufs[nr]));
		EXPECT_EQ(0, pp_free(self->fd, lucky.handle));
	}
	while (nr--)
		EXPECT_EQ(0, pp_free(self->fd, bufs[nr].handle));
}

TEST_HARNESS_MAIN
