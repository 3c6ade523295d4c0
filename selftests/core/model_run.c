// SPDX-License-Identifier: GPL-2.0
/*
 * The interpreter of sequences: see model_run.h
 */
#include "model_run.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "model_calls.h"

static void begin(struct run *run)
{
	run->nr_dead = 0;
	memset(run->dead, 0, sizeof(run->dead));
	run->nr_ops = 0;
	run->chunks_taken = 0;
	run->starved = false;
	run->broken = NULL;
	run->original = NULL;
}

static void note_directory(struct run *run)
{
	struct offset_alloc_report report;

	offset_alloc_report(run->oa, &report);
	run->directory = report.metadata % OFFSET_ALLOC_CHUNK_SIZE;
}

void run_begin(struct run *run, const struct offset_alloc_config *config)
{
	begin(run);
	run->config = *config;
	ref_init(&run->ref, config);
	run->oa = malloc(sizeof(*run->oa));
	if (!run->oa || offset_alloc_init(run->oa, config))
		abort();
	note_directory(run);
}

void run_adopt(struct run *run, struct offset_alloc *oa)
{
	struct offset_extent extent = { 0 };
	struct offset_alloc_report report;
	struct reference *ref = &run->ref;

	begin(run);
	run->oa = oa;
	offset_alloc_report(oa, &report);
	run->config = (struct offset_alloc_config){
		.capacity = oa->capacity,
		.max_capacity = oa->max_capacity,
		.first_generation = oa->first_generation,
		.align_scan = oa->align_scan,
	};
	ref_init(ref, &run->config);
	ref->used = report.used;
	ref->peak = report.peak;
	ref->allocs = report.allocs;
	ref->frees = report.frees;
	ref->failures = report.failures;
	ref->bound = oa->bound;
	while (ref->nr_live < REF_MAX_LIVE && offset_alloc_next(oa, &extent) == 1)
		ref->live[ref->nr_live++] = extent;
	note_directory(run);
}

/* Sizes on both sides of the edge */
static void check_may_fit(struct run *run)
{
	u64 sizes[] = { 1, ref_largest(&run->ref), run->ref.bound, run->ref.bound + 1 };
	const char *broken;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		broken = ref_may_fit(&run->ref, sizes[i],
				     offset_alloc_may_fit(run->oa, sizes[i]));
		require(run, !broken, broken);
	}
}

static void check_report(struct run *run)
{
	struct offset_alloc_report report;
	const char *broken;

	offset_alloc_report(run->oa, &report);
	broken = ref_report(&run->ref, &report);
	require(run, !broken, broken);
	require(run, report.metadata % OFFSET_ALLOC_CHUNK_SIZE == run->directory,
		"report: metadata is the directory and chunks");
}

const char *run_compare(struct run *run)
{
	const char *broken = ref_walk(&run->ref, run->oa);

	require(run, !broken, broken);
	check_report(run);
	check_may_fit(run);
	return run->broken;
}

const char *run_check(struct run *run)
{
	const char *broken = offset_alloc_check(run->oa);

	if (!require(run, !broken, broken))
		return run->broken;
	broken = ref_bins(&run->ref, run->oa);
	require(run, !broken, broken);
	run_compare(run);
	require(run, image_same(run), "the loaded one has the state of the original");
	return run->broken;
}

static u64 live_handle(const struct run *run, u64 which)
{
	return run->ref.live[which % run->ref.nr_live].handle;
}

static bool full(const struct run *run)
{
	return run->ref.nr_live + MAX_SCATTER > REF_MAX_LIVE;
}

/* One of the free runs; false if there is none */
static bool pick_run(const struct run *run, u64 which, struct ref_run *free)
{
	u32 nr = ref_nr_runs(&run->ref);
	u32 i;

	if (!nr)
		return false;
	which %= nr;
	for (i = 0; ; i++)
		if (ref_run(&run->ref, i, free) && !which--)
			return true;
}

static u64 alignment(u64 log2)
{
	if (log2 < 64)
		return 1ULL << log2;
	return log2 == 64 ? 0 : log2;
}

static void do_alloc_run(struct run *run, u64 which, u64 nearly)
{
	struct ref_run free;

	if (pick_run(run, which, &free))
		call_alloc(run, free.length - 1 + nearly % 3, 1);
}

static void do_resize_run(struct run *run, u64 which, u64 nearly)
{
	struct ref_run free;

	which %= run->ref.nr_live;
	ref_run(&run->ref, which + 1, &free);
	call_resize(run, live_handle(run, which),
		    run->ref.live[which].size + free.length - 2 + nearly % 4);
}

static void do_at_run(struct run *run, u64 which, u64 skip, u64 size)
{
	struct ref_run free;

	if (pick_run(run, which, &free))
		call_alloc_at(run, free.start + skip % free.length,
			      size % (free.length + 1));
}

