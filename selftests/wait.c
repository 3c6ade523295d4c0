// SPDX-License-Identifier: GPL-2.0
/*
 * Waiting for space: ALLOC with a deadline, and poll
 */
#define _FILE_OFFSET_BITS 64
#include "pinpool_test.h"

#include <poll.h>
#include <pthread.h>
#include <sys/epoll.h>
#include <sys/uio.h>
#include <sys/wait.h>

#include "kselftest_harness.h"

#define NSEC	1000000000ULL
#define FOREVER	(~0ULL)

static int alloc_until(int fd, uint64_t length, uint64_t deadline, struct pinpool_buf *buf)
{
	struct pinpool_alloc alloc = {
		.size = sizeof(alloc), .length = length, .deadline_ns = deadline,
	};
	int err = pp_ioctl(fd, PINPOOL_IOC_ALLOC, &alloc);

	buf->offset = alloc.offset;
	buf->handle = alloc.handle;
	return err;
}

static bool waiters_are(int fd, unsigned int nr)
{
	struct pinpool_stats stats;
	uint64_t end = pp_now_ns() + 20 * NSEC;

	do {
		if (pp_stats(fd, &stats))
			return false;
	} while (stats.waiters != nr && pp_now_ns() < end && !sched_yield());
	return stats.waiters == nr;
}

/* A pool that is full: of 16 buffers, one of which has all but 15 granules */
#define NR_BUFS	16

FIXTURE(wait)
{
	struct pp_client a;		/* has the pool */
	struct pp_client b;		/* wants some of it */
	size_t granule;
	struct pinpool_buf bufs[NR_BUFS];
};

FIXTURE_SETUP(wait)
{
	int i;

	ASSERT_TRUE(pp_client_open(&self->a));
	ASSERT_TRUE(pp_client_open(&self->b));
	self->granule = self->a.granule;
	for (i = 0; i < NR_BUFS - 1; i++)
		ASSERT_EQ(0, pp_alloc(self->a.fd, self->granule, 0, &self->bufs[i]));
	ASSERT_EQ(0, pp_alloc(self->a.fd, self->a.capacity - i * self->granule, 0,
			      &self->bufs[i]));
}

FIXTURE_TEARDOWN(wait)
{
	pp_client_close(&self->a);
	EXPECT_TRUE(waiters_are(self->b.fd, 0));
	pp_client_close(&self->b);
}

TEST_F(wait, a_deadline_ends_it)
{
	uint64_t deadline = pp_now_ns() + NSEC / 20;
	struct pinpool_stats before, after;
	struct pinpool_buf buf;

	ASSERT_EQ(0, pp_stats(self->b.fd, &before));
	EXPECT_EQ(-ETIMEDOUT, alloc_until(self->b.fd, 1, deadline, &buf));
	EXPECT_LE(deadline, pp_now_ns());
	ASSERT_EQ(0, pp_stats(self->b.fd, &after));
	EXPECT_EQ(before.failures + 1, after.failures);
	EXPECT_EQ(before.used, after.used);
	EXPECT_EQ(0, after.waiters);
}

TEST_F(wait, a_deadline_of_the_past_means_one_try)
{
	struct pinpool_buf buf;

	EXPECT_EQ(-ETIMEDOUT, alloc_until(self->b.fd, 1, 1, &buf));
	EXPECT_EQ(0, pp_free(self->a.fd, self->bufs[3].handle));
	EXPECT_EQ(0, alloc_until(self->b.fd, 1, 1, &buf));
	EXPECT_EQ(self->bufs[3].offset, buf.offset);
}

TEST_F(wait, nonsense_is_refused_at_once)
{
	struct pinpool_buf buf;

	EXPECT_EQ(-EINVAL, alloc_until(self->b.fd, 0, FOREVER, &buf));
	EXPECT_EQ(-EINVAL, alloc_until(self->b.fd, self->a.capacity + 1, FOREVER, &buf));
}

/* A thread that waits */
struct waiter {
	pthread_t thread;
	int fd;
	uint64_t length;
	uint64_t deadline;
	int err;
	struct pinpool_buf buf;
	int *order;		/* counts up for each that was served */
	int served;
};

static void *waiter_run(void *arg)
{
	struct waiter *waiter = arg;

	waiter->err = alloc_until(waiter->fd, waiter->length, waiter->deadline, &waiter->buf);
	waiter->served = __atomic_add_fetch(waiter->order, 1, __ATOMIC_SEQ_CST);
	return NULL;
}

/* Returns when it stands in line as the @nr-th. */
static bool waiter_start(struct waiter *waiter, int fd, uint64_t length, int *order,
			 unsigned int nr)
{
	*waiter = (struct waiter){ .fd = fd, .length = length, .deadline = pp_now_ns() + 60 * NSEC,
				   .order = order };
	return !pthread_create(&waiter->thread, NULL, waiter_run, waiter) &&
	       waiters_are(fd, nr);
}

