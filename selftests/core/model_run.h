/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The one interpreter of sequences: does each operation with the offset allocator
 * and has the reference judge the answer
 */
#ifndef _MODEL_RUN_H
#define _MODEL_RUN_H

#include "model_ops.h"
#include "model_ref.h"

#define MAX_DEAD	64

struct run {
	struct offset_alloc *oa;
	/* Once @oa was loaded, what it was saved from: must answer all calls alike */
	struct offset_alloc *original;
	struct reference ref;
	struct offset_alloc_config config;
	u64 directory;		/* bytes without the chunks */
	u64 dead[MAX_DEAD];	/* handles freed of late */
	u32 nr_dead;
	u32 nr_ops;
	u32 chunks_taken;
	u32 check_every;	/* so many operations; 0: only at the end */
	bool starved;		/* no chunks are added */
	FILE *trace;		/* where to describe each call, or NULL */
	const char *broken;	/* the first promise that wasn't kept */
};

/* Memory of the allocator ends after so many allocations, if not negative */
extern long model_memory;

/* @check_every and @trace are to be set before */
void run_begin(struct run *run, const struct offset_alloc_config *config);
/* The same, of an allocator that was loaded from an image */
void run_adopt(struct run *run, struct offset_alloc *oa);
/* All that return something return @run->broken. */
const char *run_op(struct run *run, const struct op *op);
/* Does it have what it shall have? And is it sound, which takes longer? */
const char *run_compare(struct run *run);
const char *run_check(struct run *run);
/* Free all that is allocated, which must leave one free extent, and drop the run. */
const char *run_end(struct run *run);
void run_drop(struct run *run);

const char *run_sequence(struct run *run, const struct sequence *seq);

#endif /* _MODEL_RUN_H */
