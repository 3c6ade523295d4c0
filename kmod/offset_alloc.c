// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * The offset allocator: see offset_alloc.h for its use, offset_alloc_internal.h
 * for how it keeps its extents
 *
 * Bounds: a list that is searched has 8 nodes at most. A tree is no deeper than the
 * bits that the sizes of a bin can differ in, 57 at most, and one node more. A
 * search goes down once or twice, taking a node out of a tree twice (to the node,
 * and on to a leaf in its stead), putting one in once. A free takes out two and puts
 * in one.
 */
#include "offset_alloc_internal.h"

int oa_refuse(struct offset_alloc *oa)
{
	oa->failures++;
	return -ENOSPC;
}

int oa_refuse_node(struct offset_alloc *oa)
{
	return oa->nr_chunks < oa->max_chunks ? -ENOMEM : oa_refuse(oa);
}

/* With so many extents there are often several to a bin. */
static inline bool is_crowded(const struct offset_alloc *oa)
{
	return oa->nr_chunks > 1;
}

static inline void link_between(struct offset_alloc *oa, u32 index,
				struct offset_alloc_node *node, u32 prev, u32 next)
{
	node->prev = prev;
	node->next = next;
	oa_node(oa, prev)->next = index;
	oa_node(oa, next)->prev = index;
}

static inline void unlink_between(struct offset_alloc *oa, u32 prev, u32 next)
{
	oa_node(oa, prev)->next = next;
	oa_node(oa, next)->prev = prev;
}

/* Make a node that has its size and its place in the circle a used extent */
static inline void use(struct offset_alloc *oa, u32 index,
		       struct offset_alloc_node *node, u64 offset, u64 size,
		       struct offset_extent *extent)
{
	u64 free = oa->free - size;
	u64 generation = oa->generation++;

	oa->free = free;
	if (free < oa->least_free)
		oa->least_free = free;
	node->offset = offset;
	node->link = OA_USED;
	node->generation = generation;
	extent->offset = offset;
	extent->size = size;
	extent->handle = generation << 32 | index;
}

/* Use the lower end of a larger free extent, whose size is already that of the rest. */
static inline void split_low(struct offset_alloc *oa, u32 index,
			     struct offset_alloc_node *node, u64 size,
			     struct offset_extent *extent)
{
	u32 used_index = oa_node_get(oa);
	struct offset_alloc_node *used = oa_node(oa, used_index);
	u64 offset = node->offset;

	node->offset = offset + size;
	used->prev = node->prev;
	oa_node(oa, node->prev)->next = used_index;
	used->next = index;
	node->prev = used_index;
	used->size = size;
	use(oa, used_index, used, offset, size, extent);
}

/*
 * The same with the end at the smaller neighbour, so that the rest borders the
 * larger one and becomes part of a larger extent when that is freed. An end of the
 * region is never freed: the sentinel is the largest.
 */
static inline void split_better(struct offset_alloc *oa, u32 index,
				struct offset_alloc_node *node, u64 size,
				struct offset_extent *extent)
{
	u32 used_index = oa_node_get(oa);
	struct offset_alloc_node *used = oa_node(oa, used_index);
	struct offset_alloc_node *prev = oa_node(oa, node->prev);
	struct offset_alloc_node *next = oa_node(oa, node->next);
	/* Like the toss of a coin: a branch would often be mispredicted. */
	u64 high = prev->size > next->size;
	u64 offset = node->offset;

	OPTIMIZER_HIDE_VAR(high);
	used->beside[high] = node->beside[high];
	node->beside[high] = used_index;
	prev = high ? next : prev;
	node->offset = offset + (size & (high - 1));
	offset += node->size & -high;
	high ^= 1;
	used->beside[high] = index;
	prev->beside[high] = used_index;
	used->size = size;
	use(oa, used_index, used, offset, size, extent);
}

/*
 * Use one end of a larger free extent, wherever in the bins that is. Which end does
 * not matter for small ones: their neighbours come and go too quickly.
 */
