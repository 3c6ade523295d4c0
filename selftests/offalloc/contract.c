// SPDX-License-Identifier: GPL-2.0
/*
 * The promises of <offalloc.h>, to a single thread
 */
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "kselftest_harness.h"
#include "offalloc.h"
#include "memory.h"

#define CAPACITY	1000003
#define BASE		0x10000
#define CHUNK		32768

/* More than a chunk has nodes for, whether or not it begins with free ones */
#define MANY		3000

#define ASSERT_SOUND(oa) \
	ASSERT_EQ(0, offalloc_check(oa, NULL))

static struct offalloc_options options_of(uint64_t capacity)
{
	return (struct offalloc_options){
		.size = sizeof(struct offalloc_options),
		.capacity = capacity,
	};
}

static struct offalloc *create(uint64_t capacity)
{
	struct offalloc_options options = options_of(capacity);
	struct offalloc *oa = NULL;

	return offalloc_create(&options, &oa) ? NULL : oa;
}

static struct offalloc_report report_of(struct offalloc *oa)
{
	struct offalloc_report report;

	memset(&report, 0xff, sizeof(report));
	offalloc_report(oa, &report, sizeof(report));
	return report;
}

static int same_state(struct offalloc *oa, const struct offalloc_report *before)
{
	struct offalloc_report now = report_of(oa);

	return !memcmp(&now, before, sizeof(now));
}

/* Each allocator with a base, so that nobody can forget it */
FIXTURE(contract)
{
	struct offalloc *oa;
};

FIXTURE_SETUP(contract)
{
	struct offalloc_options options = options_of(CAPACITY);

	options.base = BASE;
	options.max_capacity = 2 * CAPACITY;
	ASSERT_EQ(0, offalloc_create(&options, &self->oa));
}

FIXTURE_TEARDOWN(contract)
{
	ASSERT_SOUND(self->oa);
	offalloc_put(self->oa);
	EXPECT_EQ(0, memory_live);
}

/* Options */

TEST(options_of_a_later_version)
{
	struct {
		struct offalloc_options options;
		uint64_t later[2];
	} long_options = { .options = options_of(100) };
	struct offalloc *oa = NULL;

	long_options.options.size = sizeof(long_options);
	long_options.later[1] = 1;
	EXPECT_EQ(-E2BIG, offalloc_create(&long_options.options, &oa));
	EXPECT_EQ(-E2BIG, offalloc_load(&long_options.options, "", 0, &oa));
	long_options.later[1] = 0;
	EXPECT_EQ(0, offalloc_create(&long_options.options, &oa));
	offalloc_put(oa);
}

TEST(options_without_their_size)
{
	struct offalloc_options options = options_of(100);
	struct offalloc *oa = NULL;

	options.size = 0;
	EXPECT_EQ(-EINVAL, offalloc_create(&options, &oa));
	options.size = sizeof(options) - 1;
	EXPECT_EQ(-EINVAL, offalloc_create(&options, &oa));
	options.size = UINT32_MAX;
	EXPECT_EQ(-E2BIG, offalloc_create(&options, &oa));
	EXPECT_EQ(NULL, oa);
}

TEST(options_that_can_not_be)
{
	struct offalloc_options options = options_of(100);
	struct offalloc *oa = NULL;

	options.flags = OFFALLOC_NO_LOCK << 1;
	EXPECT_EQ(-EOPNOTSUPP, offalloc_create(&options, &oa));
	options = options_of(0);
	EXPECT_EQ(-EINVAL, offalloc_create(&options, &oa));
	options = options_of(OFFALLOC_MAX_CAPACITY + 1);
	EXPECT_EQ(-EINVAL, offalloc_create(&options, &oa));
	options = options_of(100);
	options.max_capacity = 99;
	EXPECT_EQ(-EINVAL, offalloc_create(&options, &oa));
	options.max_capacity = 200;
	options.base = UINT64_MAX - 199;
	EXPECT_EQ(-EINVAL, offalloc_create(&options, &oa));
	EXPECT_EQ(NULL, oa);
	EXPECT_EQ(0, memory_live);
	options.base--;
	EXPECT_EQ(0, offalloc_create(&options, &oa));
	offalloc_put(oa);
}

TEST(the_largest_capacity)
{
	struct offalloc *oa = create(OFFALLOC_MAX_CAPACITY);
	struct offalloc_extent extent;

	ASSERT_NE(NULL, oa);
	EXPECT_EQ(0, offalloc_alloc(oa, OFFALLOC_MAX_CAPACITY, 0, &extent));
	EXPECT_EQ(0, extent.offset);
	offalloc_put(oa);
}

