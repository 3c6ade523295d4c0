// SPDX-License-Identifier: GPL-2.0
/*
 * The promises of <offalloc.h> to several threads
 *
 * With -fsanitize=thread every write of a test that the library doesn't keep to
 * one thread is found, and every one of the library itself.
 */
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>

#include "kselftest_harness.h"
#include "offalloc.h"
#include "memory.h"

#define THREADS		4
#define CAPACITY	4096
#define OPS		20000
#define MINE		16
#define MANY		5000

/* splitmix64: the same numbers everywhere, whatever the C library */
static uint64_t rng_next(uint64_t *state)
{
	uint64_t z = *state += 0x9e3779b97f4a7c15ULL;

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
	return z ^ (z >> 31);
}

/* What the threads of a test share, and each one's number */
struct shared {
	struct offalloc *oa;
	unsigned char memory[CAPACITY];
	unsigned long ops;
	unsigned long mistakes;
};

struct thread {
	struct shared *shared;
	unsigned int number;
	pthread_t id;
};

static struct offalloc *create(uint64_t capacity)
{
	struct offalloc_options options = {
		.size = sizeof(options),
		.capacity = capacity,
	};
	struct offalloc *oa = NULL;

	return offalloc_create(&options, &oa) ? NULL : oa;
}

static void mistake_unless(struct shared *shared, int right)
{
	if (!right)
		__atomic_add_fetch(&shared->mistakes, 1, __ATOMIC_RELAXED);
}

static int start(struct thread *threads, struct shared *shared, void *(*function)(void *))
{
	unsigned int i;

	for (i = 0; i < THREADS; i++) {
		threads[i].shared = shared;
		threads[i].number = i;
		if (pthread_create(&threads[i].id, NULL, function, &threads[i]))
			return -1;
	}
	return 0;
}

static void finish(struct thread *threads)
{
	unsigned int i;

	for (i = 0; i < THREADS; i++)
		pthread_join(threads[i].id, NULL);
}

/* All of an extent's memory is of one thread: @from becomes @to. */
static void paint(struct shared *shared, const struct offalloc_extent *extent,
		  unsigned int from, unsigned int to)
{
	uint64_t i;

	for (i = extent->offset; i < extent->offset + extent->size; i++) {
		mistake_unless(shared, shared->memory[i] == from);
		shared->memory[i] = to;
	}
}

static void drop(struct shared *shared, struct offalloc_extent *extent, unsigned int colour)
{
	paint(shared, extent, colour, 0);
	mistake_unless(shared, !offalloc_free(shared->oa, extent->handle));
	mistake_unless(shared, offalloc_free(shared->oa, extent->handle) == -ENOENT);
	extent->handle = 0;
}

static void shrink(struct shared *shared, struct offalloc_extent *extent, unsigned int colour)
{
	uint64_t size = (extent->size + 1) / 2;
	struct offalloc_extent tail = {
		.offset = extent->offset + size,
		.size = extent->size - size,
	};

	paint(shared, &tail, colour, 0);
	mistake_unless(shared, !offalloc_resize(shared->oa, extent->handle, size));
	mistake_unless(shared, !offalloc_lookup(shared->oa, extent->handle, extent));
	mistake_unless(shared, extent->size == size);
}

static void *use(void *arg)
{
	struct thread *thread = arg;
	struct shared *shared = thread->shared;
	struct offalloc_extent mine[MINE] = { { 0 } };
	unsigned int colour = thread->number + 1;
	uint64_t seed = colour;
	int i;

	for (i = 0; i < OPS; i++) {
		uint64_t random = rng_next(&seed);
		struct offalloc_extent *extent = &mine[random % MINE];
		uint64_t size = 1 + random / MINE % 200;

		if (extent->handle && size % 2) {
			drop(shared, extent, colour);
		} else if (extent->handle) {
			shrink(shared, extent, colour);
		} else if (offalloc_may_fit(shared->oa, size) &&
			   !offalloc_alloc(shared->oa, size, size % 3 ? 0 : 8, extent)) {
			paint(shared, extent, 0, colour);
		}
	}
	for (i = 0; i < MINE; i++)
		if (mine[i].handle)
			drop(shared, &mine[i], colour);
	return NULL;
}

FIXTURE(threads)
{
	struct thread threads[THREADS];
	struct shared *shared;
};

FIXTURE_SETUP(threads)
{
	self->shared = calloc(1, sizeof(*self->shared));
	ASSERT_NE(NULL, self->shared);
	self->shared->oa = create(CAPACITY);
	ASSERT_NE(NULL, self->shared->oa);
}

FIXTURE_TEARDOWN(threads)
{
	EXPECT_EQ(0, self->shared->mistakes);
	free(self->shared);
	EXPECT_EQ(0, memory_live);
}

TEST_F(threads, extents_are_of_one_thread)
{
	struct offalloc_report report;
	struct offalloc *oa = self->shared->oa;

	ASSERT_EQ(0, start(self->threads, self->shared, use));
	finish(self->threads);
	EXPECT_EQ(0, offalloc_check(oa, NULL));
	ASSERT_EQ(0, offalloc_report(oa, &report, sizeof(report)));
	EXPECT_EQ(0, report.used);
	EXPECT_EQ(CAPACITY, report.largest_free);
	EXPECT_LT(OPS, report.allocs);
	offalloc_put(oa);
}

