// SPDX-License-Identifier: GPL-2.0
/*
 * The offset allocator: memory for its nodes
 */
#include "core_unit.h"

TEST(init_refuses_capacities_out_of_range)
{
	static const u64 bad[] = {
		0, OFFSET_ALLOC_MAX_CAPACITY + 1, UINT64_MAX,
	};
	struct offset_alloc oa;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(bad); i++) {
		struct offset_alloc_config config = {
			.capacity = 1000, .max_capacity = bad[i],
		};

		EXPECT_EQ(-EINVAL, init(&oa, bad[i]));
		if (bad[i])
			EXPECT_EQ(-EINVAL, offset_alloc_init(&oa, &config));
		offset_alloc_destroy(&oa);
	}
}

TEST(init_fails_clean_without_memory)
{
	struct offset_alloc oa;
	int i, err;

	for (i = 1;; i++) {
		fail_nth = i;
		err = init(&oa, 1 << 20);
		offset_alloc_destroy(&oa);
		offset_alloc_destroy(&oa);
		if (!err)
			break;
		EXPECT_EQ(-ENOMEM, err);
	}
	EXPECT_EQ(3, i);	/* the directory, a chunk */

	fail_nth = 1;
	EXPECT_EQ(NULL, offset_alloc_chunk_new());
	offset_alloc_chunk_free(NULL);
}

TEST(without_a_chunk_nothing_changes)
{
	struct snapshot *before = malloc(sizeof(*before));
	struct offset_extent extent, last = { 0 }, untouched = { 1, 2, 3 };
	struct offset_alloc_chunk *chunk = offset_alloc_chunk_new();
	struct offset_alloc_chunk *second = offset_alloc_chunk_new();
	struct offset_alloc oa;
	int n;

	ASSERT_TRUE(before && chunk && second);
	ASSERT_EQ(0, init(&oa, 1 << 20));
	EXPECT_EQ(-EEXIST, offset_alloc_add_chunk(&oa, chunk));

	/* All nodes but the sentinel and one free extent; two more for safety */
	for (n = 0; offset_alloc_ready(&oa); n++)
		ASSERT_EQ(0, offset_alloc_alloc(&oa, 3, 0, &last));
	EXPECT_EQ(OA_USABLE_NODES - 3, n);
	EXPECT_EQ(1, oa.nr_spare + oa.nr_hot);

	/* Both remainders: two nodes */
	snapshot_take(before, &oa);
	extent = untouched;
	EXPECT_EQ(-ENOMEM, offset_alloc_alloc(&oa, 1, 4096, &extent));
	EXPECT_EQ(0, memcmp(&extent, &untouched, sizeof(extent)));
	EXPECT_TRUE(snapshot_same(before, &oa));

	/* One remainder: the last node */
	EXPECT_EQ(0, offset_alloc_alloc(&oa, 1, 0, &extent));
	EXPECT_EQ(0, oa.nr_spare + oa.nr_hot);
	snapshot_take(before, &oa);
	EXPECT_EQ(-ENOMEM, offset_alloc_alloc(&oa, 1, 0, &extent));
	EXPECT_EQ(-ENOMEM, offset_alloc_alloc(&oa, 1, 4096, &extent));
	EXPECT_TRUE(snapshot_same(before, &oa));
	ASSERT_SOUND(&oa);

	/* No remainder: no node */
	EXPECT_EQ(0, offset_alloc_free(&oa, last.handle));
	EXPECT_EQ(0, offset_alloc_alloc(&oa, 3, 0, &last));

	EXPECT_EQ(0, offset_alloc_add_chunk(&oa, chunk));
	EXPECT_TRUE(offset_alloc_ready(&oa));
	EXPECT_EQ(-EEXIST, offset_alloc_add_chunk(&oa, second));
	ASSERT_SOUND(&oa);
	EXPECT_EQ(0, offset_alloc_alloc(&oa, 1, 4096, &extent));
	EXPECT_EQ(0, oa.failures);
	ASSERT_SOUND(&oa);
	offset_alloc_chunk_free(second);
	offset_alloc_destroy(&oa);
	free(before);
}

