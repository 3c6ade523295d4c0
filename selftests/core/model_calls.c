// SPDX-License-Identifier: GPL-2.0
/*
 * The calls of the offset allocator, doubled and judged: see model_calls.h
 */
#include "model_calls.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "model_plant.h"

unsigned long model_steps;
enum plant model_plant;
u32 model_plant_state;

bool require(struct run *run, bool kept, const char *promise)
{
	if (!kept && !run->broken)
		run->broken = promise;
	return kept;
}

static void judged(struct run *run, const char *broken)
{
	require(run, !broken, broken);
}

static void trace(const struct run *run, const char *name, int err, u64 a, u64 b)
{
	if (run->trace)
		fprintf(run->trace, "\t%s(%" PRIu64 ", %" PRIu64 ") = %d\n", name, a, b, err);
}

static void trace_extent(const struct run *run, const struct offset_extent *extent)
{
	if (run->trace)
		fprintf(run->trace, "\t\t[%" PRIu64 ", +%" PRIu64 ") %#" PRIx64 "\n",
			extent->offset, extent->size, extent->handle);
}

/* What no allocator gives, to see what it has written */
static const struct offset_extent untouched = { ~5ULL, ~6ULL, ~7ULL };

static bool same(const struct offset_extent *a, const struct offset_extent *b)
{
	return a->offset == b->offset && a->size == b->size && a->handle == b->handle;
}

static void check_extent(struct run *run, int err, const struct offset_extent *extent,
			 int twin_err, const struct offset_extent *twin)
{
	require(run, err <= 0 || same(extent, twin), "the loaded one gives the same extents");
	require(run, err == twin_err, "the loaded one gives the same errors");
	if (err)
		require(run, same(extent, &untouched), "an error doesn't touch the extent");
	else
		trace_extent(run, extent);
}

/* Spare nodes, and chunks for more */

u64 nr_spare(const struct run *run)
{
	struct offset_alloc_report report;

	offset_alloc_report(run->oa, &report);
	return report.nodes - report.nr_used - report.nr_free - 1;
}

#define CHUNK_NODES	(OFFSET_ALLOC_CHUNK_SIZE / OFFSET_ALLOC_NODE_SIZE)
/* The header of a chunk takes the place of so many */
#define HEADER_NODES	(CHUNK_NODES / 128)
#define USABLE_NODES	(CHUNK_NODES - HEADER_NODES)

static u64 nr_chunks(const struct run *run)
{
	struct offset_alloc_report report;

	offset_alloc_report(run->oa, &report);
	return report.nodes / USABLE_NODES;
}

static u64 max_chunks(const struct run *run)
{
	u64 chunks = run->ref.max_capacity / USABLE_NODES + 1;
	u64 most = (1ULL << 17) - 64;

	return chunks < most ? chunks : most;
}

static bool check_ready(struct run *run)
{
	bool ready = nr_spare(run) >= 2 || nr_chunks(run) == max_chunks(run);

	require(run, offset_alloc_ready(run->oa) == ready,
		"ready with two spare nodes, or all chunks");
	return ready;
}

static int add_chunk(struct offset_alloc *oa)
{
	struct offset_alloc_chunk *chunk = offset_alloc_chunk_new();
	int err;

	if (!chunk)
		abort();
	err = offset_alloc_add_chunk(oa, chunk);
	if (err)
		offset_alloc_chunk_free(chunk);
	return err;
}

void call_add_chunk(struct run *run)
{
	bool ready = check_ready(run);
	u64 chunks = nr_chunks(run);
	int expected = 0;
	int err;

	if (ready)
		expected = chunks == max_chunks(run) ? -ENOSPC : -EEXIST;
	err = add_chunk(run->oa);
	trace(run, "add_chunk", err, 0, 0);
	require(run, err == expected, "a chunk is taken if it is needed, and only then");
	require(run, nr_chunks(run) == chunks + !err, "a chunk more has nodes more");
	require(run, err || offset_alloc_ready(run->oa), "ready after a chunk was added");
	if (run->original)
		require(run, add_chunk(run->original) == err,
			"the loaded one takes the same chunks");
}

