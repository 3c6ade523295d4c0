// SPDX-License-Identifier: GPL-2.0
/*
 * pinpool top: pools and clients as they change
 */
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "screen.h"
#include "term.h"
#include "text.h"
#include "tool.h"
#include "top.h"

/* Seconds between frames */
#define DELAY		2
#define DELAY_MIN	.1
#define DELAY_MAX	3600

/* Columns of frames for a file */
#define WIDTH_MIN	40
#define WIDTH_MAX	1000

/* Of a file, where nothing is cut off that isn't very long */
#define WIDTH_FILE	132

static const struct option options[] = {
	{ "delay", required_argument, NULL, 'd' },
	{ "count", required_argument, NULL, 'n' },
	{ "batch", no_argument, NULL, 'b' },
	TOOL_LONG_OPTIONS,
	{ }
};

struct top_config {
	uint64_t count;
	bool batch;
};

static int delay_set(struct top *top, const char *value)
{
	char *end;

	top->delay = strtod(value, &end);
	/* Not the other way round, for what is not a number is in no relation. */
	if (end == value || *end || !(top->delay >= DELAY_MIN && top->delay <= DELAY_MAX))
		return usage_error("--delay is in seconds, %g to %d: %s", DELAY_MIN, DELAY_MAX,
				   value);
	return 0;
}

static int count_set(struct top_config *config, const char *value)
{
	if (parse_number(value, &config->count) || !config->count)
		return usage_error("--count is a number from 1: %s", value);
	return 0;
}

static int options_read(int argc, char **argv, struct top *top, struct top_config *config)
{
	int opt, ret = 0;

	optind = 0;
	while (!ret &&
	       (opt = getopt_long(argc, argv, TOOL_SHORT_OPTIONS "d:n:b", options, NULL)) != -1) {
		switch (opt) {
		case 'd':
			ret = delay_set(top, optarg);
			break;
		case 'n':
			ret = count_set(config, optarg);
			break;
		case 'b':
			config->batch = true;
			break;
		default:
			ret = tool_option(opt, argv);
		}
	}
	return ret ? ret : tool_args(argc, argv, 0, 0);
}

static double now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec + ts.tv_nsec / 1e9;
}

/* Milliseconds until @when, for poll() */
static int until(double when)
{
	double left = when - now();

	return left > 0 ? left * 1000 + 1 : 0;
}

/* Take a sample, and compare it with the one before. Returns 0 or a negative errno */
static int sample_next(struct top *top, struct top_source *source)
{
	struct top_sample sample = { .when = now() };
	int ret;

	ret = top_source_sample(source, &sample);
	if (ret) {
		top_sample_free(&sample);
		return ret;
	}
	top_rate(&sample, &top->sample);
	top_sort(&sample, top->order);
	top_sample_free(&top->sample);
	top->sample = sample;
	return 0;
}

/* Returns 0 or -ENOMEM */
static int frame_print(const struct top *top)
{
	struct grid grid;
	int width = term_width_or(WIDTH_FILE);
	int ret = 0;

	grid_init(&grid, width < WIDTH_MIN ? WIDTH_MIN : width > WIDTH_MAX ? WIDTH_MAX : width);
	top_draw(top, &grid, 0);
	if (grid.failed)
		ret = -ENOMEM;
	else
		grid_print(&grid, stdout, false, "\n");
	grid_free(&grid);
	return ret;
}

/* Frame number @i, with the events since @told. Returns 0 or -ENOMEM */
static int batch_print(const struct top *top, uint64_t i, unsigned int told)
{
	if (json_output) {
		top_print_json(top, told);
		return 0;
	}
	if (i)
		putchar('\n');
	return frame_print(top);
}