TEST(nodes_for_every_unit)
{
	/* The worst case fits exactly, or with most of a chunk to spare */
	static const u64 capacities[] = { 1, 2, 1014, 1015, 1016, 2031, 2032 };
	struct offset_extent extent;
	struct offset_alloc_chunk *chunk;
	struct offset_alloc oa;
	u64 handles[2048], n, i;
	size_t c;

	for (c = 0; c < ARRAY_SIZE(capacities); c++) {
		ASSERT_EQ(0, init(&oa, capacities[c]));
		for (n = 0; n < capacities[c]; n++) {
			/* Scattered first, to have as many free extents as can be */
			if (alloc_grow(&oa, 1, n % 2 ? 0 : 2, &extent))
				ASSERT_EQ(0, alloc_grow(&oa, 1, 0, &extent));
			handles[n] = extent.handle;
		}
		ASSERT_EQ(capacities[c], (oa.capacity - oa.free));
		ASSERT_SOUND(&oa);
		for (i = 0; i < n; i += 2)
			ASSERT_EQ(0, offset_alloc_free(&oa, handles[i]));
		ASSERT_SOUND(&oa);
		for (i = 0; i < n; i += 2)
			ASSERT_EQ(0, alloc_grow(&oa, 1, 0, &extent));
		ASSERT_EQ(oa.max_chunks, oa.nr_chunks);
		EXPECT_TRUE(offset_alloc_ready(&oa));
		chunk = offset_alloc_chunk_new();
		EXPECT_EQ(-ENOSPC, offset_alloc_add_chunk(&oa, chunk));
		offset_alloc_chunk_free(chunk);
		ASSERT_SOUND(&oa);
		offset_alloc_destroy(&oa);
	}
}

TEST(the_last_node_of_all)
{
	struct offset_extent extent;
	struct offset_alloc oa;
	u32 max_chunks;
	int n;

	/* As with 2^27 nodes, without the 4 GiB for them */
	ASSERT_EQ(0, init(&oa, 1ULL << 40));
	EXPECT_EQ(OA_MAX_CHUNKS, oa.max_chunks);
	max_chunks = oa.max_chunks;
	oa.max_chunks = 1;
	for (n = 0; n < (int)OA_USABLE_NODES - 2; n++)
		ASSERT_EQ(0, alloc_grow(&oa, 7, 0, &extent));
	EXPECT_TRUE(offset_alloc_ready(&oa));
	EXPECT_EQ(-ENOSPC, alloc_grow(&oa, 7, 0, &extent));
	EXPECT_EQ(1, oa.failures);
	EXPECT_EQ(0, offset_alloc_free(&oa, extent.handle));
	EXPECT_EQ(-ENOSPC, alloc_grow(&oa, 1, 1 << 20, &extent));
	EXPECT_EQ(0, alloc_grow(&oa, largest_free(&oa), 0, &extent));
	oa.max_chunks = max_chunks;
	ASSERT_SOUND(&oa);
	offset_alloc_destroy(&oa);
}

TEST(grows_with_the_live_extents)
{
	enum { N = 150000 };
	u64 *handles = calloc(N, sizeof(*handles));
	struct offset_alloc_report report;
	struct offset_alloc_chunk *chunk;
	struct offset_extent extent;
	struct offset_alloc oa;
	u64 rng = 6, used = 0;
	int i;

	ASSERT_NE(NULL, handles);
	ASSERT_EQ(0, init(&oa, 1ULL << 36));
	offset_alloc_report(&oa, &report);
	EXPECT_EQ(OA_USABLE_NODES, report.nodes);
	for (i = 0; i < N; i++) {
		ASSERT_EQ(0, alloc_grow(&oa, rng_between(&rng, 1, 1000), 0, &extent));
		handles[i] = extent.handle;
		used += extent.size;
	}
	ASSERT_SOUND(&oa);
	offset_alloc_report(&oa, &report);
	EXPECT_EQ(N, report.nr_used);
	EXPECT_EQ(used, report.used);
	EXPECT_LE(N + 2, report.nodes);
	EXPECT_GT(N + 2 + 2 * OA_CHUNK_NODES, report.nodes);
	shuffle(&rng, handles, N);
	for (i = 0; i < N; i++)
		ASSERT_EQ(0, offset_alloc_free(&oa, handles[i]));
	ASSERT_SOUND(&oa);
	offset_alloc_report(&oa, &report);
	EXPECT_EQ(1, report.nr_free);
	EXPECT_EQ(1ULL << 36, report.largest_free);

	/* And shrinks again, but for a chunk to spare */
	while ((chunk = offset_alloc_take_chunk(&oa))) {
		offset_alloc_chunk_free(chunk);
		ASSERT_SOUND(&oa);
	}
	EXPECT_GE(3, oa.nr_chunks);
	for (i = 0; i < N; i++)
		ASSERT_EQ(-ENOENT, offset_alloc_free(&oa, handles[i]));
	for (i = 0; i < 5000; i++) {
		ASSERT_EQ(0, alloc_grow(&oa, 10, 0, &extent));
		handles[i] = extent.handle;
	}
	ASSERT_SOUND(&oa);
	for (i = 0; i < 5000; i++)
		ASSERT_EQ(0, offset_alloc_free(&oa, handles[i]));
	offset_alloc_destroy(&oa);
	free(handles);
}

TEST_HARNESS_MAIN
