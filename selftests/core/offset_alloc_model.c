// SPDX-License-Identifier: GPL-2.0
/*
 * The offset allocator against a trivially simple reference: random sequences of
 * operations are done with both. One that fails is shrunk and printed.
 *
 *	offset_alloc_model [seed] [operations per case]
 *	offset_alloc_model --replay <hex or file>	do it again, and tell
 *	offset_alloc_model --shrink <hex or file>
 *	offset_alloc_model --seeds <directory>		write sequences and images
 *	offset_alloc_model --planted	find and shrink bugs put into the model itself
 */
#include "linux/kselftest.h"

#include <inttypes.h>
#include <string.h>

#include "model_plant.h"
#include "model_run.h"
#include "model_shrink.h"

#define DEFAULT_OPS	2000
#define CHECK_EVERY	128

static const u64 capacities[] = {
	1, 2, 7, 64, 129, 1000, 4096, 10007, 65536, 1ULL << 20, (1ULL << 32) + 7,
	(1ULL << 40) - 1, 1ULL << 63,
};

/* Generations that come to the end of 32 bits, few extents to look at, room to grow */
static void draw_config(struct offset_alloc_config *config, u64 capacity, u64 rng)
{
	*config = (struct offset_alloc_config){ .capacity = capacity };
	if (rng_below(&rng, 2))
		config->first_generation = -rng_below(&rng, 1000);
	if (!rng_below(&rng, 4))
		config->align_scan = 1 + rng_below(&rng, 8);
	config->max_capacity = capacity;
	if (capacity <= OFFSET_ALLOC_MAX_CAPACITY / 2)
		config->max_capacity += rng_below(&rng, capacity);
}

static void draw_case(struct sequence *seq, u64 seed, size_t capacity, int sizes, int aligned,
		      u32 ops)
{
	u64 rng = seed << 16 ^ capacity << 8 ^ sizes << 1 ^ aligned;

	memset(seq, 0, sizeof(*seq));
	draw_config(&seq->config, capacities[capacity], rng_next(&rng));
	sequence_draw(seq, rng_next(&rng), sizes, aligned, ops);
}

/* Shrink what failed, and tell about it. */
static void fail(struct sequence *seq, const struct verdict *verdict, u32 check_every)
{
	struct verdict small;
	u32 tries;

	ksft_print_msg("operation %" PRIu32 ": not kept: %s\n", verdict->nr_ops,
		       verdict->why);
	tries = shrink(seq, check_every);
	try_sequence(seq, 1, true, &small);
	ksft_print_msg("shrunk to %" PRIu32 " operations in %" PRIu32 " runs: %s\n",
		       seq->nr, tries, small.why);
	sequence_print(stdout, seq, "# ");
}

/* A check looks at all of the directory, which is as large as the capacity can need. */
static u32 check_every(u64 capacity)
{
	return capacity > 100000000 ? 16 * CHECK_EVERY : CHECK_EVERY;
}

static void run_case(u64 seed, size_t capacity, int sizes, int aligned, u32 ops,
		     struct verdict *sum)
{
	u32 every = check_every(capacities[capacity]);
	struct verdict verdict;
	struct sequence seq;

	draw_case(&seq, seed, capacity, sizes, aligned, ops);
	try_sequence(&seq, every, true, &verdict);
	ksft_test_result(!verdict.failed, "capacity %" PRIu64 " sizes %s%s: %" PRIu64
			 " allocated, %" PRIu64 " refused, %" PRIu64 " looked for in pieces\n",
			 capacities[capacity], sizes_name(sizes), aligned ? " aligned" : "",
			 verdict.allocs, verdict.failures, verdict.given_up);
	if (verdict.failed)
		fail(&seq, &verdict, every);
	sequence_free(&seq);
	sum->allocs += verdict.allocs;
	sum->chunks_taken += verdict.chunks_taken;
}

static void run_random(u64 seed, u32 ops)
{
	struct verdict sum = { 0 };
	int sizes, aligned;
	size_t i;

	ksft_set_plan(ARRAY_SIZE(capacities) * NR_SIZES * 2);
	ksft_print_msg("seed %" PRIu64 ", %" PRIu32 " operations per case\n", seed, ops);
	for (i = 0; i < ARRAY_SIZE(capacities); i++)
		for (sizes = 0; sizes < NR_SIZES; sizes++)
			for (aligned = 0; aligned < 2; aligned++)
				run_case(seed, i, sizes, aligned, ops, &sum);
	ksft_print_msg("in all %" PRIu64 " extents allocated, %" PRIu64 " chunks given back\n",
		       sum.allocs, sum.chunks_taken);
}

/* Bugs of the model's own */