/* Extents */

TEST_F(contract, offsets_count_from_the_base)
{
	struct offalloc_extent a, b, c, found = { 0 };

	ASSERT_EQ(0, offalloc_alloc(self->oa, CAPACITY, 0, &a));
	EXPECT_EQ(BASE, a.offset);
	EXPECT_EQ(CAPACITY, a.size);
	ASSERT_EQ(0, offalloc_lookup(self->oa, a.handle, &found));
	EXPECT_EQ(0, memcmp(&a, &found, sizeof(a)));
	ASSERT_EQ(0, offalloc_free(self->oa, a.handle));

	ASSERT_EQ(0, offalloc_alloc_at(self->oa, BASE + 500, 10, &b));
	EXPECT_EQ(BASE + 500, b.offset);
	ASSERT_EQ(0, offalloc_alloc(self->oa, 1, 0x1000, &c));
	EXPECT_EQ(0, c.offset % 0x1000);

	memset(&found, 0, sizeof(found));
	ASSERT_EQ(1, offalloc_next(self->oa, &found));
	EXPECT_EQ(0, memcmp(c.offset < b.offset ? &c : &b, &found, sizeof(found)));
	ASSERT_EQ(1, offalloc_next(self->oa, &found));
	EXPECT_EQ(0, memcmp(c.offset < b.offset ? &b : &c, &found, sizeof(found)));
	EXPECT_EQ(0, offalloc_next(self->oa, &found));
	EXPECT_EQ(0, found.handle);
}

TEST_F(contract, an_alignment_that_the_base_has_not)
{
	struct offalloc_extent extent = { 0 };

	EXPECT_EQ(0, offalloc_alloc(self->oa, 1, BASE, &extent));
	extent.handle = 0;
	EXPECT_EQ(-EINVAL, offalloc_alloc(self->oa, 1, 2 * BASE, &extent));
	EXPECT_EQ(-EINVAL, offalloc_alloc(self->oa, 1, 3, &extent));
	EXPECT_EQ(0, extent.handle);
}

/* All free extents are looked at, unless the options say how many. */
TEST(an_alignment_that_hardly_any_has)
{
	enum { N = 500, LUCKY = N / 2, PERIOD = 8, WANTED = 4 };
	struct offalloc_options options = options_of(N * PERIOD);
	struct offalloc_extent extent;
	struct offalloc *oa;
	uint64_t from, to;
	int scan, i;

	for (scan = 0; scan <= 100; scan += 100) {
		options.align_scan = scan;
		ASSERT_EQ(0, offalloc_create(&options, &oa));
		/* Between them 5 units are free, which begin in the middle of a period. */
		for (i = 0; i < N; i++) {
			from = i * PERIOD + (i == LUCKY ? WANTED + 1 : 1);
			to = i * PERIOD + (i == LUCKY - 1 ? PERIOD : WANTED);
			to = i == LUCKY ? from + 3 : to;
			ASSERT_EQ(0, offalloc_alloc_at(oa, from, to - from, &extent));
		}
		if (scan) {
			EXPECT_EQ(-EAGAIN, offalloc_alloc(oa, WANTED, PERIOD, &extent));
		} else {
			ASSERT_EQ(0, offalloc_alloc(oa, WANTED, PERIOD, &extent));
			EXPECT_EQ(LUCKY * PERIOD, extent.offset);
			EXPECT_EQ(-ENOSPC, offalloc_alloc(oa, WANTED, PERIOD, &extent));
		}
		offalloc_put(oa);
	}
}

TEST_F(contract, alloc_at_stays_within_the_range)
{
	struct offalloc_extent extent = { .handle = 0 };

	EXPECT_EQ(-EINVAL, offalloc_alloc_at(self->oa, BASE - 1, 1, &extent));
	EXPECT_EQ(-EINVAL, offalloc_alloc_at(self->oa, 0, 1, &extent));
	EXPECT_EQ(-EINVAL, offalloc_alloc_at(self->oa, BASE - 1, BASE, &extent));
	EXPECT_EQ(-EINVAL, offalloc_alloc_at(self->oa, BASE + CAPACITY, 1, &extent));
	EXPECT_EQ(-EINVAL, offalloc_alloc_at(self->oa, UINT64_MAX, 2, &extent));
	EXPECT_EQ(-EINVAL, offalloc_alloc_at(self->oa, BASE, 0, &extent));
	EXPECT_EQ(0, extent.handle);
	EXPECT_EQ(0, offalloc_alloc_at(self->oa, BASE + CAPACITY - 1, 1, &extent));
	EXPECT_EQ(-EBUSY, offalloc_alloc_at(self->oa, BASE + CAPACITY - 2, 2, &extent));
}

