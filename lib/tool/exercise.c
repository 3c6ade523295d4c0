// SPDX-License-Identifier: GPL-2.0
/*
 * Random allocating, writing, verifying and freeing through a window
 */
#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "exercise.h"

/* Steps between two calls of the progress function */
#define PROGRESS_STEPS	64

/* One in so many frees asks QUERY first */
#define QUERY_STEPS	16

/* A live buffer, and where the pattern in it starts */
struct live {
	struct pinpool_buf buf;
	uint64_t key;
};

struct exercise {
	struct pinpool *pool;
	const struct exercise_config *config;
	struct exercise_result *result;
	struct live *live;
	uint64_t count;
	uint64_t random;
	bool full;
};

/*
 * A live buffer that isn't there is a finding, not a crash. Nothing but plain
 * loads and stores touch the window, so that jumping out of one is safe.
 */
static sigjmp_buf bus_jump;
static void *bus_address;

static void bus_handler(int sig, siginfo_t *info, void *context)
{
	(void)sig;
	(void)context;
	bus_address = info->si_addr;
	siglongjmp(bus_jump, 1);
}

static uint64_t now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000000000ull + ts.tv_nsec;
}

/* splitmix64 */
static uint64_t random_next(struct exercise *e)
{
	uint64_t x = e->random += 0x9e3779b97f4a7c15;

	x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9;
	x = (x ^ (x >> 27)) * 0x94d049bb133111eb;
	return x ^ (x >> 31);
}

static uint64_t random_below(struct exercise *e, uint64_t limit)
{
	return random_next(e) % limit;
}

/* From 1 to max_length, every magnitude as often as the others */
static uint64_t random_length(struct exercise *e)
{
	uint64_t max = e->config->max_length;
	uint64_t limit = max >> random_below(e, 64 - __builtin_clzll(max));

	return 1 + random_below(e, limit);
}

static uint64_t random_align(struct exercise *e)
{
	uint64_t align;

	if (random_below(e, 4))
		return 0;
	align = pinpool_granule(e->pool) << random_below(e, 5);
	return align > e->config->max_length ? 0 : align;
}

static bool corrupt(struct exercise *e, uint64_t offset, const char *what)
{
	e->result->verdict = VERDICT_CORRUPT;
	e->result->what = what;
	e->result->offset = offset;
	return false;
}

static bool failed(struct exercise *e, int error, const char *what)
{
	e->result->verdict = VERDICT_FAILED;
	e->result->what = what;
	e->result->error = error;
	return false;
}

static uint64_t pattern(uint64_t key, uint64_t word)
{
	return key + word * 0x9e3779b97f4a7c15;
}

static void pattern_write(void *ptr, uint64_t length, uint64_t key)
{
	uint64_t words = length / sizeof(uint64_t);
	uint64_t *p = ptr;
	uint64_t last, i;

	for (i = 0; i < words; i++)
		p[i] = pattern(key, i);
	last = pattern(key, words);
	memcpy(&p[words], &last, length % sizeof(last));
}

/* Returns how many bytes at the start are right */
static uint64_t pattern_verify(const void *ptr, uint64_t length, uint64_t key)
{
	uint64_t words = length / sizeof(uint64_t);
	const uint64_t *p = ptr;
	uint64_t last, i;

	for (i = 0; i < words; i++)
		if (p[i] != pattern(key, i))
			return i * sizeof(*p);
	last = pattern(key, words);
	if (memcmp(&p[words], &last, length % sizeof(last)))
		return i * sizeof(*p);
	return length;
}

/* Before the first touch: is the extent one that the pool may give? */
static bool buf_check(struct exercise *e, const struct pinpool_buf *buf)
{
	uint64_t capacity = pinpool_capacity(e->pool);
	uint64_t align = pinpool_granule(e->pool);

	if (buf->align > align)
		align = buf->align;
	if (!buf->handle)
		return corrupt(e, buf->offset, "a handle is 0");
	if (buf->offset & (align - 1))
		return corrupt(e, buf->offset, "a buffer is not aligned");
	if (buf->offset > capacity || buf->length > capacity - buf->offset)
		return corrupt(e, buf->offset, "a buffer leaves the pool");
	return true;
}

static void buf_write(struct exercise *e, const struct live *live)
{
	uint64_t start = now_ns();

	pattern_write(pinpool_ptr(e->pool, &live->buf), live->buf.length,
		      live->key);
	e->result->data_ns += now_ns() - start;
	e->result->written += live->buf.length;
}