/* All need a new chunk at about the same time. */
static void *grow(void *arg)
{
	struct thread *thread = arg;
	struct shared *shared = thread->shared;
	uint64_t handles[MANY];
	int i;

	for (i = 0; i < MANY; i++) {
		struct offalloc_extent extent = { 0 };

		mistake_unless(shared, !offalloc_alloc(shared->oa, 1, 0, &extent));
		handles[i] = extent.handle;
	}
	for (i = 0; i < MANY; i++)
		mistake_unless(shared, !offalloc_free(shared->oa, handles[i]));
	return NULL;
}

TEST_F(threads, growth)
{
	struct offalloc_report report;

	offalloc_put(self->shared->oa);
	self->shared->oa = create(THREADS * MANY);
	ASSERT_NE(NULL, self->shared->oa);
	ASSERT_EQ(0, start(self->threads, self->shared, grow));
	finish(self->threads);
	EXPECT_EQ(0, offalloc_check(self->shared->oa, NULL));
	ASSERT_EQ(0, offalloc_report(self->shared->oa, &report, sizeof(report)));
	EXPECT_EQ(THREADS * MANY, report.allocs);
	EXPECT_EQ(0, report.used);
	offalloc_put(self->shared->oa);
}

/* Works until somebody shuts the allocator down, then finds all calls refused. */
static void *outlive(void *arg)
{
	struct thread *thread = arg;
	struct shared *shared = thread->shared;
	struct offalloc *oa = shared->oa;
	struct offalloc_extent extent = { 0 };
	unsigned int i = thread->number;
	int err;

	do {
		__atomic_add_fetch(&shared->ops, 1, __ATOMIC_RELAXED);
		offalloc_may_fit(oa, 1);
		err = offalloc_alloc(oa, 1, 0, &extent);
		if (!err && ++i % 8)
			err = offalloc_free(oa, extent.handle);
	} while (!err || err == -ENOSPC);
	mistake_unless(shared, err == -ESHUTDOWN);
	mistake_unless(shared, offalloc_free(oa, extent.handle) == -ESHUTDOWN);
	mistake_unless(shared, !offalloc_may_fit(oa, 1));
	offalloc_put(oa);
	return NULL;
}

static void outlive_one(struct __test_metadata *_metadata, struct thread *threads,
			struct shared *shared)
{
	struct offalloc *oa = shared->oa;
	int i;

	for (i = 0; i < THREADS; i++)
		offalloc_get(oa);
	shared->ops = 0;
	ASSERT_EQ(0, start(threads, shared, outlive));
	while (__atomic_load_n(&shared->ops, __ATOMIC_RELAXED) < OPS)
		sched_yield();
	offalloc_shutdown(oa);
	EXPECT_EQ(-ESHUTDOWN, offalloc_check(oa, NULL));
	offalloc_put(oa);
	finish(threads);
}

TEST_F(threads, shutdown_while_in_use)
{
	int round;

	for (round = 0; round < 10; round++) {
		outlive_one(_metadata, self->threads, self->shared);
		self->shared->oa = create(CAPACITY);
		ASSERT_NE(NULL, self->shared->oa);
	}
	offalloc_put(self->shared->oa);
}

/* Each is the last for some of them: to shut down, and to put. */
static void *end(void *arg)
{
	struct thread *thread = arg;
	struct offalloc **all = (struct offalloc **)thread->shared->memory;
	size_t i;

	for (i = 0; i < CAPACITY / sizeof(*all); i++) {
		if ((i + thread->number) % 2)
			offalloc_shutdown(all[i]);
		offalloc_put(all[i]);
	}
	return NULL;
}

TEST_F(threads, all_put_at_once)
{
	struct offalloc **all = (struct offalloc **)self->shared->memory;
	size_t i, k;

	for (i = 0; i < CAPACITY / sizeof(*all); i++) {
		all[i] = create(CAPACITY);
		ASSERT_NE(NULL, all[i]);
		for (k = 1; k < THREADS; k++)
			offalloc_get(all[i]);
	}
	ASSERT_EQ(0, start(self->threads, self->shared, end));
	finish(self->threads);
	offalloc_put(self->shared->oa);
}

/* How many extents are met; the walk ends early where its last one was freed */
static int walk(struct offalloc *oa)
{
	struct offalloc_extent extent = { 0 };
	uint64_t end = 0;
	int ret;

	for (ret = offalloc_next(oa, &extent); ret > 0; ret = offalloc_next(oa, &extent)) {
		if (extent.offset < end || !extent.size)
			return -1;
		end = extent.offset;
	}
	return ret == -ENOENT ? 0 : ret;
}

TEST_F(threads, questions_meanwhile)
{
	struct offalloc *oa = self->shared->oa;
	struct offalloc_report report;
	struct offalloc *copy;
	size_t size;
	void *image;
	int i;

	ASSERT_EQ(0, start(self->threads, self->shared, use));
	for (i = 0; i < 50; i++) {
		EXPECT_EQ(0, walk(oa));
		EXPECT_EQ(0, offalloc_check(oa, NULL));
		ASSERT_EQ(0, offalloc_report(oa, &report, sizeof(report)));
		EXPECT_EQ(CAPACITY, report.used + report.free);
		ASSERT_EQ(0, offalloc_save(oa, &image, &size));
		ASSERT_EQ(0, offalloc_load(NULL, image, size, &copy));
		EXPECT_EQ(0, offalloc_check(copy, NULL));
		free(image);
		offalloc_put(copy);
	}
	finish(self->threads);
	offalloc_put(oa);
}

TEST_HARNESS_MAIN
