/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Sequences that fail, made as short as can be
 */
#ifndef _MODEL_SHRINK_H
#define _MODEL_SHRINK_H

#include "model_ops.h"

/* How a sequence went, in a process of its own: a crash is an answer too */
struct verdict {
	bool failed;
	u32 nr_ops;		/* done until then */
	u64 allocs;
	u64 failures;
	u64 given_up;
	u64 chunks_taken;
	char why[100];
};

/* @show: let it say what it has to, to standard error */
void try_sequence(const struct sequence *seq, u32 check_every, bool show,
		  struct verdict *verdict);

/* Returns the number of sequences tried */
u32 shrink(struct sequence *seq, u32 check_every);

#endif /* _MODEL_SHRINK_H */
