// SPDX-License-Identifier: GPL-2.0
/*
 * Ends of clients that hold very much, or are very many: all comes back, in one
 * piece, and nobody else is disturbed
 */
#define _FILE_OFFSET_BITS 64
#include "pinpool_test.h"

#include <sys/prctl.h>
#include <sys/wait.h>

#include "kselftest_harness.h"

#define RW		(PROT_READ | PROT_WRITE)

#define MANY		100000	/* buffers of one client, if the pool has room */
#define OPENS		256
#define STORMERS	4
#define STORM_ROUNDS	150

/* For child processes, which the harness's macros know nothing of */
#define NEED(condition)								\
	do {									\
		if (!(condition)) {						\
			fprintf(stderr, "# %s:%d: not so: %s\n", __func__,	\
				__LINE__, #condition);				\
			_exit(1);						\
		}								\
	} while (0)

/* A client whose buffers are of one granule each */
struct hoard {
	int fd;
	char *window;
	size_t capacity;
	size_t granule;
	unsigned int count;
	uint64_t *handles;
	uint64_t *offsets;
};

static int hoard_open(struct hoard *hoard)
{
	struct pinpool_info info;

	*hoard = (struct hoard){ .fd = open(pp_node(), O_RDWR | O_CLOEXEC) };
	if (hoard->fd < 0 || pp_info(hoard->fd, &info))
		return -EIO;
	hoard->capacity = info.capacity;
	hoard->granule = info.granule;
	hoard->window = pp_window(hoard->fd, RW);
	hoard->handles = calloc(info.capacity / info.granule, sizeof(*hoard->handles));
	hoard->offsets = calloc(info.capacity / info.granule, sizeof(*hoard->offsets));
	return hoard->window == MAP_FAILED || !hoard->handles || !hoard->offsets ? -ENOMEM : 0;
}

/* Lengths are a byte less than a granule, so that all accounts can differ. */
static int hoard_fill(struct hoard *hoard, unsigned int count)
{
	struct pinpool_buf *bufs = calloc(PINPOOL_MAX_ARRAY, sizeof(*bufs));
	unsigned int i, nr;
	int err = bufs ? 0 : -ENOMEM;

	while (!err && hoard->count < count) {
		nr = count - hoard->count;
		if (nr > PINPOOL_MAX_ARRAY)
			nr = PINPOOL_MAX_ARRAY;
		for (i = 0; i < nr; i++)
			bufs[i] = (struct pinpool_buf){ .length = hoard->granule - 1 };
		err = pp_alloc_array(hoard->fd, bufs, nr, 0, NULL);
		for (i = 0; !err && i < nr; i++, hoard->count++) {
			hoard->handles[hoard->count] = bufs[i].handle;
			hoard->offsets[hoard->count] = bufs[i].offset;
		}
	}
	free(bufs);
	return err;
}

static void hoard_touch(const struct hoard *hoard)
{
	unsigned int i;

	for (i = 0; i < hoard->count; i++)
		*(uint64_t *)(hoard->window + hoard->offsets[i]) = i;
}

/* Whether the pool counts what the hoard holds, and @others clients besides */
static bool hoard_is_counted(const struct hoard *hoard, unsigned int others)
{
	uint64_t used = (uint64_t)hoard->count * hoard->granule;
	uint64_t requested = used - hoard->count;
	struct pinpool_stats s;

	return !pp_stats(hoard->fd, &s) && s.clients == 1 + others &&
	       s.client_buffers == hoard->count && s.client_used == used &&
	       s.client_requested == requested && s.buffers >= s.client_buffers &&
	       s.used >= used && s.used + s.free + s.quarantined == s.capacity;
}

static void hoard_close(struct hoard *hoard)
{
	if (hoard->window)
		munmap(hoard->window, hoard->capacity);
	close(hoard->fd);
	free(hoard->handles);
	free(hoard->offsets);
	*hoard = (struct hoard){ .fd = -1 };
}

static void swap(uint64_t *a, uint64_t *b)
{
	uint64_t old = *a;

	*a = *b;
	*b = old;
}

static void shuffle(uint64_t *array, unsigned int count, unsigned int seed)
{
	unsigned int i;

	for (i = count; i > 1; i--)
		swap(&array[i - 1], &array[rand_r(&seed) % i]);
}

/* Frees handles from @first on, in arrays as long as may be. */
static int free_from(const struct hoard *hoard, unsigned int first, unsigned int count)
{
	unsigned int nr;
	uint32_t done;
	int err;

	while (count) {
		nr = count < PINPOOL_MAX_ARRAY ? count : PINPOOL_MAX_ARRAY;
		err = pp_free_array(hoard->fd, hoard->handles + first, nr, &done);
		if (err)
			return err;
		if (done != nr)
			return -EIO;
		first += nr;
		count -= nr;
	}
	return 0;
}

static double now(void)
{
	return pp_now_ns() / 1e9;
}

static int wait_for(pid_t pid)
{
	int status;

	return waitpid(pid, &status, 0) == pid ? status : -1;
}

FIXTURE(teardown)
{
	int fd;			/* of a bystander */
	unsigned int granules;
	unsigned int many;	/* MANY, or as many as the pool has granules */
	struct hoard hoard;
	struct pinpool_stats before;
};

FIXTURE_SETUP(teardown)
{
	struct pinpool_info info;

	self->fd = open(pp_node(), O_RDWR | O_CLOEXEC);
	ASSERT_LE(0, self->fd);
	ASSERT_EQ(0, pp_info(self->fd, &info));
	self->granules = info.capacity / info.granule;
	self->many = self->granules < MANY ? self->granules : MANY;
	ASSERT_EQ(0, hoard_open(&self->hoard));
	ASSERT_EQ(0, pp_stats(self->fd, &self->before));
}

FIXTURE_TEARDOWN(teardown)
{
	if (self->hoard.fd >= 0)
		hoard_close(&self->hoard);
	EXPECT_TRUE(pp_pool_is_whole(self->fd, 1));
	close(self->fd);
}

/* Nobody but the hoard allocated anything. */
static bool frees_are_counted(int fd, const struct pinpool_stats *before, unsigned int count)
{
	struct pinpool_stats s;

	return !pp_stats(fd, &s) && s.allocs == before->allocs + count &&
	       s.frees == before->frees + count;
}

TEST_F(teardown, close_returns_very_many_buffers)
{
	ASSERT_EQ(0, hoard_fill(&self->hoard, self->many));
	EXPECT_TRUE(hoard_is_counted(&self->hoard, 1));
	hoard_close(&self->hoard);
	EXPECT_TRUE(pp_pool_is_whole(self->fd, 1));
	EXPECT_TRUE(frees_are_counted(self->fd, &self->before, self->many));
}

TEST_F(teardown, close_returns_very_many_touched_buffers)
{
	ASSERT_EQ(0, hoard_fill(&self->hoard, self->many));
	hoard_touch(&self->hoard);
	EXPECT_TRUE(hoard_is_counted(&self->hoard, 1));
	hoard_close(&self->hoard);
	EXPECT_TRUE(pp_pool_is_whole(self->fd, 1));
	EXPECT_TRUE(frees_are_counted(self->fd, &self->before, self->many));
}

TEST_F(teardown, unmap_after_close_returns_very_many_touched_buffers)
{
	ASSERT_EQ(0, hoard_fill(&self->hoard, self->many));
	hoard_touch(&self->hoard);
	close(self->hoard.fd);
	munmap(self->hoard.window, self->hoard.capacity);
	self->hoard.fd = -1;
	EXPECT_TRUE(pp_pool_is_whole(self->fd, 1));
	EXPECT_TRUE(frees_are_counted(self->fd, &self->before, self->many));
}

/* What a neighbour tells; in memory shared with it */
struct report {
	bool stop;
	unsigned long loops;
	double longest;
};

/* Works on a few granules until told to stop. */
static void neighbour_run(struct report *report)
{
	struct pinpool_buf buf;
	struct hoard hoard;
	double start, took;

	NEED(!hoard_open(&hoard));
	while (!__atomic_load_n(&report->stop, __ATOMIC_ACQUIRE)) {
		start = now();
		NEED(!pp_alloc(hoard.fd, 2 * hoard.granule, 0, &buf));
		NEED(*(uint64_t *)(hoard.window + buf.offset) <= 1);
		*(uint64_t *)(hoard.window + buf.offset) = 1;
		NEED(!pp_free(hoard.fd, buf.handle));
		NEED(pp_probe_read(hoard.window + buf.offset) == SIGBUS);
		took = now() - start;
		if (took > report->longest)
			report->longest = took;
		__atomic_fetch_add(&report->loops, 1, __ATOMIC_RELEASE);
	}
	_exit(0);
}

static pid_t neighbour_start(struct report **report)
{
	pid_t pid;

	*report = mmap(NULL, sizeof(**report), RW, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	pid = fork();
	if (!pid) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		neighbour_run(*report);
	}
	return pid;
}

static unsigned long loops_of(struct report *report)
{
	return __atomic_load_n(&report->loops, __ATOMIC_ACQUIRE);
}

/*
 * Close a hoard of nearly all the pool while a neighbour goes on working in the
 * rest. Returns how the neighbour ended.
 */
static int close_beside_neighbour(struct __test_metadata *_metadata,
				  FIXTURE_DATA(teardown) *self, bool touched)
{
	unsigned int count = self->granules - 8 < MANY ? self->granules - 8 : MANY;
	unsigned long before, during;
	struct report *report;
	double start, took;
	pid_t pid;

	/* A file that the neighbour inherits would not end with its close here. */
	hoard_close(&self->hoard);
	pid = neighbour_start(&report);
	ASSERT_LE(0, pid);
	while (!loops_of(report))
		ASSERT_EQ(0, waitpid(pid, NULL, WNOHANG));

	ASSERT_EQ(0, hoard_open(&self->hoard));
	ASSERT_EQ(0, hoard_fill(&self->hoard, count));
	if (touched)
		hoard_touch(&self->hoard);
	EXPECT_TRUE(hoard_is_counted(&self->hoard, 2));
	report->longest = 0;
	before = loops_of(report);
	start = now();
	hoard_close(&self->hoard);
	took = now() - start;
	during = loops_of(report) - before;
	__atomic_store_n(&report->stop, true, __ATOMIC_RELEASE);
	fprintf(stderr, "# %u %s buffers closed in %.1f ms; a neighbour did %lu rounds meanwhile, the longest %.1f ms\n",
		count, touched ? "touched" : "untouched", took * 1e3, during,
		report->longest * 1e3);
	return wait_for(pid);
}

TEST_F(teardown, close_of_many_buffers_lets_others_work)
{
	EXPECT_EQ(0, close_beside_neighbour(_metadata, self, false));
}

TEST_F(teardown, close_of_many_touched_buffers_lets_others_work)
{
	EXPECT_EQ(0, close_beside_neighbour(_metadata, self, true));
}

/* Each with buffers of its own lengths, some of them touched */
TEST_F(teardown, many_clients_close_in_any_order)
{
	size_t granule = self->hoard.granule;
	uint64_t used[OPENS] = {}, order[OPENS];
	uint64_t all_used = 0, all_buffers = 0;
	uint64_t nr_bufs[OPENS] = {};
	struct pinpool_stats stats;
	struct pinpool_buf buf;
	unsigned int i, j, seed = 1;
	int fds[OPENS];
	size_t length;
	char *window;

	for (i = 0; i < OPENS; i++) {
		order[i] = i;
		fds[i] = open(pp_node(), O_RDWR | O_CLOEXEC);
		ASSERT_LE(0, fds[i]);
		window = pp_window(fds[i], RW);
		ASSERT_TRUE(window != MAP_FAILED);
		for (j = 0; j < i % 8; j++) {
			length = 1 + rand_r(&seed) % (4 * granule);
			/* Pools of few granules may be full before the end. */
			if (pp_alloc(fds[i], length, 0, &buf))
				break;
			if (j % 2)
				window[buf.offset] = 1;
			used[i] += (length + granule - 1) / granule * granule;
			nr_bufs[i]++;
		}
		munmap(window, self->hoard.capacity);
		all_used += used[i];
		all_buffers += nr_bufs[i];
	}
	shuffle(order, OPENS, 2);
	for (i = 0; i < OPENS; i++) {
		ASSERT_EQ(0, pp_stats(self->fd, &stats));
		ASSERT_EQ(2 + OPENS - i, stats.clients);
		ASSERT_EQ(all_used, stats.used);
		ASSERT_EQ(all_buffers, stats.buffers);
		close(fds[order[i]]);
		all_used -= used[order[i]];
		all_buffers -= nr_bufs[order[i]];
	}
	EXPECT_TRUE(pp_pool_is_whole(self->fd, 2));
}

static void storm(unsigned int seed)
{
	struct pinpool_buf buf;
	struct hoard hoard;
	unsigned int i, j;
	int err;

	for (i = 0; i < STORM_ROUNDS; i++) {
		NEED(!hoard_open(&hoard));
		for (j = 0; j < i % 4; j++) {
			err = pp_alloc(hoard.fd, 1 + rand_r(&seed) % hoard.granule, 0, &buf);
			NEED(!err || err == -ENOSPC);
			if (!err)
				hoard.window[buf.offset] = 1;
		}
		hoard_close(&hoard);
	}
}

TEST_F(teardown, storm_of_opens_and_closes)
{
	pid_t pids[STORMERS];
	unsigned int i;

	for (i = 0; i < STORMERS; i++) {
		pids[i] = fork();
		if (!pids[i]) {
			prctl(PR_SET_PDEATHSIG, SIGKILL);
			storm(i);
			_exit(0);
		}
	}
	for (i = 0; i < STORMERS; i++)
		EXPECT_EQ(0, wait_for(pids[i]));
	EXPECT_TRUE(pp_pool_is_whole(self->fd, 2));
}

TEST_F(teardown, free_in_order_of_allocation_ends_in_one_extent)
{
	ASSERT_EQ(0, hoard_fill(&self->hoard, self->granules));
	EXPECT_EQ(0, free_from(&self->hoard, 0, self->granules));
	EXPECT_TRUE(pp_pool_is_whole(self->fd, 2));
}

TEST_F(teardown, free_in_reverse_order_ends_in_one_extent)
{
	unsigned int i;

	ASSERT_EQ(0, hoard_fill(&self->hoard, self->granules));
	for (i = 0; i < self->granules / 2; i++)
		swap(&self->hoard.handles[i], &self->hoard.handles[self->granules - 1 - i]);
	EXPECT_EQ(0, free_from(&self->hoard, 0, self->granules));
	EXPECT_TRUE(pp_pool_is_whole(self->fd, 2));
}

TEST_F(teardown, free_in_random_order_ends_in_one_extent)
{
	ASSERT_EQ(0, hoard_fill(&self->hoard, self->granules));
	hoard_touch(&self->hoard);
	shuffle(self->hoard.handles, self->granules, 3);
	EXPECT_EQ(0, free_from(&self->hoard, 0, self->granules));
	EXPECT_TRUE(pp_pool_is_whole(self->fd, 2));
}

/* As many free extents as there can be, which the close must join again */
TEST_F(teardown, close_merges_with_what_was_freed_before)
{
	unsigned int half = self->granules / 2;
	unsigned int i;
	struct pinpool_stats stats;
	uint64_t *by_place;

	ASSERT_EQ(0, hoard_fill(&self->hoard, self->granules));
	by_place = calloc(self->granules, sizeof(*by_place));
	for (i = 0; i < self->granules; i++)
		by_place[self->hoard.offsets[i] / self->hoard.granule] = self->hoard.handles[i];
	for (i = 0; i < half; i++)
		self->hoard.handles[i] = by_place[2 * i];
	free(by_place);
	ASSERT_EQ(0, free_from(&self->hoard, 0, half));
	ASSERT_EQ(0, pp_stats(self->fd, &stats));
	EXPECT_EQ(half, stats.free_extents);
	EXPECT_EQ(self->hoard.granule, stats.largest_free);
	EXPECT_EQ(self->granules - half, stats.buffers);
	hoard_close(&self->hoard);
	EXPECT_TRUE(pp_pool_is_whole(self->fd, 1));
}

TEST_F(teardown, free_of_the_longest_array)
{
	unsigned int max = PINPOOL_MAX_ARRAY;
	unsigned int count = self->granules < max ? self->granules : max;
	uint64_t *handles = calloc(max + 1, sizeof(*handles));
	struct pinpool_stats stats;
	uint32_t done;

	ASSERT_EQ(0, hoard_fill(&self->hoard, count));
	memcpy(handles, self->hoard.handles, count * sizeof(*handles));
	EXPECT_EQ(-EINVAL, pp_free_array(self->hoard.fd, handles, max + 1, &done));
	ASSERT_EQ(0, pp_stats(self->fd, &stats));
	EXPECT_EQ(count, stats.buffers);
	/* A pool of fewer granules can't fill it: then it stops at the first 0. */
	EXPECT_EQ(count < max ? -ENOENT : 0,
		  pp_free_array(self->hoard.fd, handles, max, &done));
	EXPECT_EQ(count, done);
	EXPECT_TRUE(pp_pool_is_whole(self->fd, 2));
	free(handles);
}

static pid_t hoard_in_child(unsigned int count, int ready)
{
	struct hoard hoard;
	pid_t pid = fork();

	if (pid)
		return pid;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	NEED(!hoard_open(&hoard));
	NEED(!hoard_fill(&hoard, count));
	hoard_touch(&hoard);
	NEED(write(ready, "", 1) == 1);
	for (;;)
		pause();
}

TEST_F(teardown, kill_returns_a_pool_of_single_granules)
{
	int ready[2], status;
	char byte;
	pid_t pid;

	ASSERT_EQ(0, pipe2(ready, O_CLOEXEC));
	pid = hoard_in_child(self->granules, ready[1]);
	close(ready[1]);
	ASSERT_EQ(1, read(ready[0], &byte, 1));
	EXPECT_EQ(-ENOSPC, hoard_fill(&self->hoard, 1));
	kill(pid, SIGKILL);
	status = wait_for(pid);
	EXPECT_TRUE(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
	EXPECT_TRUE(pp_pool_is_whole(self->fd, 2));
	/* And all of it can be had at once. */
	EXPECT_EQ(0, hoard_fill(&self->hoard, self->granules));
	close(ready[0]);
}

TEST_F(teardown, kill_of_several_at_once_returns_all)
{
	pid_t pids[STORMERS];
	char bytes[STORMERS];
	unsigned int i;
	int ready[2];

	ASSERT_EQ(0, pipe2(ready, O_CLOEXEC));
	for (i = 0; i < STORMERS; i++)
		pids[i] = hoard_in_child(self->granules / STORMERS, ready[1]);
	close(ready[1]);
	for (i = 0; i < STORMERS; i++)
		ASSERT_EQ(1, read(ready[0], &bytes[i], 1));
	for (i = 0; i < STORMERS; i++)
		kill(pids[i], SIGKILL);
	for (i = 0; i < STORMERS; i++)
		EXPECT_TRUE(WIFSIGNALED(wait_for(pids[i])));
	EXPECT_TRUE(pp_pool_is_whole(self->fd, 2));
	close(ready[0]);
}

PP_HARNESS_MAIN
