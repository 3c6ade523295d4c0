// SPDX-License-Identifier: GPL-2.0
/*
 * The offset allocator against a model: a map with a byte for every unit, and
 * an array of what is allocated. Random calls go to both, and whatever comes
 * back must be what the model allows.
 *
 *	offset_alloc_model [seed] [operations per case]
 */
#include "kselftest.h"

#include <inttypes.h>
#include <string.h>

#include "core_test.h"

#define MAX_CAPACITY	65536
#define MAX_DEAD	64

/* How sizes are drawn */
enum sizes {
	TINY,			/* 1 to 4 */
	UNIFORM,		/* 1 to an eighth of the capacity */
	LOGARITHMIC,		/* each power of two as likely as any other */
	POWERS,			/* powers of two */
	ONE_BIN,		/* all within one bin */
	EVERYTHING,		/* 1 to the capacity */
	NR_SIZES,
};

static const char * const size_names[NR_SIZES] = {
	"tiny", "uniform", "logarithmic", "powers", "one-bin", "everything",
};

struct model {
	struct offset_alloc oa;
	u64 rng;
	u64 capacity;
	enum sizes sizes;
	bool aligned;

	unsigned char map[MAX_CAPACITY];	/* 1: used */
	struct offset_extent live[MAX_CAPACITY];
	u64 nr_live;
	u64 dead[MAX_DEAD];			/* handles freed of late */
	u64 used;
	u64 peak;
	u64 allocs;
	u64 frees;
	u64 failures;
	u64 missed;		/* refused although something would fit */

	const char *broken;	/* the first promise that wasn't kept */
	u64 ops;		/* when */
};

static void require(struct model *m, bool kept, const char *promise)
{
	if (!kept && !m->broken)
		m->broken = promise;
}

/* The free run from @from on; false if there is none */
static bool next_run(const struct model *m, u64 from, u64 *start, u64 *length)
{
	const unsigned char *hit;

	if (from >= m->capacity)
		return false;
	hit = memchr(m->map + from, 0, m->capacity - from);
	if (!hit)
		return false;
	*start = hit - m->map;
	hit = memchr(hit, 1, m->capacity - *start);
	*length = (hit ? (u64)(hit - m->map) : m->capacity) - *start;
	return true;
}

/*
 * Is a refusal right? Only if no free run fits, or if the search is documented
 * to stop before it finds the one that does.
 */
static void check_refusal(struct model *m, u64 size, u64 align)
{
	u64 start, length, end = 0, runs = 0, sure = 0, fits = 0;
	u64 enough = size + align - 1;

	while (next_run(m, end, &start, &length)) {
		u64 skip = (align - start % align) % align;

		end = start + length;
		runs++;
		if (length >= size && length - size >= skip)
			fits++;
		if (length >= enough)
			sure++;
	}
	if (!fits)
		return;
	m->missed++;
	require(m, !sure, "an extent sure to fit is found");
	require(m, runs > OFFSET_ALLOC_ALIGN_SCAN,
		"among few free extents one that fits is found");
	require(m, align > 1, "without an alignment one that fits is found");
}

static void check_state(struct model *m)
{
	u64 start, length, end = 0, runs = 0, largest = 0;
	struct offset_alloc_report report;
	const char *broken = offset_alloc_check(&m->oa);

	require(m, !broken, broken);
	while (next_run(m, end, &start, &length)) {
		end = start + length;
		runs++;
		if (length > largest)
			largest = length;
	}
	offset_alloc_report(&m->oa, &report);
	require(m, report.capacity == m->capacity, "report: capacity");
	require(m, report.used == m->used, "report: used");
	require(m, report.peak == m->peak, "report: peak");
	require(m, report.nr_used == m->nr_live, "report: nr_used");
	require(m, report.nr_free == runs, "report: nr_free, free neighbours merged");
	require(m, report.allocs == m->allocs, "report: allocs");
	require(m, report.frees == m->frees, "report: frees");
	require(m, report.failures == m->failures, "report: failures");
	require(m, report.nodes > m->nr_live + runs, "report: nodes");
	require(m, report.largest_free == largest, "report: largest_free");
}

static u64 draw_size(struct model *m)
{
	u64 capacity = m->capacity, size = 1;

	switch (m->sizes) {
	case TINY:
		size = rng_between(&m->rng, 1, 4);
		break;
	case UNIFORM:
		size = rng_between(&m->rng, 1, capacity / 8 + 1);
		break;
	case LOGARITHMIC:
		while (size < capacity && rng_below(&m->rng, 8))
			size *= 2;
		size = rng_between(&m->rng, size / 2 + 1, size);
		break;
	case POWERS:
		size = 1ULL << rng_below(&m->rng, 10);
		break;
	case ONE_BIN:
		size = bin_start(capacity / 150 + 1);
		size += rng_below(&m->rng, bin_width(size));
		break;
	default:
		size = rng_between(&m->rng, 1, capacity);
		break;
	}
	return size < capacity ? size : capacity;
}

