// SPDX-License-Identifier: GPL-2.0
/*
 * One frame of pinpool top, drawn to a grid
 */
#include <pwd.h>
#include <stdlib.h>
#include <string.h>

#include "text.h"
#include "tool.h"
#include "top.h"

/* Where there is not place for all */
#define EVENT_ROWS	6

/* The names of pools have what these leave of a row, but not less than that. */
#define CLIENT_WIDTH	78
#define NAME_WIDTH	8

#define MAX_COLUMNS	9

/**
 * struct column - A column of a table
 * @title: What stands above it
 * @width: With the space before it; below 0 for one whose cells start at the same
 *         place rather than end there, 0 for such a one with what others leave
 */
struct column {
	const char *title;
	int width;
};

struct frame {
	const struct top *top;
	struct grid *grid;
	int name_width;
	int row;
};

const char *top_order_name(enum top_order order)
{
	static const char *const names[TOP_ORDERS] = {
		[TOP_BY_BYTES] = "bytes",
		[TOP_BY_BUFFERS] = "buffers",
		[TOP_BY_QUARANTINED] = "quarantined",
		[TOP_BY_POOL] = "pool",
	};

	return names[order];
}

static struct text rate(bool rated, double value)
{
	struct text text;

	if (!rated)
		return text_string("-");
	snprintf(text.s, sizeof(text.s), value < 10 && value > 0 ? "%.1f" : "%.0f", value);
	return text;
}

static const char *user_name(uint32_t uid)
{
	static uint32_t last;
	static char name[32];
	struct passwd *user;

	/* Clients of one user mostly follow each other. */
	if (*name && last == uid)
		return name;
	user = getpwuid(uid);
	if (user)
		snprintf(name, sizeof(name), "%s", user->pw_name);
	else
		snprintf(name, sizeof(name), "%u", uid);
	last = uid;
	return name;
}

static void time_draw(struct frame *f, int row, int column, struct paint paint, time_t when)
{
	struct tm tm;
	char text[16];

	localtime_r(&when, &tm);
	strftime(text, sizeof(text), "%H:%M:%S", &tm);
	grid_text(f->grid, row, column, paint, "%s", text);
}

static void heading_draw(struct frame *f)
{
	const struct top *top = f->top;
	int column;

	column = grid_text(f->grid, 0, 0, paint_bold, "pinpool top");
	time_draw(f, 0, column + 1, paint_none, time(NULL));
	column = grid_text(f->grid, 0, column + 10, paint_none, "  %u pool%s",
			   top->sample.nr_pools, top->sample.nr_pools == 1 ? "" : "s");
	if (!top->sample.denied)
		column = grid_text(f->grid, 0, column, paint_none, ", %u client%s by %s",
				   top->sample.nr_clients, top->sample.nr_clients == 1 ? "" : "s",
				   top_order_name(top->order));
	column = grid_text(f->grid, 0, column, paint_none, ", every %g s", top->delay);
	if (top->paused)
		grid_text(f->grid, 0, column + 2, paint_bad, "PAUSED");
	f->row = 2;
}

/* Which part of @width columns @bytes take */
static int columns_of(uint64_t bytes, uint64_t capacity, int width)
{
	return (double)bytes / capacity * width + .5;
}

static void mark_draw(struct frame *f, const struct top_pool *pool, int column, int width,
		      uint64_t mark)
{
	int at = columns_of(mark, pool->capacity, width);

	if (!mark)
		return;
	if (at >= width)
		at = width - 1;
	grid_glyph(f->grid, f->row, column + at, paint_bold, f->top->utf8 ? "│" : "|");
}

static void bar_draw(struct frame *f, const struct top_pool *pool, int column, int width)
{
	int used = columns_of(pool->used, pool->capacity, width);
	int busy = columns_of(pool->used + pool->quarantined, pool->capacity, width);
	bool high = pool->high && pool->used + pool->quarantined >= pool->high;
	bool utf8 = f->top->utf8;
	int i;

	/* What there is at all shows. */
	if (pool->used && !used)
		used = 1;
	if (busy < used)
		busy = used;
	if (pool->quarantined && busy == used)
		busy++;
	for (i = 0; i < width; i++) {
		if (i < used)
			grid_glyph(f->grid, f->row, column + i,
				   (struct paint){ .fg = high ? COLOUR_YELLOW : COLOUR_GREEN },
				   utf8 ? "█" : "#");
		else if (i < busy)
			grid_glyph(f->grid, f->row, column + i, paint_bad, utf8 ? "▒" : "%");
		else
			grid_glyph(f->grid, f->row, column + i, paint_dim, utf8 ? "·" : ".");
	}
	mark_draw(f, pool, column, width, pool->low);
	mark_draw(f, pool, column, width, pool->high);
}

