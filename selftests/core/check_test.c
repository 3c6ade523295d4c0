// SPDX-License-Identifier: GPL-2.0
/*
 * The offset allocator: damage is found
 */
#include "core_unit.h"

/* A state with several chunks, many bins, deep bins, spare nodes in all chunks */
static void make_busy(struct __test_metadata *_metadata, struct offset_alloc *oa,
		      u64 seed)
{
	enum { N = 2600 };
	static u64 handles[N];
	struct offset_extent extent;
	u64 rng = seed;
	int i;

	ASSERT_EQ(0, init(oa, 1ULL << 22));
	for (i = 0; i < N; i++) {
		u64 size = i % 3 ? rng_between(&rng, 1, 1 << (i % 11)) :
				   rng_between(&rng, 4096, 4159);

		ASSERT_EQ(0, alloc_grow(oa, size, 0, &extent));
		handles[i] = extent.handle;
	}
	shuffle(&rng, handles, N);
	for (i = 0; i < N / 2; i++)
		ASSERT_EQ(0, offset_alloc_free(oa, handles[i]));
	ASSERT_LE(3, oa->nr_chunks);
	ASSERT_LE(100, oa->nr_spare);
	ASSERT_LE(3, oa->nr_hot);
	ASSERT_SOUND(oa);
}

enum kind { FREE, USED, SPARE, CHAINED, TREE };

static bool is_kind(const struct offset_alloc *oa, enum kind kind, u32 index)
{
	const struct offset_alloc_node *node = oa_node(oa, index);

	switch (kind) {
	case FREE:
		return node->link != OA_SPARE && oa_is_free(node) && node->size > 2 &&
		       oa_is_head(node) && node->chain;
	case USED:
		return oa_is_used(node) && node->size > 2;
	case SPARE:
		return node->link == OA_SPARE;
	case CHAINED:
		return node->link != OA_SPARE && oa_is_free(node) && !oa_is_head(node);
	case TREE:
		return node->link != OA_SPARE && oa_is_free(node) && oa_is_head(node) &&
		       oa_bin_is_tree(oa, node->link - OA_HEAD) && node->child[0] &&
		       node->child[1];
	}
	return false;
}

static u32 find_kind(const struct offset_alloc *oa, enum kind kind)
{
	u32 index;

	for (index = OA_SENTINEL_NODE + OFFSET_ALLOC_NODE_SIZE;
	     index < oa->nr_chunks * OFFSET_ALLOC_CHUNK_SIZE; index += OFFSET_ALLOC_NODE_SIZE)
		if (index % OFFSET_ALLOC_CHUNK_SIZE >= OA_HEADER_SIZE && is_kind(oa, kind, index))
			return index;
	abort();
}

/* A bin that is a tree; or a list that begins with a smaller extent than its second */
static u32 find_bin(const struct offset_alloc *oa, bool tree)
{
	const struct offset_alloc_node *node;
	u32 bin;

	for (bin = OFFSET_ALLOC_EXACT_BINS; bin < OFFSET_ALLOC_BINS; bin++) {
		node = oa_node(oa, oa->bins[bin].root);
		if (oa_bin_is_tree(oa, bin) ? tree :
		    !tree && oa_bin_nr(oa, bin) > 1 &&
		    node->size < oa_node(oa, node->chain)->size)
			return bin;
	}
	abort();
}

/* Units of a free extent become its used neighbour's. */
static void lend(struct offset_alloc *oa, struct offset_alloc_node *node, u64 units)
{
	struct offset_alloc_node *next = oa_node(oa, node->next);

	node->size -= units;
	next->offset -= units;
	next->size += units;
	oa->free -= units;
	oa->least_free = 0;
}

