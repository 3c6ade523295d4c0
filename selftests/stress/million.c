// SPDX-License-Identifier: GPL-2.0
/*
 * A client with a million buffers ends, by close() or by a kill, while another one
 * measures how long its own calls take
 *
 * Wants a pool of so many granules, and a thousand more.
 */
#define _FILE_OFFSET_BITS 64
#include "stress.h"

#include "kselftest_harness.h"

#define MANY	1000000U
#define SPARE	1000U

/* Of times up to 2^i microseconds */
#define BUCKETS	32

/* What the neighbour tells; in memory shared with it */
struct report {
	bool stop;
	uint64_t rounds;
	uint64_t times[BUCKETS];
	double longest;
	double total;
};

static uint64_t rounds(const struct report *report)
{
	return __atomic_load_n(&report->rounds, __ATOMIC_ACQUIRE);
}

/* One ALLOC, the first touch, one FREE */
static bool one_round(const struct pp_client *client)
{
	struct pinpool_buf buf;

	if (pp_alloc(client->fd, client->granule, 0, &buf))
		return false;
	*(volatile uint64_t *)(client->window + buf.offset) = 1;
	return !pp_free(client->fd, buf.handle);
}

static void neighbour(struct report *report)
{
	struct pp_client client;
	double start, took;
	int bucket;

	if (!pp_client_open(&client))
		_exit(1);
	while (!__atomic_load_n(&report->stop, __ATOMIC_ACQUIRE)) {
		start = stress_now();
		if (!one_round(&client))
			_exit(1);
		took = stress_now() - start;
		for (bucket = 0; bucket < BUCKETS - 1 && took * 1e6 > 1ULL << bucket; bucket++)
			;
		report->times[bucket]++;
		if (took > report->longest)
			report->longest = took;
		report->total += took;
		__atomic_fetch_add(&report->rounds, 1, __ATOMIC_RELEASE);
	}
	_exit(0);
}

/* The time, in microseconds, that @part of the rounds didn't exceed */
static unsigned long long quantile(const struct report *report, double part)
{
	uint64_t sum = 0;
	int i;

	for (i = 0; i < BUCKETS - 1; i++) {
		sum += report->times[i];
		if (sum >= part * report->rounds)
			break;
	}
	return 1ULL << i;
}

/* Another client, for as long as it is not told to stop */
struct watch {
	struct report *report;
	pid_t pid;
	double start;
};

static bool watch_start(struct watch *watch)
{
	watch->report = mmap(NULL, sizeof(*watch->report), PROT_READ | PROT_WRITE,
			     MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	watch->pid = fork();
	if (!watch->pid) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		neighbour(watch->report);
	}
	while (watch->pid > 0 && !rounds(watch->report))
		if (waitpid(watch->pid, NULL, WNOHANG))
			return false;
	watch->start = stress_now();
	return watch->pid > 0;
}

/* Says what it saw; returns how many rounds it did since @before, or 0 if it failed */
static uint64_t watch_end(struct watch *watch, const char *what, uint64_t before)
{
	struct report *report = watch->report;
	uint64_t done = rounds(report) - before;
	double took = stress_now() - watch->start;
	int status;

	__atomic_store_n(&report->stop, true, __ATOMIC_RELEASE);
	if (waitpid(watch->pid, &status, 0) != watch->pid || status)
		done = 0;
	fprintf(stderr, "# %s, for %.2f s: %llu rounds of ALLOC, touch, FREE; mean %.0f us, half within %llu us, 99 %% within %llu us, longest %.0f us\n",
		what, took, (unsigned long long)report->rounds,
		report->total / report->rounds * 1e6, quantile(report, 0.5),
		quantile(report, 0.99), report->longest * 1e6);
	munmap(report, sizeof(*report));
	return done;
}

/* The client of a million buffers: a process that tells when it has them, and waits. */
struct hoarder {
	pid_t pid;
	int line;
};

