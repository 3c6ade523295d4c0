// SPDX-License-Identifier: GPL-2.0
/*
 * Pools that come and go at run time: with clients, windows, shares and pins, and a
 * thousand times over under load
 */
#include "pinpool_test.h"
#include "netlink.h"

#include <poll.h>
#include <pthread.h>
#include <sys/epoll.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <time.h>

#include "kselftest_harness.h"

#define NAME	"pools-test"
#define NODE	"/dev/pinpool/" NAME
#define SYSFS	"/sys/class/pinpool/" NAME

FIXTURE(pools)
{
	struct nl nl;
	size_t page;
};

FIXTURE_SETUP(pools)
{
	self->page = sysconf(_SC_PAGESIZE);
	ASSERT_EQ(0, nl_open(&self->nl));
	/* Of a test that died */
	nl_pool_del(&self->nl, NAME, true);
	ASSERT_EQ(0, nl_pool_new(&self->nl, NAME, 4 * MIB, 0600));
}

FIXTURE_TEARDOWN(pools)
{
	nl_pool_del(&self->nl, NAME, true);
	nl_close(&self->nl);
}

/* A client with a window; false if there is no such pool, or not any more */
static bool join(struct pp_client *client)
{
	struct pinpool_info info;

	client->window = MAP_FAILED;
	client->fd = open(NODE, O_RDWR | O_CLOEXEC);
	if (client->fd < 0)
		return false;
	if (!pp_info(client->fd, &info)) {
		client->capacity = info.capacity;
		client->granule = info.granule;
		client->window = pp_window(client->fd, PROT_READ | PROT_WRITE);
	}
	if (client->window != MAP_FAILED)
		return true;
	close(client->fd);
	return false;
}

TEST_F(pools, is_there_and_is_gone)
{
	struct pp_client client;
	struct pinpool_buf buf;
	struct stat st;

	ASSERT_EQ(0, stat(NODE, &st));
	EXPECT_EQ(0600, st.st_mode & 07777);
	EXPECT_EQ(0, access(SYSFS, F_OK));
	EXPECT_EQ(-EEXIST, nl_pool_new(&self->nl, NAME, MIB, 0600));

	ASSERT_TRUE(join(&client));
	EXPECT_EQ(4 * MIB, client.capacity);
	ASSERT_EQ(0, pp_alloc(client.fd, 4 * MIB, 0, &buf));
	EXPECT_TRUE(pp_is_zero(client.window, 4 * MIB));
	pp_fill(client.window, 4 * MIB, 1);
	EXPECT_TRUE(pp_matches(client.window, 4 * MIB, 1));
	pp_client_close(&client);

	EXPECT_EQ(0, nl_pool_del(&self->nl, NAME, false));
	EXPECT_NE(0, access(NODE, F_OK));
	EXPECT_NE(0, access(SYSFS, F_OK));
	EXPECT_EQ(-ENOENT, nl_pool_del(&self->nl, NAME, false));
	EXPECT_EQ(-ENOENT, nl_pool_del(&self->nl, NAME, true));
}

TEST_F(pools, who_uses_it_keeps_it)
{
	struct pp_client client;
	struct pinpool_buf buf;
	int share;

	ASSERT_TRUE(join(&client));
	EXPECT_EQ(-EBUSY, nl_pool_del(&self->nl, NAME, false));
	EXPECT_STRNE("", self->nl.error);
	/* The call that was refused took nothing away. */
	ASSERT_EQ(0, pp_alloc(client.fd, MIB, 0, &buf));
	share = pp_export(client.fd, buf.handle, 0);
	ASSERT_LE(0, share);
	close(client.fd);
	EXPECT_EQ(-EBUSY, nl_pool_del(&self->nl, NAME, false));
	EXPECT_EQ(0, pp_probe_write(client.window + buf.offset));
	munmap(client.window, client.capacity);
	EXPECT_EQ(-EBUSY, nl_pool_del(&self->nl, NAME, false));
	close(share);
	EXPECT_EQ(0, nl_pool_del(&self->nl, NAME, false));
}