/* Frames one below the other, for those who read them later. Returns an exit code */
static int batch_run(struct top *top, struct top_source *source, const struct top_config *config)
{
	struct pollfd fd = { .fd = top_source_fd(source), .events = POLLIN };
	unsigned int told = 0;
	double next = now();
	uint64_t i;
	int ret;

	for (i = 0; !config->count || i < config->count; i++, next += top->delay) {
		while (i && until(next))
			if (poll(&fd, 1, until(next)) > 0)
				top_source_events(source, top);
		ret = sample_next(top, source);
		if (!ret)
			ret = batch_print(top, i, told);
		if (ret) {
			top_source_error(source, ret);
			return TOOL_FAILED;
		}
		/* main() tells of it. */
		if (fflush(stdout))
			break;
		told = top->nr_events;
	}
	return TOOL_OK;
}

static void frame_show(const struct top *top)
{
	struct grid grid;
	int rows, columns;

	screen_size(&rows, &columns);
	grid_init(&grid, columns);
	top_draw(top, &grid, rows);
	screen_show(&grid, term_colours());
	grid_free(&grid);
}

static void key_do(struct top *top, int key)
{
	switch (key) {
	case 's':
		top->order = (top->order + 1) % TOP_ORDERS;
		top_sort(&top->sample, top->order);
		break;
	case 'p':
	case ' ':
		top->paused = !top->paused;
		break;
	case '?':
	case 'h':
		top->help = !top->help;
		break;
	}
}

/* Show the last sample until it is time for the next. Returns whether to go on */
static bool frame_live(struct top *top, struct top_source *source, double next)
{
	int key;

	for (;;) {
		frame_show(top);
		do {
			key = screen_wait(top_source_fd(source), top->paused ? -1 : until(next));
			if (key == SCREEN_READABLE)
				top_source_events(source, top);
		} while (key == SCREEN_READABLE && until(next));
		if (key == 'q' || key == SCREEN_ENDED)
			return false;
		key_do(top, key);
		if (!top->paused && !until(next))
			return true;
	}
}

/* Returns an exit code */
static int screen_run(struct top *top, struct top_source *source, const struct top_config *config)
{
	double next = now();
	uint64_t i;
	int ret;

	ret = screen_open();
	if (ret) {
		error("top: the terminal can't be used: %s", strerror(-ret));
		return TOOL_FAILED;
	}
	for (i = 0; !config->count || i < config->count; i++) {
		ret = sample_next(top, source);
		/* After a pause, what was missed is not made up for. */
		next += top->delay;
		if (!until(next))
			next = now() + top->delay;
		if (ret || !frame_live(top, source, next))
			break;
	}
	screen_close();
	screen_die();
	if (ret)
		top_source_error(source, ret);
	return ret ? TOOL_FAILED : TOOL_OK;
}

static int top_run(int argc, char **argv)
{
	struct top_config config = { };
	struct top top = { .delay = DELAY };
	struct top_source *source;
	int ret;

	ret = options_read(argc, argv, &top, &config);
	if (ret)
		return ret;
	config.batch |= json_output;
	if (!config.batch && !(isatty(STDIN_FILENO) && isatty(STDOUT_FILENO))) {
		error("top: this is no terminal; -b prints frames, -b -n 1 just one");
		return TOOL_FAILED;
	}
	ret = top_source_open(&source);
	if (ret)
		return ret;
	top.utf8 = term_utf8();
	if (config.batch)
		ret = batch_run(&top, source, &config);
	else
		ret = screen_run(&top, source, &config);
	top_sample_free(&top.sample);
	top_source_close(source);
	return ret;
}

const struct command cmd_top = {
	.name = "top",
	.args = "[-d <seconds>] [-n <count>] [-b]",
	.summary = "Show pools and clients as they change",
	.help = "Fills the terminal, until q is typed; ? shows the other keys. Clients are\n"
		"shown to those with CAP_SYS_ADMIN.\n"
		"\n"
		"  -d, --delay <seconds>  Between frames (2)\n"
		"  -n, --count <count>    Frames until it ends\n"
		"  -b, --batch            Print frames, all there is in each, for a file;\n"
		"                         --json does the same\n",
	.run = top_run,
};
