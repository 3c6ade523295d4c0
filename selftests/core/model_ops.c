// SPDX-License-Identifier: GPL-2.0
/*
 * Sequences of operations on an offset allocator: see model_ops.h
 */
#include "model_ops.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

static const struct {
	const char *name;
	u32 nr_operands;
} ops[NR_OPS] = {
	[OP_ALLOC]		= { "alloc", 2 },
	[OP_FREE]		= { "free", 1 },
	[OP_RESIZE]		= { "resize", 2 },
	[OP_ALLOC_AT]		= { "alloc_at", 2 },
	[OP_SCATTER]		= { "scatter", 2 },
	[OP_ALLOC_RUN]		= { "alloc_run", 2 },
	[OP_RESIZE_RUN]		= { "resize_run", 2 },
	[OP_AT_RUN]		= { "at_run", 3 },
	[OP_STALE]		= { "stale", 1 },
	[OP_FORGED]		= { "forged", 1 },
	[OP_SET_CAPACITY]	= { "set_capacity", 1 },
	[OP_ADD_CHUNK]		= { "add_chunk", 0 },
	[OP_TAKE_CHUNK]		= { "take_chunk", 1 },
	[OP_STARVE]		= { "starve", 1 },
	[OP_SAVE_LOAD]		= { "save_load", 1 },
	[OP_BAD_IMAGE]		= { "bad_image", 2 },
	[OP_FILL]		= { "fill", 3 },
	[OP_FREE_EVERY]		= { "free_every", 2 },
};

u32 op_nr_operands(enum op_code code)
{
	return ops[code].nr_operands;
}

const char *op_name(enum op_code code)
{
	return ops[code].name;
}

void sequence_add(struct sequence *seq, const struct op *op)
{
	if (seq->nr == seq->room) {
		seq->room = seq->room ? 2 * seq->room : 64;
		seq->ops = realloc(seq->ops, seq->room * sizeof(*seq->ops));
		if (!seq->ops)
			abort();
	}
	seq->ops[seq->nr++] = *op;
}

void sequence_copy(struct sequence *to, const struct sequence *from)
{
	u32 i;

	to->config = from->config;
	to->nr = 0;
	for (i = 0; i < from->nr; i++)
		sequence_add(to, &from->ops[i]);
}

void sequence_free(struct sequence *seq)
{
	free(seq->ops);
	memset(seq, 0, sizeof(*seq));
}

void config_fix(struct offset_alloc_config *config)
{
	if (!config->capacity)
		config->capacity = 1;
	if (config->capacity > OFFSET_ALLOC_MAX_CAPACITY)
		config->capacity = OFFSET_ALLOC_MAX_CAPACITY;
	if (config->max_capacity > OFFSET_ALLOC_MAX_CAPACITY)
		config->max_capacity = OFFSET_ALLOC_MAX_CAPACITY;
	if (config->max_capacity < config->capacity)
		config->max_capacity = config->capacity;
}

/* Bytes */

struct cursor {
	const unsigned char *at;
	const unsigned char *end;
};

static u64 get_number(struct cursor *cursor)
{
	unsigned int shift = 0;
	u64 number = 0;
	unsigned char byte = 0x80;

	for (; byte & 0x80 && shift < 64 && cursor->at < cursor->end; shift += 7) {
		byte = *cursor->at++;
		number |= (u64)(byte & 0x7f) << shift;
	}
	return number;
}

void sequence_decode(struct sequence *seq, const unsigned char *data, size_t size)
{
	struct cursor cursor = { data, data + size };

	seq->config.capacity = get_number(&cursor);
	seq->config.max_capacity = seq->config.capacity + get_number(&cursor);
	seq->config.first_generation = get_number(&cursor);
	seq->config.align_scan = get_number(&cursor);
	config_fix(&seq->config);
	seq->nr = 0;
	while (cursor.at < cursor.end) {
		struct op op = { .code = *cursor.at++ % NR_OPS };
		u32 i;

		for (i = 0; i < op_nr_operands(op.code); i++)
			op.operand[i] = get_number(&cursor);
		sequence_add(seq, &op);
	}
}

static void put_number(unsigned char **at, u64 number)
{
	for (; number >= 0x80; number >>= 7)
		*(*at)++ = number | 0x80;
	*(*at)++ = number;
}

unsigned char *sequence_encode(const struct sequence *seq, size_t *size)
{
	unsigned char *data = malloc(40 + seq->nr * (size_t)(1 + 10 * MAX_OPERANDS));
	unsigned char *at = data;
	u32 i, j;

	if (!data)
		abort();
	put_number(&at, seq->config.capacity);
	put_number(&at, seq->config.max_capacity - seq->config.capacity);
	put_number(&at, seq->config.first_generation);
	put_number(&at, seq->config.align_scan);
	for (i = 0; i < seq->nr; i++) {
		*at++ = seq->ops[i].code;
		for (j = 0; j < op_nr_operands(seq->ops[i].code); j++)
			put_number(&at, seq->ops[i].operand[j]);
	}
	*size = at - data;
	return data;
}

/* Text */

void op_print(FILE *out, const struct op *op)
{
	u32 i;

	fprintf(out, "%s", op_name(op->code));
	for (i = 0; i < op_nr_operands(op->code); i++)
		fprintf(out, "%s%" PRIu64, i ? ", " : " ", op->operand[i]);
}

void sequence_print(FILE *out, const struct sequence *seq, const char *prefix)
{
	unsigned char *data;
	size_t size, i;
	u32 j;

	fprintf(out, "%scapacity %" PRIu64 " of %" PRIu64
		", first_generation %" PRIu32 ", align_scan %" PRIu32 "\n", prefix,
		seq->config.capacity, seq->config.max_capacity,
		seq->config.first_generation, seq->config.align_scan);
	for (j = 0; j < seq->nr; j++) {
		fprintf(out, "%s%4" PRIu32 ": ", prefix, j + 1);
		op_print(out, &seq->ops[j]);
		fputc('\n', out);
	}
	data = sequence_encode(seq, &size);
	fprintf(out, "%s--replay ", prefix);
	for (i = 0; i < size; i++)
		fprintf(out, "%02x", data[i]);
	fputc('\n', out);
	free(data);
}