TEST_F(contract, errors_change_nothing)
{
	struct offalloc_extent a, wall, untouched, extent;
	struct offalloc_report before;

	ASSERT_EQ(0, offalloc_alloc_at(self->oa, BASE + CAPACITY - 10, 10, &wall));
	ASSERT_EQ(0, offalloc_alloc_at(self->oa, BASE + 10, CAPACITY - 20, &a));
	memset(&untouched, 0x5a, sizeof(untouched));
	extent = untouched;
	before = report_of(self->oa);
	EXPECT_EQ(-EINVAL, offalloc_alloc(self->oa, 0, 0, &extent));
	EXPECT_EQ(-EINVAL, offalloc_alloc(self->oa, CAPACITY + 1, 0, &extent));
	EXPECT_EQ(-EINVAL, offalloc_alloc_scatter(self->oa, 0, &extent, 1));
	EXPECT_EQ(-EINVAL, offalloc_alloc_scatter(self->oa, 1, &extent, 0));
	EXPECT_EQ(-EINVAL, offalloc_resize(self->oa, a.handle, 0));
	EXPECT_EQ(-EINVAL, offalloc_set_capacity(self->oa, 2 * CAPACITY + 1));
	EXPECT_EQ(-EBUSY, offalloc_set_capacity(self->oa, CAPACITY / 2));
	EXPECT_EQ(-ENOENT, offalloc_lookup(self->oa, 0, &extent));
	EXPECT_EQ(-ENOENT, offalloc_free(self->oa, a.handle ^ 1ULL << 32));
	EXPECT_EQ(-ENOENT, offalloc_resize(self->oa, UINT64_MAX, 1));
	EXPECT_EQ(1, same_state(self->oa, &before));

	before.failures += 2;
	EXPECT_EQ(-ENOSPC, offalloc_alloc(self->oa, 11, 0, &extent));
	EXPECT_EQ(-ENOSPC, offalloc_resize(self->oa, a.handle, CAPACITY));
	EXPECT_EQ(1, same_state(self->oa, &before));
	EXPECT_EQ(0, memcmp(&untouched, &extent, sizeof(extent)));
}

TEST_F(contract, handles_are_dead_once_freed)
{
	struct offalloc_extent a, b, found;

	ASSERT_EQ(0, offalloc_alloc(self->oa, 10, 0, &a));
	EXPECT_EQ(0, offalloc_free(self->oa, a.handle));
	EXPECT_EQ(-ENOENT, offalloc_free(self->oa, a.handle));
	ASSERT_EQ(0, offalloc_alloc(self->oa, 10, 0, &b));
	EXPECT_EQ(a.offset, b.offset);
	EXPECT_NE(a.handle, b.handle);
	EXPECT_EQ(-ENOENT, offalloc_free(self->oa, a.handle));
	EXPECT_EQ(-ENOENT, offalloc_resize(self->oa, a.handle, 5));
	found = a;
	EXPECT_EQ(-ENOENT, offalloc_next(self->oa, &found));
	EXPECT_EQ(-ENOENT, offalloc_lookup(self->oa, a.handle, &found));
	EXPECT_EQ(0, memcmp(&a, &found, sizeof(a)));
}

/* However alike their histories are, and however many there are of them */
TEST(handles_of_other_allocators)
{
	enum { NR = 100 };
	struct offalloc_extent extents[NR];
	struct offalloc *oas[NR];
	int i, k;

	for (i = 0; i < NR; i++) {
		oas[i] = create(100);
		ASSERT_NE(NULL, oas[i]);
		for (k = 0; k < 10; k++) {
			ASSERT_EQ(0, offalloc_alloc(oas[i], 10, 0, &extents[i]));
			if (k < 9)
				ASSERT_EQ(0, offalloc_free(oas[i], extents[i].handle));
		}
	}
	for (i = 0; i < NR; i++)
		for (k = 0; k < NR; k++)
			if (i != k)
				EXPECT_EQ(-ENOENT, offalloc_free(oas[i], extents[k].handle));
	for (i = 0; i < NR; i++) {
		EXPECT_EQ(0, offalloc_free(oas[i], extents[i].handle));
		offalloc_put(oas[i]);
	}
}