int oa_split(struct offset_alloc *oa, u32 index, u64 size, struct offset_extent *extent)
{
	struct offset_alloc_node *node = oa_node(oa, index);
	bool exact = node->size < OFFSET_ALLOC_EXACT_BINS;

	if (unlikely(!oa_nodes_ready(oa, 1)))
		return oa_refuse_node(oa);
	oa_bin_remove(oa, index, node);
	node->size -= size;
	if (exact)
		split_low(oa, index, node, size, extent);
	else
		split_better(oa, index, node, size, extent);
	oa_bin_insert(oa, oa_bin(node->size), index, node);
	return 0;
}

/*
 * Use [@offset, @offset + @size) of a free extent. What is left before and after
 * it remains free.
 */
static int carve(struct offset_alloc *oa, u32 index, u64 offset, u64 size,
		 struct offset_extent *extent)
{
	struct offset_alloc_node *node = oa_node(oa, index);
	u64 start = oa_free_offset(oa, node);
	u64 before = offset - start;
	u64 after = node->size - size - before;
	u32 wanted = (before != 0) + (after != 0);
	struct offset_alloc_node *rest;
	u32 rest_index;

	if (!oa_nodes_ready(oa, wanted))
		return oa_refuse_node(oa);

	oa_bin_remove(oa, index, node);
	if (before) {
		rest_index = oa_node_get(oa);
		rest = oa_node(oa, rest_index);
		link_between(oa, rest_index, rest, node->prev, index);
		oa_add_free(oa, rest_index, rest, start, before);
	}
	if (after) {
		rest_index = oa_node_get(oa);
		rest = oa_node(oa, rest_index);
		link_between(oa, rest_index, rest, index, node->next);
		oa_add_free(oa, rest_index, rest, offset + size, after);
	}
	node->size = size;
	use(oa, index, node, offset, size, extent);
	return 0;
}

/* Use all of a free extent. */
void oa_take(struct offset_alloc *oa, u32 index, struct offset_extent *extent)
{
	struct offset_alloc_node *node = oa_node(oa, index);

	oa_bin_remove(oa, index, node);
	use(oa, index, node, node->offset, node->size, extent);
}

static noinline int refuse_size(struct offset_alloc *oa, u64 size)
{
	WRITE_ONCE(oa->bound, size - 1);
	return oa_refuse(oa);
}

static noinline int alloc_aligned(struct offset_alloc *oa, u64 size, u64 align,
				  struct offset_extent *extent)
{
	bool more = false;
	u64 offset;
	u32 index;

	if (!size || size > oa->capacity || (align & (align - 1)))
		return -EINVAL;
	if (size > oa->bound)
		return oa_refuse(oa);
	if (size > oa->free)
		return refuse_size(oa, size);
	index = oa_find_aligned(oa, size, align, &offset, &more);
	if (!index)
		return more ? -EAGAIN : oa_refuse(oa);
	return carve(oa, index, offset, size, extent);
}

/* Of a bin of one size, which is larger: use part of the first. */
static noinline int split_exact(struct offset_alloc *oa, u32 from, u64 size,
				struct offset_extent *extent)
{
	u32 index = oa->bins[from].root;
	struct offset_alloc_node *node = oa_node(oa, index);

	if (unlikely(!oa->nr_hot))
		return oa_split(oa, index, size, extent);
	oa_list_pop(oa, from, node);
	node->size = from - size;
	oa_list_push(oa, node->size, index, node);
	split_low(oa, index, node, size, extent);
	return 0;
}

/* Use part of one in a wide bin that is a list. */
static noinline int split_listed(struct offset_alloc *oa, u32 from, u32 index, u64 size,
				 struct offset_extent *extent)
{
	struct offset_alloc_node *node = oa_node(oa, index);
	u32 bin;

