// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * The rows: what Mooncake's allocator_bench.cpp asks, and more
 */
#include "rows.h"

#define KIB	1024ULL
#define MIB	(1024 * KIB)
#define GIB	(1024 * MIB)
#define TIB	(1024 * GIB)

#define RANDOM_MIN	1024
#define RANDOM_MAX	(64 * MIB)
#define GROWTH_MIN	16
#define GROWTH_MAX	496
#define GROWTH_FILL	0.93
#define PAIR_BYTES	(3274752 + 643 * KIB)
#define PAIR_OPS	129	/* per round, on average: twice 1 to 128 */

struct table {
	struct row *rows;
	size_t nr;
	bool quick;
};

static struct row *add(struct table *table, struct row row)
{
	if (table->quick)
		row.ops /= 10;
	table->rows[table->nr] = row;
	return &table->rows[table->nr++];
}

/* As many as fit, then another for each that goes */
static struct row *add_uniform(struct table *table, const char *section,
			       uint64_t capacity, uint64_t size)
{
	return add(table, (struct row){
		.section = section,
		.size = size,
		.capacity = capacity,
		.min_size = size,
		.max_size = size,
		.max_live = capacity / size + 10,
		.warmup = capacity / size * size,
		.ceiling = capacity / size * size,
		.ops = 1000000,
		.window = 20000,
		.seeds = 1,
		.full = true,
	});
}

/* Of small sizes not so many, else it would take too long */
static struct row *add_published(struct table *table, uint32_t size)
{
	return add_uniform(table, "uniform", size < 1024 ? 128 * MIB : 2 * GIB, size);
}

/* Powers of 4, somewhat less, somewhat more */
static void add_uniforms(struct table *table)
{
	uint32_t base;

	for (base = 32; base < 1 << 26; base *= 4)
		add_published(table, base);
	for (base = 32; base < 1 << 26; base *= 4)
		add_published(table, base - 17);
	for (base = 32; base < 1 << 26; base *= 4)
		add_published(table, base + 17)->max_instructions = 171;
	for (base = 32; base < 1 << 26; base *= 4)
		add_published(table, base * 0.9);
	for (base = 32; base < 1 << 26; base *= 4)
		add_published(table, base * 1.1);
}

/* Asks first for twice as much as there is, to get over the order of the beginning */
static struct row *add_random(struct table *table, const char *section, uint64_t max_size)
{
	return add(table, (struct row){
		.section = section,
		.size = max_size,
		.capacity = 2 * GIB,
		.min_size = RANDOM_MIN,
		.max_size = max_size,
		.max_live = 2 * GIB / RANDOM_MIN + 10,
		.warmup = 4 * GIB,
		.ceiling = 2 * GIB,
		.ops = 1000000,
		.window = 20000,
		.seeds = MAX_SEEDS,
		.percentiles = true,
	});
}

static void add_randoms(struct table *table)
{
	struct row *row;
	uint64_t size;

	row = add_random(table, "random", RANDOM_MAX);
	row->min_avg = 0.870;
	row->min_p99 = 0.744;
	row->max_instructions = 330;
	for (size = RANDOM_MAX / 4; size >= MIB; size /= 4)
		add_random(table, "random", size);

	row = add_random(table, "scatter", RANDOM_MAX);
	row->scatter = true;
	row->min_avg = 0.985;
}

static void add_pair(struct table *table)
{
	add(table, (struct row){
		.section = "pair",
		.size = PAIR_BYTES,
		.capacity = TIB,
		.max_size = PAIR_BYTES,
		.max_live = TIB / (643 * KIB) + 10,
		.warmup = 5000 * PAIR_OPS * PAIR_BYTES / 2,
		.ceiling = TIB,
		.ops = 50000 * PAIR_OPS,
		.window = 250000,
		.seeds = 1,
		.percentiles = true,
		.pair = true,
		.min_avg = 0.999,
	});
}

static struct row *add_growth(struct table *table, uint64_t live)
{
	uint64_t capacity = live * ((GROWTH_MIN + GROWTH_MAX) / 2) / GROWTH_FILL;

	return add(table, (struct row){
		.section = "growth",
		.size = live,
		.capacity = capacity,
		.min_size = GROWTH_MIN,
		.max_size = GROWTH_MAX,
		.max_live = 2 * live,
		.warmup = 2 * capacity,
		.ceiling = capacity,
		.ops = 500000,
		.window = 20000,
		.seeds = 1,
	});
}

static void add_growths(struct table *table)
{
	uint64_t size;

	for (size = 1000; size <= 100000; size *= 10)
		add_growth(table, size);
	add_growth(table, 1000000)->max_metadata = 40;
	if (!table->quick)
		add_growth(table, 10000000)->max_metadata = 64;
}

size_t rows_make(struct row *rows, bool quick)
{
	struct table table = { .rows = rows, .quick = quick };

	add_uniforms(&table);
	add_randoms(&table);
	add_pair(&table);
	add_growths(&table);
	add_uniform(&table, "whole", 699050, 664908);
	add_uniform(&table, "whole", 1000003, 1000003);
	add_uniform(&table, "whole", TIB + 4 * KIB, TIB + 4 * KIB);
	add_uniform(&table, "whole", 1ULL << 63, 1ULL << 63);
	return table.nr;
}
