// SPDX-License-Identifier: GPL-2.0
/*
 * Programs as text: a line for each operation, of its name, the number of the worker
 * that runs it, and its arguments; what follows a # is a comment
 */
#include "fuzz.h"

#include <inttypes.h>

const char * const fz_names[FZ_KINDS] = {
#define FZ_NAME(kind, name, args, weight) name,
	FZ_OPS(FZ_NAME)
};

const char * const fz_args[FZ_KINDS] = {
#define FZ_ARGUMENTS(kind, name, args, weight) args,
	FZ_OPS(FZ_ARGUMENTS)
};

const unsigned int fz_weights[FZ_KINDS] = {
#define FZ_WEIGHT(kind, name, args, weight) weight,
	FZ_OPS(FZ_WEIGHT)
};

/* Returns how much of @text it is, without a NUL, like the next one */
size_t fz_print_op(const struct fz_op *op, char *text, size_t size)
{
	size_t length, i;

	length = snprintf(text, size, "%s %u", fz_names[op->kind], op->worker);
	for (i = 0; i < strlen(fz_args[op->kind]) && length < size; i++)
		length += snprintf(text + length, size - length,
				   op->arg[i] < 10 ? " %" PRIu64 : " 0x%" PRIx64, op->arg[i]);
	return length;
}

size_t fz_print(const struct fz_prog *prog, char *text, size_t size)
{
	size_t length = 0;
	unsigned int i;

	text[0] = '\0';
	for (i = 0; i < prog->nr && length + 2 < size; i++) {
		length += fz_print_op(&prog->ops[i], text + length, size - length - 1);
		text[length++] = '\n';
		text[length] = '\0';
	}
	return length;
}

static bool parse_op(struct fz_op *op, char *line)
{
	char *next, *word = strtok_r(line, " \t", &next);
	unsigned int kind, i;

	for (kind = 0; kind < FZ_KINDS && strcmp(word, fz_names[kind]); kind++)
		;
	word = strtok_r(NULL, " \t", &next);
	if (kind == FZ_KINDS || !word)
		return false;
	memset(op, 0, sizeof(*op));
	op->kind = kind;
	op->worker = strtoul(word, NULL, 0) % FZ_WORKERS;
	for (i = 0; i < strlen(fz_args[kind]); i++) {
		word = strtok_r(NULL, " \t", &next);
		if (!word)
			return false;
		op->arg[i] = strtoull(word, NULL, 0);
	}
	return !strtok_r(NULL, " \t", &next);
}

/* False if a line of it can't be understood, which is the one behind the last of @prog */
bool fz_parse(struct fz_prog *prog, const char *text)
{
	char line[256];
	size_t length;

	prog->nr = 0;
	for (; *text; text += length + (text[length] == '\n')) {
		length = strcspn(text, "\n");
		if (length >= sizeof(line))
			return false;
		memcpy(line, text, length);
		line[length] = '\0';
		line[strcspn(line, "#\r")] = '\0';
		if (!line[strspn(line, " \t")])
			continue;
		if (prog->nr == FZ_MAX_OPS || !parse_op(&prog->ops[prog->nr], line))
			return false;
		prog->nr++;
	}
	return prog->nr;
}