static void hoarder_run(int line, bool touch)
{
	struct pinpool_buf *bufs = calloc(PINPOOL_MAX_ARRAY, sizeof(*bufs));
	unsigned int i, nr, count;
	struct pp_client client;
	char byte = 0;

	if (!bufs || !pp_client_open(&client))
		_exit(1);
	for (count = 0; count < MANY; count += nr) {
		nr = MANY - count < PINPOOL_MAX_ARRAY ? MANY - count : PINPOOL_MAX_ARRAY;
		for (i = 0; i < nr; i++)
			bufs[i] = (struct pinpool_buf){ .length = client.granule };
		if (pp_alloc_array(client.fd, bufs, nr, 0, NULL))
			_exit(1);
		for (i = 0; touch && i < nr; i++)
			client.window[bufs[i].offset] = 1;
	}
	if (send(line, &byte, 1, 0) != 1 || recv(line, &byte, 1, 0) != 1)
		_exit(1);
	close(client.fd);
	munmap(client.window, client.capacity);
	_exit(0);
}

static bool hoarder_start(struct hoarder *hoarder, bool touch)
{
	double start = stress_now();
	int socks[2];
	char byte;

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, socks))
		return false;
	hoarder->pid = fork();
	if (!hoarder->pid) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		close(socks[0]);
		hoarder_run(socks[1], touch);
	}
	close(socks[1]);
	hoarder->line = socks[0];
	if (recv(hoarder->line, &byte, 1, 0) != 1)
		return false;
	fprintf(stderr, "# %u buffers allocated%s in %.1f s\n", MANY,
		touch ? " and touched" : "", stress_now() - start);
	return true;
}

FIXTURE(million)
{
	int fd;
};

FIXTURE_SETUP(million)
{
	struct pinpool_info info;

	self->fd = open(pp_node(), O_RDWR | O_CLOEXEC);
	ASSERT_LE(0, self->fd);
	ASSERT_EQ(0, pp_info(self->fd, &info));
	if (info.capacity / info.granule < MANY + SPARE)
		PP_SKIP_SETUP("needs a pool of %u granules", MANY + SPARE);
}

FIXTURE_TEARDOWN(million)
{
	EXPECT_TRUE(pp_pool_is_whole(self->fd, 1));
	close(self->fd);
}

static void end_beside_neighbour(struct __test_metadata *_metadata,
				 FIXTURE_DATA(million) *self, bool touch, bool killed)
{
	struct pinpool_stats stats;
	struct hoarder hoarder;
	struct watch watch;
	uint64_t before;
	int status;

	ASSERT_TRUE(hoarder_start(&hoarder, touch));
	ASSERT_EQ(0, pp_stats(self->fd, &stats));
	EXPECT_EQ(MANY, stats.buffers);
	ASSERT_TRUE(watch_start(&watch));
	sleep(1);
	EXPECT_LT(0, watch_end(&watch, "Beside a client that waits", 0));

	ASSERT_TRUE(watch_start(&watch));
	before = rounds(watch.report);
	if (killed)
		kill(hoarder.pid, SIGKILL);
	else
		ASSERT_EQ(1, send(hoarder.line, "", 1, 0));
	ASSERT_EQ(hoarder.pid, waitpid(hoarder.pid, &status, 0));
	EXPECT_EQ(killed ? SIGKILL : 0, status);
	EXPECT_LT(0, watch_end(&watch, killed ? "Beside one that is killed" :
						"Beside one that closes", before));
	close(hoarder.line);
	ASSERT_EQ(0, pp_stats(self->fd, &stats));
	EXPECT_EQ(0, stats.buffers);
}

TEST_F_TIMEOUT(million, closes, STRESS_TIMEOUT)
{
	end_beside_neighbour(_metadata, self, false, false);
}

TEST_F_TIMEOUT(million, closes_what_it_touched, STRESS_TIMEOUT)
{
	end_beside_neighbour(_metadata, self, true, false);
}

TEST_F_TIMEOUT(million, is_killed, STRESS_TIMEOUT)
{
	end_beside_neighbour(_metadata, self, true, true);
}

PP_HARNESS_MAIN
