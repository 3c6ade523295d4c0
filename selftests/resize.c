// SPDX-License-Identifier: GPL-2.0
/*
 * Pools that grow and shrink while they are in use
 */
#include "pinpool_test.h"
#include "netlink.h"

#include <poll.h>
#include <pthread.h>
#include <sys/uio.h>
#include <sys/wait.h>

#include "kselftest_harness.h"

#define NAME	"resize-test"
#define NODE	"/dev/pinpool/" NAME

FIXTURE(resize)
{
	struct nl nl;
	int fd;
	uint64_t granule;
};

/* Once with small pages, and once with huge ones */
FIXTURE_VARIANT(resize)
{
	uint64_t granule;
	uint64_t unit;		/* Sizes are multiples of it */
};

FIXTURE_VARIANT_ADD(resize, small)
{
	.granule = 4 * KIB,
	.unit = 12 * KIB,
};

FIXTURE_VARIANT_ADD(resize, huge)
{
	.granule = 2 * MIB,
	.unit = 2 * MIB,
};

static int make(struct nl *nl, uint64_t capacity, uint64_t granule)
{
	struct nlmsghdr *msg = nl_request(nl, PINPOOL_NL_CMD_POOL_NEW);

	mnl_attr_put_strz(msg, PINPOOL_A_POOL_NAME, NAME);
	mnl_attr_put_u64(msg, PINPOOL_A_POOL_CAPACITY, capacity);
	mnl_attr_put_u64(msg, PINPOOL_A_POOL_GRANULE, granule);
	return nl_talk(nl, msg, NULL, NULL);
}

FIXTURE_SETUP(resize)
{
	ASSERT_EQ(0, nl_open(&self->nl));
	/* Of a test that died */
	nl_pool_del(&self->nl, NAME, true);
	self->granule = variant->granule;
	ASSERT_EQ(0, make(&self->nl, 4 * variant->unit, self->granule));
	self->fd = open(NODE, O_RDWR | O_CLOEXEC);
	ASSERT_LE(0, self->fd);
}

FIXTURE_TEARDOWN(resize)
{
	close(self->fd);
	EXPECT_EQ(0, nl_pool_del(&self->nl, NAME, false));
	nl_close(&self->nl);
}

static int set(struct nl *nl, uint64_t capacity)
{
	return nl_set_capacity(nl, NAME, capacity);
}

static uint64_t capacity(int fd)
{
	struct pinpool_info info;

	return pp_info(fd, &info) ? 0 : info.capacity;
}

TEST_F(resize, grows_and_keeps_what_is_there)
{
	uint64_t unit = variant->unit;
	struct pinpool_buf old, new;
	struct pinpool_stats stats;
	char *window, *larger;

	ASSERT_EQ(0, pp_alloc(self->fd, 4 * unit, 0, &old));
	window = pp_window(self->fd, PROT_READ | PROT_WRITE);
	ASSERT_NE(MAP_FAILED, window);
	pp_fill(window, 4 * unit, 1);
	ASSERT_EQ(0, set(&self->nl, 11 * unit));
	EXPECT_EQ(11 * unit, capacity(self->fd));
	ASSERT_EQ(0, pp_stats(self->fd, &stats));
	EXPECT_EQ(11 * unit, stats.capacity);
	EXPECT_EQ(7 * unit, stats.free);
	EXPECT_EQ(7 * unit, stats.largest_free);

	/* Old windows reach what they did, new ones all of it. */
	ASSERT_EQ(0, pp_alloc(self->fd, 7 * unit, 0, &new));
	EXPECT_EQ(4 * unit, new.offset);
	EXPECT_TRUE(pp_matches(window, 4 * unit, 1));
	larger = pp_window(self->fd, PROT_READ | PROT_WRITE);
	ASSERT_NE(MAP_FAILED, larger);
	EXPECT_TRUE(pp_matches(larger, 4 * unit, 1));
	EXPECT_TRUE(pp_is_zero(larger + new.offset, 7 * unit));
	pp_fill(larger + new.offset, 7 * unit, 2);
	EXPECT_TRUE(pp_matches(window, 4 * unit, 1));
	EXPECT_TRUE(pp_matches(larger + new.offset, 7 * unit, 2));
	munmap(larger, 11 * unit);
	munmap(window, 4 * unit);
}

