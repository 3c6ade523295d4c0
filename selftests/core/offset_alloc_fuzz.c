// SPDX-License-Identifier: GPL-2.0
/*
 * Any bytes, taken as a list of calls to the offset allocator
 *
 * With clang: a libFuzzer target, built with -DLIBFUZZER. Else a program
 * that replays files, or makes inputs of its own:
 *
 *	offset_alloc_fuzz [-s seed] [-n inputs]
 *	offset_alloc_fuzz file...
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core_test.h"

#define MAX_LIVE	512

/* The bytes not yet decoded; at their end all is 0 */
struct input {
	const uint8_t *data;
	size_t size;
};

static u64 take(struct input *in, int bytes)
{
	u64 value = 0;

	while (bytes-- && in->size) {
		value = value << 8 | *in->data++;
		in->size--;
	}
	return value;
}

/* Small, near a power of two, or anything: one byte says which */
static u64 take_number(struct input *in)
{
	u64 kind = take(in, 1);

	if (kind < 0x40)
		return kind;
	if (kind < 0x80)
		return (1ULL << (kind & 63)) + (int8_t)take(in, 1);
	if (kind < 0xc0)
		return take(in, 2);
	return take(in, 8);
}

#ifdef LIBFUZZER

static void fail(const char *what)
{
	fprintf(stderr, "not kept: %s\n", what);
	abort();
}

#else

#include <unistd.h>

#include "kselftest.h"

static u64 current;	/* seed of the input at hand */

static void fail(const char *what)
{
	ksft_exit_fail_msg("not kept: %s (-s %" PRIu64 " -n 1)\n", what, current);
}

#endif

/* The model: what is live, by offset */
struct live {
	struct offset_extent extent[MAX_LIVE];
	int nr;
	u64 used;
};

static int live_find(const struct live *live, u64 handle)
{
	int i;

	for (i = 0; i < live->nr; i++)
		if (live->extent[i].handle == handle)
			return i;
	return -1;
}

static void live_add(struct live *live, const struct offset_extent *extent,
		     u64 capacity)
{
	int i;

	for (i = live->nr; i && live->extent[i - 1].offset > extent->offset; i--)
		live->extent[i] = live->extent[i - 1];
	live->extent[i] = *extent;
	live->nr++;
	live->used += extent->size;

	if (extent->offset >= capacity || extent->size > capacity - extent->offset)
		fail("inside the region");
	if (i && live->extent[i - 1].offset + live->extent[i - 1].size > extent->offset)
		fail("disjoint from the one before");
	if (i < live->nr - 1 &&
	    extent->offset + extent->size > live->extent[i + 1].offset)
		fail("disjoint from the one after");
}

static void live_remove(struct live *live, int i)
{
	live->used -= live->extent[i].size;
	live->nr--;
	memmove(&live->extent[i], &live->extent[i + 1],
		(live->nr - i) * sizeof(live->extent[0]));
}

/* The free runs between what is live: how many, and does any fit? */
static int live_runs(const struct live *live, u64 capacity, u64 size, u64 align,
		     bool *fits)
{
	u64 at = 0;
	int i, runs = 0;

	*fits = false;
	for (i = 0; i <= live->nr; i++) {
		u64 end = i < live->nr ? live->extent[i].offset : capacity;
		u64 skip = -at & (align - 1);

		if (end > at) {
			runs++;
			if (size <= end - at && skip <= end - at - size)
				*fits = true;
		}
		if (i < live->nr)
			at = live->extent[i].offset + live->extent[i].size;
	}
	return runs;
}

static void do_alloc(struct offset_alloc *oa, struct live *live,
		     struct input *in, bool grow)
{
	struct offset_extent extent = { 0 };
	u64 size = take_number(in);
	u64 align = take_number(in);
	u64 capacity = oa->capacity;
	bool ready = offset_alloc_ready(oa);
	bool fits;
	int err, runs;

	if (live->nr == MAX_LIVE)
		return;
	err = grow ? alloc_grow(oa, size, align, &extent) :
		     offset_alloc_alloc(oa, size, align, &extent);
	if ((err == -EINVAL) !=
	    (!size || size > capacity || (align & (align - 1))))
		fail("EINVAL for what is invalid");
	if (!align)
		align = 1;
	switch (err) {
	case 0:
		if (extent.size != size)
			fail("exactly the size asked for");
		if (extent.offset & (align - 1))
			fail("aligned");
		if (!extent.handle || live_find(live, extent.handle) >= 0)
			fail("a handle of its own");
		live_add(live, &extent, capacity);
		break;
	case -ENOSPC:
		runs = live_runs(live, capacity, size, align, &fits);
		if (fits && (align < 2 || runs <= OFFSET_ALLOC_ALIGN_SCAN))
			fail("among few free extents one that fits is found");
		break;
	case -ENOMEM:
		if (ready || grow)
			fail("ENOMEM only when not ready");
		break;
	case -EINVAL:
		break;
	default:
		fail("a documented error");
	}
}