	if (unlikely(!oa->nr_hot))
		return oa_split(oa, index, size, extent);
	oa_list_remove(oa, from, node);
	node->size -= size;
	split_better(oa, index, node, size, extent);
	bin = oa_bin(node->size);
	if (oa_list_has_room(oa, bin))
		oa_list_push(oa, bin, index, node);
	else
		oa_bin_insert(oa, bin, index, node);
	return 0;
}

/* Of any wide bin whose extents all are larger: use part of one. */
static noinline int split_wide(struct offset_alloc *oa, u32 from, u64 size,
			       struct offset_extent *extent)
{
	if (oa_bin_is_tree(oa, from))
		return oa_split(oa, oa_bin_any(oa, from), size, extent);
	return split_listed(oa, from, oa->bins[from].root, size, extent);
}

/*
 * The same, but quicker, where there is only one, and its rest will be the only one
 * of a wide bin: so it is most often where there are few large extents.
 */
static noinline int split_alone(struct offset_alloc *oa, u32 from, u64 size,
				struct offset_extent *extent)
{
	u32 index = oa->bins[from].root;
	struct offset_alloc_node *node = oa_node(oa, index);
	u64 rest = node->size - size;
	struct offset_alloc_node *used, *prev, *next;
	u32 to, used_index;
	u64 offset;

	if (oa->bins[from].nr != 1 || rest < OFFSET_ALLOC_EXACT_BINS || !oa->nr_hot)
		return oa_bin_is_exact(from) ? split_exact(oa, from, size, extent) :
					       split_wide(oa, from, size, extent);
	to = oa_wide_bin(rest);
	if (oa->bins[to].root)
		return split_wide(oa, from, size, extent);
	oa_move_alone(oa, from, to, index, node);
	node->size = rest;

	/* As split_better(): a branch takes fewer instructions, if not less time. */
	used_index = oa_node_get(oa);
	used = oa_node(oa, used_index);
	used->size = size;
	prev = oa_node(oa, node->prev);
	next = oa_node(oa, node->next);
	offset = node->offset;
	if (prev->size <= next->size) {
		node->offset = offset + size;
		used->prev = node->prev;
		prev->next = used_index;
		used->next = index;
		node->prev = used_index;
	} else {
		offset += rest;
		used->next = node->next;
		next->prev = used_index;
		used->prev = index;
		node->next = used_index;
	}
	use(oa, used_index, used, offset, size, extent);
	return 0;
}

/* In a bin of several sizes: the best that fits there, or one of another bin */
static noinline int alloc_best(struct offset_alloc *oa, u32 bin, u64 size,
			       struct offset_extent *extent)
{
	u32 index = oa_bin_find(oa, bin, size);

	if (!index) {
		bin = oa_bin_above(oa, bin);
		return bin < OFFSET_ALLOC_BINS ? split_wide(oa, bin, size, extent) :
						 refuse_size(oa, size);
	}
	if (oa_node(oa, index)->size == size) {
		oa_take(oa, index, extent);
		return 0;
	}
	if (oa_bin_is_tree(oa, bin))
		return oa_split(oa, index, size, extent);
	return split_listed(oa, bin, index, size, extent);
}

/* Only one size is in this bin: use the first of its list. */
static noinline int alloc_first(struct offset_alloc *oa, u32 bin, u64 size,
				struct offset_extent *extent)
{
	u32 index = oa->bins[bin].root;
	struct offset_alloc_node *node = oa_node(oa, index);

	oa_list_pop(oa, bin, node);
	use(oa, index, node, node->offset, size, extent);
	return 0;
}

static noinline int alloc_search(struct offset_alloc *oa, u32 bin, u64 size,
				 struct offset_extent *extent)
{
	u64 marks = oa->marks[bin / 64] >> bin % 64;
	u32 from;