TEST_F(wait, a_free_ends_it)
{
	struct waiter waiter;
	int order = 0;

	ASSERT_TRUE(waiter_start(&waiter, self->b.fd, 1, &order, 1));
	EXPECT_EQ(0, pp_free(self->a.fd, self->bufs[7].handle));
	ASSERT_EQ(0, pthread_join(waiter.thread, NULL));
	EXPECT_EQ(0, waiter.err);
	EXPECT_EQ(self->bufs[7].offset, waiter.buf.offset);
	EXPECT_EQ(0, pp_probe_write(self->b.window + waiter.buf.offset));
}

TEST_F(wait, what_is_freed_bit_by_bit_ends_it)
{
	struct waiter waiter;
	int order = 0;
	int i;

	ASSERT_TRUE(waiter_start(&waiter, self->b.fd, 15 * self->granule, &order, 1));
	for (i = 0; i < NR_BUFS - 1; i++) {
		EXPECT_EQ(0, __atomic_load_n(&order, __ATOMIC_SEQ_CST));
		EXPECT_EQ(0, pp_free(self->a.fd, self->bufs[i].handle));
	}
	ASSERT_EQ(0, pthread_join(waiter.thread, NULL));
	EXPECT_EQ(0, waiter.err);
	EXPECT_EQ(0, waiter.buf.offset % self->granule);
}

TEST_F(wait, a_close_ends_it)
{
	struct waiter waiter;
	int order = 0;

	ASSERT_TRUE(waiter_start(&waiter, self->b.fd, self->a.capacity, &order, 1));
	pp_client_close(&self->a);
	ASSERT_EQ(0, pthread_join(waiter.thread, NULL));
	EXPECT_EQ(0, waiter.err);
	EXPECT_EQ(0, pp_free(self->b.fd, waiter.buf.handle));
	ASSERT_TRUE(pp_client_open(&self->a));
}

TEST_F(wait, the_end_of_a_pin_ends_it)
{
	struct pinpool_stats stats;
	struct waiter waiter;
	struct iovec iov;
	int pipes[2];
	int order = 0;

	if (!pp_has_pages(self->a.fd))
		SKIP(return, PP_NO_PAGES);
	ASSERT_EQ(0, pipe2(pipes, O_CLOEXEC));
	iov = (struct iovec){ self->a.window + self->bufs[2].offset, 10 };
	ASSERT_EQ(10, vmsplice(pipes[1], &iov, 1, 0));
	EXPECT_EQ(0, pp_free(self->a.fd, self->bufs[2].handle));
	ASSERT_EQ(0, pp_stats(self->a.fd, &stats));
	EXPECT_EQ(self->granule, stats.quarantined);
	ASSERT_TRUE(waiter_start(&waiter, self->b.fd, 1, &order, 1));
	EXPECT_EQ(0, __atomic_load_n(&order, __ATOMIC_SEQ_CST));
	close(pipes[0]);
	close(pipes[1]);
	ASSERT_EQ(0, pthread_join(waiter.thread, NULL));
	EXPECT_EQ(0, waiter.err);
	EXPECT_EQ(self->bufs[2].offset, waiter.buf.offset);
}

TEST_F(wait, first_come_first_served)
{
	struct waiter waiters[4];
	struct pinpool_buf buf = {};
	int order = 0;
	int i;

	/* The first wants more than the others. */
	for (i = 0; i < 4; i++)
		ASSERT_TRUE(waiter_start(&waiters[i], self->b.fd,
					 (i ? 1 : 3) * self->granule, &order, i + 1));
	/* Enough for any but the first; and for a call that doesn't wait */
	EXPECT_EQ(0, pp_free(self->a.fd, self->bufs[0].handle));
	EXPECT_EQ(0, pp_alloc(self->a.fd, 1, 0, &buf));
	EXPECT_EQ(self->bufs[0].offset, buf.offset);
	EXPECT_EQ(0, pp_free(self->a.fd, self->bufs[8].handle));
	EXPECT_TRUE(waiters_are(self->b.fd, 4));
	EXPECT_EQ(0, __atomic_load_n(&order, __ATOMIC_SEQ_CST));

	for (i = 1; i < 7; i++)
		EXPECT_EQ(0, pp_free(self->a.fd, self->bufs[i].handle));
	for (i = 0; i < 4; i++) {
		ASSERT_EQ(0, pthread_join(waiters[i].thread, NULL));
		EXPECT_EQ(0, waiters[i].err);
	}
}

