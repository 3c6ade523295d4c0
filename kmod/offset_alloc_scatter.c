// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * The offset allocator's way to use several free extents at once
 */
#include "offset_alloc_internal.h"

/*
 * What a plan chooses from, and how many of them: with more of either it takes
 * much longer, and leaves hardly less over.
 */
#define PLAN_EXTENTS	16
#define PLAN_CHOICE	4
/*
 * How many nodes of a tree to look at for its largest ones, those to the right
 * first: none that is then left is larger than any of those seen, but for those on
 * the way to it, which are 58 at most.
 */
#define PLAN_SCAN	(PLAN_EXTENTS + 58)

struct plan {
	u64 size[PLAN_EXTENTS];		/* the largest first */
	u32 index[PLAN_EXTENTS];
	u32 nr;
	u32 max;			/* to choose at most */
	u32 trial[PLAN_CHOICE];
	u32 choice[PLAN_CHOICE];	/* the one that leaves the least over */
	u32 nr_choice;			/* 0: there is none yet */
	u64 over;
};

/* False if there is no use in another of this size */
static bool collect_one(struct plan *plan, u32 index, u64 size)
{
	u32 i = plan->nr;

	if (i < PLAN_EXTENTS)
		plan->nr++;
	else if (size <= plan->size[--i])
		return false;
	for (; i && plan->size[i - 1] < size; i--) {
		plan->size[i] = plan->size[i - 1];
		plan->index[i] = plan->index[i - 1];
	}
	plan->size[i] = size;
	plan->index[i] = index;
	return true;
}

static void collect_bin(const struct offset_alloc *oa, struct plan *plan, u32 bin)
{
	bool tree = oa_bin_is_tree(oa, bin);
	u32 later[64] = { oa->bins[bin].root };
	u32 nr_later = 1;
	u32 seen;

	for (seen = 0; nr_later && seen < PLAN_SCAN; seen++) {
		u32 index = later[--nr_later];
		const struct offset_alloc_node *node = oa_node(oa, index);

		if (tree && node->child[0])
			later[nr_later++] = node->child[0];
		if (tree && node->child[1])
			later[nr_later++] = node->child[1];
		for (; index; index = oa_node(oa, index)->chain) {
			oa_step();
			if (!collect_one(plan, index, oa_node(oa, index)->size) &&
			    (tree || oa_bin_is_exact(bin)))
				break;
		}
	}
}

/* The largest free extents of all */
static void collect(const struct offset_alloc *oa, struct plan *plan)
{
	u32 bin = oa_bin_at_or_below(oa, OFFSET_ALLOC_BINS - 1);

	while (plan->nr < PLAN_EXTENTS && bin && bin < OFFSET_ALLOC_BINS) {
		collect_bin(oa, plan, bin);
		bin = oa_bin_at_or_below(oa, bin - 1);
	}
}

/*
 * Try each from @from on as number @nr of a choice, with @rest yet to be found.
 * Calls itself no deeper than PLAN_CHOICE.
 */
static void choose(struct plan *plan, u32 from, u32 nr, u64 rest)
{
	u32 i;

	for (i = from; i < plan->nr; i++) {
		plan->trial[nr] = i;
		if (plan->size[i] >= rest) {
			if (plan->nr_choice && plan->size[i] - rest >= plan->over)
				continue;
			plan->over = plan->size[i] - rest;
			plan->nr_choice = nr + 1;
			memcpy(plan->choice, plan->trial, sizeof(plan->choice));
			continue;
		}
		/* None of those to come is larger. */
		if (plan->size[i] < rest / (plan->max - nr))
			break;
		if (nr + 1 < plan->max)
			choose(plan, i + 1, nr + 1, rest - plan->size[i]);
	}
}

/*
 * Use up to four at once, all but the largest of them wholly. None alone has room.
 * Return: their number, or -ENOSPC
 */
static int use_plan(struct offset_alloc *oa, u64 size, struct offset_extent *extents,
		    u32 max_extents)
{
	struct plan plan = {
		.max = max_extents < PLAN_CHOICE ? max_extents : PLAN_CHOICE,
	};
	u32 i, largest;

	collect(oa, &plan);
	choose(&plan, 0, 0, size);
	if (!plan.nr_choice)
		return -ENOSPC;
	for (i = plan.nr_choice - 1; i; i--) {
		oa_take(oa, plan.index[plan.choice[i]], &extents[i]);
		size -= extents[i].size;
	}
	largest = plan.index[plan.choice[0]];
	if (plan.over)
		oa_split(oa, largest, size, &extents[0]);
	else
		oa_take(oa, largest, &extents[0]);
	return plan.nr_choice;
}

/* As if they had never been */
static void take_back(struct offset_alloc *oa, const struct offset_extent *extents, u32 nr,
		      u64 least_free, u64 generation)
{
	while (nr--) {
		offset_alloc_free(oa, extents[nr].handle);
		oa->frees--;
	}
	oa->least_free = least_free;
	oa->generation = generation;
}

/**
 * offset_alloc_alloc_scatter - Allocate several extents where one can't be had
 * @oa: The allocator
 * @size: Units wanted in all
 * @extents: Filled in on success, else undefined
 * @max_extents: How many there may be, 1 or more
 *
 * One extent if any fits; else, of the largest free ones, up to four that leave
 * the least over; where four don't suffice, the largest as they are before those.
 * Each is an allocation of its own from then on.
 *
 * Context: Any; the caller holds the lock of the allocator. Doesn't sleep. Takes
 *          as many steps as @max_extents allocations, and a few thousand more
 *          that touch no node: cap what a user may ask for.
 * Return: The number of extents; -EINVAL if the size is 0 or more than the
 *         capacity, or @max_extents 0; -ENOSPC if @max_extents don't suffice;
 *         -ENOMEM as offset_alloc_alloc(). Errors allocate nothing, and -ENOSPC is
 *         counted.
 */
int offset_alloc_alloc_scatter(struct offset_alloc *oa, u64 size,
			       struct offset_extent *extents, u32 max_extents)
{
	u64 least_free = oa->least_free;
	u64 generation = oa->generation;
	u32 nr, largest;
	int err;

	if (!max_extents)
		return -EINVAL;
	if (size <= oa->bound || size > oa->free) {
		err = offset_alloc_alloc(oa, size, 0, extents);
		if (err != -ENOSPC || max_extents == 1 || size > oa->free)
			return err ? err : 1;
		oa->failures--;
	}
	/* No more than one node is taken: by the one extent that is divided. */
	if (!oa_nodes_ready(oa, 1))
		return oa_refuse_node(oa);

	for (nr = 0; ; nr++) {
		err = use_plan(oa, size, extents + nr, max_extents - nr);
		if (err > 0)
			return nr + err;
		largest = oa_find_largest(oa);
		if (!largest || max_extents - nr <= PLAN_CHOICE)
			break;
		oa_take(oa, largest, &extents[nr]);
		size -= extents[nr].size;
	}
	take_back(oa, extents, nr, least_free, generation);
	return oa_refuse(oa);
}