TEST(the_same_handles_when_asked_for)
{
	struct offalloc_options options = options_of(1000);
	struct offalloc_extent extents[2];
	struct offalloc *oa;
	int i;

	options.first_generation = 42;
	for (i = 0; i < 2; i++) {
		ASSERT_EQ(0, offalloc_create(&options, &oa));
		ASSERT_EQ(0, offalloc_alloc(oa, 10, 0, &extents[i]));
		offalloc_put(oa);
	}
	EXPECT_EQ(42, extents[0].handle >> 32);
	EXPECT_EQ(0, memcmp(&extents[0], &extents[1], sizeof(extents[0])));
}

TEST_F(contract, scatter)
{
	struct offalloc_extent parts[9], walls[10];
	uint64_t sum = 0;
	int i, nr;

	for (i = 0; i < 10; i++)
		ASSERT_EQ(0, offalloc_alloc_at(self->oa, BASE + i * 100000, 90000, &walls[i]));
	/* Free are nine times 10000 and, at the end, 10003 */
	nr = offalloc_alloc_scatter(self->oa, 55555, parts, 9);
	ASSERT_EQ(6, nr);
	for (i = 0; i < nr; i++) {
		sum += parts[i].size;
		EXPECT_LE(BASE + 90000, parts[i].offset);
		EXPECT_LE(90000, (parts[i].offset - BASE) % 100000);
		EXPECT_EQ(0, offalloc_free(self->oa, parts[i].handle));
	}
	EXPECT_EQ(55555, sum);
	EXPECT_EQ(-ENOSPC, offalloc_alloc_scatter(self->oa, 55555, parts, 5));
	EXPECT_EQ(1, offalloc_alloc_scatter(self->oa, 10003, parts, UINT_MAX));
	EXPECT_EQ(BASE + 990000, parts[0].offset);
}

TEST_F(contract, resize_in_place)
{
	struct offalloc_extent a, b, found;

	ASSERT_EQ(0, offalloc_alloc_at(self->oa, BASE, 100, &a));
	ASSERT_EQ(0, offalloc_alloc_at(self->oa, BASE + 150, 100, &b));
	EXPECT_EQ(0, offalloc_resize(self->oa, a.handle, 150));
	EXPECT_EQ(-ENOSPC, offalloc_resize(self->oa, a.handle, 151));
	EXPECT_EQ(0, offalloc_resize(self->oa, a.handle, 1));
	ASSERT_EQ(0, offalloc_lookup(self->oa, a.handle, &found));
	EXPECT_EQ(BASE, found.offset);
	EXPECT_EQ(1, found.size);
}

TEST_F(contract, capacity)
{
	struct offalloc_extent extent;

	ASSERT_EQ(0, offalloc_alloc(self->oa, CAPACITY, 0, &extent));
	EXPECT_EQ(-EBUSY, offalloc_set_capacity(self->oa, CAPACITY - 1));
	ASSERT_EQ(0, offalloc_set_capacity(self->oa, 2 * CAPACITY));
	EXPECT_TRUE(offalloc_may_fit(self->oa, CAPACITY));
	ASSERT_EQ(0, offalloc_alloc(self->oa, CAPACITY, 0, &extent));
	EXPECT_EQ(BASE + CAPACITY, extent.offset);
	ASSERT_EQ(0, offalloc_free(self->oa, extent.handle));
	EXPECT_EQ(0, offalloc_set_capacity(self->oa, CAPACITY));
	EXPECT_EQ(-EINVAL, offalloc_set_capacity(self->oa, 0));
}

TEST_F(contract, may_fit)
{
	struct offalloc_extent all, extent;

	EXPECT_TRUE(offalloc_may_fit(self->oa, CAPACITY));
	EXPECT_FALSE(offalloc_may_fit(self->oa, CAPACITY + 1));
	EXPECT_FALSE(offalloc_may_fit(self->oa, 0));
	EXPECT_FALSE(offalloc_may_fit(self->oa, UINT64_MAX));
	ASSERT_EQ(0, offalloc_alloc(self->oa, CAPACITY, 0, &all));
	EXPECT_EQ(-ENOSPC, offalloc_alloc(self->oa, 1, 0, &extent));
	EXPECT_FALSE(offalloc_may_fit(self->oa, 1));
	ASSERT_EQ(0, offalloc_free(self->oa, all.handle));
	EXPECT_TRUE(offalloc_may_fit(self->oa, CAPACITY));
}

/* Reports */