TEST_F(wait, who_comes_later_stands_behind)
{
	struct pinpool_buf buf;
	struct waiter first;
	int order = 0;

	EXPECT_EQ(0, pp_free(self->a.fd, self->bufs[0].handle));
	ASSERT_TRUE(waiter_start(&first, self->b.fd, 2 * self->granule, &order, 1));
	/* There is room for this one, but it isn't its turn. */
	EXPECT_EQ(-ETIMEDOUT, alloc_until(self->a.fd, 1, pp_now_ns() + NSEC / 20, &buf));
	EXPECT_EQ(0, pp_free(self->a.fd, self->bufs[1].handle));
	ASSERT_EQ(0, pthread_join(first.thread, NULL));
	EXPECT_EQ(0, first.err);
	EXPECT_EQ(self->bufs[0].offset, first.buf.offset);
}

TEST_F(wait, each_is_served_in_its_turn)
{
	struct waiter waiters[6];
	int order = 0;
	int i;

	for (i = 0; i < 6; i++)
		ASSERT_TRUE(waiter_start(&waiters[i], self->b.fd, 1, &order, i + 1));
	for (i = 0; i < 6; i++) {
		EXPECT_EQ(0, pp_free(self->a.fd, self->bufs[i * 2].handle));
		ASSERT_EQ(0, pthread_join(waiters[i].thread, NULL));
		EXPECT_EQ(0, waiters[i].err);
		EXPECT_EQ(i + 1, waiters[i].served);
		EXPECT_EQ(self->bufs[i * 2].offset, waiters[i].buf.offset);
	}
}

static void on_alarm(int sig)
{
}

/* A child that waits. Ends with 0 if it was served, else with the errno. */
static pid_t child_wait(int fd, uint64_t length, bool restart)
{
	struct sigaction action = { .sa_handler = on_alarm, .sa_flags = restart ? SA_RESTART : 0 };
	struct pinpool_buf buf;
	pid_t pid = fork();

	if (!pid) {
		sigaction(SIGUSR1, &action, NULL);
		_exit(-alloc_until(fd, length, pp_now_ns() + 60 * NSEC, &buf));
	}
	return pid;
}

TEST_F(wait, a_signal_ends_it)
{
	pid_t pid = child_wait(self->b.fd, 1, false);
	int status;

	ASSERT_TRUE(waiters_are(self->b.fd, 1));
	ASSERT_EQ(0, kill(pid, SIGUSR1));
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	EXPECT_EQ(EINTR, WEXITSTATUS(status));
	EXPECT_TRUE(waiters_are(self->b.fd, 0));
}

TEST_F(wait, with_sa_restart_it_goes_on)
{
	pid_t pid = child_wait(self->b.fd, 1, true);
	int i, status;

	for (i = 0; i < 20; i++) {
		ASSERT_TRUE(waiters_are(self->b.fd, 1));
		ASSERT_EQ(0, kill(pid, SIGUSR1));
	}
	ASSERT_TRUE(waiters_are(self->b.fd, 1));
	EXPECT_EQ(0, pp_free(self->a.fd, self->bufs[0].handle));
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	EXPECT_EQ(0, status);
}

TEST_F(wait, a_killed_one_makes_room_for_the_next)
{
	struct waiter waiter;
	int order = 0;
	int status;
	pid_t pid;

	pid = child_wait(self->a.fd, 3 * self->granule, false);
	ASSERT_TRUE(waiters_are(self->b.fd, 1));
	ASSERT_TRUE(waiter_start(&waiter, self->b.fd, 1, &order, 2));
	EXPECT_EQ(0, pp_free(self->a.fd, self->bufs[4].handle));
	EXPECT_TRUE(waiters_are(self->b.fd, 2));
	ASSERT_EQ(0, kill(pid, SIGKILL));
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	ASSERT_EQ(0, pthread_join(waiter.thread, NULL));
	EXPECT_EQ(0, waiter.err);
	EXPECT_EQ(self->bufs[4].offset, waiter.buf.offset);
}

TEST_F(wait, an_array_is_all_or_nothing)
{
	struct pinpool_buf bufs[3] = { { .length = 1 }, { .length = 1 }, { .length = 1 } };
	struct pinpool_alloc alloc = {
		.size = sizeof(alloc), .bufs = (uintptr_t)bufs, .count = 3,
		.buf_size = sizeof(bufs[0]), .deadline_ns = pp_now_ns() + NSEC / 20,
	};
	struct pinpool_stats stats;

	EXPECT_EQ(0, pp_free(self->a.fd, self->bufs[0].handle));
	EXPECT_EQ(0, pp_free(self->a.fd, self->bufs[2].handle));
	EXPECT_EQ(-ETIMEDOUT, pp_ioctl(self->b.fd, PINPOOL_IOC_ALLOC, &alloc));
	ASSERT_EQ(0, pp_stats(self->b.fd, &stats));
	EXPECT_EQ(0, stats.client_buffers);
	EXPECT_EQ(2 * self->granule, stats.free);
	/* Or what there is */
	alloc.flags = PINPOOL_ALLOC_PARTIAL;
	alloc.deadline_ns = pp_now_ns() + NSEC / 20;
	EXPECT_EQ(0, pp_ioctl(self->b.fd, PINPOOL_IOC_ALLOC, &alloc));
	EXPECT_EQ(2, alloc.done);
}