TEST_F(pools, force_takes_it_away)
{
	struct pinpool_query query;
	struct pinpool_stats stats;
	struct pinpool_info info;
	struct pp_client client;
	struct pinpool_buf buf;
	struct pollfd pollfd;

	ASSERT_TRUE(join(&client));
	ASSERT_EQ(0, pp_alloc(client.fd, MIB, 0, &buf));
	ASSERT_EQ(0, pp_probe_write(client.window + buf.offset));
	ASSERT_EQ(0, nl_pool_del(&self->nl, NAME, true));

	EXPECT_EQ(SIGBUS, pp_probe_read(client.window + buf.offset));
	EXPECT_EQ(SIGBUS, pp_probe_write(client.window + buf.offset + MIB - 1));
	EXPECT_EQ(-ENODEV, pp_free(client.fd, buf.handle));
	EXPECT_EQ(-ENODEV, pp_alloc(client.fd, self->page, 0, &buf));
	EXPECT_EQ(-ENODEV, pp_query(client.fd, buf.handle, &query));
	EXPECT_EQ(-ENODEV, pp_stats(client.fd, &stats));
	EXPECT_EQ(-ENODEV, pp_info(client.fd, &info));
	EXPECT_EQ(-ENODEV, pp_export(client.fd, buf.handle, 0));
	EXPECT_EQ(MAP_FAILED, mmap(NULL, MIB, PROT_READ, MAP_SHARED, client.fd, 0));
	EXPECT_EQ(ENODEV, errno);
	pollfd = (struct pollfd){ .fd = client.fd, .events = POLLOUT };
	EXPECT_EQ(1, poll(&pollfd, 1, 0));
	EXPECT_EQ(POLLERR | POLLHUP, pollfd.revents);
	EXPECT_EQ(-1, open(NODE, O_RDWR));

	/* The name is free, and the new pool has nothing to do with the old one. */
	ASSERT_EQ(0, nl_pool_new(&self->nl, NAME, MIB, 0600));
	EXPECT_EQ(SIGBUS, pp_probe_read(client.window + buf.offset));
	EXPECT_EQ(-ENODEV, pp_stats(client.fd, &stats));
	pp_client_close(&client);
	EXPECT_EQ(0, nl_stat(&self->nl, NAME, PINPOOL_A_STATS_CLIENTS));
}

static void *wait_for_all(void *arg)
{
	struct pp_client *client = arg;
	struct pinpool_alloc alloc = {
		.size = sizeof(alloc), .length = client->capacity, .deadline_ns = ~0ULL,
	};

	return (void *)(intptr_t)pp_ioctl(client->fd, PINPOOL_IOC_ALLOC, &alloc);
}

/* Even if no space comes free by that: a share holds all that there is. */
TEST_F(pools, who_waits_is_told)
{
	struct epoll_event event = { };
	struct pp_client client;
	struct pinpool_buf buf;
	pthread_t thread;
	int share, epoll;
	void *result;

	ASSERT_TRUE(join(&client));
	ASSERT_EQ(0, pp_alloc(client.fd, self->page, 0, &buf));
	share = pp_export(client.fd, buf.handle, 0);
	ASSERT_LE(0, share);
	ASSERT_EQ(0, pp_free(client.fd, buf.handle));
	ASSERT_EQ(0, pthread_create(&thread, NULL, wait_for_all, &client));
	while (nl_stat(&self->nl, NAME, PINPOOL_A_STATS_WAITERS) != 1)
		sched_yield();
	/* From here on it is ready only if somebody wakes it. */
	epoll = epoll_create1(EPOLL_CLOEXEC);
	ASSERT_EQ(0, epoll_ctl(epoll, EPOLL_CTL_ADD, client.fd, &event));
	ASSERT_EQ(0, nl_pool_del(&self->nl, NAME, true));
	ASSERT_EQ(0, pthread_join(thread, &result));
	EXPECT_EQ(-ENODEV, (intptr_t)result);
	EXPECT_EQ(1, epoll_wait(epoll, &event, 1, NL_SOON_MS));
	EXPECT_EQ(EPOLLERR | EPOLLHUP, event.events);
	close(epoll);
	close(share);
	pp_client_close(&client);
}