static void do_free(struct offset_alloc *oa, struct live *live, u64 handle)
{
	int i = live_find(live, handle);
	struct offset_extent extent;
	int err;

	err = offset_alloc_lookup(oa, handle, &extent);
	if (err != (i < 0 ? -ENOENT : 0))
		fail("lookup finds what is live and nothing else");
	if (i >= 0 && memcmp(&extent, &live->extent[i], sizeof(extent)))
		fail("lookup finds what alloc gave");
	err = offset_alloc_free(oa, handle);
	if (err != (i < 0 ? -ENOENT : 0))
		fail("free frees what is live and nothing else");
	if (i >= 0)
		live_remove(live, i);
}

static void check(const struct offset_alloc *oa, const struct live *live)
{
	const char *broken = offset_alloc_check(oa);
	struct offset_alloc_report report;
	bool fits;

	if (broken)
		fail(broken);
	offset_alloc_report(oa, &report);
	if (report.used != live->used || report.nr_used != (u64)live->nr ||
	    report.nr_free != (u64)live_runs(live, oa->capacity, 1, 1, &fits))
		fail("report agrees with what is live");
	if (!report.largest_free != !(report.capacity - report.used))
		fail("largest_free is 0 only when full");
	live_runs(live, oa->capacity, report.largest_free, 1, &fits);
	if (report.largest_free && !fits)
		fail("largest_free is there");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct offset_alloc oa;
	static struct live live;
	struct input in = { data, size };
	u64 capacity = take_number(&in);
	unsigned int ops;
	int err;

	err = init(&oa, capacity);
	if (err != (!capacity || capacity > OFFSET_ALLOC_MAX_CAPACITY ? -EINVAL : 0))
		fail("EINVAL for a capacity out of range");
	if (err)
		return 0;

	memset(&live, 0, sizeof(live));
	for (ops = 1; in.size; ops++) {
		u64 op = take(&in, 1);

		if (op < 0x80)
			do_alloc(&oa, &live, &in, op < 0x78);
		else if (op < 0xe0 && live.nr)
			do_free(&oa, &live, live.extent[take(&in, 2) % live.nr].handle);
		else if (op < 0xf0)
			/* Few nodes, few generations: at times one is live */
			do_free(&oa, &live, take(&in, 1) << 32 | take(&in, 1));
		else
			do_free(&oa, &live, take(&in, 8));
		if (ops % 64 == 0)
			check(&oa, &live);
	}
	check(&oa, &live);
	while (live.nr)
		do_free(&oa, &live, live.extent[live.nr / 2].handle);
	check(&oa, &live);
	if (oa.free != oa.capacity)
		fail("at the end all is one free extent");
	offset_alloc_destroy(&oa);
	return 0;
}

#ifndef LIBFUZZER

#define MAX_INPUT	8192

static uint8_t input[MAX_INPUT];

static size_t make_input(u64 seed)
{
	u64 rng = seed;
	size_t size = rng_below(&rng, rng_below(&rng, 4) ? 400 : MAX_INPUT);
	/* Bytes all alike random give mostly errors: favour small ones */
	u64 mask = rng_below(&rng, 3) ? 0xff : 0xbf;
	size_t i;

	for (i = 0; i < size; i++)
		input[i] = rng_next(&rng) & (rng_below(&rng, 2) ? mask : 0x9f);
	return size;
}

static void replay(const char *name)
{
	FILE *file = fopen(name, "rb");
	size_t size;

	if (!file)
		ksft_exit_fail_msg("%s: %s\n", name, strerror(errno));
	size = fread(input, 1, sizeof(input), file);
	fclose(file);
	LLVMFuzzerTestOneInput(input, size);
	ksft_test_result_pass("%s\n", name);
}

int main(int argc, char **argv)
{
	u64 seed = 1, inputs = 20000, i;
	int option;

	while ((option = getopt(argc, argv, "s:n:")) != -1) {
		if (option == 's')
			seed = strtoull(optarg, NULL, 0);
		else if (option == 'n')
			inputs = strtoull(optarg, NULL, 0);
		else
			return KSFT_FAIL;
	}

	ksft_print_header();
	ksft_set_plan(optind < argc ? argc - optind : 1);
	if (optind < argc) {
		for (; optind < argc; optind++)
			replay(argv[optind]);
		ksft_finished();
	}
	for (i = 0; i < inputs; i++) {
		current = seed + i;
		LLVMFuzzerTestOneInput(input, make_input(current));
	}
	ksft_test_result_pass("%" PRIu64 " inputs from seed %" PRIu64 "\n", inputs, seed);
	ksft_finished();
}

#endif /* !LIBFUZZER */