static void bars_draw(struct frame *f, unsigned int count)
{
	int column = f->name_width + 1;
	int width = f->grid->width - column - 10;
	unsigned int i;

	for (i = 0; i < count; i++, f->row++) {
		const struct top_pool *pool = &f->top->sample.pools[i];

		grid_text(f->grid, f->row, 0, paint_bold, "%.*s", f->name_width, pool->name);
		if (width > 0)
			bar_draw(f, pool, column, width);
		grid_right(f->grid, f->row, f->grid->width, paint_none, "%s",
			   text_percent(pool->used, pool->capacity).s);
	}
	f->row++;
}

/*
 * Draw a row of cells, those of the bits @bad in red. The first column is as wide as
 * the pools' names are.
 */
static void cells_draw(struct frame *f, const struct column *columns, int count,
		       const struct text *cells, struct paint paint, unsigned int bad)
{
	int i, at = f->name_width, rest = f->grid->width - at;

	for (i = 1; i < count; i++)
		rest -= abs(columns[i].width);
	if (rest < 0)
		rest = 0;
	grid_text(f->grid, f->row, 0, bad & 1 ? paint_bad : paint, "%.*s", at, cells[0].s);
	for (i = 1; i < count; i++) {
		struct paint with = bad & 1u << i ? paint_bad : paint;
		int width = columns[i].width;

		if (width > 0) {
			at = grid_right(f->grid, f->row, at + width, with, "%s", cells[i].s);
			continue;
		}
		width = width ? -width : rest;
		if (width > 1)
			grid_text(f->grid, f->row, at + 1, with, "%.*s", width - 1, cells[i].s);
		at += width;
	}
	f->row++;
}

static void titles_draw(struct frame *f, const struct column *columns, int count)
{
	struct text cells[MAX_COLUMNS];
	int i;

	for (i = 0; i < count; i++)
		cells[i] = text_string(columns[i].title);
	cells_draw(f, columns, count, cells, paint_bold, 0);
}

/* Tell that there are more than there is place for */
static void more_draw(struct frame *f, unsigned int more, const char *what)
{
	if (more)
		grid_text(f->grid, f->row++, 0, paint_dim, "and %u more %s%s", more, what,
			  more == 1 ? "" : "s");
}

static void pools_draw(struct frame *f, unsigned int count)
{
	static const struct column columns[] = {
		{ "POOL", 0 }, { "SIZE", 11 }, { "USED", 11 }, { "QUARANTINE", 11 },
		{ "FRAG", 8 }, { "ALLOCS/S", 9 }, { "FREES/S", 8 }, { "FAILS/S", 8 },
		{ "WAIT", 5 },
	};
	unsigned int i;

	titles_draw(f, columns, ARRAY_SIZE(columns));
	for (i = 0; i < count; i++) {
		const struct top_pool *pool = &f->top->sample.pools[i];
		const struct text cells[] = {
			text_string(pool->name), text_size(pool->capacity), text_size(pool->used),
			text_size(pool->quarantined),
			text_percent(pool->free - pool->largest_free, pool->free),
			rate(pool->rated, pool->alloc_rate), rate(pool->rated, pool->free_rate),
			rate(pool->rated, pool->failure_rate), text_number(pool->waiters),
		};

		cells_draw(f, columns, ARRAY_SIZE(columns), cells, paint_none,
			   !!pool->quarantined << 3 | (pool->failure_rate > 0) << 7);
	}
	more_draw(f, f->top->sample.nr_pools - count, "pool");
	f->row++;
}

static void client_draw(struct frame *f, const struct column *columns, int count,
			const struct top_client *client)
{
	const struct text cells[] = {
		text_string(client->pool), text_number(client->id),
		client->pid ? text_number(client->pid) : text_string("-"),
		text_string(client->comm), text_string(user_name(client->uid)),
		text_size(client->bytes), text_number(client->buffers),
		text_number(client->shares), text_size(client->quarantined),
	};

	cells_draw(f, columns, count, cells, paint_none, !!client->quarantined << 8);
}

