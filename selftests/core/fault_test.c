// SPDX-License-Identifier: GPL-2.0
/*
 * The offset allocator: memory runs out, chunks come and go
 */
#include "core_unit.h"

TEST(init_fails_clean_at_each_allocation)
{
	static const struct offset_alloc_config configs[] = {
		{ .capacity = 1 },
		{ .capacity = 1, .max_capacity = OFFSET_ALLOC_MAX_CAPACITY },
		{ .capacity = OFFSET_ALLOC_MAX_CAPACITY, .first_generation = 7, .align_scan = 9 },
	};
	struct offset_alloc oa, zero;
	size_t i;
	int nth;

	memset(&zero, 0, sizeof(zero));
	for (i = 0; i < ARRAY_SIZE(configs); i++) {
		for (nth = 1; nth <= 2; nth++) {
			memset(&oa, 0x55, sizeof(oa));
			fail_nth = nth;
			ASSERT_EQ(-ENOMEM, offset_alloc_init(&oa, &configs[i]));
			ASSERT_EQ(0, fail_nth);
			offset_alloc_destroy(&oa);
			ASSERT_EQ(0, memcmp(&oa, &zero, sizeof(oa)));
			offset_alloc_destroy(&oa);
		}
		ASSERT_EQ(0, offset_alloc_init(&oa, &configs[i]));
		ASSERT_SOUND(&oa);
		offset_alloc_destroy(&oa);
		ASSERT_EQ(0, memcmp(&oa, &zero, sizeof(oa)));
	}
}

#define CAPACITY (1 << 20)

/* An allocator with so many nodes left, and what make_call() asks it for */
struct scarce {
	struct offset_alloc oa;
	u64 open;		/* [200, 300), with free units on both sides */
	u64 shut;		/* [700, 800), with a used extent behind */
};

static void make_scarce(struct __test_metadata *_metadata, struct scarce *s, u32 left)
{
	struct offset_alloc_config config = {
		.capacity = CAPACITY, .max_capacity = 2 * CAPACITY,
	};
	struct offset_alloc *oa = &s->oa;
	struct offset_extent extent;
	u64 at = CAPACITY / 2;

	ASSERT_EQ(0, offset_alloc_init(oa, &config));
	ASSERT_EQ(0, offset_alloc_alloc_at(oa, 0, 100, &extent));
	ASSERT_EQ(0, offset_alloc_alloc_at(oa, 200, 100, &extent));
	s->open = extent.handle;
	ASSERT_EQ(0, offset_alloc_alloc_at(oa, 350, 1, &extent));
	ASSERT_EQ(0, offset_alloc_alloc_at(oa, 700, 100, &extent));
	s->shut = extent.handle;
	ASSERT_EQ(0, offset_alloc_alloc_at(oa, 800, 1, &extent));
	ASSERT_EQ(0, offset_alloc_alloc_at(oa, CAPACITY - 1, 1, &extent));
	while (oa->nr_spare + oa->nr_hot > left)
		ASSERT_EQ(0, offset_alloc_alloc_at(oa, at++, 1, &extent));
	ASSERT_EQ(left, oa->nr_spare + oa->nr_hot);
	ASSERT_SOUND(oa);
}

/* What may take nodes, and how many it takes here */
static const struct {
	const char *name;
	u32 nodes;
} calls[] = {
	{ "an exact fit", 0 },
	{ "one that leaves a rest", 1 },
	{ "an aligned one between two rests", 2 },
	{ "at an offset, all that is free there", 0 },
	{ "at an offset, a rest behind it", 1 },
	{ "at an offset, a rest before it", 1 },
	{ "at an offset, two rests", 2 },
	{ "scattered", 1 },
	{ "grown, a rest behind it", 0 },
	{ "grown over all that is free there", 0 },
	{ "shrunk before a free one", 0 },
	{ "shrunk before a used one", 1 },
	{ "capacity grown", 1 },
	{ "free", 0 },
};

