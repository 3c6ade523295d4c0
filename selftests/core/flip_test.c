// SPDX-License-Identifier: GPL-2.0
/*
 * The offset allocator: a flipped bit, wherever in its state, is found or harmless
 */
#include "core_unit.h"

#define IMAGE_SIZE 65536

/* Bins of all kinds, few nodes, fewer of them at hand: the check is quick then. */
static void make_small(struct __test_metadata *_metadata, struct offset_alloc *oa)
{
	enum { N = 600 };
	static u64 handles[N];
	struct offset_extent extent;
	u64 rng = 51;
	int i;

	ASSERT_EQ(0, init(oa, 1 << 19));
	for (i = 0; i < N; i++) {
		u64 size = i % 2 ? rng_between(&rng, 1, 1 << (i % 8)) :
				   rng_between(&rng, 1024, 1039);

		ASSERT_EQ(0, alloc_grow(oa, size, 0, &extent));
		handles[i] = extent.handle;
	}
	shuffle(&rng, handles, N);
	for (i = 0; i < N - 150; i++)
		ASSERT_EQ(0, offset_alloc_free(oa, handles[i]));
	while (oa->nr_hot > 10)
		oa_chunk_put(oa, oa->hot[--oa->nr_hot]);
	ASSERT_EQ(1, oa->nr_chunks);
	for (i = 0; i < (int)OFFSET_ALLOC_BINS && !oa_bin_is_tree(oa, i); i++)
		;
	ASSERT_GT(OFFSET_ALLOC_BINS, i);
	ASSERT_SOUND(oa);
}

struct flips {
	struct offset_alloc *oa;
	unsigned char image[IMAGE_SIZE];
	size_t length;
	u64 found;
	u64 harmless;
};

/* Does what it says about itself, and what it will do, not depend on this bit? */
static bool same_image(struct flips *f)
{
	static unsigned char image[IMAGE_SIZE];
	size_t length = offset_alloc_save(f->oa, image, sizeof(image));

	return length == f->length && !memcmp(image, f->image, length);
}

enum meaning {
	STRUCTURE,	/* a flip must be found */
	UNUSED,		/* a flip must not matter: the same image, and it is sound */
	VALUE,		/* any other value is as good as this one */
};

static void flip(struct __test_metadata *_metadata, struct flips *f, void *field, size_t size,
		 enum meaning meaning, const char *name)
{
	unsigned char *byte = field;
	size_t step = size > 64 ? 13 : 1;
	const char *broken;
	size_t bit;

	/* Of long arrays some bits: one word is like the other. */
	for (bit = 0; bit < size * 8; bit += step) {
		byte[bit / 8] ^= 1 << bit % 8;
		broken = offset_alloc_check(f->oa);
		EXPECT_TRUE(meaning != STRUCTURE || broken) {
			TH_LOG("%s bit %zu not found", name, bit);
		}
		EXPECT_TRUE(meaning != UNUSED || (!broken && same_image(f))) {
			TH_LOG("%s bit %zu matters", name, bit);
		}
		f->found += !!broken;
		f->harmless += !broken;
		byte[bit / 8] ^= 1 << bit % 8;
	}
}

#define FLIP(field, meaning) flip(_metadata, f, &(field), sizeof(field), meaning, #field)

static struct flips *begin(struct __test_metadata *_metadata, struct offset_alloc *oa)
{
	struct flips *f = calloc(1, sizeof(*f));

	ASSERT_NE(NULL, f);
	make_small(_metadata, oa);
	f->oa = oa;
	f->length = offset_alloc_save(oa, f->image, sizeof(f->image));
	ASSERT_GE(sizeof(f->image), f->length);
	return f;
}

static void end(struct __test_metadata *_metadata, struct flips *f)
{
	ASSERT_SOUND(f->oa);
	ASSERT_TRUE(same_image(f));
	TH_LOG("%" PRIu64 " found, %" PRIu64 " harmless", f->found, f->harmless);
	offset_alloc_destroy(f->oa);
	free(f);
}

