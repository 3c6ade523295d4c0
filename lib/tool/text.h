/* SPDX-License-Identifier: GPL-2.0 */
#ifndef PINPOOL_TOOL_TEXT_H
#define PINPOOL_TOOL_TEXT_H

#include <stdint.h>
#include <stdio.h>

/* A short text that is passed by value, so that it needs no owner */
struct text {
	char s[32];
};

enum style {
	STYLE_NONE,
	STYLE_BOLD,
	STYLE_GOOD,
	STYLE_BAD,
};

/* The most columns that a table may have */
#define TABLE_COLUMNS	10

/**
 * struct table - Rows of cells, to be printed in aligned columns
 * @columns: How many
 * @left: One bit for each column that is aligned to the left
 * @rows: How many
 * @cells: All cells, row by row
 * @notes: For each row the text that stands there instead of all cells but the
 *         first, or NULL
 */
struct table {
	int columns;
	unsigned int left;
	int rows;
	struct text (*cells)[TABLE_COLUMNS];
	const char **notes;
};

struct text text_size(uint64_t bytes);
struct text text_percent(uint64_t part, uint64_t whole);
struct text text_number(uint64_t number);
struct text text_string(const char *string);
struct text text_printable(const char *string);
int parse_size(const char *string, uint64_t *bytes);
int parse_number(const char *string, uint64_t *number);

void style_begin(enum style style);
void style_end(enum style style);

struct text *table_row(struct table *table, const char *note);
void table_print(const struct table *table);
void table_free(struct table *table);

#endif /* PINPOOL_TOOL_TEXT_H */