/* Kinds of damage that a flipped bit is not: consistent here, wrong there */
static const char *damage(struct offset_alloc *oa, int kind)
{
	u32 f = find_kind(oa, FREE);
	u32 u = find_kind(oa, USED);
	u32 s = find_kind(oa, SPARE);
	u32 c = find_kind(oa, CHAINED);
	u32 t = find_kind(oa, TREE);
	struct offset_alloc_node *node_f = oa_node(oa, f);
	struct offset_alloc_node *node_u = oa_node(oa, u);
	struct offset_alloc_node *node_c = oa_node(oa, c);
	struct offset_alloc_node *node_t = oa_node(oa, t);
	struct offset_alloc_node *node;
	u32 index, bin;

	switch (kind) {
	case 0:
		/* In no bin any more, which is sound without it */
		oa_bin_remove(oa, f, node_f);
		return "free extent in no bin";
	case 1:
		/* In the next bin, which is marked */
		bin = oa_bin(node_f->size) + 1;
		oa_bin_remove(oa, f, node_f);
		oa_bin_insert(oa, bin, f, node_f);
		return "extent in the wrong bin";
	case 2:
		/* As after a merge forgotten: cut a free extent in two */
		index = oa_node_get(oa);
		node = oa_node(oa, index);
		oa_bin_remove(oa, f, node_f);
		link_between(oa, index, node, f, node_f->next);
		oa_add_free(oa, index, node, node_f->offset + node_f->size - 1, 1);
		oa_add_free(oa, f, node_f, node_f->offset, node_f->size - 1);
		return "two free neighbours";
	case 3:
		/* A hole in the region */
		node_u->size--;
		node_u->link = OA_USED + oa_bin(node_u->size);
		oa->free++;
		return "extent doesn't begin where the one before it ends";
	case 4:
		/* Skipped by the circle both ways, as if freed into nowhere */
		unlink_between(oa, node_u->prev, node_u->next);
		return "extent doesn't begin where the one before it ends";
	case 5:
		/* Lost: neither extent nor spare */
		oa->nr_hot--;
		return "spare nodes disagree with the bitmap and those at hand";
	case 6:
		/* Twice at hand */
		oa->hot[0] = oa->hot[1];
		return "spare nodes disagree with the bitmap and those at hand";
	case 7:
		oa->hot[0] = u;
		return "spare nodes disagree with the bitmap and those at hand";
	case 8:
		oa_node(oa, s)->link = OA_USED;
		return "spare nodes disagree with the bitmap and those at hand";
	case 9:
		/* A chain that runs in a circle */
		node_c->chain = c;
		return "chain of a size broken";
	case 10:
		node_c->chain = u;
		return "chain of a size broken";
	case 11:
		node_c->chain = oa->max_chunks * OFFSET_ALLOC_CHUNK_SIZE;
		return "chain of a size broken";
	case 12:
		node_t->child[0] = t;
		return "";	/* of several: it depends on what else is there */
	case 13:
		node_t->child[0] = u;
		return "tree of a bin broken";
	case 14:
		index = node_t->child[0];
		node_t->child[0] = node_t->child[1];
		node_t->child[1] = index;
		return "extent at the wrong place of a tree";
	case 15:
		node_t->child[1] = oa->max_chunks * OFFSET_ALLOC_CHUNK_SIZE + 9;
		return "tree of a bin broken";
	case 16:
		oa->bins[oa_bin(node_t->size)].nr ^= OA_TREE;
		return "extent doesn't begin where the one before it ends";
	case 17:
		node_u->next = oa->max_chunks * OFFSET_ALLOC_CHUNK_SIZE;
		return "neighbour link out of range";
	case 18:
		/* The circle closed too early */
		node_u->next = OA_SENTINEL_NODE;
		return "neighbour links disagree";
	case 19:
		node_u->next = OA_SENTINEL_NODE;
		oa_sentinel(oa)->prev = u;
		return "extents don't cover the capacity";
	case 20:
		node_u->next = u;
		return "neighbour links disagree";
	case 21:
		node_u->size = 0;
		return "size of an extent out of range";
	case 22:
		node_u->size = UINT64_MAX;
		return "size of an extent out of range";
	case 23:
		oa->marks[62] |= BIT_ULL(63);
		oa->words |= BIT_ULL(62);
		return "bitmap of bins disagrees with the bins";
	case 24:
		oa->words |= BIT_ULL(62);
		return "bitmap of words disagrees with that of bins";
	case 25:
		oa->words |= BIT_ULL(63);
		return "bitmap of words too long";
	case 26:
		oa->least_free = oa->free + 1;
		return "peak out of range";
	case 27:
		oa->frees++;
		return "counts of allocations and frees disagree with the extents";
	case 28:
		oa->bound = 1;
		return "free extent beyond the bound";
	case 29:
		oa->bins[oa_bin(node_f->size)].nr++;
		return "count of a bin wrong";
	case 30:
		oa->bins[oa_bin(node_f->size)].nr--;
		return "count of a bin wrong";
	case 31:
		node_c->offset++;
		return "extent doesn't begin where the one before it ends";
	case 32:
		oa->chunks[1] = NULL;
		return "base of a chunk wrong";
	case 33:
		oa->nr_chunks++;
		return "count of chunks wrong";
	case 34:
		oa->nr_spare--;
		return "count of spare nodes wrong";
	case 35:
		oa->max_chunks++;
		return "directory not of the size for the capacity";
	case 36:
		oa->capacity = 0;
		return "capacity out of range";
	case 37:
		oa_sentinel(oa)->size = 0;
		return "sentinel damaged";
	case 38:
		oa_sentinel(oa)->prev = u;
		return "neighbour links disagree";
	case 39:
		node_u->link--;
		return "";
	case 40:
		oa->lowest++;
		return "not the first chunk with a spare node";
	case 41:
		oa->chunks[0]->header[0].nr_used++;
		return "";
	case 42:
		oa->absent.top ^= 1;
		return "set of chunks disagrees with itself";
	case 43:
		oa->partial.middle[1] ^= 1;
		return "set of chunks disagrees with itself";
	case 44:
		oa->bases[1] += OFFSET_ALLOC_NODE_SIZE;
		return "base of a chunk wrong";
	case 45:
		/* Gone, and nobody but the circle misses it */
		oa->nr_spare -= OA_USABLE_NODES - oa->chunks[0]->header[0].nr_used;
		oa->nr_chunks--;
		oa->chunks[0] = NULL;
		oa->bases[0] = 0;
		set_del(&oa->partial, 0);
		set_add(&oa->absent, 0);
		oa->lowest = set_first(&oa->partial);
		return "sentinel missing";
	case 46:
		oa->chunks[0]->header[0].nr_used--;
		oa->nr_spare++;
		return "count of a chunk's nodes wrong";
	case 47:
		/* In use, but nowhere in the region */
		oa_node(oa, oa_node_get(oa))->link = OA_USED;
		return "node outside of the circle";
	case 48:
		oa->bound = oa->capacity + 1;
		return "bound beyond the capacity";
	case 49:
		/* The chain of a size goes on with another one. */
		bin = find_bin(oa, true);
		t = oa->bins[bin].root;
		node_t = oa_node(oa, t);
		index = node_t->child[!node_t->child[0]];
		node = oa_node(oa, index);
		remove_head(oa, bin, index, node);
		node->offset = oa_free_offset(oa, node);
		node->chain = node_t->chain;
		node->link = t;
		if (node->chain)
			oa_node(oa, node->chain)->link = index;
		node_t->chain = index;
		return "chain of several sizes";
	case 50:
		bin = find_bin(oa, true);
		for (index = oa_sentinel(oa)->next; index != OA_SENTINEL_NODE;
		     index = oa_node(oa, index)->next) {
			node = oa_node(oa, index);
			if (oa_is_free(node) && oa_bin(node->size) == bin)
				node->offset = oa_free_offset(oa, node);
		}
		oa->bins[bin].nr &= ~OA_TREE;
		return "tree of few, or list of many";
	case 51:
		node = oa_node(oa, oa_node(oa, oa->bins[find_bin(oa, false)].root)->chain);
		lend(oa, node, node->size - 1);
		return "extent in the wrong bin";
	case 52:
		oa->bound = oa_node(oa, oa->bins[find_bin(oa, false)].root)->size;
		return "free extent beyond the bound";
	case 53:
		/* Two of a size, each with a place in the tree */
		bin = find_bin(oa, true);
		node_t = oa_node(oa, oa->bins[bin].root);
		node = oa_node(oa, node_t->child[!node_t->child[0]]);
		if (node->size < node_t->size)
			lend(oa, node_t, node_t->size - node->size);
		else
			lend(oa, node, node->size - node_t->size);
		return "extent at the wrong place of a tree";
	}
	return NULL;
}