TEST_F(pools, shares_are_taken_too)
{
	struct pp_client client, other;
	struct pinpool_buf buf;
	char *map, *child_map;
	int share, status;

	ASSERT_TRUE(join(&client));
	ASSERT_EQ(0, pp_alloc(client.fd, MIB, 0, &buf));
	share = pp_export(client.fd, buf.handle, 0);
	ASSERT_LE(0, share);
	map = mmap(NULL, MIB, PROT_READ | PROT_WRITE, MAP_SHARED, share, 0);
	ASSERT_NE(MAP_FAILED, map);
	ASSERT_EQ(0, pp_probe_write(map));
	/* A part of it, in another process as well */
	munmap(map + MIB / 2, self->page);
	child_map = map;

	ASSERT_EQ(0, nl_pool_del(&self->nl, NAME, true));
	EXPECT_EQ(SIGBUS, pp_probe_read(map));
	EXPECT_EQ(SIGBUS, pp_probe_write(map + MIB - 1));
	if (!fork())
		_exit(pp_probe_read(child_map) != SIGBUS);
	ASSERT_LT(0, wait(&status));
	EXPECT_EQ(0, status);
	EXPECT_EQ(MAP_FAILED, mmap(NULL, MIB, PROT_READ, MAP_SHARED, share, 0));

	ASSERT_EQ(0, nl_pool_new(&self->nl, NAME, MIB, 0600));
	ASSERT_TRUE(join(&other));
	EXPECT_EQ(-EXDEV, pp_import(other.fd, share, 0, &buf));
	pp_client_close(&other);
	munmap(map, MIB / 2);
	munmap(map + MIB / 2 + self->page, MIB / 2 - self->page);
	close(share);
	pp_client_close(&client);
}

/* A page on its way through a pipe is nobody else's until it is read. */
TEST_F(pools, what_is_pinned_stays_what_it_is)
{
	struct pp_client client;
	struct pinpool_buf buf;
	struct iovec iov;
	int pins[2];
	char *read_back;

	ASSERT_TRUE(join(&client));
	ASSERT_EQ(0, pp_alloc(client.fd, 4 * MIB, 0, &buf));
	pp_fill(client.window, self->page, 7);
	ASSERT_EQ(0, pipe(pins));
	iov = (struct iovec){ .iov_base = client.window, .iov_len = self->page };
	ASSERT_EQ(self->page, vmsplice(pins[1], &iov, 1, 0));
	ASSERT_EQ(0, nl_pool_del(&self->nl, NAME, true));
	pp_client_close(&client);

	/* Whoever gets the memory that came back writes to it. */
	ASSERT_EQ(0, nl_pool_new(&self->nl, NAME, 64 * MIB, 0600));
	ASSERT_TRUE(join(&client));
	ASSERT_EQ(0, pp_alloc(client.fd, client.capacity, 0, &buf));
	pp_fill(client.window, client.capacity, 8);
	read_back = malloc(self->page);
	ASSERT_EQ(self->page, read(pins[0], read_back, self->page));
	EXPECT_TRUE(pp_matches(read_back, self->page, 7));
	EXPECT_TRUE(pp_matches(client.window, client.capacity, 8));
	free(read_back);
	close(pins[0]);
	close(pins[1]);
	pp_client_close(&client);
}

TEST_F(pools, many_buffers_are_taken)
{
	struct pp_client client;
	struct pinpool_buf *bufs;
	uint32_t nr, done, i;

	ASSERT_TRUE(join(&client));
	nr = client.capacity / client.granule;
	bufs = calloc(nr, sizeof(*bufs));
	for (i = 0; i < nr; i++)
		bufs[i].length = client.granule;
	ASSERT_EQ(0, pp_alloc_array(client.fd, bufs, nr, 0, &done));
	for (i = 0; i < nr; i++)
		client.window[i * client.granule] = 1;
	ASSERT_EQ(0, nl_pool_del(&self->nl, NAME, true));
	for (i = 0; i < nr; i += 17)
		EXPECT_EQ(SIGBUS, pp_probe_read(client.window + i * client.granule));
	free(bufs);
	pp_client_close(&client);
}

/* Mark a word as ours. False if it is there and was somebody else's */
static bool mark(volatile uint64_t *word, uint64_t ours)
{
	uint64_t old;

	if (sigsetjmp(pp_trap_env, 1))
		return true;
	old = *word;
	*word = ours;
	return !old || old == ours;
}

/*
 * Have a page on its way through a pipe: a pin that outlives the buffer, and the pool.
 * False if there was one already, or the page is no longer there
 */
static bool pin(int pipe, char *page, size_t size)
{
	struct iovec iov = { .iov_base = page, .iov_len = size };

	return vmsplice(pipe, &iov, 1, SPLICE_F_NONBLOCK) == size;
}

/* What comes out of the pipe is what went in, whatever became of the pool. */
static bool unpin(int pipe, uint64_t ours, char *page, size_t size)
{
	uint64_t word;

	if (read(pipe, page, size) != size)
		return false;
	memcpy(&word, page, sizeof(word));
	return word == ours;
}

/*
 * Use the pool as long as it lasts, and the next one. Ends when the parent closes
 * @stop. Exits with 0 if it got anything done and never saw what it must not.
 */