	if (marks & 1) {
		if (oa_bin_is_exact(bin))
			return alloc_first(oa, bin, size, extent);
		return alloc_best(oa, bin, size, extent);
	}
	from = marks ? bin + __ffs64(marks) : oa_bin_above_word(oa, bin / 64);
	if (from == OFFSET_ALLOC_BINS)
		return refuse_size(oa, size);
	if (!is_crowded(oa))
		return split_alone(oa, from, size, extent);
	return oa_bin_is_exact(from) ? split_exact(oa, from, size, extent) :
				       split_wide(oa, from, size, extent);
}

/**
 * offset_alloc_alloc - Allocate an extent
 * @oa: The allocator
 * @size: Units wanted; the extent has exactly so many
 * @align: Its offset is to be a multiple of this power of two; 0 and 1: any.
 *         It may exceed the capacity: 0 is a multiple of everything.
 * @extent: Filled in on success, else not touched
 *
 * Context: Any; the caller holds the lock of the allocator. Doesn't sleep.
 * Return: 0; -EINVAL if the size is 0 or more than the capacity, or the
 *         alignment no power of two; -ENOSPC if no free extent fits, or the last
 *         of nearly 2^27 nodes is in use; -EAGAIN if @align_scan extents didn't
 *         fit for their alignment, and there are more; -ENOMEM if it takes a new
 *         chunk, which doesn't happen after offset_alloc_ready() said yes.
 *         Errors change nothing, but -ENOSPC is counted.
 */
int offset_alloc_alloc(struct offset_alloc *oa, u64 size, u64 align,
		       struct offset_extent *extent)
{
	struct offset_alloc_node *node;
	u32 bin, index;

	if (unlikely(align > 1))
		return alloc_aligned(oa, size, align, extent);
	/* 0 is the largest size here */
	if (size - 1 >= oa->bound)
		return size - 1 < oa->capacity ? oa_refuse(oa) : -EINVAL;
	if (size > oa->free)
		return refuse_size(oa, size);
	/* The shortest way is for one that is alone in its bin and just fits. */
	bin = oa_bin(size);
	if (oa->bins[bin].nr != 1)
		return alloc_search(oa, bin, size, extent);
	index = oa->bins[bin].root;
	node = oa_node(oa, index);
	if (node->size != size)
		return alloc_search(oa, bin, size, extent);
	oa_bin_clear(oa, bin);
	use(oa, index, node, node->offset, size, extent);
	return 0;
}

/*
 * The extent that a unit belongs to. The walk begins where the last one ended:
 * who restores many extents in order walks once over all of them. *@finger gets the
 * last used one on the way. @left: how many there may be, and are left.
 */
bool oa_find_offset(const struct offset_alloc *oa, u64 offset, u32 *left, u32 *found,
		    u32 *finger)
{
	u32 index = oa_sentinel(oa)->next;
	u64 start = 0;

	if (oa_has_node(oa, oa->finger) && oa_is_used(oa_node(oa, oa->finger)) &&
	    oa_node(oa, oa->finger)->offset <= offset) {
		index = oa->finger;
		start = oa_node(oa, index)->offset;
	}
	while (offset - start >= oa_node(oa, index)->size) {
		if (!*left)
			return false;
		--*left;
		oa_step();
		if (oa_is_used(oa_node(oa, index)))
			*finger = index;
		start += oa_node(oa, index)->size;
		index = oa_node(oa, index)->next;
	}
	*found = index;
	return true;
}

/**
 * offset_alloc_seek - Go a part of the way of offset_alloc_alloc_at()
 * @oa: The allocator
 * @offset: Where that is to go
 * @max_steps: How many extents may be looked at, at least 4
 *
 * For those who can't hold the lock for as long as that may take: they call this
 * until it returns true, and then the other, which finds its place in @max_steps.
 * They see to it that nobody else does so meanwhile. What else is done between two
 * calls does no harm, but may set it back.
 *
 * Context: Any; the caller holds the lock of the allocator. Doesn't sleep.
 * Return: False if there is more of the way to go
 */
bool offset_alloc_seek(struct offset_alloc *oa, u64 offset, u32 max_steps)
{
	u32 finger = oa->finger;
	u32 found;
	bool there;

	there = offset >= oa->capacity ||
		oa_find_offset(oa, offset, &max_steps, &found, &finger);
	oa->finger = finger;
	return there;
}