TEST_F(contract, report)
{
	struct offalloc_report report;
	struct offalloc_extent a, b;

	ASSERT_EQ(0, offalloc_alloc_at(self->oa, BASE + 100, 100, &a));
	ASSERT_EQ(0, offalloc_alloc_at(self->oa, BASE + 300, 100, &b));
	ASSERT_EQ(0, offalloc_free(self->oa, b.handle));
	EXPECT_EQ(-ENOSPC, offalloc_alloc(self->oa, CAPACITY, 0, &b));
	ASSERT_EQ(0, offalloc_report(self->oa, &report, sizeof(report)));
	EXPECT_EQ(CAPACITY, report.capacity);
	EXPECT_EQ(100, report.used);
	EXPECT_EQ(CAPACITY - 100, report.free);
	EXPECT_EQ(200, report.peak);
	EXPECT_EQ(CAPACITY - 200, report.largest_free);
	EXPECT_EQ(1, report.nr_used);
	EXPECT_EQ(2, report.nr_free);
	EXPECT_EQ(2, report.allocs);
	EXPECT_EQ(1, report.frees);
	EXPECT_EQ(1, report.failures);
	EXPECT_EQ(100 * 1000000ULL / (CAPACITY - 100), report.fragmentation);
	EXPECT_LE(CHUNK, report.metadata);
}

TEST_F(contract, reports_of_other_versions)
{
	struct {
		struct offalloc_report report;
		uint64_t later;
	} later = { .later = 1 };
	struct {
		struct offalloc_report_bin report;
		uint64_t later;
	} later_bin = { .later = 1 };

	EXPECT_EQ(-EINVAL, offalloc_report(self->oa, &later.report, sizeof(later.report) - 1));
	EXPECT_EQ(0, offalloc_report(self->oa, &later.report, sizeof(later)));
	EXPECT_EQ(CAPACITY, later.report.capacity);
	EXPECT_EQ(0, later.later);
	EXPECT_EQ(-EINVAL, offalloc_report_bin(self->oa, 1, &later_bin.report, 0));
	EXPECT_EQ(0, offalloc_report_bin(self->oa, 1, &later_bin.report, sizeof(later_bin)));
	EXPECT_EQ(1, later_bin.report.min_size);
	EXPECT_EQ(0, later_bin.later);
}

TEST_F(contract, bins)
{
	struct offalloc_report_bin report = { 0 };
	struct offalloc_extent wall;
	uint64_t next = 0, nr = 0;
	unsigned int bin;
	int err;

	ASSERT_EQ(0, offalloc_alloc_at(self->oa, BASE + 3, 1, &wall));
	for (bin = 0; ; bin++) {
		err = offalloc_report_bin(self->oa, bin, &report, sizeof(report));
		if (err)
			break;
		EXPECT_EQ(next, report.min_size);
		next = report.max_size + 1;
		nr += report.nr_free;
		if (report.min_size <= 3 && report.max_size >= 3)
			EXPECT_EQ(1, report.nr_free);
		if (report.min_size <= CAPACITY - 4 && report.max_size >= CAPACITY - 4)
			EXPECT_EQ(1, report.nr_free);
	}
	EXPECT_EQ(-ERANGE, err);
	EXPECT_EQ(2, nr);
	EXPECT_LT(OFFALLOC_MAX_CAPACITY, report.max_size);
}

TEST_F(contract, check)
{
	static char saved[CHUNK];
	const char *broken = NULL;

	EXPECT_EQ(0, offalloc_check(self->oa, &broken));
	EXPECT_EQ(NULL, broken);
	memcpy(saved, memory_chunk, CHUNK);
	memset(memory_chunk, 0, CHUNK);
	EXPECT_EQ(-EUCLEAN, offalloc_check(self->oa, NULL));
	EXPECT_EQ(-EUCLEAN, offalloc_check(self->oa, &broken));
	EXPECT_NE(NULL, broken);
	memcpy(memory_chunk, saved, CHUNK);
}

/* Memory */

static int fill(struct offalloc *oa, struct offalloc_extent *extents, int nr)
{
	int i, err = 0;

	for (i = 0; i < nr && !err; i++)
		err = offalloc_alloc(oa, 1 + i % 7, 0, &extents[i]);
	return err;
}

TEST_F(contract, memory_grows_and_shrinks)
{
	static struct offalloc_extent extents[100000];
	const int nr = sizeof(extents) / sizeof(extents[0]);
	struct offalloc_report before, full, after;
	int i;

	before = report_of(self->oa);
	ASSERT_EQ(0, fill(self->oa, extents, nr));
	full = report_of(self->oa);
	EXPECT_LE(before.metadata + nr * 32, full.metadata);
	EXPECT_GE(before.metadata + nr * 33 + CHUNK, full.metadata);
	for (i = 0; i < nr; i++)
		ASSERT_EQ(0, offalloc_free(self->oa, extents[i].handle));
	after = report_of(self->oa);
	/* One chunk in reserve, and those with the few nodes that are kept at hand */
	EXPECT_GE(before.metadata + 17 * CHUNK, after.metadata);
	EXPECT_EQ(0, after.used);
}

