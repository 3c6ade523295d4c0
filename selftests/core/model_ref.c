// SPDX-License-Identifier: GPL-2.0
/*
 * The reference of the offset allocator's tests: see model_ref.h
 */
#include "model_ref.h"

#include <stdlib.h>
#include <string.h>

void ref_init(struct reference *ref, const struct offset_alloc_config *config)
{
	memset(ref, 0, offsetof(struct reference, live));
	ref->capacity = config->capacity;
	ref->max_capacity = config->max_capacity ? config->max_capacity : config->capacity;
	ref->first_generation = config->first_generation;
	ref->align_scan = config->align_scan ? config->align_scan : UINT32_MAX;
	ref->bound = config->capacity;
}

/* Free runs */

bool ref_run(const struct reference *ref, u32 i, struct ref_run *run)
{
	const struct offset_extent *prev = i ? &ref->live[i - 1] : NULL;
	const struct offset_extent *next = i < ref->nr_live ? &ref->live[i] : NULL;

	run->start = prev ? prev->offset + prev->size : 0;
	run->length = (next ? next->offset : ref->capacity) - run->start;
	run->before = prev ? prev->size : ~0ULL;
	run->after = next ? next->size : ~0ULL;
	return run->length;
}

u32 ref_nr_runs(const struct reference *ref)
{
	struct ref_run run;
	u32 i, nr = 0;

	for (i = 0; i <= ref->nr_live; i++)
		nr += ref_run(ref, i, &run);
	return nr;
}

u64 ref_largest(const struct reference *ref)
{
	struct ref_run run;
	u64 largest = 0;
	u32 i;

	for (i = 0; i <= ref->nr_live; i++)
		if (ref_run(ref, i, &run) && run.length > largest)
			largest = run.length;
	return largest;
}

u64 ref_free(const struct reference *ref)
{
	return ref->capacity - ref->used;
}

/* Which run contains the range? False if none does wholly. */
static bool find_run(const struct reference *ref, u64 offset, u64 size,
		     struct ref_run *run)
{
	u32 i;

	for (i = 0; i <= ref->nr_live; i++)
		if (ref_run(ref, i, run) && offset >= run->start &&
		    offset - run->start <= run->length &&
		    size <= run->length - (offset - run->start))
			return true;
	return false;
}

static bool any_fits(const struct reference *ref, u64 size)
{
	return size <= ref_largest(ref);
}

static int compare_descending(const void *a, const void *b)
{
	u64 x = *(const u64 *)a, y = *(const u64 *)b;

	return (x < y) - (x > y);
}

/* What the @nr largest runs have together */
static u64 sum_of_largest(const struct reference *ref, u32 nr)
{
	static u64 lengths[REF_MAX_LIVE + 1];
	struct ref_run run;
	u64 sum = 0;
	u32 i, found = 0;

	for (i = 0; i <= ref->nr_live; i++)
		if (ref_run(ref, i, &run))
			lengths[found++] = run.length;
	qsort(lengths, found, sizeof(*lengths), compare_descending);
	for (i = 0; i < found && i < nr; i++)
		sum += lengths[i];
	return sum;
}

/* Used extents */

u32 ref_find(const struct reference *ref, u64 handle)
{
	u32 i;

	for (i = 0; i < ref->nr_live; i++)
		if (ref->live[i].handle == handle)
			break;
	return i;
}

static void note_bound(struct reference *ref)
{
	u64 largest = ref_largest(ref);

	if (largest > ref->bound)
		ref->bound = largest;
}

static void note_used(struct reference *ref, u64 used)
{
	ref->used = used;
	if (used > ref->peak)
		ref->peak = used;
}

/* What was allocated */
static const char *add(struct reference *ref, const struct offset_extent *extent)
{
	struct ref_run run;
	u32 i;

	if (!extent->handle)
		return "no handle is 0";
	if (ref_find(ref, extent->handle) < ref->nr_live)
		return "no two extents have the same handle";
	if (!extent->size || !find_run(ref, extent->offset, extent->size, &run))
		return "what was allocated was free";
	for (i = ref->nr_live; i && ref->live[i - 1].offset > extent->offset; i--)
		ref->live[i] = ref->live[i - 1];
	ref->live[i] = *extent;
	ref->nr_live++;
	ref->allocs++;
	note_used(ref, ref->used + extent->size);
	return NULL;
}

static bool generation_follows(const struct reference *ref, u64 handle, u32 ahead)
{
	return (u32)(handle >> 32) - (u32)(ref->first_generation + ref->allocs) <= ahead;
}

/* Allocation */

static bool holds_aligned(const struct ref_run *run, u64 size, u64 align)
{
	u64 skip = (align - run->start % align) % align;

	return run->length >= size && run->length - size >= skip;
}