/**
 * offset_alloc_alloc_at - Allocate an extent at a given offset
 * @oa: The allocator
 * @offset: First unit
 * @size: Units
 * @extent: Filled in on success, else not touched
 *
 * To restore extents, and to reserve ranges that are not to be used. Walks over
 * the extents between the last one placed so, or resized, and @offset, or from
 * the first one if that lies behind: restore in the order of the offsets.
 *
 * Context: Any; the caller holds the lock of the allocator. Doesn't sleep.
 * Return: 0; -EINVAL if the range is empty or not within the capacity; -EBUSY if
 *         not all of it is free; -ENOMEM and -ENOSPC as offset_alloc_alloc(), for
 *         want of a node. Errors change nothing.
 */
int offset_alloc_alloc_at(struct offset_alloc *oa, u64 offset, u64 size,
			  struct offset_extent *extent)
{
	const struct offset_alloc_node *node;
	u32 left = U32_MAX;
	u32 index, finger;
	int err;

	if (!size || offset >= oa->capacity || size > oa->capacity - offset)
		return -EINVAL;
	oa_find_offset(oa, offset, &left, &index, &finger);
	node = oa_node(oa, index);
	if (!oa_is_free(node) || size > node->size - (offset - oa_free_offset(oa, node)))
		return -EBUSY;
	err = carve(oa, index, offset, size, extent);
	if (!err)
		oa->finger = index;
	return err;
}

/* Merge an extent that is freed with its free neighbours. */
static noinline int merge_any(struct offset_alloc *oa, u32 index,
			      struct offset_alloc_node *node,
			      struct offset_alloc_node *prev,
			      struct offset_alloc_node *next)
{
	u32 prev_index = node->prev;
	u32 next_index = node->next;
	u64 size = node->size;

	if (!oa_is_free(prev)) {
		oa_bin_remove(oa, next_index, next);
		next->prev = prev_index;
		prev->next = next_index;
		oa_node_put(oa, index, node);
		oa_add_free(oa, next_index, next, node->offset, next->size + size);
		return 0;
	}
	if (oa_is_free(next)) {
		size += next->size;
		oa_bin_remove(oa, next_index, next);
		oa_node_put(oa, next_index, next);
		next_index = next->next;
		next = oa_node(oa, next_index);
	}
	oa_bin_remove(oa, prev_index, prev);
	next->prev = prev_index;
	prev->next = next_index;
	oa_node_put(oa, index, node);
	oa_add_free(oa, prev_index, prev, prev->offset, prev->size + size);
	return 0;
}

static inline void put_hot(struct offset_alloc *oa, u32 index, struct offset_alloc_node *node)
{
	node->link = OA_SPARE;
	oa->hot[oa->nr_hot++] = index;
}

/* Let a free neighbour, @up: the next one, have what a node has. */
static inline void absorb(struct offset_alloc *oa, u32 index,
			  struct offset_alloc_node *node, u64 up,
			  u32 into_index, struct offset_alloc_node *into)
{
	u32 other = node->beside[up ^ 1];

	put_hot(oa, index, node);
	oa_node(oa, other)->beside[up] = into_index;
	into->beside[up ^ 1] = other;
	into->offset -= node->size & -up;
	into->size += node->size;
	oa_raise_bound(oa, into->size);
}

/* The same with one neighbour that is in a list */
static noinline int merge_listed(struct offset_alloc *oa, u32 index,
				 struct offset_alloc_node *node, u64 up)
{
	u32 into_index = node->beside[up];
	struct offset_alloc_node *into = oa_node(oa, into_index);
	u32 bin = oa_bin(into->size);