/* All that takes a handle, with one that may name nothing */
static void do_wrong(struct run *run, u64 handle)
{
	call_lookup(run, handle);
	call_next(run, handle);
	call_resize(run, handle, 1);
	call_free(run, handle);
	call_free(run, handle);
}

static void do_fill(struct run *run, u64 nr, u64 size, u64 more)
{
	for (nr %= MODEL_MAX_FILL; nr && !full(run) && !run->broken; nr--, size += more)
		call_alloc(run, size, 0);
}

static void do_free_every(struct run *run, u64 every, u64 first)
{
	u64 i = run->ref.nr_live;

	every = every ? every : 1;
	while (i-- && !run->broken)
		if (i % every == first % every)
			call_free(run, run->ref.live[i].handle);
}

/* Those that need an extent; false if it is none of these */
static bool do_with_live(struct run *run, const struct op *op)
{
	const u64 *operand = op->operand;

	switch (op->code) {
	case OP_FREE:
		if (run->ref.nr_live)
			call_free(run, live_handle(run, operand[0]));
		return true;
	case OP_RESIZE:
		if (run->ref.nr_live)
			call_resize(run, live_handle(run, operand[0]), operand[1]);
		return true;
	case OP_RESIZE_RUN:
		if (run->ref.nr_live)
			do_resize_run(run, operand[0], operand[1]);
		return true;
	case OP_STALE:
		if (run->nr_dead)
			do_wrong(run, run->dead[operand[0] % MAX_DEAD]);
		return true;
	case OP_FREE_EVERY:
		do_free_every(run, operand[0], operand[1]);
		return true;
	default:
		return false;
	}
}

/* Those that make one; false if it is none of these */
static bool do_alloc(struct run *run, const struct op *op)
{
	const u64 *operand = op->operand;

	switch (op->code) {
	case OP_ALLOC:
		call_alloc(run, operand[0], alignment(operand[1]));
		return true;
	case OP_ALLOC_AT:
		call_alloc_at(run, operand[0], operand[1]);
		return true;
	case OP_SCATTER:
		call_scatter(run, operand[0], operand[1] % (MAX_SCATTER + 1));
		return true;
	case OP_ALLOC_RUN:
		do_alloc_run(run, operand[0], operand[1]);
		return true;
	case OP_AT_RUN:
		do_at_run(run, operand[0], operand[1], operand[2]);
		return true;
	case OP_FILL:
		do_fill(run, operand[0], operand[1], operand[2]);
		return true;
	default:
		return false;
	}
}

static void do_other(struct run *run, const struct op *op)
{
	u64 operand = op->operand[0];

	switch (op->code) {
	case OP_FORGED:
		do_wrong(run, operand);
		break;
	case OP_SET_CAPACITY:
		call_set_capacity(run, operand);
		break;
	case OP_ADD_CHUNK:
		call_add_chunk(run);
		break;
	case OP_TAKE_CHUNK:
		for (operand = operand % 8 + 1; operand; operand--)
			call_take_chunk(run);
		break;
	case OP_STARVE:
		run->starved = operand % 2;
		break;
	case OP_SAVE_LOAD:
		image_save_load(run, operand);
		break;
	case OP_BAD_IMAGE:
		image_damage(run, operand, op->operand[1]);
		break;
	default:
		break;
	}
}

const char *run_op(struct run *run, const struct op *op)
{
	if (run->broken)
		return run->broken;
	run->nr_ops++;
	if (run->trace) {
		fprintf(run->trace, "%4" PRIu32 ": ", run->nr_ops);
		op_print(run->trace, op);
		fputc('\n', run->trace);
		fflush(run->trace);
	}
	if (!do_with_live(run, op) && (full(run) || !do_alloc(run, op)))
		do_other(run, op);
	if (!run->broken && run->check_every && run->nr_ops % run->check_every == 0)
		run_check(run);
	return run->broken;
}

/* All was freed. */
static void check_empty(struct run *run)
{
	struct offset_alloc_report report;

	offset_alloc_report(run->oa, &report);
	require(run, !report.used && report.nr_free == 1 &&
		report.largest_free == report.capacity, "at the end all is one free extent");
}

void run_drop(struct run *run)
{
	offset_alloc_destroy(run->oa);
	free(run->oa);
	if (run->original) {
		offset_alloc_destroy(run->original);
		free(run->original);
	}
	run->oa = NULL;
	run->original = NULL;
}

const char *run_end(struct run *run)
{
	if (!run->broken)
		run_check(run);
	if (!run->broken)
		do_free_every(run, 1, 0);
	if (!run->broken)
		run_check(run);
	if (!run->broken)
		check_empty(run);
	run_drop(run);
	return run->broken;
}

const char *run_sequence(struct run *run, const struct sequence *seq)
{
	u32 i;

	run_begin(run, &seq->config);
	for (i = 0; i < seq->nr; i++)
		if (run_op(run, &seq->ops[i]))
			break;
	return run_end(run);
}
