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
/* As one may mean as many calls as a thousand others */
#define MAX_HUGE	8

static bool too_long(const struct sequence *seq)
{
	u32 i, huge = 0;

	for (i = 0; i < seq->nr; i++)
		huge += seq->ops[i].code == OP_FILL || seq->ops[i].code == OP_SAVE_LOAD ||
			seq->ops[i].code == OP_BAD_IMAGE;
	return huge > MAX_HUGE;
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