	if (unlikely(oa->nr_hot == OFFSET_ALLOC_HOT_NODES || oa_bin_is_tree(oa, bin)))
		return merge_any(oa, index, node, oa_node(oa, node->prev),
				 oa_node(oa, node->next));
	oa_list_remove(oa, bin, into);
	absorb(oa, index, node, up, into_index, into);
	bin = oa_bin(into->size);
	if (oa_list_has_room(oa, bin))
		oa_list_push(oa, bin, into_index, into);
	else
		oa_bin_insert(oa, bin, into_index, into);
	return 0;
}

/* The same with one that is alone in its bin, and will be so again */
static inline int merge_alone(struct offset_alloc *oa, u32 index,
			      struct offset_alloc_node *node, u64 up,
			      struct offset_alloc_node *into,
			      struct offset_alloc_node *other)
{
	u64 size = into->size + node->size;
	u32 into_index, to;

	if (!oa_is_alone(oa, into) || oa->nr_hot == OFFSET_ALLOC_HOT_NODES)
		return merge_listed(oa, index, node, up);
	to = oa_wide_bin(size);
	if (oa->bins[to].root)
		return merge_listed(oa, index, node, up);
	into_index = node->beside[up];
	oa_move_alone(oa, into->link - OA_HEAD, to, into_index, into);
	into->beside[!up] = node->beside[!up];
	other->beside[up] = into_index;
	if (up)
		into->offset = node->offset;
	into->size = size;
	oa_raise_bound(oa, size);
	put_hot(oa, index, node);
	return 0;
}

static noinline int merge_prev(struct offset_alloc *oa, u32 index,
			       struct offset_alloc_node *node,
			       struct offset_alloc_node *prev,
			       struct offset_alloc_node *next)
{
	return merge_alone(oa, index, node, 0, prev, next);
}

static noinline int merge_next(struct offset_alloc *oa, u32 index,
			       struct offset_alloc_node *node,
			       struct offset_alloc_node *prev,
			       struct offset_alloc_node *next)
{
	return merge_alone(oa, index, node, 1, next, prev);
}

/* The same where they are alone in their bins, and what becomes of them will be */
static noinline int merge_both(struct offset_alloc *oa, u32 index,
			       struct offset_alloc_node *node,
			       struct offset_alloc_node *prev,
			       struct offset_alloc_node *next)
{
	u64 size = prev->size + node->size + next->size;
	u32 prev_index, to;

	if (!oa_is_alone(oa, prev) || !oa_is_alone(oa, next) ||
	    oa->nr_hot >= OFFSET_ALLOC_HOT_NODES - 1)
		return merge_any(oa, index, node, prev, next);
	to = oa_wide_bin(size);
	if (oa->bins[to].root)
		return merge_any(oa, index, node, prev, next);
	prev_index = node->prev;
	oa_bin_clear(oa, next->link - OA_HEAD);
	oa_move_alone(oa, prev->link - OA_HEAD, to, prev_index, prev);
	put_hot(oa, node->next, next);
	put_hot(oa, index, node);
	prev->next = next->next;
	oa_node(oa, next->next)->prev = prev_index;
	prev->size = size;
	oa_raise_bound(oa, size);
	return 0;
}

/* None is free. */
static noinline int free_alone(struct offset_alloc *oa, u32 index,
			       struct offset_alloc_node *node)
{
	u32 bin = oa_bin(node->size);

	oa_raise_bound(oa, node->size);
	if (oa_list_has_room(oa, bin))
		oa_list_push(oa, bin, index, node);
	else
		oa_bin_insert(oa, bin, index, node);
	return 0;
}

/**
 * offset_alloc_free - Free an extent and merge it with its free neighbours
 * @oa: The allocator
 * @handle: Of the extent; any 64 bits are safe
 *
 * Context: Any; the caller holds the lock of the allocator. Doesn't sleep and
 *          takes no memory.
 * Return: 0; -ENOENT, and nothing changed, if the handle doesn't name a used
 *         extent of this allocator.
 */