static int poll_now(int fd, int timeout)
{
	struct pollfd pollfd = { .fd = fd, .events = POLLIN | POLLOUT };
	int n = poll(&pollfd, 1, timeout);

	return n < 0 ? -errno : n ? pollfd.revents : 0;
}

TEST_F(wait, poll_tells_of_space)
{
	int readonly = open(pp_node(), O_RDONLY | O_CLOEXEC);
	struct pinpool_buf buf;

	EXPECT_EQ(0, poll_now(self->b.fd, 0));
	EXPECT_EQ(0, pp_free(self->a.fd, self->bufs[0].handle));
	EXPECT_EQ(POLLOUT, poll_now(self->b.fd, 0));
	EXPECT_EQ(0, poll_now(readonly, 0));

	/* After a failure it is about as much as was wanted. */
	EXPECT_EQ(-ENOSPC, pp_alloc(self->b.fd, 3 * self->granule, 0, &buf));
	EXPECT_EQ(0, poll_now(self->b.fd, 0));
	EXPECT_EQ(POLLOUT, poll_now(self->a.fd, 0));
	EXPECT_EQ(0, pp_free(self->a.fd, self->bufs[1].handle));
	EXPECT_EQ(0, poll_now(self->b.fd, 0));
	EXPECT_EQ(0, pp_free(self->a.fd, self->bufs[2].handle));
	EXPECT_EQ(POLLOUT, poll_now(self->b.fd, 0));
	EXPECT_EQ(0, pp_alloc(self->b.fd, 3 * self->granule, 0, &buf));
	EXPECT_EQ(0, poll_now(self->b.fd, 0));
	close(readonly);
}

TEST_F(wait, poll_wakes_up)
{
	struct pinpool_buf buf;
	int status;
	pid_t pid;

	EXPECT_EQ(-ENOSPC, pp_alloc(self->b.fd, 2 * self->granule, 0, &buf));
	pid = fork();
	ASSERT_LE(0, pid);
	if (!pid)
		_exit(poll_now(self->b.fd, 60000) != POLLOUT);
	EXPECT_EQ(0, pp_free(self->a.fd, self->bufs[5].handle));
	EXPECT_EQ(0, waitpid(pid, &status, WNOHANG));
	EXPECT_EQ(0, pp_free(self->a.fd, self->bufs[6].handle));
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	EXPECT_EQ(0, status);
}

TEST_F(wait, epoll_tells_each_time_that_space_comes)
{
	int epoll = epoll_create1(EPOLL_CLOEXEC);
	struct epoll_event event = { .events = EPOLLOUT | EPOLLET };
	int i;

	ASSERT_LE(0, epoll);
	ASSERT_EQ(0, epoll_ctl(epoll, EPOLL_CTL_ADD, self->b.fd, &event));
	EXPECT_EQ(0, epoll_wait(epoll, &event, 1, 0));
	for (i = 0; i < 3; i++) {
		EXPECT_EQ(0, pp_free(self->a.fd, self->bufs[i].handle));
		EXPECT_EQ(1, epoll_wait(epoll, &event, 1, 0));
		EXPECT_EQ(0, epoll_wait(epoll, &event, 1, 0));
	}
	close(epoll);
}

/* Eight processes that want more than there is, one waiting for the other */
TEST_F(wait, a_crowd_is_served)
{
	enum { PROCESSES = 8, ROUNDS = 300 };
	pid_t pids[PROCESSES];
	int i, j, status;

	pp_client_close(&self->a);
	for (i = 0; i < PROCESSES; i++) {
		pids[i] = fork();
		ASSERT_LE(0, pids[i]);
		if (pids[i])
			continue;
		int fd = open(pp_node(), O_RDWR | O_CLOEXEC);

		for (j = 0; j < ROUNDS; j++) {
			uint64_t length = self->b.capacity / (2 + (i + j) % 3) + self->granule;
			struct pinpool_buf buf;

			if (alloc_until(fd, length, FOREVER, &buf) || pp_free(fd, buf.handle))
				_exit(1);
		}
		_exit(0);
	}
	for (i = 0; i < PROCESSES; i++) {
		ASSERT_EQ(pids[i], waitpid(pids[i], &status, 0));
		EXPECT_EQ(0, status);
	}
	EXPECT_TRUE(pp_pool_is_whole(self->b.fd, 1));
	ASSERT_TRUE(pp_client_open(&self->a));
}

PP_HARNESS_MAIN
