// SPDX-License-Identifier: GPL-2.0
/*
 * Processes and threads that allocate, fill, check and free at random, against
 * a reference model: a table in shared memory that tells of each granule who
 * holds it. Two holders of one granule, a changed byte, or a granule that is
 * missing in the end is a failure.
 *
 * PINPOOL_OPS (100000) operations are done by the first test and a tenth of
 * that by each of the others; PINPOOL_SEED repeats a run as far as the scheduler
 * lets it.
 */
#include "pinpool_test.h"

#include <pthread.h>
#include <sys/wait.h>
#include <time.h>

#include "kselftest_harness.h"

#define WORKERS		4
#define MAX_LIVE	256
#define MAX_ARRAY	16
#define WHOLE		(16 * KIB)	/* up to here all of a buffer is checked */
#define SAMPLE		256		/* bytes at each place that is, above */

/* What a worker knows of a buffer that it holds */
struct live {
	struct pinpool_buf buf;
	uint64_t seed;
};

struct worker {
	int fd;
	char *window;
	unsigned int id;		/* what it writes into the table, never 0 */
	uint64_t random;
	long ops;
	struct live live[MAX_LIVE];
	int nr_live;
	uint64_t allocs, frees, full;
};

static struct pinpool_info info;
static unsigned int *owners;	/* of each granule; shared by all processes */

static uint64_t below(struct worker *w, uint64_t limit)
{
	w->random ^= w->random << 13;
	w->random ^= w->random >> 7;
	w->random ^= w->random << 17;
	return w->random % limit;
}

/* 1 byte to 1 MiB, each power of two as likely as the next */
static uint64_t random_length(struct worker *w)
{
	uint64_t top = 1ULL << below(w, 20);

	return top + below(w, top);
}

/* Write @id over @from in the table, for each granule of a buffer. */
static bool claim(const struct pinpool_buf *buf, unsigned int from, unsigned int id)
{
	uint64_t first = buf->offset / info.granule;
	uint64_t last = (buf->offset + buf->length - 1) / info.granule;
	unsigned int found;
	uint64_t i;

	for (i = first; i <= last; i++) {
		found = from;
		if (!__atomic_compare_exchange_n(&owners[i], &found, id, false,
						 __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST)) {
			fprintf(stderr, "# granule %llu is %u's, not %u's, when %u comes\n",
				(unsigned long long)i, found, from, id);
			return false;
		}
	}
	return true;
}

/* Fill a place of a buffer, or else check it. */
static bool place(void *memory, size_t length, uint64_t seed, bool fill)
{
	if (!fill)
		return pp_matches(memory, length, seed);
	pp_fill(memory, length, seed);
	return true;
}

/* All of a small buffer; of a large one its begin, middle and end */
static bool places(const struct worker *w, const struct live *live, bool fill)
{
	char *memory = w->window + live->buf.offset;
	uint64_t length = live->buf.length;

	if (length <= WHOLE)
		return place(memory, length, live->seed, fill);
	return place(memory, SAMPLE, live->seed, fill) &&
	       place(memory + length / 2 / 8 * 8, SAMPLE, live->seed + 1, fill) &&
	       place(memory + (length - SAMPLE) / 8 * 8, SAMPLE, live->seed + 2, fill);
}

static bool add_live(struct worker *w, const struct pinpool_buf *buf)
{
	struct live *live = &w->live[w->nr_live++];

	live->buf = *buf;
	live->seed = below(w, 1ULL << 60);
	w->allocs++;
	if (buf->align && buf->offset % buf->align) {
		fprintf(stderr, "# offset %#llx is not aligned to %#llx\n",
			(unsigned long long)buf->offset, (unsigned long long)buf->align);
		return false;
	}
	return claim(buf, 0, w->id) && places(w, live, true);
}

/* Check a random one, and forget it: the caller frees it. */
static bool remove_live(struct worker *w, uint64_t *handle)
{
	uint64_t i = below(w, w->nr_live);
	struct live live = w->live[i];

	w->live[i] = w->live[--w->nr_live];
	w->frees++;
	*handle = live.buf.handle;
	if (!places(w, &live, false)) {
		fprintf(stderr, "# buffer at %#llx of %llu bytes has other content\n",
			(unsigned long long)live.buf.offset,
			(unsigned long long)live.buf.length);
		return false;
	}
	return claim(&live.buf, w->id, 0);
}