static int make_call(struct scarce *s, size_t call)
{
	struct offset_alloc *oa = &s->oa;
	struct offset_extent extents[3];
	int nr;

	switch (call) {
	case 0:
		return offset_alloc_alloc(oa, 100, 0, extents);
	case 1:
		return offset_alloc_alloc(oa, 90, 0, extents);
	case 2:
		return offset_alloc_alloc(oa, 20, 1 << 15, extents);
	case 3:
		return offset_alloc_alloc_at(oa, 100, 100, extents);
	case 4:
		return offset_alloc_alloc_at(oa, 100, 99, extents);
	case 5:
		return offset_alloc_alloc_at(oa, 101, 99, extents);
	case 6:
		return offset_alloc_alloc_at(oa, 101, 98, extents);
	case 7:
		nr = offset_alloc_alloc_scatter(oa, largest_free(oa) + 1, extents, 3);
		return nr < 0 ? nr : 0;
	case 8:
		return offset_alloc_resize(oa, s->open, 149);
	case 9:
		return offset_alloc_resize(oa, s->open, 150);
	case 10:
		return offset_alloc_resize(oa, s->open, 99);
	case 11:
		return offset_alloc_resize(oa, s->shut, 99);
	case 12:
		return offset_alloc_set_capacity(oa, CAPACITY + 1);
	case 13:
		return offset_alloc_free(oa, s->open);
	}
	return -EIO;
}

/* A refusal may have taught it what doesn't fit; all else is as it was. */
static bool unchanged(struct scarce *s, const struct snapshot *before)
{
	if (s->oa.bound < largest_free(&s->oa) || s->oa.bound > before->oa.bound)
		return false;
	s->oa.bound = before->oa.bound;
	return snapshot_same(before, &s->oa);
}

/*
 * Each call with each number of nodes left: it gets along with what it needs, or
 * changes nothing and works once there is a chunk
 */
TEST(short_of_nodes_nothing_changes)
{
	struct snapshot *before = malloc(sizeof(*before));
	struct scarce s;
	size_t i;
	u32 left;

	ASSERT_NE(NULL, before);
	for (left = 0; left <= 2; left++) {
		for (i = 0; i < ARRAY_SIZE(calls); i++) {
			make_scarce(_metadata, &s, left);
			snapshot_take(before, &s.oa);
			if (calls[i].nodes > left) {
				EXPECT_FALSE(offset_alloc_ready(&s.oa));
				ASSERT_EQ(-ENOMEM, make_call(&s, i)) {
					TH_LOG("%s, %u left", calls[i].name, left);
				}
				ASSERT_TRUE(unchanged(&s, before)) {
					TH_LOG("%s, %u left", calls[i].name, left);
				}
				ASSERT_EQ(0, grow(&s.oa));
			}
			ASSERT_EQ(0, make_call(&s, i)) {
				TH_LOG("%s, %u left", calls[i].name, left);
			}
			ASSERT_SOUND(&s.oa);
			offset_alloc_destroy(&s.oa);
		}
	}
	free(before);
}

/* The same with all nodes there can be: refused for good, and counted */
TEST(out_of_nodes_for_good)
{
	struct snapshot *before = malloc(sizeof(*before));
	u32 left, max_chunks;
	struct scarce s;
	size_t i;

	ASSERT_NE(NULL, before);
	for (left = 0; left <= 1; left++) {
		for (i = 0; i < ARRAY_SIZE(calls); i++) {
			if (calls[i].nodes <= left)
				continue;
			make_scarce(_metadata, &s, left);
			max_chunks = s.oa.max_chunks;
			s.oa.max_chunks = s.oa.nr_chunks;
			snapshot_take(before, &s.oa);
			EXPECT_TRUE(offset_alloc_ready(&s.oa));
			ASSERT_EQ(-ENOSPC, make_call(&s, i)) {
				TH_LOG("%s, %u left", calls[i].name, left);
			}
			EXPECT_EQ(before->oa.failures + 1, s.oa.failures);
			s.oa.failures--;
			ASSERT_TRUE(unchanged(&s, before)) {
				TH_LOG("%s, %u left", calls[i].name, left);
			}
			s.oa.max_chunks = max_chunks;
			offset_alloc_destroy(&s.oa);
		}
	}
	free(before);
}