static void do_alloc(struct model *m)
{
	struct offset_extent extent = { ~0ULL, ~0ULL, 0 };
	u64 size = draw_size(m);
	u64 align = 1;
	int err;

	if (m->aligned && rng_below(&m->rng, 3))
		align = 1ULL << rng_below(&m->rng, rng_below(&m->rng, 8) ? 8 : 64);
	err = alloc_grow(&m->oa, size, align == 1 ? rng_below(&m->rng, 2) : align,
			 &extent);
	if (err == -ENOSPC) {
		m->failures++;
		check_refusal(m, size, align);
		return;
	}
	require(m, !err, "no other error than ENOSPC");
	if (err)
		return;

	require(m, extent.size == size, "exactly the size asked for");
	require(m, extent.offset % align == 0, "aligned");
	require(m, extent.offset < m->capacity && size <= m->capacity - extent.offset,
		"inside the region");
	require(m, extent.handle, "no handle is 0");
	if (m->broken)
		return;
	require(m, !memchr(m->map + extent.offset, 1, size), "disjoint");
	memset(m->map + extent.offset, 1, size);
	m->live[m->nr_live++] = extent;
	m->allocs++;
	m->used += size;
	if (m->used > m->peak)
		m->peak = m->used;
}

static void do_free(struct model *m)
{
	struct offset_extent extent;
	u64 i;

	if (!m->nr_live)
		return;
	i = rng_below(&m->rng, m->nr_live);
	extent = m->live[i];
	m->live[i] = m->live[--m->nr_live];
	require(m, !offset_alloc_free(&m->oa, extent.handle), "what is live can be freed");
	memset(m->map + extent.offset, 0, extent.size);
	m->used -= extent.size;
	m->frees++;
	m->dead[m->frees % MAX_DEAD] = extent.handle;
}

static void do_lookup(struct model *m)
{
	struct offset_extent extent;
	u64 handle, i;

	if (m->nr_live) {
		i = rng_below(&m->rng, m->nr_live);
		require(m, !offset_alloc_lookup(&m->oa, m->live[i].handle, &extent),
			"lookup finds what alloc gave");
		require(m, !memcmp(&extent, &m->live[i], sizeof(extent)),
			"lookup gives what alloc gave");
	}

	handle = m->dead[rng_below(&m->rng, MAX_DEAD)];
	if (!rng_below(&m->rng, 4))
		handle = rng_next(&m->rng);
	for (i = 0; i < m->nr_live; i++)
		if (m->live[i].handle == handle)
			return;
	require(m, offset_alloc_lookup(&m->oa, handle, &extent) == -ENOENT,
		"lookup finds nothing that isn't live");
	require(m, offset_alloc_free(&m->oa, handle) == -ENOENT,
		"what isn't live can't be freed");
}

static void run(struct model *m, u64 ops)
{
	/* In turn more of the one, more of the other, or both alike */
	static const int alloc_percent[] = { 80, 50, 20, 60, 35, 50 };
	u64 every = m->capacity < 2000 ? 16 : 512;
	int phase = 0;

	for (m->ops = 0; m->ops < ops && !m->broken; m->ops++) {
		if (!rng_below(&m->rng, 400))
			phase = rng_below(&m->rng, ARRAY_SIZE(alloc_percent));
		if (rng_below(&m->rng, 100) < (u64)alloc_percent[phase])
			do_alloc(m);
		else
			do_free(m);
		if (!rng_below(&m->rng, 20))
			do_lookup(m);
		if (!rng_below(&m->rng, every))
			check_state(m);
	}
	while (m->nr_live && !m->broken) {
		do_free(m);
		if (!rng_below(&m->rng, every))
			check_state(m);
	}
	check_state(m);
	require(m, offset_alloc_check(&m->oa) || (!m->used && m->oa.free == m->capacity),
		"at the end all is one free extent");
}

static void run_case(struct model *m, u64 seed, u64 capacity, enum sizes sizes,
		     bool aligned, u64 ops)
{
	memset(m, 0, sizeof(*m));
	m->rng = seed ^ capacity << 8 ^ sizes << 1 ^ aligned;
	m->capacity = capacity;
	m->sizes = sizes;
	m->aligned = aligned;
	if (init(&m->oa, capacity))
		ksft_exit_fail_msg("no memory\n");
	run(m, ops);
	offset_alloc_destroy(&m->oa);

	ksft_test_result(!m->broken, "capacity %" PRIu64 " sizes %s%s: %" PRIu64
			 " allocated, %" PRIu64 " refused, of these %" PRIu64
			 " by the bound of the search\n",
			 capacity, size_names[sizes], aligned ? " aligned" : "",
			 m->allocs, m->failures, m->missed);
	if (m->broken)
		ksft_print_msg("seed %" PRIu64 " operation %" PRIu64 ": not kept: %s\n",
			       seed, m->ops, m->broken);
}

int main(int argc, char **argv)
{
	static const u64 capacities[] = {
		1, 2, 7, 63, 64, 65, 1000, 1023, 4096, 10007, MAX_CAPACITY,
	};
	u64 seed = argc > 1 ? strtoull(argv[1], NULL, 0) : 1;
	u64 ops = argc > 2 ? strtoull(argv[2], NULL, 0) : 20000;
	struct model *m = malloc(sizeof(*m));
	u64 missed = 0;
	size_t i;
	int sizes, aligned;

	ksft_print_header();
	if (!m)
		ksft_exit_fail_msg("no memory\n");
	ksft_set_plan(ARRAY_SIZE(capacities) * NR_SIZES * 2);
	ksft_print_msg("seed %" PRIu64 ", %" PRIu64 " operations per case\n", seed, ops);
	for (i = 0; i < ARRAY_SIZE(capacities); i++)
		for (sizes = 0; sizes < NR_SIZES; sizes++)
			for (aligned = 0; aligned < 2; aligned++) {
				run_case(m, seed, capacities[i], sizes, aligned, ops);
				missed += m->missed;
			}
	ksft_print_msg("%" PRIu64 " requests refused by the bound of the search\n",
		       missed);
	free(m);
	ksft_finished();
}