static bool buf_verify(struct exercise *e, const struct live *live)
{
	uint64_t start = now_ns();
	uint64_t good;

	good = pattern_verify(pinpool_ptr(e->pool, &live->buf),
			      live->buf.length, live->key);
	e->result->data_ns += now_ns() - start;
	e->result->verified += good;
	if (good < live->buf.length)
		return corrupt(e, live->buf.offset + good,
			       "a buffer does not hold what was written");
	return true;
}

static bool buf_query(struct exercise *e, const struct live *live)
{
	struct pinpool_query query;
	int ret;

	ret = pinpool_query(e->pool, live->buf.handle, &query, sizeof(query));
	if (ret)
		return failed(e, ret, "query");
	if (query.offset != live->buf.offset ||
	    query.length != live->buf.length || query.extent < query.length)
		return corrupt(e, live->buf.offset,
			       "QUERY does not know a buffer as it is");
	return true;
}

static bool step_alloc(struct exercise *e)
{
	struct exercise_result *r = e->result;
	struct live *live = &e->live[e->count];
	uint64_t length = random_length(e);
	uint64_t align = random_align(e);
	uint64_t start;
	int ret;

	live->key = random_next(e);
	start = now_ns();
	ret = pinpool_alloc(e->pool, length, align, &live->buf);
	r->alloc_ns += now_ns() - start;

	e->full = ret == -ENOSPC || ret == -EDQUOT;
	if (e->full) {
		r->enospc += ret == -ENOSPC;
		r->edquot += ret == -EDQUOT;
		return true;
	}
	if (ret)
		return failed(e, ret, "alloc");

	r->allocs++;
	e->count++;
	if (e->count > r->peak_live)
		r->peak_live = e->count;
	if (!buf_check(e, &live->buf))
		return false;
	buf_write(e, live);
	return true;
}

static bool free_live(struct exercise *e, uint64_t i)
{
	uint64_t start;
	int ret;

	if (!random_below(e, QUERY_STEPS) && !buf_query(e, &e->live[i]))
		return false;
	if (!buf_verify(e, &e->live[i]))
		return false;

	start = now_ns();
	ret = pinpool_free(e->pool, e->live[i].buf.handle);
	e->result->free_ns += now_ns() - start;
	if (ret)
		return failed(e, ret, "free");

	e->result->frees++;
	e->live[i] = e->live[--e->count];
	e->full = false;
	return true;
}

/* Rather more allocations than frees, so that the limits are reached */
static bool step(struct exercise *e)
{
	bool may_alloc = e->count < e->config->live && !e->full;

	if (!e->count || (may_alloc && random_below(e, 8) < 5))
		return step_alloc(e);
	return free_live(e, random_below(e, e->count));
}

static void exercise_loop(struct exercise *e)
{
	const struct exercise_config *c = e->config;
	struct exercise_result *r = e->result;

	for (; r->ops < c->ops; r->ops++) {
		if (c->progress && !(r->ops % PROGRESS_STEPS))
			c->progress(r->ops, c->ops);
		if (!step(e))
			return;
	}
	while (e->count)
		if (!free_live(e, e->count - 1))
			return;
	if (!r->allocs) {
		r->verdict = VERDICT_UNTESTED;
		r->what = "not one buffer could be had";
	}
}

static void exercise_guarded(struct exercise *e)
{
	struct sigaction action = {
		.sa_sigaction = bus_handler,
		.sa_flags = SA_SIGINFO,
	};
	struct sigaction old;
	int64_t offset;

	sigaction(SIGBUS, &action, &old);
	if (!sigsetjmp(bus_jump, 1)) {
		exercise_loop(e);
	} else {
		offset = pinpool_offset(e->pool, bus_address);
		corrupt(e, offset < 0 ? 0 : offset,
			"SIGBUS at a touch of a live buffer");
	}
	sigaction(SIGBUS, &old, NULL);
}

/*
 * Exercise @pool, which needs a window. The buffers that are left after a
 * failure go when the pool is closed. Returns 0 if there is a result, or a
 * negative errno.
 */
int exercise_run(struct pinpool *pool, const struct exercise_config *config,
		 struct exercise_result *result)
{
	struct exercise e = {
		.pool = pool,
		.config = config,
		.result = result,
		.random = config->seed,
	};

	memset(result, 0, sizeof(*result));
	e.live = calloc(config->live, sizeof(*e.live));
	if (!e.live)
		return -ENOMEM;
	exercise_guarded(&e);
	free(e.live);
	return 0;
}