static const char *judge_refusal(struct reference *ref, u64 size, u64 align)
{
	struct ref_run run;
	u32 i;

	if (align == 1 && size - 1 < ref->bound)
		ref->bound = size - 1;
	for (i = 0; i <= ref->nr_live; i++)
		if (ref_run(ref, i, &run) && holds_aligned(&run, size, align))
			return "a request that fits is not refused";
	return NULL;
}

static const char *judge_giving_up(struct reference *ref, u64 size, u64 align)
{
	u64 enough = 0;
	struct ref_run run;
	u32 i;

	ref->given_up++;
	for (i = 0; i <= ref->nr_live; i++) {
		if (!ref_run(ref, i, &run) || run.length < size)
			continue;
		enough++;
		if (run.length - size >= align - 1)
			return "where size + align - 1 are free an aligned request doesn't give up";
	}
	if (enough <= ref->align_scan)
		return "only with more extents than it may look at a request gives up";
	return NULL;
}

/* How much better than @run could it have been? */
static const char *judge_run(const struct reference *ref, const struct ref_run *run,
			     u64 size)
{
	u64 same_bin = ~0ULL, next_bin = ~0ULL;
	struct ref_run other;
	u32 i;

	for (i = 0; i <= ref->nr_live; i++) {
		if (!ref_run(ref, i, &other) || other.length < size)
			continue;
		if (bin_start(other.length) < next_bin)
			next_bin = bin_start(other.length);
		if (bin_start(other.length) == bin_start(size) && other.length < same_bin)
			same_bin = other.length;
	}
	if (same_bin == size && run->length != size)
		return "a free extent of exactly the size is used";
	if (same_bin != ~0ULL && run->length != same_bin)
		return "of the free extents in the same bin the smallest that fits is used";
	if (bin_start(run->length) != next_bin)
		return "no free extent of a bin larger than need be is divided";
	return NULL;
}

static const char *judge_place(const struct reference *ref, u64 size, u64 align,
			       const struct offset_extent *extent)
{
	u64 low, high, last;
	struct ref_run run;
	const char *broken;

	if (extent->size != size)
		return "exactly the size asked for";
	if (extent->offset % align)
		return "aligned";
	if (!find_run(ref, extent->offset, size, &run))
		return "what was allocated was free";
	last = run.start + run.length - size;
	low = run.start + (align - run.start % align) % align;
	high = last - last % align;
	if (extent->offset != low && extent->offset != high)
		return "at one end of the free extent";
	if (align > 1)
		return NULL;
	broken = judge_run(ref, &run, size);
	if (broken)
		return broken;
	if (run.length < OFFSET_ALLOC_EXACT_BINS)
		return extent->offset == low ? NULL : "at the lower end of a small extent";
	if (extent->offset != (run.before <= run.after ? low : high))
		return "at the end with the smaller neighbour";
	return NULL;
}

const char *ref_alloc(struct reference *ref, u64 size, u64 align, int err,
		      const struct offset_extent *extent)
{
	bool invalid = !size || size > ref->capacity || (align & (align - 1));
	const char *broken = NULL;

	if (!align)
		align = 1;
	if (invalid != (err == -EINVAL))
		return "EINVAL for wrong sizes and alignments, and only for those";
	if (invalid || err == -ENOMEM)
		return NULL;
	if (err == -ENOSPC) {
		ref->failures++;
		return judge_refusal(ref, size, align);
	}
	if (err == -EAGAIN)
		return judge_giving_up(ref, size, align);
	if (err)
		return "no other error from alloc";
	if (!generation_follows(ref, extent->handle, 0))
		return "each allocation has the next generation";
	broken = judge_place(ref, size, align, extent);
	return broken ? broken : add(ref, extent);
}

const char *ref_seek_aligned(struct reference *ref, u64 size, u64 align, int err, u64 offset)
{
	struct ref_run run;

	if (err == -ENOSPC) {
		ref->failures++;
		return judge_refusal(ref, size, align);
	}
	if (err)
		return "no other error from seek_aligned";
	if (offset % align || !find_run(ref, offset, size, &run))
		return "seek_aligned gives a free place with this alignment";
	return NULL;
}

const char *ref_alloc_at(struct reference *ref, u64 offset, u64 size, int err,
			 const struct offset_extent *extent)
{
	bool invalid = !size || offset >= ref->capacity || size > ref->capacity - offset;
	struct ref_run run;
	bool busy;

	if (invalid != (err == -EINVAL))
		return "EINVAL for ranges outside, and only for those";
	if (invalid)
		return NULL;
	busy = !find_run(ref, offset, size, &run);
	if (busy != (err == -EBUSY))
		return "EBUSY for ranges not free, and only for those";
	if (busy || err == -ENOMEM)
		return NULL;
	if (err)
		return "no other error from alloc_at";
	if (extent->offset != offset || extent->size != size)
		return "alloc_at gives the very range";
	if (!generation_follows(ref, extent->handle, 0))
		return "each allocation has the next generation";
	return add(ref, extent);
}

