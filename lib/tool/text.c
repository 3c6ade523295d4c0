// SPDX-License-Identifier: GPL-2.0
/*
 * Text for people: units, tables, a little colour
 */
#include <ctype.h>
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "text.h"

static const char prefixes[] = "KMGTPE";

struct text text_size(uint64_t bytes)
{
	double value = bytes;
	struct text text;
	int i = -1;

	if (bytes < 1024) {
		snprintf(text.s, sizeof(text.s), "%u B", (unsigned int)bytes);
		return text;
	}
	/* Not 1024: 1023.96 would be printed as 1024.0 */
	while (value >= 1023.95) {
		value /= 1024;
		i++;
	}
	if (i < 0)
		i = 0;
	snprintf(text.s, sizeof(text.s), "%.1f %ciB", value, prefixes[i]);
	return text;
}

struct text text_percent(uint64_t part, uint64_t whole)
{
	struct text text;

	snprintf(text.s, sizeof(text.s), "%.1f %%",
		 whole ? 100.0 * part / whole : 0.0);
	return text;
}

struct text text_number(uint64_t number)
{
	struct text text;

	snprintf(text.s, sizeof(text.s), "%llu", (unsigned long long)number);
	return text;
}

struct text text_string(const char *string)
{
	struct text text;

	snprintf(text.s, sizeof(text.s), "%.*s", (int)sizeof(text.s) - 1,
		 string);
	return text;
}

/* Of a process, who could call itself what makes a terminal do something */
struct text text_printable(const char *string)
{
	struct text text = text_string(string);
	char *c;

	for (c = text.s; *c; c++)
		if ((unsigned char)*c < 0x20 || *c == 0x7f || (unsigned char)*c >= 0x80)
			*c = '?';
	return text;
}

/* strtoull() takes signs and spaces; sizes and counts have none */
static int parse_digits(const char *string, uint64_t *number, char **end)
{
	if (!isdigit((unsigned char)*string))
		return -EINVAL;
	errno = 0;
	*number = strtoull(string, end, 10);
	return -errno;
}

/* Bytes, with an optional K, M, G, T, P or E, and an optional iB behind that */
int parse_size(const char *string, uint64_t *bytes)
{
	unsigned int shift = 0;
	const char *prefix;
	char *end;
	int ret;

	ret = parse_digits(string, bytes, &end);
	if (ret)
		return ret;
	if (*end) {
		prefix = strchr(prefixes, toupper((unsigned char)*end));
		if (!prefix || (strcmp(end + 1, "") && strcmp(end + 1, "iB")))
			return -EINVAL;
		shift = 10 * (prefix - prefixes + 1);
	}
	if (*bytes > UINT64_MAX >> shift)
		return -ERANGE;
	*bytes <<= shift;
	return 0;
}

int parse_number(const char *string, uint64_t *number)
{
	char *end;
	int ret;

	ret = parse_digits(string, number, &end);
	if (!ret && *end)
		ret = -EINVAL;
	return ret;
}

static bool is_styled(void)
{
	const char *no_color = getenv("NO_COLOR");
	const char *term = getenv("TERM");

	return isatty(STDOUT_FILENO) && !(no_color && *no_color) && term &&
	       strcmp(term, "dumb");
}

void style_begin(enum style style)
{
	static const char *const codes[] = {
		[STYLE_BOLD] = "\033[1m",
		[STYLE_GOOD] = "\033[32m",
		[STYLE_BAD] = "\033[31m",
	};

	if (style != STYLE_NONE && is_styled())
		fputs(codes[style], stdout);
}

void style_end(enum style style)
{
	if (style != STYLE_NONE && is_styled())
		fputs("\033[0m", stdout);
}

/*
 * Add a row of empty cells; with a @note, which must outlive the table, only
 * the first cell counts. Returns its cells, or NULL without memory.
 */
struct text *table_row(struct table *table, const char *note)
{
	const char **notes;
	void *cells;

	notes = realloc(table->notes, (table->rows + 1) * sizeof(*notes));
	if (!notes)
		return NULL;
	table->notes = notes;
	cells = realloc(table->cells,
			(table->rows + 1) * sizeof(*table->cells));
	if (!cells)
		return NULL;
	table->cells = cells;

	table->notes[table->rows] = note;
	memset(table->cells[table->rows], 0, sizeof(*table->cells));
	return table->cells[table->rows++];
}

static int column_width(const struct table *table, int column)
{
	int width = 0;
	int row;

	for (row = 0; row < table->rows; row++) {
		int length = strlen(table->cells[row][column].s);

		if (length > width)
			width = length;
	}
	return width;
}

static void row_print(const struct table *table, int row, const int *widths)
{
	bool note = table->notes[row];
	int columns = note ? 1 : table->columns;
	int i;

	for (i = 0; i < columns; i++) {
		const char *cell = table->cells[row][i].s;
		bool left = table->left & (1u << i);

		if (left && i == table->columns - 1)
			printf("%s", cell);
		else
			printf("%*s", left ? -widths[i] : widths[i], cell);
		if (i < table->columns - 1)
			fputs("  ", stdout);
	}
	if (note) {
		style_begin(STYLE_BAD);
		fputs(table->notes[row], stdout);
		style_end(STYLE_BAD);
	}
}

/* The first row is the heading */
void table_print(const struct table *table)
{
	int widths[TABLE_COLUMNS];
	int i;

	for (i = 0; i < table->columns; i++)
		widths[i] = column_width(table, i);
	for (i = 0; i < table->rows; i++) {
		enum style style = i ? STYLE_NONE : STYLE_BOLD;

		style_begin(style);
		row_print(table, i, widths);
		style_end(style);
		putchar('\n');
	}
}

void table_free(struct table *table)
{
	free(table->cells);
	free(table->notes);
}