TEST(in_a_node)
{
	struct offset_alloc oa;
	struct flips *f = begin(_metadata, &oa);
	struct offset_alloc_node *node;
	u32 index, kind, i;
	u32 met[4] = { 0 };

	for (index = OA_SENTINEL_NODE; index < OFFSET_ALLOC_CHUNK_SIZE;
	     index += OFFSET_ALLOC_NODE_SIZE) {
		node = oa_node(&oa, index);
		/* Some of each kind, from everywhere */
		kind = node->link == OA_SPARE ? 0 : !oa_is_free(node) ? 1 : 2 + oa_is_head(node);
		if (node->link != OA_SENTINEL && met[kind]++ % (kind ? 11 : 150))
			continue;
		FLIP(node->link, STRUCTURE);
		if (node->link == OA_SPARE) {
			FLIP(node->children, UNUSED);
			FLIP(node->size, UNUSED);
			FLIP(node->prev, UNUSED);
			FLIP(node->next, UNUSED);
			FLIP(node->chain, UNUSED);
			continue;
		}
		FLIP(node->size, STRUCTURE);
		FLIP(node->prev, STRUCTURE);
		FLIP(node->next, STRUCTURE);
		/* Or the children of a tree's head */
		FLIP(node->offset, STRUCTURE);
		if (node->link == OA_SENTINEL)
			FLIP(node->generation, UNUSED);
		else if (!oa_is_free(node))
			FLIP(node->generation, VALUE);
		else
			FLIP(node->chain, STRUCTURE);
	}
	for (i = 0; i < OA_HEADER_NODES; i++) {
		struct oa_header_node *header = &oa.chunks[0]->header[i];
		enum meaning first = i ? UNUSED : STRUCTURE;

		FLIP(header->spare, STRUCTURE);
		/* The first takes what would be written to a node that isn't there. */
		FLIP(header->link, i ? STRUCTURE : UNUSED);
		FLIP(header->spare_words, first);
		FLIP(header->nr_used, first);
		FLIP(header->unused, UNUSED);
	}
	EXPECT_LT(5000, f->found);
	end(_metadata, f);
}

TEST(in_a_bin_or_a_set)
{
	struct offset_alloc oa;
	struct flips *f = begin(_metadata, &oa);
	struct offset_alloc_set *sets[] = { &oa.partial, &oa.empty, &oa.absent };
	u32 bin, i;

	FLIP(oa.words, STRUCTURE);
	FLIP(oa.marks, STRUCTURE);
	for (bin = 0; bin < OFFSET_ALLOC_BINS; bin++) {
		/* Of the empty ones some will do. */
		if (!oa.bins[bin].nr && bin % 64)
			continue;
		FLIP(oa.bins[bin].root, STRUCTURE);
		/* So many of one size are a sound list and a sound tree. */
		if (oa_bin_nr(&oa, bin) < OA_TREE_MIN || oa_bin_nr(&oa, bin) > OA_LIST_MAX)
			FLIP(oa.bins[bin].nr, STRUCTURE);
	}
	for (i = 0; i < ARRAY_SIZE(sets); i++) {
		FLIP(sets[i]->top, STRUCTURE);
		FLIP(sets[i]->middle, STRUCTURE);
		flip(_metadata, f, sets[i]->leaf, sizeof(u64), STRUCTURE, "leaf");
	}
	end(_metadata, f);
}

TEST(in_a_counter)
{
	struct offset_alloc oa;
	struct flips *f = begin(_metadata, &oa);
	u32 i;

	FLIP(oa.capacity, STRUCTURE);
	FLIP(oa.free, STRUCTURE);
	FLIP(oa.generation, STRUCTURE);
	FLIP(oa.first_generation, STRUCTURE);
	FLIP(oa.frees, STRUCTURE);
	FLIP(oa.max_chunks, STRUCTURE);
	FLIP(oa.nr_chunks, STRUCTURE);
	FLIP(oa.nr_empty, STRUCTURE);
	FLIP(oa.lowest, STRUCTURE);
	FLIP(oa.nr_hot, STRUCTURE);
	FLIP(oa.nr_spare, STRUCTURE);
	for (i = 0; i < OFFSET_ALLOC_HOT_NODES; i++)
		FLIP(oa.hot[i], i < oa.nr_hot ? STRUCTURE : UNUSED);
	/* Where the last one was put: a hint, which is looked at before use */
	FLIP(oa.finger, UNUSED);
	/* Free extents must not exceed it, free units not fall below it. */
	FLIP(oa.bound, VALUE);
	FLIP(oa.least_free, VALUE);
	FLIP(oa.max_capacity, VALUE);
	FLIP(oa.align_scan, VALUE);
	FLIP(oa.failures, VALUE);
	end(_metadata, f);
}

/* The hint may be anything, and alloc_at does the same. */
TEST(in_the_hint_of_alloc_at)
{
	struct offset_extent extent, first = { 0 };
	struct snapshot *before = malloc(sizeof(*before));
	struct offset_alloc oa;
	u64 rng = 52, size = 0, offset = 0;
	int i;

	ASSERT_NE(NULL, before);
	make_small(_metadata, &oa);
	/* The last free range, a little of it: found from anywhere before */
	while (offset_alloc_next(&oa, &first) == 1)
		offset = first.offset + first.size;
	size = oa.capacity - offset;
	ASSERT_LT(10, size);
	snapshot_take(before, &oa);
	for (i = 0; i < 5000; i++) {
		oa.finger = i < 3000 ? (u32)i : (u32)rng_next(&rng);
		ASSERT_EQ(0, offset_alloc_alloc_at(&oa, offset + 5, size - 7, &extent));
		ASSERT_EQ(offset + 5, extent.offset);
		if (i % 100 == 0)
			ASSERT_SOUND(&oa);
		snapshot_restore(before, &oa);
	}
	offset_alloc_destroy(&oa);
	free(before);
}

TEST_HARNESS_MAIN