/* Makes each allocation of memory fail in turn, until a call needs none any more */
#define ASSERT_FAILS_WITHOUT_HARM(oa, call)				\
do {									\
	struct offalloc_report before = report_of(oa);			\
	int nth, err = -ENOMEM;						\
									\
	for (nth = 1; err == -ENOMEM; nth++) {				\
		memory_fail_nth = nth;					\
		err = call;						\
		if (err != -ENOMEM)					\
			break;						\
		EXPECT_EQ(0, memory_fail_nth);				\
		EXPECT_EQ(1, same_state(oa, &before));			\
		ASSERT_SOUND(oa);					\
	}								\
	EXPECT_LE(0, err);						\
	memory_fail_nth = 0;						\
	failed += nth - 1;						\
} while (0)

TEST_F(contract, no_memory_for_extents)
{
	struct offalloc_extent extent;
	int i, failed = 0;

	for (i = 0; i < MANY; i++)
		ASSERT_FAILS_WITHOUT_HARM(self->oa, offalloc_alloc(self->oa, 10, 0, &extent));
	EXPECT_LE(2, failed);
	for (failed = i = 0; i < MANY; i++)
		ASSERT_FAILS_WITHOUT_HARM(self->oa,
					  offalloc_alloc_at(self->oa, BASE + 100000 + i * 20, 10,
							    &extent));
	EXPECT_LE(5, failed);
	for (failed = i = 0; i < MANY; i++)
		ASSERT_FAILS_WITHOUT_HARM(self->oa,
					  offalloc_alloc(self->oa, 1, 16, &extent));
	EXPECT_LE(2, failed);
	for (failed = i = 0; i < MANY; i++)
		ASSERT_FAILS_WITHOUT_HARM(self->oa,
					  offalloc_alloc_scatter(self->oa, 1, &extent, 1));
	EXPECT_LE(2, failed);
}

TEST_F(contract, no_memory_to_resize)
{
	static struct offalloc_extent extents[MANY];
	int i, failed = 0;

	ASSERT_EQ(0, fill(self->oa, extents, MANY));
	for (i = 6; i < MANY; i += 7)
		ASSERT_FAILS_WITHOUT_HARM(self->oa,
					  offalloc_resize(self->oa, extents[i].handle, 1));
	for (i = 5; i < MANY; i += 7)
		ASSERT_FAILS_WITHOUT_HARM(self->oa,
					  offalloc_resize(self->oa, extents[i].handle, 1));
	for (i = 4; i < MANY; i += 7)
		ASSERT_FAILS_WITHOUT_HARM(self->oa,
					  offalloc_resize(self->oa, extents[i].handle, 1));
	EXPECT_LE(1, failed);
}

/* The rest of the capacity is free, and needs a node, only when it is made to grow. */
TEST(no_memory_to_grow)
{
	struct offalloc_options options = options_of(1);
	struct offalloc_extent extent;
	struct offalloc *oa = NULL;
	int i, failed = 0;

	options.max_capacity = MANY;
	ASSERT_EQ(0, offalloc_create(&options, &oa));
	for (i = 1; i < MANY; i++) {
		ASSERT_EQ(0, offalloc_alloc(oa, 1, 0, &extent));
		ASSERT_FAILS_WITHOUT_HARM(oa, offalloc_set_capacity(oa, i + 1));
	}
	EXPECT_LE(2, failed);
	offalloc_put(oa);
	EXPECT_EQ(0, memory_live);
}

TEST(no_memory_to_begin)
{
	struct offalloc_options options = options_of(CAPACITY);
	struct offalloc *oa = NULL, *copy = NULL;
	size_t size = 0;
	void *image = NULL;
	int nth;

	for (nth = 1; ; nth++) {
		memory_fail_nth = nth;
		if (!offalloc_create(&options, &oa))
			break;
		EXPECT_EQ(NULL, oa);
		EXPECT_EQ(0, memory_live);
	}
	EXPECT_LE(4, nth);

	memory_fail_nth = 1;
	EXPECT_EQ(-ENOMEM, offalloc_save(oa, &image, &size));
	EXPECT_EQ(NULL, image);
	ASSERT_EQ(0, offalloc_save(oa, &image, &size));
	for (nth = 1; ; nth++) {
		memory_fail_nth = nth;
		if (!offalloc_load(NULL, image, size, &copy))
			break;
		EXPECT_EQ(NULL, copy);
	}
	EXPECT_LE(4, nth);
	memory_fail_nth = 0;
	ASSERT_SOUND(copy);
	free(image);
	offalloc_put(copy);
	offalloc_put(oa);
	EXPECT_EQ(0, memory_live);
}