static void worker(int stop, unsigned int seed)
{
	struct sigaction action = { .sa_sigaction = pp_trap, .sa_flags = SA_SIGINFO };
	struct pollfd pollfd = { .fd = stop };
	struct pp_client client;
	struct pinpool_buf buf;
	size_t page = sysconf(_SC_PAGESIZE);
	char *read_back = malloc(page);
	unsigned long done = 0, pinned = 0;
	uint64_t ours = 0, theirs = 0;
	int err, pins[2];

	sigaction(SIGBUS, &action, NULL);
	/* So that there is one pin at a time */
	if (pipe(pins) || fcntl(pins[1], F_SETPIPE_SZ, page) != page)
		_exit(4);
	while (!poll(&pollfd, 1, 0)) {
		if (!join(&client))
			continue;
		ours = ((uint64_t)seed << 32) + done + 1;
		do {
			err = pp_alloc(client.fd, (1 + done % 16) * client.granule, 0, &buf);
			if (err)
				break;
			if (!mark((uint64_t *)(client.window + buf.offset), ours))
				_exit(2);
			if (!theirs && pin(pins[1], client.window + buf.offset, page)) {
				theirs = ours;
				pinned++;
			}
			if (++done % 2)
				err = pp_free(client.fd, buf.handle);
		} while (!err);
		if (err != -ENODEV && err != -ENOSPC)
			_exit(3);
		pp_client_close(&client);
		/* In the end that of a pool before this one */
		if (theirs && done % 3) {
			if (!unpin(pins[0], theirs, read_back, page))
				_exit(5);
			theirs = 0;
		}
	}
	_exit(!done || !pinned);
}

#define WORKERS	3
#define CYCLES	1000

TEST_F_TIMEOUT(pools, a_thousand_times_under_load, 900)
{
	unsigned long before;
	pid_t workers[WORKERS];
	int stop[2];
	int i, status;

	ASSERT_EQ(0, nl_pool_del(&self->nl, NAME, true));
	before = pp_available_kib();
	ASSERT_EQ(0, pipe(stop));
	for (i = 0; i < WORKERS; i++) {
		workers[i] = fork();
		if (!workers[i]) {
			close(stop[1]);
			worker(stop[0], i + 1);
		}
	}
	for (i = 0; i < CYCLES; i++) {
		ASSERT_EQ(0, nl_pool_new(&self->nl, NAME, MIB, 0600));
		/* Let somebody in, most of the time. */
		while (i % 4 && !nl_stat(&self->nl, NAME, PINPOOL_A_STATS_ALLOCS))
			ASSERT_EQ(0, waitpid(-1, &status, WNOHANG));
		ASSERT_EQ(0, nl_pool_del(&self->nl, NAME, true));
	}
	close(stop[1]);
	for (i = 0; i < WORKERS; i++) {
		ASSERT_EQ(workers[i], waitpid(workers[i], &status, 0));
		EXPECT_EQ(0, status);
	}
	close(stop[0]);
	/* A thousand MiB came and went. */
	EXPECT_TRUE(pp_memory_is_back(before, 48 * KIB));
}

TEST_F(pools, there_can_be_so_many)
{
	char name[32];
	int nr, err;

	for (nr = 0; nr < 2000; nr++) {
		snprintf(name, sizeof(name), "many-%d", nr);
		err = nl_pool_new(&self->nl, name, self->page, 0600);
		if (err)
			break;
	}
	EXPECT_EQ(-ENOSPC, err);
	EXPECT_STRNE("", self->nl.error);
	EXPECT_LE(1000, nr);
	/* One that goes makes place for another. */
	EXPECT_EQ(0, nl_pool_del(&self->nl, "many-0", false));
	EXPECT_EQ(0, nl_pool_new(&self->nl, "many-0", self->page, 0600));
	while (nr--) {
		snprintf(name, sizeof(name), "many-%d", nr);
		EXPECT_EQ(0, nl_pool_del(&self->nl, name, false));
	}
}

/* Pools that nobody uses don't keep the module. */
TEST_F(pools, goes_with_the_module)
{
	if (!getenv("PINPOOL_KO"))
		SKIP(return, "PINPOOL_KO names no module to load again");
	nl_close(&self->nl);
	ASSERT_EQ(0, pp_unload());
	EXPECT_EQ(-ENOENT, nl_open(&self->nl));
	ASSERT_EQ(0, pp_load());
	ASSERT_EQ(0, nl_open(&self->nl));
	EXPECT_NE(0, access(NODE, F_OK));
	EXPECT_EQ(0, access(pp_node(), F_OK));
}

PP_HARNESS_MAIN