TEST_F(resize, shrinks_when_the_end_is_free)
{
	uint64_t unit = variant->unit;
	struct pinpool_buf first, last;
	struct iovec iov;
	char *window;
	int pins[2];

	ASSERT_EQ(0, pp_alloc(self->fd, unit, 0, &first));
	ASSERT_EQ(0, pp_alloc(self->fd, unit, 0, &last));
	ASSERT_EQ(unit, last.offset);
	EXPECT_EQ(-EBUSY, set(&self->nl, unit));
	EXPECT_STRNE("", self->nl.error);
	EXPECT_EQ(PINPOOL_A_POOL_CAPACITY, nl_bad_attr(&self->nl));
	EXPECT_EQ(4 * unit, capacity(self->fd));
	EXPECT_EQ(0, set(&self->nl, 2 * unit));
	EXPECT_EQ(-EINVAL, pp_alloc(self->fd, 2 * unit + 1, 0, &last));

	/* What is in quarantine stays. */
	window = pp_window(self->fd, PROT_READ | PROT_WRITE);
	ASSERT_NE(MAP_FAILED, window);
	ASSERT_EQ(0, pp_probe_write(window + unit));
	ASSERT_EQ(0, pipe(pins));
	iov = (struct iovec){ .iov_base = window + unit, .iov_len = 4096 };
	ASSERT_EQ(4096, vmsplice(pins[1], &iov, 1, 0));
	ASSERT_EQ(0, pp_free(self->fd, last.handle));
	EXPECT_EQ(-EBUSY, set(&self->nl, unit));
	close(pins[0]);
	close(pins[1]);
	EXPECT_EQ(0, set(&self->nl, unit));
	EXPECT_EQ(unit, capacity(self->fd));
	EXPECT_EQ(SIGBUS, pp_probe_read(window + unit));
	EXPECT_EQ(MAP_FAILED, mmap(NULL, 2 * unit, PROT_READ, MAP_SHARED, self->fd, 0));
	EXPECT_EQ(0, pp_probe_write(window));
	munmap(window, 2 * unit);
}

/* Back and forth: the memory is another one each time, and holds nothing. */
TEST_F(resize, what_comes_is_zeroed)
{
	static const unsigned int sizes[] = { 9, 5, 6, 40, 13, 14, 1, 3, 2, 21, 20, 19, 300, 1, 4 };
	uint64_t unit = variant->unit;
	struct pinpool_buf buf, keep;
	uint64_t size;
	char *window;
	size_t i;

	ASSERT_EQ(0, pp_alloc(self->fd, self->granule, 0, &keep));
	window = pp_window(self->fd, PROT_READ | PROT_WRITE);
	ASSERT_NE(MAP_FAILED, window);
	pp_fill(window, self->granule, 5);
	munmap(window, 4 * unit);
	for (i = 0; i < ARRAY_LEN(sizes); i++) {
		size = (sizes[i] > 50 && unit > MIB ? 50 : sizes[i]) * unit;
		ASSERT_EQ(0, set(&self->nl, size));
		window = pp_window(self->fd, PROT_READ | PROT_WRITE);
		ASSERT_NE(MAP_FAILED, window);
		EXPECT_TRUE(pp_matches(window, self->granule, 5));
		if (size > self->granule) {
			ASSERT_EQ(0, pp_alloc(self->fd, size - self->granule, 0, &buf));
			if (i && sizes[i] > sizes[i - 1])
				EXPECT_TRUE(pp_is_zero(window + sizes[i - 1] * unit,
						       size - sizes[i - 1] * unit));
			pp_fill(window + self->granule, size - self->granule, i);
			EXPECT_TRUE(pp_matches(window + self->granule, size - self->granule, i));
			ASSERT_EQ(0, pp_free(self->fd, buf.handle));
		}
		munmap(window, size);
	}
}

TEST_F(resize, memory_goes_back)
{
	uint64_t large = 160 * MIB / variant->unit * variant->unit;
	unsigned long before, grown, after;

	before = pp_available_kib();
	ASSERT_EQ(0, set(&self->nl, large));
	grown = pp_available_kib();
	ASSERT_EQ(0, set(&self->nl, variant->unit));
	after = pp_available_kib();
	/* Each processor may have some up its sleeve. */
	EXPECT_GT(before, grown + 96 * 1024);
	EXPECT_GT(after, grown + 96 * 1024);
}