int offset_alloc_free(struct offset_alloc *oa, u64 handle)
{
	struct offset_alloc_node *node = oa_handle_node(oa, handle);
	struct offset_alloc_node *prev, *next;

	if (unlikely(!node))
		return -ENOENT;
	oa->free += node->size;
	oa->frees++;
	prev = oa_node(oa, node->prev);
	next = oa_node(oa, node->next);
	if (is_crowded(oa)) {
		/* Not one branch for each: it's like two tosses of a coin. */
		unsigned int down = oa_is_free(prev);
		unsigned int up = oa_is_free(next);

		if (down & up)
			return merge_any(oa, handle, node, prev, next);
		if (down | up)
			return merge_listed(oa, handle, node, up);
		return free_alone(oa, handle, node);
	}
	if (!oa_is_free(prev)) {
		if (!oa_is_free(next))
			return free_alone(oa, handle, node);
		return merge_next(oa, handle, node, prev, next);
	}
	if (!oa_is_free(next))
		return merge_prev(oa, handle, node, prev, next);
	return merge_both(oa, handle, node, prev, next);
}

/*
 * Let there be @room free units between a node that isn't free and the next such.
 * Takes a spare node if there are none yet.
 */
static int set_room(struct offset_alloc *oa, u32 before, u64 offset, u64 room)
{
	u32 index = oa_node(oa, before)->next;
	struct offset_alloc_node *node = oa_node(oa, index);
	u32 after = index;

	if (oa_is_free(node)) {
		oa_bin_remove(oa, index, node);
	} else {
		if (!room)
			return 0;
		if (!oa_nodes_ready(oa, 1))
			return oa_refuse_node(oa);
		index = oa_node_get(oa);
		node = oa_node(oa, index);
		link_between(oa, index, node, before, after);
	}
	if (room) {
		oa_add_free(oa, index, node, offset, room);
	} else {
		unlink_between(oa, before, node->next);
		oa_node_put(oa, index, node);
	}
	return 0;
}

/**
 * offset_alloc_renew - Give an extent a new handle
 * @oa: The allocator
 * @handle: in: Of a used extent. out: Its new handle; the old one is stale
 *
 * As if it were freed and at once allocated again at the same place.
 *
 * Context: Any; the caller holds the lock of the allocator. Doesn't sleep.
 * Return: 0, or -ENOENT if *@handle names no extent
 */
int offset_alloc_renew(struct offset_alloc *oa, u64 *handle)
{
	struct offset_alloc_node *node = oa_handle_node(oa, *handle);

	if (!node)
		return -ENOENT;
	node->generation = oa->generation;
	*handle = oa->generation++ << 32 | (u32)*handle;
	oa->frees++;
	return 0;
}

/**
 * offset_alloc_resize - Change the size of an extent in its place
 * @oa: The allocator
 * @handle: Of the extent, which keeps it; any 64 bits are safe
 * @size: Units it shall have; the offset remains
 *
 * Context: Any; the caller holds the lock of the allocator. Doesn't sleep.
 * Return: 0; -ENOENT if the handle doesn't name a used extent of this allocator;
 *         -EINVAL if the size is 0 or more than the capacity; -ENOSPC if there
 *         isn't that much free behind the extent; -ENOMEM and -ENOSPC as
 *         offset_alloc_alloc(), for want of a node. Errors change nothing, but
 *         -ENOSPC is counted.
 */
int offset_alloc_resize(struct offset_alloc *oa, u64 handle, u64 size)
{
	const struct offset_alloc_node *next;
	struct offset_alloc_node *node;
	u64 whole;
	int err;

	node = oa_handle_node(oa, handle);
	if (!node)
		return -ENOENT;
	if (!size || size > oa->capacity)
		return -EINVAL;
	next = oa_node(oa, node->next);
	whole = node->size + (oa_is_free(next) ? next->size : 0);
	if (size > whole)
		return oa_refuse(oa);
	err = set_room(oa, (u32)handle, node->offset + size, whole - size);
	if (err)
		return err;
	oa->free += node->size - size;
	if (oa->free < oa->least_free)
		oa->least_free = oa->free;
	node->size = size;
	oa->finger = handle;
	return 0;
}