TEST(check_names_the_broken_rule)
{
	struct snapshot *sound = malloc(sizeof(*sound));
	const char *rule, *found;
	struct offset_alloc oa;
	int kind;

	ASSERT_NE(NULL, sound);
	make_busy(_metadata, &oa, 8);
	snapshot_take(sound, &oa);
	for (kind = 0; (rule = damage(&oa, kind)); kind++) {
		found = offset_alloc_check(&oa);
		EXPECT_NE(NULL, found) {
			TH_LOG("damage %d not found", kind);
		}
		if (found && *rule)
			EXPECT_STREQ(rule, found) {
				TH_LOG("damage %d", kind);
			}
		snapshot_restore(sound, &oa);
		ASSERT_SOUND(&oa) {
			TH_LOG("damage %d", kind);
		}
	}
	EXPECT_EQ(54, kind);
	offset_alloc_destroy(&oa);
	free(sound);
}

/* Every bit of state that means something */
TEST(check_finds_any_flipped_bit)
{
	struct snapshot *sound = malloc(sizeof(*sound));
	struct offset_alloc oa;
	u64 rng = 9;
	u32 index, bin;
	int i, bit;

	ASSERT_NE(NULL, sound);
	make_busy(_metadata, &oa, 10);
	snapshot_take(sound, &oa);

#define FLIP(field, which)						\
	do {								\
		const int flipped = (which);				\
									\
		(field) ^= (__typeof__(field))1 << flipped;		\
		EXPECT_NE(NULL, offset_alloc_check(&oa)) {		\
			TH_LOG("%s bit %d not found", #field, flipped);	\
		}							\
		(field) ^= (__typeof__(field))1 << flipped;		\
	} while (0)

	for (bit = 0; bit < 64; bit++) {
		FLIP(oa.capacity, bit);
		FLIP(oa.free, bit);
		FLIP(oa.generation, bit);
		FLIP(oa.first_generation, bit);
		FLIP(oa.frees, bit);
		FLIP(oa.words, bit);
		FLIP(oa.partial.top, bit);
		FLIP(oa.empty.top, bit);
		FLIP(oa.absent.top, bit);
		FLIP(oa.chunks[0]->header[bit % OA_HEADER_NODES].spare[bit % 2], bit);
	}
	for (bit = 0; bit < 32; bit++) {
		FLIP(oa.max_chunks, bit);
		FLIP(oa.nr_chunks, bit);
		FLIP(oa.nr_empty, bit);
		FLIP(oa.lowest, bit);
		FLIP(oa.nr_spare, bit);
		FLIP(oa.nr_hot, bit);
		FLIP(oa.hot[0], bit);
		FLIP(oa.chunks[1]->header[0].spare_words, bit);
		FLIP(oa.chunks[1]->header[0].nr_used, bit);
	}
	for (i = 0; i < 2000; i++) {
		bin = rng_below(&rng, OFFSET_ALLOC_BINS);
		FLIP(oa.marks[bin / 64], bin % 64);
		/* Of so many, all of the same size, a list looks like a tree. */
		if (oa_bin_nr(&oa, bin) < OA_TREE_MIN || oa_bin_nr(&oa, bin) > OA_LIST_MAX)
			FLIP(oa.bins[bin].nr, 31);
		FLIP(oa.bins[bin].root, rng_below(&rng, 32));
		FLIP(oa.bins[bin].nr, rng_below(&rng, 31));
	}
	for (i = 0; i < 3000; i++) {
		struct offset_alloc_node *node;

		index = rng_below(&rng, oa.nr_chunks * OA_CHUNK_NODES) * OFFSET_ALLOC_NODE_SIZE;
		if (i < 20)
			index = OA_SENTINEL_NODE;
		if (index % OFFSET_ALLOC_CHUNK_SIZE < OA_HEADER_SIZE)
			continue;
		node = oa_node(&oa, index);
		FLIP(node->link, rng_below(&rng, 32));
		if (node->link == OA_SPARE)
			continue;
		FLIP(node->size, rng_below(&rng, 64));
		FLIP(node->prev, rng_below(&rng, 32));
		FLIP(node->next, rng_below(&rng, 32));
		/* A used one may have any generation. */
		if (oa_is_free(node))
			FLIP(node->chain, rng_below(&rng, 32));
		/* Or the children of a tree's head */
		FLIP(node->offset, rng_below(&rng, 64));
	}
#undef FLIP
	EXPECT_TRUE(snapshot_same(sound, &oa));
	ASSERT_SOUND(&oa);
	offset_alloc_destroy(&oa);
	free(sound);
}

TEST_HARNESS_MAIN
