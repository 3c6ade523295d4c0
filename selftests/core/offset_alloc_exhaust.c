// SPDX-License-Identifier: GPL-2.0
/*
 * All sequences of operations on tiny regions, with the offset allocator and the
 * reference. Where two sequences lead to the same state only one of them is gone on
 * with: so in the end all states that can be reached have met all operations, and
 * sequences of any length are covered.
 *
 *	offset_alloc_exhaust [quick]
 */
#include "linux/kselftest.h"

#include <inttypes.h>
#include <string.h>

#include "model_calls.h"
#include "offset_alloc_internal.h"

#define MAX_CHOICES	400
#define MAX_PATH	64
#define TABLE_BITS	22
#define MAX_STATES	(1U << (TABLE_BITS - 1))

struct region {
	const char *name;
	struct offset_alloc_config config;
	u32 depth;			/* of operations; MAX_PATH: till nothing is new */
	void (*choose)(struct region *region);
	struct sequence prefix;		/* what is done before */
	u32 nr_choices;
	struct op choices[MAX_CHOICES];
};

struct state {
	u32 parent;
	u32 choice;
	u32 depth;
	u32 nr_live;
};

static struct state states[MAX_STATES];
static u32 nr_states;
static u64 table[1 << TABLE_BITS];

/* What tells one state from another: all that decides answers, but the handles */

static u64 mix(u64 hash, u64 value)
{
	u64 state = hash ^ value;

	return rng_next(&state);
}

static u64 mix_bin(const struct offset_alloc *oa, u32 index, u64 hash)
{
	const struct offset_alloc_node *node;

	for (; index; index = node->chain) {
		node = oa_node(oa, index);
		hash = mix(hash, oa_free_offset(oa, node));
		if (!oa_is_head(node) || !oa_bin_is_tree(oa, oa_bin(node->size)))
			continue;
		hash = mix_bin(oa, node->child[0], mix(hash, ~1ULL));
		hash = mix_bin(oa, node->child[1], mix(hash, ~2ULL));
	}
	return hash;
}

static u64 state_key(const struct run *run)
{
	const struct offset_alloc *oa = run->oa;
	u64 hash = mix(oa->capacity, oa->bound);
	u32 i;

	for (i = 0; i < run->ref.nr_live; i++)
		hash = mix(mix(hash, run->ref.live[i].offset), run->ref.live[i].size);
	for (i = oa_bin_at_or_above(oa, 0); i < OFFSET_ALLOC_BINS;
	     i = oa_bin_at_or_above(oa, i + 1)) {
		hash = mix(mix(hash, ~i), oa_bin_is_tree(oa, i));
		hash = mix_bin(oa, oa->bins[i].root, hash);
	}
	/* Where offset_alloc_alloc_at() begins to look */
	if (oa_has_node(oa, oa->finger) && oa_is_used(oa_node(oa, oa->finger)))
		hash = mix(hash, oa_node(oa, oa->finger)->offset);
	return hash ? hash : 1;
}

/* True if it wasn't there */
static bool remember(u64 key)
{
	u32 slot = key >> (64 - TABLE_BITS);

	while (table[slot]) {
		if (table[slot] == key)
			return false;
		slot = (slot + 1) % ARRAY_SIZE(table);
	}
	table[slot] = key;
	return true;
}

/* Choices */

static void choice(struct region *region, enum op_code code, u64 a, u64 b)
{
	if (region->nr_choices == MAX_CHOICES)
		ksft_exit_fail_msg("too many choices\n");
	region->choices[region->nr_choices++] = (struct op){ code, { a, b } };
}

static void choose_all(struct region *region)
{
	u64 capacity = region->config.capacity;
	u64 max = region->config.max_capacity;
	u64 i, size;

	for (size = 1; size <= max; size++) {
		for (i = 0; 1ULL << i <= max; i++)
			choice(region, OP_ALLOC, size, i);
		for (i = 0; i + size <= max; i++)
			choice(region, OP_ALLOC_AT, i, size);
		for (i = 2; size > 1 && i <= 3; i++)
			choice(region, OP_SCATTER, size, i);
		for (i = 0; i < capacity; i++)
			choice(region, OP_RESIZE, i, size);
		choice(region, OP_SET_CAPACITY, size, 0);
	}
	for (i = 0; i < capacity; i++)
		choice(region, OP_FREE, i, 0);
	choice(region, OP_STALE, 0, 0);
}

/* Between used units, free extents of one bin: as many as make a tree of it */
#define TREE_SIZE	512
#define TREE_WIDTH	8
#define TREE_EXTENTS	10

