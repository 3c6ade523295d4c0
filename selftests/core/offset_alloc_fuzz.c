// SPDX-License-Identifier: GPL-2.0
/*
 * Fuzz target: any bytes are a sequence of operations, done with the offset
 * allocator and judged by the reference
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "model_fuzz.h"
#include "model_run.h"

#define CHECK_EVERY	128
/* Of operations that take long, and of the extents that others allocate at once */
#define MAX_IMAGES	8
#define MAX_FILL	3000

static bool too_long(const struct sequence *seq)
{
	u32 i, images = 0, fill = 0;

	for (i = 0; i < seq->nr; i++) {
		enum op_code code = seq->ops[i].code;

		images += code == OP_SAVE_LOAD || code == OP_BAD_IMAGE;
		if (code == OP_FILL)
			fill += seq->ops[i].operand[0] % MODEL_MAX_FILL;
	}
	return images > MAX_IMAGES || fill > MAX_FILL;
}

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size)
{
	static struct run run = { .check_every = CHECK_EVERY };
	static struct sequence seq;
	const char *broken;

	sequence_decode(&seq, data, size);
	if (too_long(&seq))
		return 0;
	broken = run_sequence(&run, &seq);
	if (broken) {
		fprintf(stderr, "operation %" PRIu32 ": not kept: %s\n", run.nr_ops, broken);
		sequence_print(stderr, &seq, "");
		abort();
	}
	return 0;
}
