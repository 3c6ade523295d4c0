// SPDX-License-Identifier: GPL-2.0
/*
 * pinpool alloc-test: try a pool
 */
#include <errno.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#include "exercise.h"
#include "json.h"
#include "pools.h"
#include "text.h"
#include "tool.h"

#define DEFAULT_OPS	20000
#define DEFAULT_LIVE	1024
#define DEFAULT_MAX	(1024 * 1024)

/* More live buffers than any test needs; keeps the records below a gigabyte */
#define LIVE_LIMIT	16000000

enum {
	OPT_OPS = 256,
	OPT_MAX,
	OPT_SEED,
	OPT_LIVE,
};

static const struct option options[] = {
	TOOL_LONG_OPTIONS,
	{ "ops", required_argument, NULL, OPT_OPS },
	{ "max", required_argument, NULL, OPT_MAX },
	{ "seed", required_argument, NULL, OPT_SEED },
	{ "live", required_argument, NULL, OPT_LIVE },
	{ }
};

static int option_error(const char *name, const char *value, int err)
{
	if (err == -ERANGE)
		return usage_error("--%s: %s is out of range", name, value);
	return usage_error("--%s: %s is not a number%s", name, value,
			   name[0] == 'm' ? " of bytes, such as 64K" : "");
}

/* Read the value of an option of this command. Returns 0 or an exit code */
static int option_read(int opt, const char *value, struct exercise_config *c)
{
	int ret;

	switch (opt) {
	case OPT_OPS:
		ret = parse_number(value, &c->ops);
		return ret ? option_error("ops", value, ret) : 0;
	case OPT_MAX:
		ret = parse_size(value, &c->max_length);
		if (!ret && !c->max_length)
			ret = -ERANGE;
		return ret ? option_error("max", value, ret) : 0;
	case OPT_SEED:
		ret = parse_number(value, &c->seed);
		return ret ? option_error("seed", value, ret) : 0;
	default:
		ret = parse_number(value, &c->live);
		if (!ret && (!c->live || c->live > LIVE_LIMIT))
			ret = -ERANGE;
		return ret ? option_error("live", value, ret) : 0;
	}
}

static int options_read(int argc, char **argv, struct exercise_config *c)
{
	int opt, ret;

	optind = 0;
	while ((opt = getopt_long(argc, argv, TOOL_SHORT_OPTIONS, options,
				  NULL)) != -1) {
		if (opt >= OPT_OPS)
			ret = option_read(opt, optarg, c);
		else
			ret = tool_option(opt, argv);
		if (ret)
			return ret;
	}
	return tool_args(argc, argv, 1, 1);
}

/* Without --max: large enough to matter, small enough to leave room for many */
static uint64_t default_max(const struct pinpool *pool)
{
	uint64_t max = pinpool_capacity(pool) / 64;

	if (max > DEFAULT_MAX)
		max = DEFAULT_MAX;
	if (max < pinpool_granule(pool))
		max = pinpool_granule(pool);
	return max;
}

/* Short, so that it is easily typed again */
static uint64_t default_seed(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_REALTIME, &ts);
	return (uint32_t)(ts.tv_nsec ^ ts.tv_sec ^ getpid());
}

static void progress(uint64_t done, uint64_t ops)
{
	static int shown = -1;
	int percent = 100 * done / ops;

	if (percent != shown)
		fprintf(stderr, "\r%3d %%", percent);
	shown = percent;
}

static const char *verdict_name(const struct exercise_result *r)
{
	static const char *const names[] = {
		[VERDICT_OK] = "ok",
		[VERDICT_CORRUPT] = "corrupt",
		[VERDICT_FAILED] = "failed",
		[VERDICT_UNTESTED] = "untested",
	};

	return names[r->verdict];
}

static double per_second(uint64_t count, uint64_t ns)
{
	return ns ? 1e9 * count / ns : 0;
}

static uint64_t mean(uint64_t ns, uint64_t count)
{
	return count ? ns / count : 0;
}

static uint64_t alloc_calls(const struct exercise_result *r)
{
	return r->allocs + r->enospc + r->edquot;
}

static void result_json(const char *pool, const struct exercise_config *c,
			const struct exercise_result *r)
{
	json_begin(NULL, '{');
	json_string("pool", pool);
	json_string("verdict", verdict_name(r));
	if (r->what)
		json_string("what", r->what);
	if (r->verdict == VERDICT_FAILED)
		json_string("error", pinpool_strerror(r->error));
	if (r->verdict == VERDICT_CORRUPT)
		json_u64("offset", r->offset);
	json_u64("seed", c->seed);
	json_u64("max_length", c->max_length);
	json_u64("max_live", c->live);
	json_u64("ops", r->ops);
	json_u64("allocs", r->allocs);
	json_u64("frees", r->frees);
	json_u64("enospc", r->enospc);
	json_u64("edquot", r->edquot);
	json_u64("peak_live", r->peak_live);
	json_u64("bytes_written", r->written);
	json_u64("bytes_verified", r->verified);
	json_u64("alloc_ns", r->alloc_ns);
	json_u64("free_ns", r->free_ns);
	json_u64("data_ns", r->data_ns);
	json_u64("bytes_per_second",
		 per_second(r->written + r->verified, r->data_ns));
	json_u64("calls_per_second",
		 per_second(alloc_calls(r) + r->frees,
			    r->alloc_ns + r->free_ns));
	json_end();
}