/* Save and load */

static int images_equal(struct offalloc *a, struct offalloc *b)
{
	void *image_a, *image_b;
	size_t size_a, size_b;
	int equal;

	if (offalloc_save(a, &image_a, &size_a) || offalloc_save(b, &image_b, &size_b))
		return 0;
	equal = size_a == size_b && !memcmp(image_a, image_b, size_a);
	free(image_a);
	free(image_b);
	return equal;
}

TEST_F(contract, a_loaded_allocator_goes_on)
{
	static struct offalloc_extent extents[MANY];
	struct offalloc_options options = options_of(0);
	struct offalloc_extent here, there;
	struct offalloc *copy = NULL;
	size_t size;
	void *image;
	int i;

	ASSERT_EQ(0, fill(self->oa, extents, MANY));
	for (i = 0; i < MANY; i += 3)
		ASSERT_EQ(0, offalloc_free(self->oa, extents[i].handle));
	ASSERT_EQ(0, offalloc_save(self->oa, &image, &size));
	EXPECT_LT(4096, size);
	options.base = 2 * BASE;
	ASSERT_EQ(0, offalloc_load(&options, image, size, &copy));
	free(image);
	ASSERT_SOUND(copy);
	EXPECT_EQ(1, images_equal(self->oa, copy));
	for (i = 0; i < MANY; i++) {
		ASSERT_EQ(0, offalloc_alloc(self->oa, 1 + i % 11, 0, &here));
		ASSERT_EQ(0, offalloc_alloc(copy, 1 + i % 11, 0, &there));
		EXPECT_EQ(here.offset + BASE, there.offset);
		EXPECT_EQ(here.handle, there.handle);
		EXPECT_EQ(i % 3 ? 0 : -ENOENT, offalloc_free(copy, extents[i].handle));
		EXPECT_EQ(i % 3 ? 0 : -ENOENT, offalloc_free(self->oa, extents[i].handle));
	}
	EXPECT_EQ(1, images_equal(self->oa, copy));
	offalloc_put(copy);
}

/* Longer than the library expects: with sizes that take eight bytes */
TEST(a_long_image)
{
	struct offalloc *oa = create(OFFALLOC_MAX_CAPACITY);
	struct offalloc *copy = NULL;
	struct offalloc_extent extent;
	size_t size;
	void *image;
	int i;

	for (i = 0; i < 4 * MANY; i++)
		ASSERT_EQ(0, offalloc_alloc(oa, (1ULL << 49) + i, 0, &extent));
	ASSERT_EQ(0, offalloc_save(oa, &image, &size));
	EXPECT_LT(12 * 4 * MANY, size);
	ASSERT_EQ(0, offalloc_load(NULL, image, size, &copy));
	EXPECT_EQ(1, images_equal(oa, copy));
	free(image);
	offalloc_put(copy);
	offalloc_put(oa);
	EXPECT_EQ(0, memory_live);
}

TEST_F(contract, what_is_no_image)
{
	struct offalloc_options options = options_of(0);
	struct offalloc *copy = NULL;
	unsigned char *image;
	size_t size, i;
	void *p;

	ASSERT_EQ(0, offalloc_save(self->oa, &p, &size));
	image = p;
	EXPECT_EQ(-EINVAL, offalloc_load(NULL, NULL, 0, &copy));
	for (i = 0; i < size; i++)
		EXPECT_EQ(-EINVAL, offalloc_load(NULL, image, i, &copy));
	for (i = 0; i < size; i++) {
		image[i] ^= 1;
		EXPECT_EQ(-EINVAL, offalloc_load(NULL, image, size, &copy));
		image[i] ^= 1;
	}
	options.base = UINT64_MAX - 2 * CAPACITY + 1;
	EXPECT_EQ(-EINVAL, offalloc_load(&options, image, size, &copy));
	options.base = 0;
	options.capacity = CAPACITY;
	EXPECT_EQ(-EINVAL, offalloc_load(&options, image, size, &copy));
	options = options_of(0);
	options.max_capacity = 2 * CAPACITY;
	EXPECT_EQ(-EINVAL, offalloc_load(&options, image, size, &copy));
	options = options_of(0);
	options.align_scan = 256;
	EXPECT_EQ(-EINVAL, offalloc_load(&options, image, size, &copy));
	options = options_of(0);
	options.first_generation = 1;
	EXPECT_EQ(-EINVAL, offalloc_load(&options, image, size, &copy));
	options = options_of(0);
	options.flags = ~OFFALLOC_NO_LOCK;
	EXPECT_EQ(-EOPNOTSUPP, offalloc_load(&options, image, size, &copy));
	EXPECT_EQ(NULL, copy);
	free(image);
}

