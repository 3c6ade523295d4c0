// SPDX-License-Identifier: GPL-2.0
/*
 * A rectangle of characters with colours
 */
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "grid.h"

/* No line is longer, whatever the terminal says of itself */
#define TEXT_SIZE	1024

const struct paint paint_none;
const struct paint paint_bold = { .bold = true };
const struct paint paint_dim = { .fg = COLOUR_BRIGHT(COLOUR_BLACK) };
const struct paint paint_bad = { .fg = COLOUR_RED };
const struct paint paint_good = { .fg = COLOUR_GREEN };

void grid_init(struct grid *grid, int width)
{
	memset(grid, 0, sizeof(*grid));
	grid->width = width;
}

void grid_free(struct grid *grid)
{
	free(grid->cells);
}

/* All cells are there up to those of @row */
static bool grid_reach(struct grid *grid, int row)
{
	struct grid_cell *cells;
	int room;

	if (row >= grid->room) {
		room = 2 * row + 16;
		cells = realloc(grid->cells, (size_t)room * grid->width * sizeof(*cells));
		if (!cells) {
			grid->failed = true;
			return false;
		}
		memset(cells + (size_t)grid->room * grid->width, 0,
		       (size_t)(room - grid->room) * grid->width * sizeof(*cells));
		grid->cells = cells;
		grid->room = room;
	}
	if (row >= grid->rows)
		grid->rows = row + 1;
	return true;
}

/* Bytes of the character that @text starts with; text is well-formed */
static int glyph_length(const char *text)
{
	unsigned char lead = *text;

	if (lead < 0xc0)
		return 1;
	return lead < 0xe0 ? 2 : 3;
}

void grid_glyph(struct grid *grid, int row, int column, struct paint paint, const char *glyph)
{
	struct grid_cell *cell;

	if (!grid_reach(grid, row) || column < 0 || column >= grid->width)
		return;
	cell = &grid->cells[(size_t)row * grid->width + column];
	memset(cell->glyph, 0, sizeof(cell->glyph));
	memcpy(cell->glyph, glyph, glyph_length(glyph));
	cell->paint = paint;
}

/*
 * Names of processes and users may be anything; what isn't ASCII might be wider
 * than a column, or worse, be for the terminal.
 */
static void make_plain(char *text)
{
	for (; *text; text++)
		if (*text < ' ' || *text > '~')
			*text = '?';
}

static int grid_string(struct grid *grid, int row, int column, struct paint paint,
		       const char *text)
{
	for (; *text; text++)
		grid_glyph(grid, row, column++, paint, text);
	return column;
}

/* Write from @column on. Returns the column behind the text */
int grid_text(struct grid *grid, int row, int column, struct paint paint, const char *format, ...)
{
	char text[TEXT_SIZE];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	make_plain(text);
	return grid_string(grid, row, column, paint, text);
}

/* Write so that the text ends before @column, which is returned */
int grid_right(struct grid *grid, int row, int column, struct paint paint, const char *format, ...)
{
	char text[TEXT_SIZE];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	make_plain(text);
	return grid_string(grid, row, column - (int)strlen(text), paint, text);
}

static void colour_code(FILE *file, int base, int colour)
{
	if (colour > COLOUR_WHITE)
		fprintf(file, ";%d", base + 60 + colour - COLOUR_BRIGHT(COLOUR_BLACK));
	else if (colour)
		fprintf(file, ";%d", base + colour - COLOUR_BLACK);
}

static void paint_begin(FILE *file, struct paint paint)
{
	fputs(paint.bold ? "\033[0;1" : "\033[0", file);
	colour_code(file, 30, paint.fg);
	colour_code(file, 40, paint.bg);
	fputc('m', file);
}

static bool paint_same(struct paint a, struct paint b)
{
	return a.fg == b.fg && a.bg == b.bg && a.bold == b.bold;
}

static void row_print(const struct grid *grid, const struct grid_cell *cells, FILE *file,
		      bool colours)
{
	struct paint paint = paint_none;
	int length = grid->width;
	int i;

	while (length && !cells[length - 1].glyph[0])
		length--;
	for (i = 0; i < length; i++) {
		if (colours && !paint_same(cells[i].paint, paint)) {
			paint = cells[i].paint;
			paint_begin(file, paint);
		}
		fputs(cells[i].glyph[0] ? cells[i].glyph : " ", file);
	}
	if (!paint_same(paint, paint_none))
		paint_begin(file, paint_none);
}

/* Print all rows, with @end behind each */
void grid_print(const struct grid *grid, FILE *file, bool colours, const char *end)
{
	int row;

	for (row = 0; row < grid->rows; row++) {
		row_print(grid, grid->cells + (size_t)row * grid->width, file, colours);
		fputs(end, file);
	}
}