void call_take_chunk(struct run *run)
{
	struct offset_alloc_chunk *chunk = offset_alloc_take_chunk(run->oa);
	struct offset_alloc_chunk *twin;

	trace(run, "take_chunk", !chunk, 0, 0);
	run->chunks_taken += !!chunk;
	if (chunk)
		require(run, nr_spare(run) >= USABLE_NODES, "one empty chunk is kept");
	if (run->original) {
		twin = offset_alloc_take_chunk(run->original);
		require(run, !twin == !chunk, "the loaded one gives the same chunks");
		offset_alloc_chunk_free(twin);
	}
	offset_alloc_chunk_free(chunk);
}

/*
 * After -ENOMEM: was it right, for a call that takes @wanted nodes at most? Returns
 * whether there is a chunk more now, so that the call is to be repeated.
 */
static bool grown(struct run *run, u32 wanted)
{
	require(run, !check_ready(run), "no ENOMEM from one that is ready");
	require(run, nr_spare(run) < wanted, "no ENOMEM with enough spare nodes");
	run_compare(run);
	if (run->starved)
		return false;
	call_add_chunk(run);
	return !run->broken;
}

/* Calls */

/* What must end in @limit steps */
static void begin(void)
{
	model_steps = 0;
}

static void end(struct run *run, unsigned long limit)
{
	require(run, model_steps <= limit, "the bound of the steps");
}

static int try_alloc(struct run *run, u64 size, u64 align)
{
	struct offset_extent extent = untouched, twin = untouched;
	u32 scan = align > 1 ? ref_nr_runs(&run->ref) : 0;
	int err, twin_err;

	if (scan > run->ref.align_scan)
		scan = run->ref.align_scan;
	begin();
	err = offset_alloc_alloc(run->oa, size, align, &extent);
	plant_alloc(&extent, err);
	end(run, OFFSET_ALLOC_MAX_STEPS + scan);
	trace(run, "alloc", err, size, align);
	twin = extent;
	twin_err = err;
	if (run->original) {
		twin = untouched;
		twin_err = offset_alloc_alloc(run->original, size, align, &twin);
	}
	check_extent(run, err, &extent, twin_err, &twin);
	judged(run, ref_alloc(&run->ref, size, align, err, &extent));
	return err;
}

static bool has_run(const struct run *run, u64 size)
{
	struct ref_run free;
	u32 i;

	for (i = 0; i <= run->ref.nr_live; i++)
		if (ref_run(&run->ref, i, &free) && free.length == size)
			return true;
	return false;
}

static int try_alloc_at(struct run *run, u64 offset, u64 size)
{
	struct offset_extent extent = untouched, twin = untouched;
	int err, twin_err;

	err = offset_alloc_alloc_at(run->oa, offset, size, &extent);
	trace(run, "alloc_at", err, offset, size);
	twin = extent;
	twin_err = err;
	if (run->original) {
		twin = untouched;
		twin_err = offset_alloc_alloc_at(run->original, offset, size, &twin);
	}
	check_extent(run, err, &extent, twin_err, &twin);
	judged(run, ref_alloc_at(&run->ref, offset, size, err, &extent));
	return err;
}

void call_alloc_at(struct run *run, u64 offset, u64 size)
{
	if (try_alloc_at(run, offset, size) == -ENOMEM && grown(run, 2))
		require(run, try_alloc_at(run, offset, size) != -ENOMEM,
			"one chunk is enough");
}

/* All of the way, in pieces */
static int seek_aligned(struct run *run, struct offset_alloc *oa, u64 size, u64 align,
			u64 *offset)
{
	u32 part = 4 + size % 7;
	int err;

	*offset = 0;
	do {
		begin();
		err = offset_alloc_seek_aligned(oa, size, align, offset, part);
		end(run, part);
	} while (err == -EAGAIN && !run->broken);
	return err;
}

/* What looked at as many as it may goes on piece by piece. */
static void go_on(struct run *run, u64 size, u64 align)
{
	u64 offset, twin;
	int err = seek_aligned(run, run->oa, size, align, &offset);

	trace(run, "seek_aligned", err, size, align);
	if (run->original)
		require(run, seek_aligned(run, run->original, size, align, &twin) == err &&
			twin == offset, "the loaded one finds the same place");
	judged(run, ref_seek_aligned(&run->ref, size, align, err, offset));
	if (!err && !run->broken)
		call_alloc_at(run, offset, size);
}