static const char *judge_scattered(const struct reference *ref, u64 size, u32 max_extents,
				   u32 nr, const struct offset_extent *extents)
{
	u32 few = max_extents < 4 ? max_extents : 4;
	u64 sum = 0;
	u32 i;

	if (nr > max_extents)
		return "no more extents than allowed";
	if (any_fits(ref, size))
		return nr == 1 ? judge_place(ref, size, 1, extents) :
				 "a single extent where one fits";
	for (i = 0; i < nr; i++) {
		sum += extents[i].size;
		if (!generation_follows(ref, extents[i].handle, nr - 1))
			return "each allocation has the next generation";
	}
	if (sum != size)
		return "exactly the size asked for in all";
	if (sum_of_largest(ref, few) >= size && nr > few)
		return "up to four extents where they suffice";
	return NULL;
}

const char *ref_scatter(struct reference *ref, u64 size, u32 max_extents, int err,
			const struct offset_extent *extents)
{
	bool invalid = !size || size > ref->capacity || !max_extents;
	const char *broken;
	int i;

	if (invalid != (err == -EINVAL))
		return "EINVAL for wrong sizes and numbers, and only for those";
	if (invalid || err == -ENOMEM)
		return NULL;
	if (err == -ENOSPC) {
		if (sum_of_largest(ref, max_extents) >= size)
			return "scatter is not refused where so many extents suffice";
		ref->failures++;
		return NULL;
	}
	if (err <= 0)
		return "no other error from alloc_scatter";
	broken = judge_scattered(ref, size, max_extents, err, extents);
	for (i = 0; i < err && !broken; i++)
		broken = add(ref, &extents[i]);
	return broken;
}

/* The others */

const char *ref_resize(struct reference *ref, u64 handle, u64 size, int err)
{
	u32 i = ref_find(ref, handle);
	struct offset_extent *extent = &ref->live[i];
	struct ref_run behind;
	bool dead = i == ref->nr_live;
	bool invalid = !size || size > ref->capacity;
	bool busy;
	u64 room;

	if (dead != (err == -ENOENT))
		return "ENOENT for what isn't live, and only for that";
	if (err == -ENOENT)
		return NULL;
	if (invalid != (err == -EINVAL))
		return "EINVAL for wrong sizes, and only for those";
	if (err == -EINVAL || err == -ENOMEM)
		return NULL;
	ref_run(ref, i + 1, &behind);
	room = extent->size + behind.length;
	busy = size > room;
	if (busy != (err == -ENOSPC))
		return "ENOSPC if too little is free behind, and only then";
	if (err == -ENOSPC) {
		ref->failures++;
		return NULL;
	}
	if (err)
		return "no other error from resize";
	note_used(ref, ref->used - extent->size + size);
	extent->size = size;
	note_bound(ref);
	return NULL;
}

const char *ref_free_extent(struct reference *ref, u64 handle, int err)
{
	u32 i = ref_find(ref, handle);

	if (i == ref->nr_live)
		return err == -ENOENT ? NULL : "what isn't live can't be freed";
	if (err)
		return "what is live can be freed";
	ref->used -= ref->live[i].size;
	ref->frees++;
	ref->nr_live--;
	memmove(&ref->live[i], &ref->live[i + 1],
		(ref->nr_live - i) * sizeof(*ref->live));
	note_bound(ref);
	return NULL;
}

static bool same_extent(const struct offset_extent *a, const struct offset_extent *b)
{
	return a->offset == b->offset && a->size == b->size && a->handle == b->handle;
}

const char *ref_lookup(const struct reference *ref, u64 handle, int err,
		       const struct offset_extent *extent)
{
	u32 i = ref_find(ref, handle);

	if (i == ref->nr_live)
		return err == -ENOENT ? NULL : "lookup finds nothing that isn't live";
	if (err || !same_extent(extent, &ref->live[i]))
		return "lookup gives what was allocated";
	return NULL;
}

const char *ref_set_capacity(struct reference *ref, u64 capacity, int err)
{
	bool invalid = !capacity || capacity > ref->max_capacity;
	const struct offset_extent *last = ref->nr_live ? &ref->live[ref->nr_live - 1] : NULL;
	bool busy = last && last->offset + last->size > capacity;

	if (invalid != (err == -EINVAL))
		return "EINVAL for capacities out of range, and only for those";
	if (invalid)
		return NULL;
	if (busy != (err == -EBUSY))
		return "EBUSY if what is to go is in use, and only then";
	if (busy || err == -ENOMEM)
		return NULL;
	if (err)
		return "no other error from set_capacity";
	ref->capacity = capacity;
	if (ref->peak > capacity)
		ref->peak = capacity;
	note_bound(ref);
	return NULL;
}