/* Random sequences until one fails; then it takes no more than @most operations. */
static void find_planted(enum plant plant, u32 most, const char *what)
{
	struct verdict verdict = { 0 };
	struct sequence seq = { 0 };
	u32 before = 0;
	u64 seed;

	model_plant = plant;
	for (seed = 1; seed < 50 && !verdict.failed; seed++) {
		sequence_free(&seq);
		draw_case(&seq, seed, 5, UNIFORM, seed % 2, 2000);
		try_sequence(&seq, CHECK_EVERY, false, &verdict);
		before = seq.nr;
	}
	if (verdict.failed)
		fail(&seq, &verdict, CHECK_EVERY);
	ksft_test_result(verdict.failed && seq.nr <= most,
			 "%s: found, and shrunk from %" PRIu32 " operations to %" PRIu32 "\n",
			 what, before, seq.nr);
	sequence_free(&seq);
}

static void run_planted(void)
{
	ksft_set_plan(2);
	find_planted(PLANT_OFFSET, 3, "a wrong offset");
	find_planted(PLANT_CRASH, 5, "a crash");
}

/* Sequences given by the user */

static unsigned char *read_hex(const char *hex, size_t *size)
{
	unsigned char *data = malloc(strlen(hex) / 2 + 1);
	size_t i;

	if (!data)
		abort();
	for (i = 0; 2 * i + 1 < strlen(hex); i++)
		if (sscanf(hex + 2 * i, "%2hhx", &data[i]) != 1)
			ksft_exit_fail_msg("neither a file nor hex: %s\n", hex);
	*size = i;
	return data;
}

static unsigned char *read_data(const char *name, size_t *size)
{
	FILE *in = fopen(name, "rb");
	unsigned char *data;

	if (!in)
		return read_hex(name, size);
	data = malloc(1 << 20);
	if (!data)
		abort();
	*size = fread(data, 1, 1 << 20, in);
	fclose(in);
	return data;
}

static void read_sequence(struct sequence *seq, const char *name)
{
	unsigned char *data;
	size_t size;

	memset(seq, 0, sizeof(*seq));
	data = read_data(name, &size);
	sequence_decode(seq, data, size);
	free(data);
}

static int replay(const char *name)
{
	static struct run run = { .check_every = 1 };
	struct sequence seq;
	const char *broken;

	read_sequence(&seq, name);
	run.trace = stdout;
	broken = run_sequence(&run, &seq);
	printf("%s%s\n", broken ? "not kept: " : "all promises kept", broken ? broken : "");
	sequence_free(&seq);
	return broken ? KSFT_FAIL : KSFT_PASS;
}

static int shrink_given(const char *name)
{
	struct verdict verdict;
	struct sequence seq;

	read_sequence(&seq, name);
	try_sequence(&seq, 1, true, &verdict);
	if (verdict.failed)
		fail(&seq, &verdict, 1);
	sequence_free(&seq);
	return verdict.failed ? KSFT_FAIL : KSFT_PASS;
}

/* For the fuzzers */

static void write_file(const char *directory, const char *kind, u32 number,
		       const void *data, size_t size)
{
	char name[4096];
	FILE *out;

	snprintf(name, sizeof(name), "%s/%s/%" PRIu32, directory, kind, number);
	out = fopen(name, "wb");
	if (!out || fwrite(data, 1, size, out) != size || fclose(out))
		ksft_exit_fail_msg("can't write %s\n", name);
}

/* An image begins with a byte that says whether its checksum is to be put right. */
static void write_image(const char *directory, u32 number, const struct sequence *seq)
{
	static struct run run;
	unsigned char *image;
	size_t size;
	u32 i;

	run_begin(&run, &seq->config);
	for (i = 0; i < seq->nr; i++)
		run_op(&run, &seq->ops[i]);
	size = offset_alloc_save(run.oa, NULL, 0);
	image = malloc(size + 1);
	if (!image || run.broken)
		ksft_exit_fail_msg("no image\n");
	image[0] = 1;
	offset_alloc_save(run.oa, image + 1, size);
	write_file(directory, "load", number, image, size + 1);
	free(image);
	run_end(&run);
}

static int write_seeds(const char *directory)
{
	u32 number = 0;
	size_t capacity;
	int sizes;

	for (capacity = 0; capacity < ARRAY_SIZE(capacities); capacity++)
		for (sizes = 0; sizes < NR_SIZES; sizes++) {
			struct sequence seq;
			unsigned char *data;
			size_t size;

			draw_case(&seq, 1, capacity, sizes, sizes % 2, 20 + 10 * sizes);
			data = sequence_encode(&seq, &size);
			write_file(directory, "ops", ++number, data, size);
			write_image(directory, number, &seq);
			free(data);
			sequence_free(&seq);
		}
	return KSFT_PASS;
}

int main(int argc, char **argv)
{
	if (argc == 3 && !strcmp(argv[1], "--replay"))
		return replay(argv[2]);
	if (argc == 3 && !strcmp(argv[1], "--shrink"))
		return shrink_given(argv[2]);
	if (argc == 3 && !strcmp(argv[1], "--seeds"))
		return write_seeds(argv[2]);
	ksft_print_header();
	if (argc == 2 && !strcmp(argv[1], "--planted"))
		run_planted();
	else
		run_random(argc > 1 ? strtoull(argv[1], NULL, 0) : 1,
			   argc > 2 ? strtoull(argv[2], NULL, 0) : DEFAULT_OPS);
	ksft_finished();
}
