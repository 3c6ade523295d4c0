/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Sequences of operations as data: what the random test draws, what the fuzzer
 * mutates, what the enumerator counts through, what is shrunk and replayed
 *
 * As bytes: the numbers of the config, then for each operation its code and its
 * operands. Numbers are seven bits a byte, the lowest first, the top bit set in
 * all but the last byte. Any bytes are a sequence.
 */
#ifndef _MODEL_OPS_H
#define _MODEL_OPS_H

#include <stdio.h>

#include "core_test.h"

enum op_code {
	OP_ALLOC,		/* size, log2 of the alignment */
	OP_FREE,		/* which of the used extents */
	OP_RESIZE,		/* which, size */
	OP_ALLOC_AT,		/* offset, size */
	OP_SCATTER,		/* size, extents at most */
	OP_ALLOC_RUN,		/* which of the free runs, nearly its size */
	OP_RESIZE_RUN,		/* which, nearly all that is free behind it */
	OP_AT_RUN,		/* which of the free runs, offset in it, size */
	OP_STALE,		/* which of the handles that were freed */
	OP_FORGED,		/* handle */
	OP_SET_CAPACITY,	/* capacity */
	OP_ADD_CHUNK,
	OP_TAKE_CHUNK,		/* how often */
	OP_STARVE,		/* 1: there is no memory for chunks from now on */
	OP_SAVE_LOAD,		/* after how many allocations memory ends at first */
	OP_BAD_IMAGE,		/* where it is damaged, how */
	OP_FILL,		/* how many, size, added to the size each time */
	OP_FREE_EVERY,		/* so many, the first of them */
	NR_OPS,
};

#define MAX_OPERANDS	3

/* OP_FILL takes its first operand modulo this */
#define MODEL_MAX_FILL	2048

struct op {
	enum op_code code;
	u64 operand[MAX_OPERANDS];
};

struct sequence {
	struct offset_alloc_config config;
	u32 nr;
	u32 room;
	struct op *ops;
};

u32 op_nr_operands(enum op_code code);
const char *op_name(enum op_code code);

void sequence_add(struct sequence *seq, const struct op *op);
void sequence_copy(struct sequence *to, const struct sequence *from);
void sequence_free(struct sequence *seq);

/* @config made one that offset_alloc_init() takes */
void config_fix(struct offset_alloc_config *config);

void sequence_decode(struct sequence *seq, const unsigned char *data, size_t size);
/* The bytes, from malloc() */
unsigned char *sequence_encode(const struct sequence *seq, size_t *size);

void op_print(FILE *out, const struct op *op);
/* Readably, and as what --replay takes */
void sequence_print(FILE *out, const struct sequence *seq, const char *prefix);

/* How sizes are drawn */
enum sizes {
	TINY,			/* 1 to 4 */
	UNIFORM,		/* 1 to an eighth of the capacity */
	LOGARITHMIC,		/* each power of two as likely as any other */
	POWERS,			/* powers of two */
	ONE_BIN,		/* all within one bin */
	FEW_OF_BIN,		/* four sizes of one bin */
	EVERYTHING,		/* 1 to the capacity */
	NR_SIZES,
};

const char *sizes_name(enum sizes sizes);

/* A sequence of @nr operations by @seed; @seq must be empty but for its config */
void sequence_draw(struct sequence *seq, u64 seed, enum sizes sizes, bool aligned,
		   u32 nr);

#endif /* _MODEL_OPS_H */
