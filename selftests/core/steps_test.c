// SPDX-License-Identifier: GPL-2.0
/*
 * The offset allocator: no call visits more nodes than the header says
 */
#include "core_unit.h"

/* The most that any call counted here has taken */
static unsigned long long most;

/* Make a call that may visit so many nodes */
#define COUNTED(limit, call)						\
({									\
	int __result;							\
									\
	steps = 0;							\
	__result = (call);						\
	ASSERT_GE((limit), steps) {					\
		TH_LOG("%s", #call);					\
	}								\
	if (steps > most)						\
		most = steps;						\
	__result;							\
})

#define STEPS OFFSET_ALLOC_MAX_STEPS

/* For tests where many free extents are large enough for an aligned request */
#define ALIGN_SCAN 256

/*
 * Sizes of one bin whose tree is as deep as it can be, on its left side or on
 * both: 2^@bits and what differs from it in the lower @bits - 6 bits. A node
 * that begins with as many zeros as nodes are above it goes below all of them.
 * Of the first nine any can become the root: they begin with nine zeros.
 */
static size_t deep_sizes(u64 *sizes, unsigned int bits, bool both)
{
	unsigned int width = bits - OFFSET_ALLOC_BIN_BITS;
	u64 base = 1ULL << bits;
	u64 ones = (1ULL << width) - 1;
	unsigned int depth;
	size_t n = 0;

	for (depth = 0; depth <= OA_LIST_MAX; depth++)
		sizes[n++] = base + (1ULL << (width - 10)) + 16 + depth;
	for (; depth < width; depth++)
		sizes[n++] = base + (1ULL << (width - 1 - depth));
	sizes[n++] = base;
	for (depth = 1; both && depth < width; depth++)
		sizes[n++] = base + (ones ^ (1ULL << (width - 1 - depth)));
	return n;
}

static unsigned int tree_depth(const struct offset_alloc *oa, u32 index)
{
	unsigned int left, right;

	if (!index)
		return 0;
	left = tree_depth(oa, oa_node(oa, index)->child[0]);
	right = tree_depth(oa, oa_node(oa, index)->child[1]);
	return 1 + (left > right ? left : right);
}

/* All calls with all sizes about those that are there, each on the same state */
static void try_sizes(struct __test_metadata *_metadata, struct offset_alloc *oa,
		      const u64 *sizes, const u64 *offsets, size_t n)
{
	struct snapshot *before = malloc(sizeof(*before));
	struct offset_extent extent, extents[9];
	unsigned int shift;
	size_t i;
	int less;

	ASSERT_NE(NULL, before);
	snapshot_take(before, oa);
	for (i = 0; i < n; i++) {
		for (less = -1; less <= 1; less++) {
			COUNTED(STEPS, offset_alloc_alloc(oa, sizes[i] + less, 0, &extent));
			snapshot_restore(before, oa);
			for (shift = 1; shift < 63; shift += 9) {
				COUNTED(STEPS + n + 1,
					offset_alloc_alloc(oa, sizes[i] + less, 1ULL << shift,
							   &extent));
				snapshot_restore(before, oa);
			}
			COUNTED(9 * STEPS, offset_alloc_alloc_scatter(oa, sizes[i] * 7 + less,
								      extents, 9));
			snapshot_restore(before, oa);
		}
		ASSERT_EQ(0, COUNTED(STEPS + 2 * n + 1,
				     offset_alloc_alloc_at(oa, offsets[i] + 1, sizes[i] - 2,
							   &extent)));
		snapshot_restore(before, oa);
	}
	free(before);
}

/* Free, and resize, each extent there is, each on the same state */
static void try_extents(struct __test_metadata *_metadata, struct offset_alloc *oa)
{
	struct snapshot *before = malloc(sizeof(*before));
	struct offset_extent extent = { 0 };
	u64 sizes[] = { 1, 2, 1000, 1ULL << 30, 1ULL << 45 };
	size_t i;

	ASSERT_NE(NULL, before);
	snapshot_take(before, oa);
	while (offset_alloc_next(oa, &extent) == 1) {
		ASSERT_EQ(0, COUNTED(STEPS, offset_alloc_free(oa, extent.handle)));
		snapshot_restore(before, oa);
		for (i = 0; i < ARRAY_SIZE(sizes); i++) {
			COUNTED(STEPS, offset_alloc_resize(oa, extent.handle, sizes[i]));
			COUNTED(STEPS, offset_alloc_resize(oa, extent.handle, 1));
			snapshot_restore(before, oa);
		}
	}
	free(before);
}

TEST(in_the_deepest_tree)
{
	/* More of these would not fit the largest region. */
	static const struct {
		unsigned int bits;
		bool both;
	} trees[] = { { 57, false }, { 56, true }, { 40, true }, { 24, true } };
	static u64 sizes[128], offsets[128];
	struct offset_alloc oa;
	size_t i, n;

	for (i = 0; i < ARRAY_SIZE(trees); i++) {
		unsigned int width = trees[i].bits - OFFSET_ALLOC_BIN_BITS;

		n = deep_sizes(sizes, trees[i].bits, trees[i].both);
		make_holes(_metadata, &oa, sizes, offsets, n);
		ASSERT_EQ(width + 1, tree_depth(&oa, oa.bins[oa_bin(sizes[0])].root));
		try_sizes(_metadata, &oa, sizes, offsets, n);
		try_extents(_metadata, &oa);
		ASSERT_SOUND(&oa);
		offset_alloc_destroy(&oa);
	}
	/* The way down and, from the root, to another leaf: these were deep. */
	EXPECT_LT(100, most);
	TH_LOG("%llu nodes at most", most);
}

/* Two neighbours are taken out of deep trees, and go into a third one as one */
TEST(merged_out_of_deep_trees_into_another)
{
	static u64 sizes[256], offsets[256], deep[3][64];
	struct offset_extent extent;
	struct offset_alloc oa;
	size_t i, n = 0, count[3];

	/* 2^52 and nearly 2^51: the sum is in the bin of 2^52 + 2^51. */
	for (i = 0; i < 3; i++)
		count[i] = deep_sizes(deep[i], 50 + i, false);
	for (i = 0; i < count[2]; i++) {
		sizes[n++] = deep[2][i];
		if (i < count[1])
			sizes[n++] = deep[1][i];
		if (i < count[0])
			sizes[n++] = deep[2][i] + deep[1][i < count[1] ? i : 0];
	}
	make_holes(_metadata, &oa, sizes, offsets, n);
	ASSERT_LT(30, tree_depth(&oa, oa.bins[oa_bin(1ULL << 52)].root));
	ASSERT_LT(30, tree_depth(&oa, oa.bins[oa_bin(1ULL << 51)].root));
	ASSERT_LT(30, tree_depth(&oa, oa.bins[oa_bin(3ULL << 51)].root));
	try_extents(_metadata, &oa);
	extent.handle = 0;
	while (offset_alloc_next(&oa, &extent) == 1) {
		ASSERT_EQ(0, COUNTED(STEPS, offset_alloc_free(&oa, extent.handle)));
		ASSERT_SOUND(&oa);
		extent.handle = 0;
	}
	EXPECT_LT(60, most);
	TH_LOG("%llu nodes at most", most);
	offset_alloc_destroy(&oa);
}

/* However many are in the list of a small size */
TEST(among_thousands_of_one_small_size)
{
	enum { N = 20000 };
	static u64 sizes[N], offsets[N];
	struct offset_extent extent, extents[4];
	struct offset_alloc oa;
	unsigned int shift;
	int i;

	for (i = 0; i < N; i++)
		sizes[i] = 100 + i % 2;
	make_holes(_metadata, &oa, sizes, offsets, N);
	oa.align_scan = ALIGN_SCAN;
	for (i = 0; i < 1000; i++) {
		u64 size = 98 + i % 5;

		if (!offset_alloc_ready(&oa))
			ASSERT_EQ(0, grow(&oa));
		for (shift = 3; shift < 12; shift += 3)
			COUNTED(STEPS + ALIGN_SCAN,
				offset_alloc_alloc(&oa, size, 1ULL << shift, &extent));
		COUNTED(STEPS * 4, offset_alloc_alloc_scatter(&oa, 3 * size, extents, 4));
		if (COUNTED(STEPS, offset_alloc_alloc(&oa, size, 0, &extent)))
			continue;
		if (i % 2)
			ASSERT_EQ(0, COUNTED(STEPS, offset_alloc_free(&oa, extent.handle)));
	}
	ASSERT_SOUND(&oa);
	offset_alloc_destroy(&oa);
}

TEST(among_thousands_of_one_size)
{
	enum { N = 20000 };
	static u64 sizes[N], offsets[N];
	struct offset_extent extent;
	struct offset_alloc oa;
	u64 rng = 31;
	int i;

	for (i = 0; i < N; i++)
		sizes[i] = i % 1000 ? (1 << 20) + 5 : (1 << 20) + 100 + i;
	make_holes(_metadata, &oa, sizes, offsets, N);
	oa.align_scan = ALIGN_SCAN;
	for (i = 0; i < N; i++) {
		u64 size = (1 << 20) + rng_below(&rng, 6);

		if (!offset_alloc_ready(&oa))
			ASSERT_EQ(0, grow(&oa));
		if (COUNTED(STEPS, offset_alloc_alloc(&oa, size, 0, &extent)))
			break;
		if (i % 2)
			ASSERT_EQ(0, COUNTED(STEPS, offset_alloc_free(&oa, extent.handle)));
		COUNTED(STEPS + ALIGN_SCAN,
			offset_alloc_alloc(&oa, size, 4096, &extent));
	}
	EXPECT_LT(N / 2, i);
	ASSERT_SOUND(&oa);
	offset_alloc_destroy(&oa);
}

/* A size that shares its bin with many, of which few bits differ */
static u64 awkward_size(u64 *rng)
{
	unsigned int bits = rng_between(rng, 8, 34);
	u64 base = 1ULL << bits;
	u64 spread = base >> OFFSET_ALLOC_BIN_BITS;

	switch (rng_below(rng, 4)) {
	case 0:
		return base + (spread >> rng_below(rng, bits));
	case 1:
		return base + spread - 1 - (spread >> 1 >> rng_below(rng, bits));
	case 2:
		return 1 + rng_below(rng, base);
	default:
		return base + rng_below(rng, spread);
	}
}

TEST(in_a_million_random_calls)
{
	enum { N = 4000, OPS = 1000000 };
	static u64 handles[N];
	struct offset_alloc_report report;
	struct offset_extent extent;
	struct offset_alloc oa;
	u64 rng = 32, resized = 0, capacity;
	int ops;

	ASSERT_EQ(0, init(&oa, 1ULL << 44));
	for (ops = 0; ops < OPS; ops++) {
		u32 i = rng_below(&rng, N);
		u64 size = awkward_size(&rng);
		int err;

		if (!offset_alloc_ready(&oa))
			ASSERT_EQ(0, grow(&oa));
		if (ops % 1024 == 0) {
			COUNTED(STEPS, (offset_alloc_report(&oa, &report), 0));
			capacity = (1ULL << 44) - rng_below(&rng, 1 << 20);
			resized += !COUNTED(STEPS, offset_alloc_set_capacity(&oa, capacity));
		}
		if (!handles[i]) {
			err = COUNTED(STEPS, offset_alloc_alloc(&oa, size, 0, &extent));
			handles[i] = err ? 0 : extent.handle;
		} else if (rng_below(&rng, 3)) {
			ASSERT_EQ(0, COUNTED(STEPS, offset_alloc_free(&oa, handles[i])));
			handles[i] = 0;
		} else {
			COUNTED(STEPS, offset_alloc_resize(&oa, handles[i], size));
		}
	}
	ASSERT_SOUND(&oa);
	EXPECT_LT(100, resized);
	TH_LOG("%llu nodes at most", most);
	offset_alloc_destroy(&oa);
}

/* Many that are large enough, but lie wrong for an alignment */
TEST(aligned_requests_look_at_so_many)
{
	enum { N = 6000 };
	static const u32 scans[] = { 1, 10, 5000, N - 1, N, UINT32_MAX };
	static u64 sizes[N], offsets[N];
	struct offset_extent extent;
	struct offset_alloc oa;
	unsigned long long limit;
	size_t i;

	/* Of two sizes; what lies at the only multiple but 0 begins before it. */
	for (i = 0; i < N; i++)
		sizes[i] = 4096 + i % 2 * 64;
	make_holes(_metadata, &oa, sizes, offsets, N);
	for (i = 0; i < ARRAY_SIZE(scans); i++) {
		oa.align_scan = scans[i];
		limit = STEPS + (unsigned long long)oa.align_scan;
		EXPECT_EQ(scans[i] < N ? -EAGAIN : -ENOSPC,
			  COUNTED(limit, offset_alloc_alloc(&oa, 4090, 1 << 24, &extent)));
		EXPECT_LE(oa.align_scan < N ? oa.align_scan : N, steps);
	}
	offset_alloc_destroy(&oa);
}

/* In a tree, what is found ends the search but for what may be smaller. */
TEST(aligned_requests_end_with_what_they_find)
{
	enum { N = 3000 };
	static u64 sizes[N], offsets[N];
	struct offset_extent extent;
	u64 base = 1ULL << 40, rng = 33, found = 0;
	struct offset_alloc oa;
	unsigned int shift;
	u64 size;
	int err;
	size_t i;

	for (i = 0; i < N; i++)
		sizes[i] = base + i * 1000;
	shuffle(&rng, sizes, N);
	make_holes(_metadata, &oa, sizes, offsets, N);
	for (size = base - 500; size < base + N * 1000; size += 50007) {
		for (shift = 1; shift <= 40; shift += 3) {
			oa.align_scan = 1 + shift;
			err = COUNTED(STEPS + oa.align_scan,
				      offset_alloc_alloc(&oa, size, 1ULL << shift, &extent));
			if (err)
				continue;
			found++;
			ASSERT_EQ(0, offset_alloc_free(&oa, extent.handle));
		}
	}
	EXPECT_LT(300, found);
	ASSERT_SOUND(&oa);
	offset_alloc_destroy(&oa);
}

/* Many holes that lie wrong, and one that doesn't: found piece by piece */
TEST(seek_aligned_goes_a_part_of_the_way)
{
	enum { N = 3000, SIZE = 100, ALIGN = 128, PART = 16, THERE = 2000 };
	static u64 handles[N];
	struct offset_extent extent;
	struct offset_alloc oa;
	u64 offset = 0, size, failures;
	int calls, err, i;

	/* Between most extents there are two units more than what is wanted. */
	ASSERT_EQ(0, init(&oa, N * ALIGN));
	for (i = 0; i < N; i++) {
		if (!offset_alloc_ready(&oa))
			ASSERT_EQ(0, grow(&oa));
		offset = i * ALIGN + (i == THERE ? SIZE + 2 : i % 27);
		size = i == THERE - 1 ? THERE * ALIGN - offset : 27;
		ASSERT_EQ(0, offset_alloc_alloc_at(&oa, offset, size, &extent));
		handles[i] = extent.handle;
	}
	oa.align_scan = 100;
	EXPECT_EQ(-EAGAIN, offset_alloc_alloc(&oa, SIZE, ALIGN, &extent));
	failures = oa.failures;
	offset = 0;
	for (calls = 0; calls < N; calls++) {
		steps = 0;
		err = offset_alloc_seek_aligned(&oa, SIZE, ALIGN, &offset, PART);
		ASSERT_GE(PART, steps);
		if (err != -EAGAIN)
			break;
		/* Others walk elsewhere meanwhile, and free what this one is at. */
		if (calls == 20)
			ASSERT_EQ(0, offset_alloc_resize(&oa, handles[N - 1], 26));
		if (calls == 30)
			ASSERT_EQ(0, offset_alloc_alloc_at(&oa, 27 * ALIGN + 30, 1, &extent));
		if (calls == 40)
			ASSERT_EQ(0, offset_alloc_renew(&oa, &handles[offset / ALIGN]));
		ASSERT_SOUND(&oa);
	}
	ASSERT_EQ(0, err);
	EXPECT_EQ(THERE * ALIGN, offset);
	EXPECT_EQ(failures, oa.failures);
	ASSERT_EQ(0, COUNTED(STEPS + PART,
			     offset_alloc_alloc_at(&oa, offset, SIZE, &extent)));
	offset = 0;
	while ((err = offset_alloc_seek_aligned(&oa, SIZE, ALIGN, &offset, PART)) == -EAGAIN)
		;
	EXPECT_EQ(-ENOSPC, err);
	EXPECT_EQ(failures + 1, oa.failures);
	EXPECT_EQ(-EINVAL, offset_alloc_seek_aligned(&oa, 0, ALIGN, &offset, PART));
	EXPECT_EQ(-EINVAL, offset_alloc_seek_aligned(&oa, N * ALIGN + 1, ALIGN, &offset, PART));
	EXPECT_EQ(-EINVAL, offset_alloc_seek_aligned(&oa, SIZE, 0, &offset, PART));
	EXPECT_EQ(-EINVAL, offset_alloc_seek_aligned(&oa, SIZE, 3, &offset, PART));
	offset = N * ALIGN;
	EXPECT_EQ(-ENOSPC, offset_alloc_seek_aligned(&oa, 1, ALIGN, &offset, PART));
	ASSERT_SOUND(&oa);
	offset_alloc_destroy(&oa);
}

/* From one that was placed so to the next: what lies between, once */
TEST(alloc_at_walks_what_lies_between)
{
	enum { N = 20000 };
	static struct offset_extent extents[N];
	unsigned long long sum = 0;
	struct offset_extent extent;
	struct offset_alloc oa;
	int i;

	ASSERT_EQ(0, init(&oa, 100 * N));
	for (i = 0; i < N; i++) {
		if (!offset_alloc_ready(&oa))
			ASSERT_EQ(0, grow(&oa));
		ASSERT_EQ(0, COUNTED(STEPS, offset_alloc_alloc_at(&oa, i * 100 + i % 2, 50,
								  &extents[i])));
		sum += steps;
	}
	EXPECT_GE(8 * N, sum);
	/* Back to the first, and to the last again: no more than there are */
	for (i = 0; i < 3; i++) {
		ASSERT_EQ(-EBUSY, COUNTED(2 * N + 1, offset_alloc_alloc_at(&oa, 10, 5, &extent)));
		ASSERT_EQ(0, COUNTED(2 * N + 1 + STEPS,
				     offset_alloc_alloc_at(&oa, 100 * N - 9, 2, &extent)));
		ASSERT_EQ(0, offset_alloc_free(&oa, extent.handle));
	}
	ASSERT_SOUND(&oa);
	offset_alloc_destroy(&oa);
}

/* The same, a few steps at a time, whatever happens between them */
TEST(seek_goes_a_part_of_the_way)
{
	enum { N = 5000, PART = 16 };
	static struct offset_extent extents[N];
	static const u64 targets[] = { 0, 55, 100 * N - 9, 100 * N - 1, 50 * N + 60, 20 * N + 70 };
	struct offset_extent extent;
	struct offset_alloc oa;
	size_t i, calls;
	bool there;
	u64 at;

	ASSERT_EQ(0, init(&oa, 100 * N));
	for (i = 0; i < N; i++) {
		if (!offset_alloc_ready(&oa))
			ASSERT_EQ(0, grow(&oa));
		ASSERT_EQ(0, offset_alloc_alloc_at(&oa, i * 100 + i % 2, 50, &extents[i]));
	}
	EXPECT_TRUE(offset_alloc_seek(&oa, 100 * N, 0));
	for (i = 0; i < ARRAY_SIZE(targets); i++) {
		at = targets[i];
		for (calls = 0;; calls++) {
			steps = 0;
			there = offset_alloc_seek(&oa, at, PART);
			ASSERT_GE(PART, steps);
			if (there)
				break;
			ASSERT_GE(2 * N / (PART - 2) + 1, calls);
			/* Who frees what it is at sets it back by no more than all. */
			if (calls == 3 && i == 2)
				ASSERT_EQ(0, offset_alloc_free(&oa, extents[10].handle));
			ASSERT_SOUND(&oa);
		}
		if (COUNTED(STEPS + PART, offset_alloc_alloc_at(&oa, at, 1, &extent)))
			continue;
		EXPECT_EQ(at, extent.offset);
		ASSERT_EQ(0, offset_alloc_free(&oa, extent.handle));
	}
	ASSERT_SOUND(&oa);
	offset_alloc_destroy(&oa);
}

TEST_HARNESS_MAIN