static void verdict_print(const char *pool, const struct exercise_result *r)
{
	enum style style = r->verdict == VERDICT_OK ? STYLE_GOOD : STYLE_BAD;

	printf("%s: ", pool);
	style_begin(style);
	fputs(verdict_name(r), stdout);
	style_end(style);
	putchar('\n');
}

static void result_print(const char *pool, const struct exercise_config *c,
			 const struct exercise_result *r)
{
	verdict_print(pool, r);
	printf("  steps     %s, seed %s, buffers up to %s\n",
	       text_number(r->ops).s, text_number(c->seed).s,
	       text_size(c->max_length).s);
	printf("  alloc     %s, mean %s ns; %s found no room, %s hit a limit\n",
	       text_number(r->allocs).s,
	       text_number(mean(r->alloc_ns, alloc_calls(r))).s,
	       text_number(r->enospc).s, text_number(r->edquot).s);
	printf("  free      %s, mean %s ns\n", text_number(r->frees).s,
	       text_number(mean(r->free_ns, r->frees)).s);
	printf("  calls     %.0f per second\n",
	       per_second(alloc_calls(r) + r->frees,
			  r->alloc_ns + r->free_ns));
	printf("  live      %s at most\n", text_number(r->peak_live).s);
	printf("  written   %s\n", text_size(r->written).s);
	printf("  verified  %s\n", text_size(r->verified).s);
	printf("  data      %.0f MB/s, first touches included\n",
	       per_second(r->written + r->verified, r->data_ns) / 1e6);
}

static void error_result(const char *pool, const struct exercise_config *c,
			 const struct exercise_result *r)
{
	switch (r->verdict) {
	case VERDICT_OK:
		break;
	case VERDICT_CORRUPT:
		error("%s: %s, at offset %#llx; --seed %s repeats the test, the kernel log may tell more",
		      pool, r->what, (unsigned long long)r->offset,
		      text_number(c->seed).s);
		break;
	case VERDICT_FAILED:
		error("%s: %s: %s", pool, r->what, pinpool_strerror(r->error));
		break;
	case VERDICT_UNTESTED:
		error("%s: %s; `pinpool stat` shows how full it is, --max makes buffers smaller",
		      pool, r->what);
		break;
	}
}

static int exercise_report(const char *name, struct pinpool *pool,
			   struct exercise_config *c)
{
	struct exercise_result result;
	int ret;

	if (!c->max_length)
		c->max_length = default_max(pool);
	if (c->max_length > pinpool_capacity(pool))
		c->max_length = pinpool_capacity(pool);

	ret = exercise_run(pool, c, &result);
	if (c->progress)
		fputs("\r     \r", stderr);
	if (ret) {
		error("%s: no memory for the records of %s buffers; --live makes them fewer",
		      name, text_number(c->live).s);
		return TOOL_FAILED;
	}
	if (json_output)
		result_json(name, c, &result);
	else
		result_print(name, c, &result);
	fflush(stdout);
	error_result(name, c, &result);
	return result.verdict == VERDICT_OK ? TOOL_OK : TOOL_FAILED;
}

static bool has_no_memory(const char *pool)
{
	struct pool_state state;

	return !pools_read(pool, &state) && state.info.backing == PINPOOL_BACKING_NONE;
}

static int alloc_test_run(int argc, char **argv)
{
	struct exercise_config config = {
		.ops = DEFAULT_OPS,
		.live = DEFAULT_LIVE,
		.seed = default_seed(),
		.progress = isatty(STDERR_FILENO) ? progress : NULL,
	};
	struct pinpool *pool;
	int ret;

	ret = options_read(argc, argv, &config);
	if (ret)
		return ret;

	ret = pinpool_open(argv[optind], 0, &pool);
	if (ret == -ENODEV && has_no_memory(argv[optind])) {
		error("%s: it is of backing none: there is no memory that could be tried",
		      argv[optind]);
		return TOOL_FAILED;
	}
	if (ret) {
		error_open(argv[optind], ret);
		return TOOL_FAILED;
	}
	ret = exercise_report(argv[optind], pool, &config);
	pinpool_close(pool);
	return ret;
}

const struct command cmd_alloc_test = {
	.name = "alloc-test",
	.args = "[--ops <n>] [--max <size>] [--live <n>] [--seed <n>] <pool>",
	.summary = "Allocate, write, verify and free at random",
	.help = "Takes only what is free in the pool, and gives it back. Exits with 1 if\n"
		"a buffer didn't hold what was written to it.\n"
		"\n"
		"  --ops <n>       Steps, each an allocation or a free (20000)\n"
		"  --max <size>    The largest buffer (1/64 of the pool, at most 1M);\n"
		"                  K, M, G and T are powers of 1024\n"
		"  --live <n>      The most buffers at a time (1024)\n"
		"  --seed <n>      Repeat an earlier run\n",
	.run = alloc_test_run,
};