static bool free_some(struct worker *w)
{
	uint64_t handles[MAX_ARRAY];
	uint32_t done;
	int i, nr = 1;

	if (!below(w, 4))
		nr += below(w, w->nr_live < MAX_ARRAY ? w->nr_live : MAX_ARRAY);
	for (i = 0; i < nr; i++)
		if (!remove_live(w, &handles[i]))
			return false;
	w->ops -= nr;
	if (nr == 1)
		return !pp_free(w->fd, handles[0]);
	return !pp_free_array(w->fd, handles, nr, &done) && done == nr;
}

static bool alloc_some(struct worker *w)
{
	struct pinpool_buf bufs[MAX_ARRAY] = { { 0 } };
	uint32_t flags = below(w, 2) ? PINPOOL_ALLOC_PARTIAL : 0;
	uint32_t i, nr = 1, done = 0;
	int err;

	if (!below(w, 4))
		nr += below(w, MAX_ARRAY);
	if (nr > MAX_LIVE - w->nr_live)
		nr = MAX_LIVE - w->nr_live;
	for (i = 0; i < nr; i++) {
		bufs[i].length = random_length(w);
		if (!below(w, 8))
			bufs[i].align = 1ULL << below(w, 22);
	}
	if (nr == 1) {
		err = pp_alloc(w->fd, bufs[0].length, bufs[0].align, &bufs[0]);
		done = !err;
	} else {
		err = pp_alloc_array(w->fd, bufs, nr, flags, &done);
		if (!err && !(flags & PINPOOL_ALLOC_PARTIAL) && done != nr)
			return false;
	}
	if (err == -ENOSPC) {
		w->full++;
		return !w->nr_live || free_some(w);
	}
	for (i = 0; !err && i < done; i++)
		if (!add_live(w, &bufs[i]))
			return false;
	w->ops -= done;
	return !err;
}

/* True if the model held. */
static bool work(struct worker *w)
{
	while (w->ops > 0) {
		bool grow = w->nr_live < 2 || (w->nr_live < MAX_LIVE && below(w, 100) < 60);

		if (!(grow ? alloc_some(w) : free_some(w)))
			return false;
	}
	while (w->nr_live)
		if (!free_some(w))
			return false;
	return true;
}

static long total_ops(void)
{
	const char *ops = getenv("PINPOOL_OPS");

	return ops ? atol(ops) : 100000;
}

static uint64_t base_seed(void)
{
	const char *seed = getenv("PINPOOL_SEED");

	return seed ? strtoull(seed, NULL, 0) : (uint64_t)time(NULL);
}

static struct worker *new_worker(int fd, char *window, unsigned int id, long ops)
{
	struct worker *w = calloc(1, sizeof(*w));

	w->fd = fd;
	w->window = window;
	w->id = id;
	w->ops = ops;
	w->random = pp_pattern(base_seed(), id);
	return w;
}

/* A process with a client of its own */
static int client_process(unsigned int id, long ops)
{
	int fd = open(pp_node(), O_RDWR | O_CLOEXEC);
	struct worker *w = new_worker(fd, pp_window(fd, PROT_READ | PROT_WRITE), id, ops);

	if (w->window == MAP_FAILED || !work(w))
		return 1;
	fprintf(stderr, "# worker %u: %llu allocated, %llu freed, %llu times full\n", id,
		(unsigned long long)w->allocs, (unsigned long long)w->frees,
		(unsigned long long)w->full);
	return 0;
}

static void *thread_main(void *arg)
{
	return work(arg) ? NULL : arg;
}

/* @nr threads that share a client and its window; 0 if the model held */
static int run_threads(int fd, char *window, unsigned int first_id, int nr, long ops)
{
	pthread_t threads[WORKERS];
	void *failed;
	int bad = 0;
	int i;

	for (i = 0; i < nr; i++)
		if (pthread_create(&threads[i], NULL, thread_main,
				   new_worker(fd, window, first_id + i, ops)))
			return 1;
	for (i = 0; i < nr; i++) {
		pthread_join(threads[i], &failed);
		bad |= !!failed;
	}
	return bad;
}