/**
 * offset_alloc_set_capacity - Grow or shrink the range at its end
 * @oa: The allocator
 * @capacity: Units it shall divide, 1 to the @max_capacity of its config
 *
 * Context: Any; the caller holds the lock of the allocator. Doesn't sleep.
 * Return: 0; -EINVAL if the capacity is out of range; -EBUSY if not all that is
 *         to go is free; -ENOMEM and -ENOSPC as offset_alloc_alloc(), for want
 *         of a node. Errors change nothing.
 */
int offset_alloc_set_capacity(struct offset_alloc *oa, u64 capacity)
{
	struct offset_alloc_node *sentinel = oa_sentinel(oa);
	const struct offset_alloc_node *last = oa_node(oa, sentinel->prev);
	u32 before = oa_is_free(last) ? last->prev : sentinel->prev;
	u64 free = oa_is_free(last) ? last->size : 0;
	u64 peak;
	int err;

	if (!capacity || capacity > oa->max_capacity)
		return -EINVAL;
	if (capacity < oa->capacity && oa->capacity - capacity > free)
		return -EBUSY;
	err = set_room(oa, before, oa->capacity - free, free + capacity - oa->capacity);
	if (err)
		return err;
	peak = oa->capacity - oa->least_free;
	oa->least_free = capacity > peak ? capacity - peak : 0;
	oa->free += capacity - oa->capacity;
	oa->capacity = capacity;
	/* What is larger than the capacity is nonsense, not a want of room. */
	if (oa->bound > capacity)
		WRITE_ONCE(oa->bound, capacity);
	sentinel->offset = capacity;
	sentinel->size = -capacity;
	return 0;
}

/* Begin and end */

/**
 * offset_alloc_init - Set up an allocator, all of it free
 * @oa: The allocator; what it contains is overwritten
 * @config: What it shall be
 *
 * Allocates the first chunk of nodes, and the directory of all the chunks that
 * the largest capacity can ever need: 16 bytes per 1016 units, no more than 2 MiB.
 *
 * Context: Process context, may sleep.
 * Return: 0; -EINVAL if a capacity is out of range; -ENOMEM. After an error
 *         offset_alloc_destroy() is allowed but not needed.
 */
int offset_alloc_init(struct offset_alloc *oa,
		      const struct offset_alloc_config *config)
{
	u64 max_capacity = config->max_capacity ? config->max_capacity : config->capacity;
	struct offset_alloc_chunk *chunk;
	int err;

	memset(oa, 0, sizeof(*oa));
	if (!config->capacity || config->capacity > max_capacity ||
	    max_capacity > OFFSET_ALLOC_MAX_CAPACITY)
		return -EINVAL;

	oa->max_capacity = max_capacity;
	oa->capacity = config->capacity;
	oa->free = config->capacity;
	oa->least_free = config->capacity;
	oa->generation = config->first_generation;
	oa->first_generation = config->first_generation;
	oa->align_scan = config->align_scan ? config->align_scan : U32_MAX;
	err = oa_directory_new(oa);
	if (err)
		return err;
	chunk = offset_alloc_chunk_new();
	if (!chunk) {
		oa_directory_free(oa);
		return -ENOMEM;
	}
	oa_chunk_install(oa, 0, chunk);

	/* A circle of the sentinel alone, which has room for the capacity */
	oa_chunk_get(oa);
	oa_sentinel_init(oa);
	return set_room(oa, OA_SENTINEL_NODE, 0, oa->capacity);
}

/**
 * offset_alloc_destroy - Free all that an allocator has allocated
 * @oa: The allocator, whether or not it has used extents; may also be all zero,
 *      as it is afterwards
 *
 * Context: Process context, may sleep.
 */
void offset_alloc_destroy(struct offset_alloc *oa)
{
	oa_directory_free(oa);
}