/* Lifetime */

static int all_calls_give(struct offalloc *oa, uint64_t handle, int wanted)
{
	struct offalloc_extent extent = { .handle = handle };
	struct offalloc_report_bin bin;
	struct offalloc_report report;
	size_t size;
	void *image;

	return offalloc_alloc(oa, 1, 0, &extent) == wanted &&
	       offalloc_alloc(oa, 0, 3, &extent) == wanted &&
	       offalloc_alloc_at(oa, BASE, 1, &extent) == wanted &&
	       offalloc_alloc_scatter(oa, 1, &extent, 1) == wanted &&
	       offalloc_resize(oa, handle, 1) == wanted &&
	       offalloc_free(oa, handle) == wanted &&
	       offalloc_lookup(oa, handle, &extent) == wanted &&
	       offalloc_next(oa, &extent) == wanted &&
	       offalloc_set_capacity(oa, 1) == wanted &&
	       offalloc_report(oa, &report, 0) == wanted &&
	       offalloc_report_bin(oa, 0, &bin, 0) == wanted &&
	       offalloc_save(oa, &image, &size) == wanted &&
	       offalloc_check(oa, NULL) == wanted;
}

TEST_F(contract, references_outlive_a_shutdown)
{
	static struct offalloc_extent extents[MANY];
	struct offalloc *oa = create(CAPACITY);
	struct offalloc *owner = offalloc_get(oa);
	long others = memory_live;

	EXPECT_EQ(oa, owner);
	ASSERT_EQ(0, fill(oa, extents, MANY));
	EXPECT_LT(others, memory_live);
	offalloc_shutdown(oa);
	/* That of the fixture, and no more than the tombstone */
	others = memory_live;
	EXPECT_EQ(1, all_calls_give(oa, extents[0].handle, -ESHUTDOWN));
	EXPECT_FALSE(offalloc_may_fit(oa, 1));
	offalloc_put(oa);
	EXPECT_EQ(others, memory_live);
	EXPECT_EQ(-ESHUTDOWN, offalloc_free(owner, extents[0].handle));
	offalloc_shutdown(owner);
	offalloc_put(offalloc_get(owner));
	EXPECT_EQ(-ESHUTDOWN, offalloc_free(owner, extents[0].handle));
	EXPECT_EQ(others, memory_live);
	offalloc_put(owner);
	EXPECT_EQ(others - 1, memory_live);
}

TEST(owners_may_put_last_without_a_shutdown)
{
	struct offalloc *oa = create(CAPACITY);
	struct offalloc *owner = offalloc_get(oa);
	struct offalloc_extent extent;

	ASSERT_EQ(0, offalloc_alloc(oa, 1, 0, &extent));
	offalloc_put(oa);
	EXPECT_EQ(0, offalloc_free(owner, extent.handle));
	EXPECT_EQ(0, offalloc_alloc(owner, 1, 0, &extent));
	offalloc_put(owner);
	EXPECT_EQ(0, memory_live);
	offalloc_put(NULL);
	offalloc_shutdown(NULL);
}

TEST(without_a_lock)
{
	struct offalloc_options options = options_of(CAPACITY);
	struct offalloc_extent extents[MANY];
	struct offalloc *oa;

	options.flags = OFFALLOC_NO_LOCK;
	ASSERT_EQ(0, offalloc_create(&options, &oa));
	EXPECT_EQ(0, fill(oa, extents, MANY));
	ASSERT_SOUND(oa);
	offalloc_shutdown(oa);
	EXPECT_EQ(1, all_calls_give(oa, extents[0].handle, -ESHUTDOWN));
	offalloc_put(oa);
	EXPECT_EQ(0, memory_live);
}

/* Words */

TEST(errors_have_a_text)
{
	EXPECT_STREQ(offalloc_strerror(ESHUTDOWN), offalloc_strerror(-ESHUTDOWN));
	EXPECT_STREQ(strerror(EPIPE), offalloc_strerror(-EPIPE));
	EXPECT_NE(NULL, offalloc_strerror(INT_MIN));
	EXPECT_NE(NULL, offalloc_strerror(0));
	EXPECT_EQ(0, strncmp("0.", offalloc_version(), 2));
}

TEST_HARNESS_MAIN