static void choose_tree(struct region *region)
{
	static const u32 sizes[TREE_EXTENTS] = { 3, 0, 5, 7, 3, 1, 6, 4, 2, 3 };
	struct op op = { .code = OP_FILL, .operand = { 1, 0, 0 } };
	u32 i;

	for (i = 0; i < 2 * TREE_EXTENTS; i++) {
		op.operand[1] = i % 2 ? 1 : TREE_SIZE + sizes[i / 2];
		sequence_add(&region->prefix, &op);
	}
	op = (struct op){ .code = OP_ALLOC_RUN, .operand = { 0, 1 } };
	sequence_add(&region->prefix, &op);
	op.code = OP_FREE;
	for (i = 0; i < TREE_EXTENTS; i++) {
		op.operand[0] = i;
		sequence_add(&region->prefix, &op);
	}
	for (i = 0; i <= TREE_WIDTH; i++)
		choice(region, OP_ALLOC, TREE_SIZE + i, 0);
	for (i = 0; i < 2 * TREE_EXTENTS; i++)
		choice(region, OP_FREE, i, 0);
	choice(region, OP_ALLOC, TREE_SIZE, 2);
	choice(region, OP_SCATTER, 2 * TREE_SIZE + 9, 2);
}

static struct region regions[] = {
	{
		.name = "3 of 4 units",
		.config = { .capacity = 3, .max_capacity = 4 },
		.depth = MAX_PATH,
		.choose = choose_all,
	}, {
		.name = "6 units",
		.config = { .capacity = 6, .max_capacity = 6 },
		.depth = MAX_PATH,
		.choose = choose_all,
	}, {
		.name = "7 of 8 units",
		.config = { .capacity = 7, .max_capacity = 8 },
		.depth = 3,
		.choose = choose_all,
	}, {
		.name = "a tree",
		.config = { .capacity = TREE_EXTENTS * (TREE_SIZE + TREE_WIDTH) },
		.depth = 4,
		.choose = choose_tree,
	},
};

/* Enumeration */

static u64 nr_calls;

static const char *replay(struct run *run, const struct region *region, u32 from)
{
	u32 path[MAX_PATH];
	u32 length = 0;
	u32 i;

	run_begin(run, &region->config);
	for (i = 0; i < region->prefix.nr; i++)
		run_op(run, &region->prefix.ops[i]);
	for (; from; from = states[from].parent)
		path[length++] = states[from].choice;
	while (length)
		run_op(run, &region->choices[path[--length]]);
	return run->broken;
}

static void print_failure(const struct run *run, const struct region *region, u32 from,
			  u32 last)
{
	struct sequence seq = { .config = region->config };
	u32 path[MAX_PATH];
	u32 length = 0;
	u32 i;

	ksft_print_msg("not kept: %s\n", run->broken);
	sequence_copy(&seq, &region->prefix);
	seq.config = region->config;
	config_fix(&seq.config);
	for (; from; from = states[from].parent)
		path[length++] = states[from].choice;
	for (i = length; i--; )
		sequence_add(&seq, &region->choices[path[i]]);
	sequence_add(&seq, &region->choices[last]);
	sequence_print(stdout, &seq, "# ");
	sequence_free(&seq);
}

/* A state that is new is looked at in every way. */
static void enter(struct run *run, u32 from, u32 last)
{
	if (nr_states == MAX_STATES)
		ksft_exit_fail_msg("too many states\n");
	states[nr_states++] = (struct state){
		.parent = from,
		.choice = last,
		.depth = states[from].depth + 1,
		.nr_live = run->ref.nr_live,
	};
	image_save_load(run, 2);
	run_end(run);
}

/* One that names an extent there isn't does what another one does. */
static bool applies(const struct op *op, const struct state *state)
{
	return (op->code != OP_FREE && op->code != OP_RESIZE) ||
	       op->operand[0] < state->nr_live;
}

static bool step(struct run *run, const struct region *region, u32 from, u32 last)
{
	replay(run, region, from);
	run_op(run, &region->choices[last]);
	nr_calls++;
	if (!run->broken && remember(state_key(run)))
		enter(run, from, last);
	else
		run_drop(run);
	if (run->broken)
		print_failure(run, region, from, last);
	return !run->broken;
}

static bool enumerate(const struct region *region, u32 depth)
{
	static struct run run;
	u32 from, i;

	memset(table, 0, sizeof(table));
	nr_calls = 0;
	replay(&run, region, 0);
	remember(state_key(&run));
	nr_states = 1;
	states[0] = (struct state){ .nr_live = run.ref.nr_live };
	run_drop(&run);
	for (from = 0; from < nr_states && states[from].depth < depth; from++)
		for (i = 0; i < region->nr_choices; i++)
			if (applies(&region->choices[i], &states[from]) &&
			    !step(&run, region, from, i))
				return false;
	return true;
}

int main(int argc, char **argv)
{
	bool quick = argc > 1 && !strcmp(argv[1], "quick");
	u64 sequences = 0;
	size_t i;

	ksft_print_header();
	ksft_set_plan(ARRAY_SIZE(regions));
	for (i = 0; i < ARRAY_SIZE(regions); i++) {
		struct region *region = &regions[i];
		u32 depth = quick && region->depth > 3 ? 3 : region->depth;

		region->choose(region);
		ksft_test_result(enumerate(region, depth), "%s: %" PRIu64 " sequences of %" PRIu32
				 " operations lead to %" PRIu32 " states, the last after %" PRIu32
				 "\n", region->name, nr_calls, region->nr_choices, nr_states,
				 states[nr_states - 1].depth);
		sequences += nr_calls;
		sequence_free(&region->prefix);
	}
	ksft_print_msg("%" PRIu64 " sequences in all\n", sequences);
	ksft_finished();
}
