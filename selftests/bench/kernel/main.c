// SPDX-License-Identifier: GPL-2.0
/*
 * The offset allocator beside the range allocators that the kernel has, on the
 * workload that its ancestors were published with: a region is full, and whenever
 * there is no room for one more allocation, others chosen at random go.
 *
 * All that happens, happens while the module is loaded; the table is in the log.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include "peer.h"

#include <linux/ktime.h>
#include <linux/math64.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/sched.h>
#include <linux/sched/signal.h>
#include <linux/sort.h>

#define UNITS	65536ULL
#define RUNS	5

static unsigned int ops = 2000;
module_param(ops, uint, 0444);
MODULE_PARM_DESC(ops, "Allocations measured in each run, 100 to 100000 (2000)");

static const struct {
	u64 min, max;		/* units */
} rows[] = {
	{ 16, 16 }, { 17, 17 }, { 513, 513 }, { 1100, 1100 },
	{ 1, 2048 }, { 1, 256 }, { 1, 16 },
};

static const struct bench_peer * const peers[] = {
	&bench_offset_alloc,
#if IS_ENABLED(CONFIG_GENERIC_ALLOCATOR)
	&bench_gen_pool, &bench_gen_pool_best,
#endif
#if IS_ENABLED(CONFIG_DRM)
	&bench_drm_mm,
#endif
#if IS_ENABLED(CONFIG_DRM_BUDDY)
	&bench_drm_buddy,
#endif
	&bench_maple_tree,
};

/* The state of one run */
struct contest {
	const struct bench_peer *peer;
	void *allocator;
	struct bench_slot *slots;	/* UNITS of them, @nr in use */
	u64 nr;
	u64 live;			/* units */
	u64 sizes_rng;			/* the same sizes for all, */
	u64 victims_rng;		/* however many must go for them */
};

static u64 draw(u64 *rng, u64 n)
{
	u64 z = *rng += 0x9e3779b97f4a7c15ULL;

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
	return mul_u64_u32_shr(n, (z ^ (z >> 31)) >> 32, 32);
}

/* Swapping slots would break the lists and trees that they are part of. */
static bool evict(struct contest *contest, u64 *order)
{
	u64 i = draw(&contest->victims_rng, contest->nr);
	u64 slot = order[i];

	contest->peer->free(contest->allocator, &contest->slots[slot]);
	contest->live -= contest->slots[slot].size;
	order[i] = order[--contest->nr];
	order[contest->nr] = slot;
	return contest->nr;
}

static bool allocate(struct contest *contest, u64 *order, u64 size)
{
	struct bench_slot *slot = &contest->slots[order[contest->nr]];

	slot->size = size;
	while (!contest->peer->alloc(contest->allocator, slot)) {
		if (!contest->nr || !evict(contest, order))
			return false;
		slot = &contest->slots[order[contest->nr]];
		slot->size = size;
	}
	contest->nr++;
	contest->live += size;
	return true;
}

/* @allocs allocations; the mean utilization after each, in millionths */
static int run(struct contest *contest, u64 *order, u64 min, u64 max, u64 allocs, u64 *util)
{
	u64 sum = 0;
	u64 i;

	for (i = 0; i < allocs; i++) {
		if (!allocate(contest, order, min + draw(&contest->sizes_rng, max - min + 1)))
			return -ENOSPC;
		sum += contest->live;
		if (!(i % 256)) {
			cond_resched();
			if (signal_pending(current))
				return -EINTR;
		}
	}
	*util = div64_u64(sum * 1000000, allocs * UNITS);
	return 0;
}

static int compare(const void *a, const void *b)
{
	const u64 *x = a, *y = b;

	return *x < *y ? -1 : *x > *y;
}

static void print_row(const char *name, u64 util, u64 ns)
{
	pr_info("%-16s %llu.%06llu %10llu\n", name, div_u64(util, 1000000), util % 1000000, ns);
}

static int measure(const struct bench_peer *peer, struct bench_slot *slots, u64 *order,
		   u64 min, u64 max)
{
	struct contest contest = { .peer = peer, .slots = slots, .victims_rng = 1 };
	u64 util, fill = 2 * UNITS / ((min + max) / 2 + 1);
	u64 ns[RUNS];
	int i, err;

	contest.allocator = peer->create(UNITS);
	if (!contest.allocator) {
		pr_info("%-16s n/a: can't be made\n", peer->name);
		return 0;
	}
	for (i = 0; i < UNITS; i++)
		order[i] = i;
	err = run(&contest, order, min, max, fill, &util);
	for (i = 0; i < RUNS && !err; i++) {
		u64 start = ktime_get_ns();

		err = run(&contest, order, min, max, ops, &util);
		ns[i] = ktime_get_ns() - start;
	}
	while (contest.nr)
		evict(&contest, order);
	peer->destroy(contest.allocator);
	if (err == -ENOSPC) {
		pr_info("%-16s n/a: no room for %llu units in an empty region\n", peer->name, max);
		return 0;
	}
	if (err)
		return err;
	sort(ns, RUNS, sizeof(*ns), compare, NULL);
	print_row(peer->name, util, div_u64(ns[RUNS / 2], ops));
	return 0;
}

static int __init alloc_bench_init(void)
{
	struct bench_slot *slots;
	u64 *order;
	int err = 0;
	int i, j;

	if (ops < 100 || ops > 100000) {
		pr_err("ops is to be 100 to 100000\n");
		return -EINVAL;
	}
	slots = kvcalloc(UNITS, sizeof(*slots), GFP_KERNEL);
	order = kvcalloc(UNITS, sizeof(*order), GFP_KERNEL);
	if (!slots || !order)
		err = -ENOMEM;
	for (i = 0; i < ARRAY_SIZE(rows) && !err; i++) {
		u64 min = rows[i].min, max = rows[i].max;

		pr_info("\n");
		pr_info("%llu to %llu units in %llu; utilization, ns per operation\n",
			min, max, UNITS);
		if (min == max)
			print_row("ceiling", div64_u64(UNITS / min * min * 1000000, UNITS), 0);
		for (j = 0; j < ARRAY_SIZE(peers) && !err; j++)
			err = measure(peers[j], slots, order, min, max);
	}
	kvfree(order);
	kvfree(slots);
	return err;
}

static void __exit alloc_bench_exit(void)
{
}

module_init(alloc_bench_init);
module_exit(alloc_bench_exit);
MODULE_LICENSE("GPL");
MODULE_DESCRIPTION("The offset allocator beside the kernel's range allocators");