/* In at most @rows, if that isn't 0 */
static void clients_draw(struct frame *f, int rows)
{
	static const struct column columns[] = {
		{ "POOL", 0 }, { "CLIENT", 8 }, { "PID", 8 }, { "COMMAND", 0 },
		{ "USER", -9 }, { "BYTES", 11 }, { "BUFFERS", 8 }, { "SHARES", 7 },
		{ "QUARANTINE", 11 },
	};
	const struct top_sample *sample = &f->top->sample;
	unsigned int i, count = sample->nr_clients;

	if (sample->denied) {
		grid_text(f->grid, f->row, 0, paint_dim,
			  "Clients are shown to those with CAP_SYS_ADMIN, as root has.");
		f->row += 2;
		return;
	}
	if (rows && count + 1 > (unsigned int)rows)
		count = rows > 2 ? rows - 2 : 0;
	titles_draw(f, columns, ARRAY_SIZE(columns));
	for (i = 0; i < count; i++)
		client_draw(f, columns, ARRAY_SIZE(columns), &sample->clients[i]);
	more_draw(f, sample->nr_clients - count, "client");
	f->row++;
}

static unsigned int least(unsigned int a, unsigned int b)
{
	return a < b ? a : b;
}

/* How many events of the same kind end with number @last */
static unsigned int events_alike(const struct top *top, unsigned int last)
{
	unsigned int kept = least(top->nr_events, TOP_EVENTS) - (top->nr_events - 1 - last);
	unsigned int n = 1;

	while (n < kept &&
	       top->events[(last - n) % TOP_EVENTS].kind == top->events[last % TOP_EVENTS].kind)
		n++;
	return n;
}

/* How many rows the events need that are remembered */
static unsigned int events_rows(const struct top *top)
{
	unsigned int left = least(top->nr_events, TOP_EVENTS);
	unsigned int last = top->nr_events - 1;
	unsigned int n, rows = 0;

	for (; left; left -= n, last -= n, rows++)
		n = events_alike(top, last);
	return rows;
}

/* In @rows, the newest at the bottom */
static void events_draw(struct frame *f, int rows)
{
	const struct top *top = f->top;
	unsigned int last = top->nr_events - 1;
	int row, column;
	unsigned int n;

	for (row = f->row + rows - 1; row >= f->row; row--, last -= n) {
		const struct top_event *event = &top->events[last % TOP_EVENTS];

		n = events_alike(top, last);
		time_draw(f, row, 0, paint_dim, event->when);
		column = grid_text(f->grid, row, 10, paint_none, "%s", event->text);
		if (n > 1)
			grid_text(f->grid, row, column, paint_dim, ", the last of %u", n);
	}
}

static void help_draw(struct frame *f)
{
	static const char *const lines[] = {
		"q         quit",
		"s         sort clients by bytes, buffers, quarantined bytes, pool",
		"p, space  pause, and go on",
		"?, h      this",
		"",
		"A bar shows what is used, quarantined and free; a line in it is a watermark,",
		"and a yellow bar is above the high one. FRAG is 1 - largest free extent / free.",
	};
	size_t i;

	for (i = 0; i < ARRAY_SIZE(lines); i++)
		grid_text(f->grid, f->row++, 0, paint_none, "%s", lines[i]);
}

static int name_width(const struct top_sample *sample, int columns)
{
	int most = columns - CLIENT_WIDTH;
	size_t length, longest = strlen("POOL");
	unsigned int i;

	for (i = 0; i < sample->nr_pools; i++) {
		length = strlen(sample->pools[i].name);
		if (length > longest)
			longest = length;
	}
	return least(longest, most > NAME_WIDTH ? most : NAME_WIDTH);
}

/* Draw all there is, or where @rows isn't 0, what there is place for */
void top_draw(const struct top *top, struct grid *grid, int rows)
{
	struct frame f = {
		.top = top,
		.grid = grid,
		.name_width = name_width(&top->sample, grid->width),
	};
	unsigned int pools = top->sample.nr_pools;
	unsigned int events = events_rows(top);

	heading_draw(&f);
	if (rows) {
		/* Half of it for pools, which have two rows each and five in all */
		pools = least(pools, rows > 16 ? (rows - 10) / 4 : 1);
		events = least(events, rows >= 20 ? EVENT_ROWS : 0);
	}
	if (top->help) {
		help_draw(&f);
	} else {
		bars_draw(&f, pools);
		pools_draw(&f, pools);
		clients_draw(&f, rows ? rows - f.row - 1 - (int)events : 0);
	}
	if (rows && f.row < rows - (int)events)
		f.row = rows - events;
	events_draw(&f, events);
	if (rows && grid->rows > rows)
		grid->rows = rows;
}