/* Use all nodes of so many chunks, and return the handles by their nodes */
static void fill_chunks(struct __test_metadata *_metadata, struct offset_alloc *oa,
			u64 *handles, u32 nr_chunks)
{
	struct offset_extent extent;

	ASSERT_EQ(0, init(oa, 1ULL << 30));
	while (oa->nr_chunks < nr_chunks || oa->nr_spare + oa->nr_hot) {
		ASSERT_EQ(0, alloc_grow(oa, 5, 0, &extent));
		handles[(u32)extent.handle / OFFSET_ALLOC_NODE_SIZE] = extent.handle;
	}
	ASSERT_EQ(nr_chunks, oa->nr_chunks);
	ASSERT_SOUND(oa);
}

static void free_chunk(struct __test_metadata *_metadata, struct offset_alloc *oa,
		       const u64 *handles, u32 slot)
{
	u32 n = slot * OA_CHUNK_NODES;

	for (; n / OA_CHUNK_NODES == slot; n++)
		if (handles[n])
			ASSERT_EQ(0, offset_alloc_free(oa, handles[n]));
}

TEST(chunks_that_went_and_came_again)
{
	enum { N = 6 };
	u64 *handles = calloc(N * OA_CHUNK_NODES, sizeof(*handles));
	struct offset_extent extent, untouched = { 1, 2, 3 };
	struct offset_alloc_chunk *taken[2];
	struct offset_alloc oa, other;
	u32 i, slot, n;

	ASSERT_NE(NULL, handles);
	fill_chunks(_metadata, &oa, handles, N);
	EXPECT_EQ(NULL, offset_alloc_take_chunk(&oa));
	for (slot = 1; slot < N - 1; slot++)
		free_chunk(_metadata, &oa, handles, slot);
	ASSERT_SOUND(&oa);
	for (i = 0; i < 2; i++) {
		taken[i] = offset_alloc_take_chunk(&oa);
		ASSERT_NE(NULL, taken[i]);
		ASSERT_SOUND(&oa);
	}
	EXPECT_EQ(N - 2, oa.nr_chunks);

	/* What had its nodes there, or anywhere that is absent, is nothing now. */
	for (n = 0; n < (N + 2) * OA_CHUNK_NODES; n++) {
		u64 handle = n < N * OA_CHUNK_NODES ? handles[n] : n * OFFSET_ALLOC_NODE_SIZE;

		slot = n / OA_CHUNK_NODES;
		if (!slot || slot == N - 1)
			continue;
		extent = untouched;
		ASSERT_EQ(-ENOENT, offset_alloc_lookup(&oa, handle, &extent));
		ASSERT_EQ(-ENOENT, offset_alloc_free(&oa, handle));
		ASSERT_EQ(-ENOENT, offset_alloc_resize(&oa, handle, 1));
		ASSERT_EQ(0, memcmp(&untouched, &extent, sizeof(extent)));
		extent.handle = handle;
		ASSERT_EQ(handle ? -ENOENT : 1, offset_alloc_next(&oa, &extent));
	}

	/* A chunk is as good as new, for any allocator: here the first one's. */
	offset_alloc_chunk_free(taken[0]);
	ASSERT_EQ(0, init(&other, CAPACITY));
	while (offset_alloc_ready(&other))
		ASSERT_EQ(0, offset_alloc_alloc(&other, 1, 0, &extent));
	ASSERT_EQ(0, offset_alloc_add_chunk(&other, taken[1]));
	ASSERT_SOUND(&other);
	for (i = 0; i < OA_USABLE_NODES; i++)
		ASSERT_EQ(0, offset_alloc_alloc(&other, 1, 0, &extent));
	ASSERT_SOUND(&other);

	/* The lowest slots are used again, and the old handles remain nothing. */
	while (oa.nr_chunks < N)
		ASSERT_EQ(0, alloc_grow(&oa, 5, 0, &extent));
	for (slot = 0; slot < N; slot++)
		EXPECT_NE(NULL, oa.chunks[slot]);
	while (oa.nr_spare)
		ASSERT_EQ(0, alloc_grow(&oa, 5, 0, &extent));
	for (n = OA_CHUNK_NODES; n < (N - 1) * OA_CHUNK_NODES; n++)
		ASSERT_EQ(-ENOENT, offset_alloc_free(&oa, handles[n]));
	ASSERT_SOUND(&oa);
	offset_alloc_destroy(&oa);
	offset_alloc_destroy(&other);
	free(handles);
}