TEST_F(resize, no_more_than_there_is)
{
	struct pinpool_buf buf;

	EXPECT_EQ(-ENOMEM, set(&self->nl, (pp_available_kib() + MIB) * 2 * KIB / variant->unit *
			       variant->unit));
	EXPECT_STRNE("", self->nl.error);
	EXPECT_NE(0, set(&self->nl, 1ULL << 62));
	EXPECT_EQ(-EINVAL, set(&self->nl, 0));
	EXPECT_EQ(-EINVAL, set(&self->nl, 4 * variant->unit + 1));
	EXPECT_EQ(4 * variant->unit, capacity(self->fd));
	EXPECT_EQ(0, pp_alloc(self->fd, 4 * variant->unit, 0, &buf));
}

struct waiter {
	int fd;
	uint64_t length;
};

static void *wait_for_space(void *arg)
{
	struct waiter *waiter = arg;
	struct pinpool_alloc alloc = {
		.size = sizeof(alloc), .length = waiter->length, .deadline_ns = ~0ULL,
	};

	return (void *)(intptr_t)pp_ioctl(waiter->fd, PINPOOL_IOC_ALLOC, &alloc);
}

TEST_F(resize, who_waits_gets_what_comes)
{
	struct waiter waiter = { .fd = self->fd, .length = 4 * variant->unit };
	struct pinpool_buf buf;
	pthread_t thread;
	void *result;

	ASSERT_EQ(0, pp_alloc(self->fd, self->granule, 0, &buf));
	ASSERT_EQ(0, pthread_create(&thread, NULL, wait_for_space, &waiter));
	while (nl_stat(&self->nl, NAME, PINPOOL_A_STATS_WAITERS) != 1)
		sched_yield();
	ASSERT_EQ(0, set(&self->nl, 6 * variant->unit));
	ASSERT_EQ(0, pthread_join(thread, &result));
	EXPECT_EQ(0, (intptr_t)result);
}

/*
 * Allocate, fill, check and free at random until the parent closes @stop. Exits with
 * 0 if all that was read was what had been written, or zero.
 */
static void worker(int stop, uint64_t granule, unsigned int seed)
{
	struct pollfd pollfd = { .fd = stop };
	int fd = open(NODE, O_RDWR);
	unsigned long done = 0;
	struct pinpool_buf buf;
	uint64_t size, length;
	char *window;

	while (!poll(&pollfd, 1, 0)) {
		size = capacity(fd);
		window = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
		if (window == MAP_FAILED)
			continue;
		length = (1 + rand_r(&seed) % 8) * granule;
		if (length <= size && !pp_alloc(fd, length, 0, &buf)) {
			/* It may lie where the window doesn't reach. */
			if (buf.offset + length <= size) {
				pp_fill(window + buf.offset, length, seed);
				sched_yield();
				if (!pp_matches(window + buf.offset, length, seed))
					_exit(2);
				done++;
			}
			if (pp_free(fd, buf.handle))
				_exit(3);
		}
		munmap(window, size);
	}
	_exit(!done);
}

TEST_F(resize, under_load)
{
	uint64_t unit = variant->unit;
	unsigned int grown = 0, shrunk = 0;
	unsigned int seed = 1;
	uint64_t old, wanted;
	pid_t workers[3];
	int i, status, stop[2];

	ASSERT_EQ(0, pipe(stop));
	for (i = 0; i < 3; i++) {
		workers[i] = fork();
		if (!workers[i]) {
			close(stop[1]);
			worker(stop[0], self->granule, i + 1);
		}
	}
	while (grown < 100 || shrunk < 100) {
		old = capacity(self->fd);
		wanted = (4 + rand_r(&seed) % 36) * unit;
		switch (set(&self->nl, wanted)) {
		case 0:
			grown += wanted > old;
			shrunk += wanted < old;
			EXPECT_EQ(wanted, capacity(self->fd));
			break;
		case -EBUSY:
			EXPECT_LT(wanted, old);
			EXPECT_EQ(old, capacity(self->fd));
			break;
		default:
			ASSERT_TRUE(false);
		}
		ASSERT_EQ(0, waitpid(-1, &status, WNOHANG));
	}
	close(stop[1]);
	for (i = 0; i < 3; i++) {
		ASSERT_EQ(workers[i], waitpid(workers[i], &status, 0));
		EXPECT_EQ(0, status);
	}
	close(stop[0]);
	EXPECT_TRUE(pp_pool_is_whole(self->fd, 1));
}

PP_HARNESS_MAIN