/* Questions */

struct product {
	u64 high;
	u64 low;
};

/* a * b, for a small b */
static struct product multiply(u64 a, u32 b)
{
	u64 low = (a & 0xffffffff) * b;
	u64 high = (a >> 32) * b + (low >> 32);

	return (struct product){ high >> 32, high << 32 | (low & 0xffffffff) };
}

static bool at_most(struct product a, struct product b)
{
	return a.high < b.high || (a.high == b.high && a.low <= b.low);
}

/* Is @millionths the part of @part in @whole, rounded down? */
static bool is_fraction(u64 part, u64 whole, u32 millionths)
{
	struct product scaled = multiply(part, 1000000);

	if (!whole)
		return !millionths;
	return at_most(multiply(whole, millionths), scaled) &&
	       !at_most(multiply(whole, millionths + 1), scaled);
}

const char *ref_report(const struct reference *ref,
		       const struct offset_alloc_report *report)
{
	u64 largest = ref_largest(ref);
	u32 runs = ref_nr_runs(ref);

	if (report->capacity != ref->capacity)
		return "report: capacity";
	if (report->used != ref->used || report->free != ref_free(ref))
		return "report: used and free";
	if (report->peak != ref->peak)
		return "report: peak";
	if (report->largest_free != largest)
		return "report: largest_free";
	if (report->nr_used != ref->nr_live)
		return "report: nr_used";
	if (report->nr_free != runs)
		return "report: nr_free, free neighbours merged";
	if (report->allocs != ref->allocs || report->frees != ref->frees)
		return "report: allocs and frees";
	if (report->failures != ref->failures)
		return "report: failures";
	if (report->nodes <= (u64)ref->nr_live + runs)
		return "report: a node for each extent";
	if (!is_fraction(ref_free(ref) - largest, ref_free(ref), report->fragmentation))
		return "report: fragmentation";
	return NULL;
}

const char *ref_may_fit(const struct reference *ref, u64 size, bool may_fit)
{
	if (!may_fit && any_fits(ref, size))
		return "may_fit doesn't refuse what fits";
	if (may_fit && size > ref->bound)
		return "may_fit refuses what was refused";
	return NULL;
}

static u64 runs_between(const struct reference *ref, u64 min, u64 max)
{
	struct ref_run run;
	u64 nr = 0;
	u32 i;

	for (i = 0; i <= ref->nr_live; i++)
		nr += ref_run(ref, i, &run) && run.length >= min && run.length <= max;
	return nr;
}

/* The bins of all allocators are the same: once is enough. */
static const char *judge_bin_sizes(const struct offset_alloc *oa)
{
	struct offset_alloc_bin_report report;
	static bool done;
	u64 expected = 0;
	u32 bin;

	for (bin = 0; bin < OFFSET_ALLOC_BINS && !done; bin++) {
		offset_alloc_report_bin(oa, bin, &report);
		if (report.min_size != expected || report.max_size < report.min_size)
			return "report_bin: one bin begins where the other ends";
		if (report.max_size - report.min_size + 1 != bin_width(report.min_size) ||
		    report.min_size != bin_start(report.max_size))
			return "report_bin: 64 bins a power of two";
		expected = report.max_size + 1;
	}
	done = true;
	return NULL;
}

const char *ref_bins(const struct reference *ref, const struct offset_alloc *oa)
{
	const char *broken = judge_bin_sizes(oa);
	struct offset_alloc_bin_report report;
	u64 listed = 0;
	u32 bin;

	for (bin = 0; bin < OFFSET_ALLOC_BINS && !broken; bin++) {
		offset_alloc_report_bin(oa, bin, &report);
		listed += report.nr_free;
		if (report.nr_free &&
		    report.nr_free != runs_between(ref, report.min_size, report.max_size))
			broken = "report_bin: the extents of these sizes";
	}
	if (!broken && listed != ref_nr_runs(ref))
		broken = "report_bin: every free extent is in a bin";
	offset_alloc_report_bin(oa, bin, &report);
	if (!broken && bin == OFFSET_ALLOC_BINS &&
	    (report.min_size || report.max_size || report.nr_free))
		broken = "report_bin: nothing beyond the last";
	return broken;
}

const char *ref_walk(const struct reference *ref, const struct offset_alloc *oa)
{
	struct offset_extent extent = { 0 };
	u32 i;

	for (i = 0; i < ref->nr_live; i++)
		if (offset_alloc_next(oa, &extent) != 1 ||
		    !same_extent(&extent, &ref->live[i]))
			return "the walk meets each extent in its order";
	if (offset_alloc_next(oa, &extent) || extent.handle)
		return "the walk ends after the last extent";
	return NULL;
}
