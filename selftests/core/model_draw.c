// SPDX-License-Identifier: GPL-2.0
/*
 * Random sequences of operations
 */
#include "model_ops.h"

struct draw {
	u64 rng;
	u64 capacity;
	enum sizes sizes;
	bool aligned;
};

const char *sizes_name(enum sizes sizes)
{
	static const char * const names[NR_SIZES] = {
		"tiny", "uniform", "logarithmic", "powers", "one-bin", "few-of-bin",
		"everything",
	};

	return names[sizes];
}

static u64 below(struct draw *draw, u64 n)
{
	return rng_below(&draw->rng, n);
}

static u64 draw_size(struct draw *draw)
{
	u64 size = 1;

	switch (draw->sizes) {
	case TINY:
		return rng_between(&draw->rng, 1, 4);
	case UNIFORM:
		return rng_between(&draw->rng, 1, draw->capacity / 8 + 1);
	case LOGARITHMIC:
		while (size < draw->capacity && below(draw, 8))
			size *= 2;
		return rng_between(&draw->rng, size / 2 + 1, size);
	case POWERS:
		while (size < draw->capacity / 4 && below(draw, 4))
			size *= 2;
		return size;
	case ONE_BIN:
		size = bin_start(draw->capacity / 150 + 1);
		return size + below(draw, bin_width(size));
	case FEW_OF_BIN:
		size = bin_start(draw->capacity / 150 + 1);
		return size + below(draw, 4) * bin_width(size) / 4;
	default:
		return rng_between(&draw->rng, 1, draw->capacity);
	}
}

/* The logarithm of an alignment; 0: as good as none, 64 and more: no power of two */
static u64 draw_align(struct draw *draw)
{
	if (!draw->aligned || !below(draw, 3))
		return 0;
	return below(draw, below(draw, 8) ? 8 : 68);
}

static void draw_alloc(struct draw *draw, struct op *op)
{
	static const enum op_code codes[] = {
		OP_ALLOC, OP_ALLOC, OP_ALLOC, OP_ALLOC, OP_ALLOC, OP_ALLOC, OP_ALLOC_RUN,
		OP_SCATTER, OP_ALLOC_AT, OP_AT_RUN,
	};

	op->code = codes[below(draw, ARRAY_SIZE(codes))];
	op->operand[0] = draw_size(draw);
	op->operand[1] = draw_align(draw);
	switch (op->code) {
	case OP_SCATTER:
		op->operand[0] += below(draw, 2) ? draw_size(draw) : 0;
		op->operand[1] = below(draw, 6);
		break;
	case OP_ALLOC_AT:
		op->operand[0] = below(draw, draw->capacity);
		op->operand[1] = draw_size(draw);
		break;
	case OP_ALLOC_RUN:
		op->operand[0] = below(draw, 1000);
		op->operand[1] = below(draw, 3);
		break;
	case OP_AT_RUN:
		op->operand[0] = below(draw, 1000);
		op->operand[1] = below(draw, 2) ? draw_size(draw) : 0;
		op->operand[2] = draw_size(draw);
		break;
	default:
		break;
	}
}

static void draw_rare(struct draw *draw, struct op *op)
{
	static const enum op_code codes[] = {
		OP_RESIZE, OP_RESIZE, OP_RESIZE, OP_RESIZE, OP_RESIZE_RUN, OP_RESIZE_RUN,
		OP_STALE, OP_STALE, OP_FORGED, OP_SET_CAPACITY, OP_TAKE_CHUNK, OP_ADD_CHUNK,
		OP_STARVE, OP_BAD_IMAGE,
	};

	op->code = codes[below(draw, ARRAY_SIZE(codes))];
	op->operand[0] = below(draw, 1000);
	op->operand[1] = below(draw, 5);
	switch (op->code) {
	case OP_RESIZE:
		op->operand[1] = draw_size(draw);
		break;
	case OP_FORGED:
		op->operand[0] = rng_next(&draw->rng);
		if (below(draw, 2))
			op->operand[0] &= 0xffffffff000007ffULL;
		break;
	case OP_SET_CAPACITY:
		op->operand[0] = below(draw, 4) ? draw->capacity - draw_size(draw) :
						  draw->capacity;
		if (below(draw, 2))
			op->operand[0] = draw->capacity + below(draw, draw->capacity / 2 + 2);
		break;
	case OP_STARVE:
		op->operand[0] = !below(draw, 4);
		break;
	default:
		break;
	}
}

static void draw_fill(struct draw *draw, struct op *op)
{
	op->code = OP_FILL;
	op->operand[0] = 1 + below(draw, below(draw, 4) ? 300 : 2000);
	op->operand[1] = draw_size(draw);
	op->operand[2] = below(draw, 2);
}

static void draw_free_every(struct draw *draw, struct op *op)
{
	op->code = OP_FREE_EVERY;
	op->operand[0] = below(draw, 2) ? 1 : 1 + below(draw, 5);
	op->operand[1] = below(draw, 5);
}

/* What does more than others */
static void draw_huge(struct draw *draw, struct op *op)
{
	switch (below(draw, 3)) {
	case 0:
		draw_fill(draw, op);
		break;
	case 1:
		draw_free_every(draw, op);
		break;
	default:
		op->code = OP_SAVE_LOAD;
		op->operand[0] = below(draw, 4);
		break;
	}
}

void sequence_draw(struct sequence *seq, u64 seed, enum sizes sizes, bool aligned,
		   u32 nr)
{
	/* In turn more of the one, more of the other, or both alike */
	static const u32 alloc_percent[] = { 80, 50, 20, 60, 35, 50 };
	struct draw draw = {
		.rng = seed,
		.capacity = seq->config.capacity,
		.sizes = sizes,
		.aligned = aligned,
	};
	u32 phase = 0;

	while (seq->nr < nr) {
		struct op op = { 0 };

		if (!below(&draw, 400))
			phase = below(&draw, ARRAY_SIZE(alloc_percent));
		if (!below(&draw, sizes == TINY ? 40 : 100)) {
			draw_huge(&draw, &op);
		} else if (!below(&draw, 8)) {
			draw_rare(&draw, &op);
		} else if (below(&draw, 100) < alloc_percent[phase]) {
			draw_alloc(&draw, &op);
		} else {
			op.code = OP_FREE;
			op.operand[0] = below(&draw, 5000);
		}
		sequence_add(seq, &op);
		if (op.code == OP_FREE_EVERY)
			sequence_add(seq, &(struct op){ OP_TAKE_CHUNK, { 7 } });
	}
}