FIXTURE(concurrency)
{
	int fd;
	size_t table_size;
	struct timespec start;
};

FIXTURE_SETUP(concurrency)
{
	self->fd = open(pp_node(), O_RDWR | O_CLOEXEC);
	ASSERT_LE(0, self->fd);
	ASSERT_EQ(0, pp_info(self->fd, &info));
	self->table_size = info.capacity / info.granule * sizeof(*owners);
	owners = mmap(NULL, self->table_size, PROT_READ | PROT_WRITE,
		      MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	ASSERT_TRUE(owners != MAP_FAILED);
	fprintf(stderr, "# PINPOOL_SEED=%llu\n", (unsigned long long)base_seed());
	clock_gettime(CLOCK_MONOTONIC, &self->start);
}

FIXTURE_TEARDOWN(concurrency)
{
	struct timespec end;

	clock_gettime(CLOCK_MONOTONIC, &end);
	fprintf(stderr, "# in %ld s\n", (long)(end.tv_sec - self->start.tv_sec));
	EXPECT_TRUE(pp_is_zero(owners, self->table_size));
	EXPECT_TRUE(pp_pool_is_whole(self->fd, 1));
	close(self->fd);
}

TEST_F_TIMEOUT(concurrency, processes_with_a_client_each, 900)
{
	pid_t pids[WORKERS];
	int i, status;

	for (i = 0; i < WORKERS; i++) {
		pids[i] = fork();
		if (!pids[i])
			_exit(client_process(i + 1, total_ops() / WORKERS));
	}
	for (i = 0; i < WORKERS; i++) {
		ASSERT_EQ(pids[i], waitpid(pids[i], &status, 0));
		EXPECT_EQ(0, status);
	}
}

TEST_F_TIMEOUT(concurrency, threads_of_one_client, 900)
{
	char *window = pp_window(self->fd, PROT_READ | PROT_WRITE);

	ASSERT_TRUE(window != MAP_FAILED);
	EXPECT_EQ(0, run_threads(self->fd, window, 1, WORKERS, total_ops() / 10 / WORKERS));
	munmap(window, info.capacity);
}

TEST_F_TIMEOUT(concurrency, threads_of_two_processes_that_share_a_client, 900)
{
	char *window = pp_window(self->fd, PROT_READ | PROT_WRITE);
	long ops = total_ops() / 10 / WORKERS;
	int status;
	pid_t pid;

	ASSERT_TRUE(window != MAP_FAILED);
	pid = fork();
	if (!pid)
		_exit(run_threads(self->fd, window, 3, 2, ops));
	EXPECT_EQ(0, run_threads(self->fd, window, 1, 2, ops));
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	EXPECT_EQ(0, status);
	munmap(window, info.capacity);
}

/* What a killed worker held is the model's to forget, once it is dead. */
static void forget(unsigned int id)
{
	uint64_t i;

	for (i = 0; i < info.capacity / info.granule; i++) {
		unsigned int found = id;

		__atomic_compare_exchange_n(&owners[i], &found, 0, false,
					    __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST);
	}
}

TEST_F_TIMEOUT(concurrency, workers_are_killed_all_the_time, 900)
{
	long rounds = total_ops() / 10 / 500 + 1;
	int status, go[2];
	char byte;
	pid_t pid;
	long i;

	for (i = 0; i < rounds; i++) {
		ASSERT_EQ(0, pipe(go));
		pid = fork();
		if (!pid) {
			close(go[0]);
			dup2(go[1], STDERR_FILENO);
			/* Its words tell when it is well under way. */
			client_process(1, 500);
			for (;;)
				client_process(1, 1000);
		}
		close(go[1]);
		ASSERT_EQ(1, read(go[0], &byte, 1));
		kill(pid, SIGKILL);
		ASSERT_EQ(pid, waitpid(pid, &status, 0));
		EXPECT_TRUE(WIFSIGNALED(status));
		close(go[0]);
		forget(1);
		EXPECT_TRUE(pp_pool_is_whole(self->fd, 1));
	}
}

PP_HARNESS_MAIN