/* One empty chunk stays, that none comes and goes with a single extent. */
TEST(one_empty_chunk_stays)
{
	struct offset_alloc_chunk *chunk;
	struct offset_extent extent;
	struct offset_alloc oa;
	u64 *handles = calloc(8 * OA_CHUNK_NODES, sizeof(*handles));
	u32 slot, taken = 0;

	ASSERT_NE(NULL, handles);
	fill_chunks(_metadata, &oa, handles, 8);
	for (slot = 7; slot; slot--)
		free_chunk(_metadata, &oa, handles, slot);
	free_chunk(_metadata, &oa, handles, 0);
	EXPECT_EQ(1, nr_free(&oa));
	while ((chunk = offset_alloc_take_chunk(&oa))) {
		offset_alloc_chunk_free(chunk);
		taken++;
		ASSERT_SOUND(&oa);
	}
	/* The one with the sentinel, the one with the free extent, if another */
	EXPECT_LE(5, taken);
	EXPECT_GE(1, oa.nr_empty);
	for (slot = 0; slot < 1000; slot++) {
		ASSERT_EQ(0, offset_alloc_alloc(&oa, 1, 0, &extent));
		ASSERT_EQ(0, offset_alloc_free(&oa, extent.handle));
		ASSERT_EQ(NULL, offset_alloc_take_chunk(&oa));
	}
	ASSERT_SOUND(&oa);
	offset_alloc_destroy(&oa);
	free(handles);
}

/* However long an extent lives: the image keeps its age in 32 bits. */
TEST(saved_at_any_age)
{
	static const u64 ages[] = {
		1, 2, UINT32_MAX, 1ULL << 32, (1ULL << 32) + 1, 3ULL << 32,
	};
	struct offset_extent extent, found;
	struct offset_alloc oa, loaded;
	unsigned char image[512];
	size_t i, length;

	for (i = 0; i < ARRAY_SIZE(ages); i++) {
		ASSERT_EQ(0, init(&oa, 1000));
		ASSERT_EQ(0, alloc_grow(&oa, 10, 0, &extent));
		/* As if others had been allocated, and freed, since */
		oa.generation += ages[i] - 1;
		oa.frees += ages[i] - 1;
		ASSERT_SOUND(&oa);
		length = offset_alloc_save(&oa, image, sizeof(image));
		ASSERT_GE(sizeof(image), length);
		ASSERT_EQ(0, offset_alloc_load(&loaded, image, length)) {
			TH_LOG("age %#" PRIx64, ages[i]);
		}
		ASSERT_EQ(0, offset_alloc_lookup(&loaded, extent.handle, &found));
		EXPECT_EQ(0, memcmp(&extent, &found, sizeof(extent)));
		offset_alloc_destroy(&oa);
		offset_alloc_destroy(&loaded);
	}
}

TEST_HARNESS_MAIN