void call_alloc(struct run *run, u64 size, u64 align)
{
	u32 wanted = align > 1 ? 2 : 1;
	int err;

	if (align <= 1 && has_run(run, size))
		wanted = 0;
	err = try_alloc(run, size, align);
	if (err == -ENOMEM && grown(run, wanted)) {
		err = try_alloc(run, size, align);
		require(run, err != -ENOMEM, "one chunk is enough");
	}
	if (err == -EAGAIN && !run->broken)
		go_on(run, size, align);
}

static int try_scatter(struct run *run, u64 size, u32 max_extents)
{
	struct offset_extent extents[MAX_SCATTER], twins[MAX_SCATTER];
	int err, i;

	begin();
	err = offset_alloc_alloc_scatter(run->oa, size, extents, max_extents);
	end(run, (max_extents + 1UL) * OFFSET_ALLOC_MAX_STEPS);
	trace(run, "alloc_scatter", err, size, max_extents);
	if (run->original)
		require(run, offset_alloc_alloc_scatter(run->original, size, twins,
							max_extents) == err,
			"the loaded one gives the same errors");
	for (i = 0; i < err; i++) {
		trace_extent(run, &extents[i]);
		if (run->original)
			require(run, same(&extents[i], &twins[i]),
				"the loaded one gives the same extents");
	}
	judged(run, ref_scatter(&run->ref, size, max_extents, err, extents));
	return err;
}

void call_scatter(struct run *run, u64 size, u32 max_extents)
{
	if (try_scatter(run, size, max_extents) == -ENOMEM && grown(run, 1))
		require(run, try_scatter(run, size, max_extents) != -ENOMEM,
			"one chunk is enough");
}

static int try_resize(struct run *run, u64 handle, u64 size)
{
	int err;

	begin();
	err = offset_alloc_resize(run->oa, handle, size);
	end(run, OFFSET_ALLOC_MAX_STEPS);
	trace(run, "resize", err, handle, size);
	if (run->original)
		require(run, offset_alloc_resize(run->original, handle, size) == err,
			"the loaded one gives the same errors");
	judged(run, ref_resize(&run->ref, handle, size, err));
	plant_resize(err);
	return err;
}

void call_resize(struct run *run, u64 handle, u64 size)
{
	if (try_resize(run, handle, size) == -ENOMEM && grown(run, 1))
		require(run, try_resize(run, handle, size) != -ENOMEM, "one chunk is enough");
}

void call_free(struct run *run, u64 handle)
{
	int err;

	begin();
	err = offset_alloc_free(run->oa, handle);
	end(run, OFFSET_ALLOC_MAX_STEPS);
	trace(run, "free", err, handle, 0);
	plant_free(err);
	if (run->original)
		require(run, offset_alloc_free(run->original, handle) == err,
			"the loaded one gives the same errors");
	judged(run, ref_free_extent(&run->ref, handle, err));
	if (!err)
		run->dead[run->nr_dead++ % MAX_DEAD] = handle;
}

void call_lookup(struct run *run, u64 handle)
{
	struct offset_extent extent = untouched;
	int err = offset_alloc_lookup(run->oa, handle, &extent);

	trace(run, "lookup", err, handle, 0);
	if (err)
		require(run, same(&extent, &untouched), "an error doesn't touch the extent");
	judged(run, ref_lookup(&run->ref, handle, err, &extent));
}

void call_next(struct run *run, u64 handle)
{
	struct offset_extent extent = { .handle = handle };
	u32 i = ref_find(&run->ref, handle);
	int err = offset_alloc_next(run->oa, &extent);

	if (handle && i == run->ref.nr_live)
		require(run, err == -ENOENT, "no walk from what isn't live");
	else
		require(run, err == (handle ? i + 1 < run->ref.nr_live : !!i),
			"a walk goes on to the end");
}

static int try_set_capacity(struct run *run, u64 capacity)
{
	int err = offset_alloc_set_capacity(run->oa, capacity);

	trace(run, "set_capacity", err, capacity, 0);
	if (run->original)
		require(run, offset_alloc_set_capacity(run->original, capacity) == err,
			"the loaded one gives the same errors");
	judged(run, ref_set_capacity(&run->ref, capacity, err));
	return err;
}

void call_set_capacity(struct run *run, u64 capacity)
{
	if (try_set_capacity(run, capacity) == -ENOMEM && grown(run, 1))
		require(run, try_set_capacity(run, capacity) != -ENOMEM, "one chunk is enough");
}
