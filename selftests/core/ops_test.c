// SPDX-License-Identifier: GPL-2.0
/*
 * The offset allocator: a given place, other sizes, several extents, images
 */
#include "core_unit.h"

static int at_grow(struct offset_alloc *oa, u64 offset, u64 size, struct offset_extent *extent)
{
	int err;

	do {
		err = offset_alloc_alloc_at(oa, offset, size, extent);
	} while (err == -ENOMEM && !grow(oa));
	return err;
}

TEST(at_an_offset)
{
	static const struct {
		u64 offset, size;
		int err;
	} calls[] = {
		{ 0, 0, -EINVAL },
		{ 1000, 1, -EINVAL },
		{ 999, 2, -EINVAL },
		{ UINT64_MAX, 2, -EINVAL },
		{ 1, UINT64_MAX, -EINVAL },
		{ 100, 50, 0 },
		{ 100, 50, -EBUSY },
		{ 149, 1, -EBUSY },
		{ 99, 2, -EBUSY },
		{ 90, 100, -EBUSY },
		{ 150, 10, 0 },
		{ 90, 10, 0 },
		{ 0, 1, 0 },
		{ 999, 1, 0 },
		{ 1, 89, 0 },
		{ 160, 840, -EBUSY },
		{ 160, 839, 0 },
	};
	struct offset_extent extent, untouched = { 1, 2, 3 };
	struct offset_alloc oa;
	size_t i;

	ASSERT_EQ(0, init(&oa, 1000));
	for (i = 0; i < ARRAY_SIZE(calls); i++) {
		extent = untouched;
		ASSERT_EQ(calls[i].err, at_grow(&oa, calls[i].offset, calls[i].size, &extent)) {
			TH_LOG("call %zu", i);
		}
		if (calls[i].err) {
			EXPECT_EQ(0, memcmp(&extent, &untouched, sizeof(extent)));
		} else {
			EXPECT_EQ(calls[i].offset, extent.offset);
			EXPECT_EQ(calls[i].size, extent.size);
		}
		ASSERT_SOUND(&oa);
	}
	EXPECT_EQ(0, oa.free);
	EXPECT_EQ(0, oa.failures);
	offset_alloc_destroy(&oa);
}

/* As a master does after a restart: in order, and each step is short */
TEST(restored_at_their_offsets)
{
	enum { N = 20000 };
	struct offset_extent *live = calloc(N, sizeof(*live));
	struct offset_extent extent;
	struct offset_alloc oa, again;
	u64 rng = 30;
	int i;

	ASSERT_NE(NULL, live);
	ASSERT_EQ(0, init(&oa, 1ULL << 40));
	ASSERT_EQ(0, init(&again, 1ULL << 40));
	for (i = 0; i < N; i++)
		ASSERT_EQ(0, alloc_grow(&oa, rng_between(&rng, 1, 5000), 0, &live[i]));
	for (i = 0; i < N; i += 3)
		ASSERT_EQ(0, offset_alloc_free(&oa, live[i].handle));
	extent.handle = 0;
	while (offset_alloc_next(&oa, &extent) == 1) {
		struct offset_extent restored;

		steps = 0;
		ASSERT_EQ(0, at_grow(&again, extent.offset, extent.size, &restored));
		ASSERT_GT(30, steps);
		ASSERT_EQ(extent.offset, restored.offset);
	}
	EXPECT_EQ(oa.free, again.free);
	EXPECT_EQ(nr_free(&oa), nr_free(&again));
	EXPECT_EQ(largest_free(&oa), largest_free(&again));
	ASSERT_SOUND(&again);
	offset_alloc_destroy(&oa);
	offset_alloc_destroy(&again);
	free(live);
}

TEST(resized_in_place)
{
	struct offset_extent a, b, extent;
	struct offset_alloc oa;

	ASSERT_EQ(0, init(&oa, 1000));
	ASSERT_EQ(0, offset_alloc_alloc_at(&oa, 100, 100, &a));
	ASSERT_EQ(0, offset_alloc_alloc_at(&oa, 300, 100, &b));
	EXPECT_EQ(-EINVAL, offset_alloc_resize(&oa, a.handle, 0));
	EXPECT_EQ(-EINVAL, offset_alloc_resize(&oa, a.handle, 1001));
	EXPECT_EQ(-ENOENT, offset_alloc_resize(&oa, a.handle + 1, 10));
	EXPECT_EQ(-ENOSPC, offset_alloc_resize(&oa, a.handle, 201));
	EXPECT_EQ(1, oa.failures);
	/* Up to all that is free behind it, and down to one */
	EXPECT_EQ(0, offset_alloc_resize(&oa, a.handle, 200));
	EXPECT_EQ(2, nr_free(&oa));
	EXPECT_EQ(0, offset_alloc_resize(&oa, a.handle, 200));
	ASSERT_SOUND(&oa);
	EXPECT_EQ(0, offset_alloc_resize(&oa, a.handle, 199));
	EXPECT_EQ(0, offset_alloc_resize(&oa, a.handle, 1));
	ASSERT_SOUND(&oa);
	ASSERT_EQ(0, offset_alloc_lookup(&oa, a.handle, &extent));
	EXPECT_EQ(100, extent.offset);
	EXPECT_EQ(1, extent.size);
	EXPECT_EQ(3, nr_free(&oa));
	EXPECT_EQ(899, oa.free);
	EXPECT_EQ(0, offset_alloc_resize(&oa, b.handle, 700));
	EXPECT_EQ(-ENOSPC, offset_alloc_resize(&oa, b.handle, 701));
	EXPECT_EQ(0, offset_alloc_free(&oa, a.handle));
	EXPECT_EQ(0, offset_alloc_free(&oa, b.handle));
	EXPECT_EQ(1, nr_free(&oa));
	ASSERT_SOUND(&oa);
	offset_alloc_destroy(&oa);
}

TEST(capacity_grows_and_shrinks)
{
	struct offset_alloc_config config = { .capacity = 100, .max_capacity = 1000 };
	struct offset_alloc_report report;
	struct offset_extent a, b;
	struct offset_alloc oa;

	ASSERT_EQ(0, offset_alloc_init(&oa, &config));
	EXPECT_EQ(-EINVAL, offset_alloc_set_capacity(&oa, 0));
	EXPECT_EQ(-EINVAL, offset_alloc_set_capacity(&oa, 1001));
	ASSERT_EQ(0, alloc_grow(&oa, 100, 0, &a));
	EXPECT_EQ(-EBUSY, offset_alloc_set_capacity(&oa, 99));
	EXPECT_EQ(-EINVAL, alloc_grow(&oa, 101, 0, &b));
	/* Behind a used extent, and more of a free one */
	EXPECT_EQ(0, offset_alloc_set_capacity(&oa, 101));
	EXPECT_EQ(0, offset_alloc_set_capacity(&oa, 1000));
	ASSERT_SOUND(&oa);
	EXPECT_EQ(900, largest_free(&oa));
	ASSERT_EQ(0, offset_alloc_alloc_at(&oa, 500, 100, &b));
	EXPECT_EQ(-EBUSY, offset_alloc_set_capacity(&oa, 599));
	EXPECT_EQ(0, offset_alloc_set_capacity(&oa, 700));
	EXPECT_EQ(0, offset_alloc_set_capacity(&oa, 600));
	ASSERT_SOUND(&oa);
	offset_alloc_report(&oa, &report);
	EXPECT_EQ(600, report.capacity);
	EXPECT_EQ(200, report.used);
	EXPECT_EQ(200, report.peak);
	ASSERT_EQ(0, offset_alloc_free(&oa, b.handle));
	ASSERT_EQ(0, offset_alloc_free(&oa, a.handle));
	EXPECT_EQ(0, offset_alloc_set_capacity(&oa, 1));
	offset_alloc_report(&oa, &report);
	EXPECT_EQ(1, report.peak);
	EXPECT_EQ(-EINVAL, alloc_grow(&oa, 2, 0, &a));
	EXPECT_EQ(-EINVAL, offset_alloc_alloc_scatter(&oa, 2, &a, 1));
	ASSERT_SOUND(&oa);
	offset_alloc_destroy(&oa);
}

TEST(scattered)
{
	static const u64 sizes[] = { 100, 70, 50, 20, 10, 9, 8, 7 };
	struct snapshot *before = malloc(sizeof(*before));
	struct offset_extent extents[8];
	u64 offsets[ARRAY_SIZE(sizes)];
	struct offset_alloc oa;
	int i, nr;
	u64 sum;

	ASSERT_NE(NULL, before);
	make_holes(_metadata, &oa, sizes, offsets, ARRAY_SIZE(sizes));
	snapshot_take(before, &oa);
	EXPECT_EQ(-EINVAL, offset_alloc_alloc_scatter(&oa, 0, extents, 4));
	EXPECT_EQ(-EINVAL, offset_alloc_alloc_scatter(&oa, 10, extents, 0));
	EXPECT_EQ(-EINVAL, offset_alloc_alloc_scatter(&oa, oa.capacity + 1, extents, 8));
	EXPECT_TRUE(snapshot_same(before, &oa));

	/* One where one will do; the fewest units left over where it won't */
	EXPECT_EQ(1, offset_alloc_alloc_scatter(&oa, 100, extents, 8));
	EXPECT_EQ(0, offset_alloc_free(&oa, extents[0].handle));
	EXPECT_EQ(-ENOSPC, offset_alloc_alloc_scatter(&oa, 101, extents, 1));
	EXPECT_EQ(2, offset_alloc_alloc_scatter(&oa, 110, extents, 2));
	EXPECT_EQ(6, nr_free(&oa));
	EXPECT_EQ(0, offset_alloc_free(&oa, extents[0].handle));
	EXPECT_EQ(0, offset_alloc_free(&oa, extents[1].handle));
	EXPECT_EQ(8, nr_free(&oa));
	/* Never more than allowed, and all or nothing */
	EXPECT_EQ(-ENOSPC, offset_alloc_alloc_scatter(&oa, 241, extents, 4));
	EXPECT_EQ(-ENOSPC, offset_alloc_alloc_scatter(&oa, 268, extents, 7));
	EXPECT_EQ(4, oa.failures + 1);
	EXPECT_EQ(274, oa.free);
	EXPECT_EQ(8, nr_free(&oa));
	ASSERT_SOUND(&oa);
	/* To the last unit */
	nr = offset_alloc_alloc_scatter(&oa, 274, extents, 8);
	EXPECT_EQ(8, nr);
	for (i = 0, sum = 0; i < nr; i++) {
		struct offset_extent extent;

		ASSERT_EQ(0, offset_alloc_lookup(&oa, extents[i].handle, &extent));
		EXPECT_EQ(0, memcmp(&extent, &extents[i], sizeof(extent)));
		sum += extent.size;
	}
	EXPECT_EQ(274, sum);
	EXPECT_EQ(0, oa.free);
	ASSERT_SOUND(&oa);
	offset_alloc_destroy(&oa);
	free(before);
}

/* The largest, however many others share their bin */
TEST(scattered_over_the_largest)
{
	static u64 sizes[1000], offsets[1000];
	struct offset_extent extents[4];
	struct offset_alloc oa;
	u64 rng = 34;
	int i, kind;

	for (kind = 0; kind < 2; kind++) {
		for (i = 0; i < 1000; i++)
			sizes[i] = (1 << 20) + (kind ? rng_below(&rng, 1000) : 0);
		for (i = 0; i < 4; i++)
			sizes[i] = (1 << 20) + 1000 + i;
		shuffle(&rng, sizes, 1000);
		make_holes(_metadata, &oa, sizes, offsets, 1000);
		EXPECT_EQ(-ENOSPC, offset_alloc_alloc_scatter(&oa, (4 << 20) + 4007, extents, 4));
		EXPECT_EQ(4, offset_alloc_alloc_scatter(&oa, (4 << 20) + 4006, extents, 4));
		EXPECT_EQ(996, nr_free(&oa));
		ASSERT_SOUND(&oa);
		offset_alloc_destroy(&oa);
	}
}

/* Some thousand calls; *@live has room for 4000 */
static void mix(struct offset_alloc *oa, u64 *rng, u64 *live, int *nr_live, int calls,
		u64 *hash)
{
	struct offset_extent extent = { 0 };

	while (calls--) {
		u64 size = rng_between(rng, 1, 1 << rng_below(rng, 12));
		u64 align = rng_below(rng, 4) ? 0 : 1 << rng_below(rng, 10);
		int err;

		if (rng_below(rng, 2) && *nr_live < 4000) {
			err = alloc_grow(oa, size, align, &extent);
			if (!err)
				live[(*nr_live)++] = extent.handle;
		} else if (*nr_live) {
			u32 i = rng_below(rng, *nr_live);

			if (rng_below(rng, 4)) {
				err = offset_alloc_free(oa, live[i]);
				live[i] = live[--*nr_live];
				offset_alloc_chunk_free(offset_alloc_take_chunk(oa));
			} else {
				err = offset_alloc_resize(oa, live[i], size);
			}
		} else {
			continue;
		}
		*hash = (*hash ^ extent.handle ^ extent.offset << 20 ^ err) * 0x100000001b3ULL;
	}
}

TEST(loaded_goes_on_as_the_saved_one)
{
	static u64 live[2][4000];
	static unsigned char image[2][1 << 20];
	struct offset_alloc oa[2];
	u64 rng[2], hash[2] = { 0 };
	int nr_live[2], round, i;
	size_t length;

	ASSERT_EQ(0, init(&oa[0], 1 << 20));
	rng[0] = 31;
	nr_live[0] = 0;
	for (round = 0; round < 20; round++) {
		mix(&oa[0], &rng[0], live[0], &nr_live[0], 3000, &hash[0]);
		length = offset_alloc_save(&oa[0], NULL, 0);
		ASSERT_GT(sizeof(image[0]), length);
		ASSERT_EQ(length, offset_alloc_save(&oa[0], image[0], sizeof(image[0])));
		ASSERT_EQ(0, offset_alloc_load(&oa[1], image[0], length));
		ASSERT_SOUND(&oa[1]);
		rng[1] = rng[0];
		nr_live[1] = nr_live[0];
		hash[1] = hash[0];
		memcpy(live[1], live[0], sizeof(live[0]));
		for (i = 0; i < 2; i++) {
			mix(&oa[i], &rng[i], live[i], &nr_live[i], 3000, &hash[i]);
			ASSERT_SOUND(&oa[i]);
			length = offset_alloc_save(&oa[i], image[i], sizeof(image[i]));
		}
		ASSERT_EQ(hash[0], hash[1]);
		ASSERT_EQ(nr_live[0], nr_live[1]);
		ASSERT_EQ(0, memcmp(live[0], live[1], nr_live[0] * sizeof(u64)));
		ASSERT_EQ(0, memcmp(image[0], image[1], length));
		offset_alloc_destroy(&oa[1]);
	}
	offset_alloc_destroy(&oa[0]);
}

/* Make the sum at the end right. */
static void sign(unsigned char *image, size_t length)
{
	u32 crc = ~0U;
	size_t i;

	for (i = 0; i < length - 4; i++)
		crc = crc32_add(crc, image[i]);
	for (i = 0; i < 4; i++)
		image[length - 4 + i] = ~crc >> 8 * i;
}

TEST(broken_images_are_refused)
{
	static unsigned char image[1 << 16], broken[sizeof(image)];
	static u64 live[4000];
	struct offset_alloc oa, loaded;
	size_t length, i;
	u64 rng = 32, hash = 0;
	int nr_live = 0;

	ASSERT_EQ(0, init(&oa, 1 << 16));
	mix(&oa, &rng, live, &nr_live, 500, &hash);
	length = offset_alloc_save(&oa, image, sizeof(image));
	ASSERT_GT(sizeof(image), length);
	offset_alloc_destroy(&oa);

	for (i = 0; i < length; i++)
		ASSERT_EQ(-EINVAL, offset_alloc_load(&loaded, image, i));
	image[length] = 0;
	ASSERT_EQ(-EINVAL, offset_alloc_load(&loaded, image, length + 1));
	for (i = 0; i < length * 8; i++) {
		memcpy(broken, image, length);
		broken[i / 8] ^= 1 << i % 8;
		ASSERT_EQ(-EINVAL, offset_alloc_load(&loaded, broken, length));
	}
	/* With a sum that is right: never one that isn't sound, nor another's image */
	for (i = 0; i < length * 8 - 32; i++) {
		int err;

		memcpy(broken, image, length);
		broken[i / 8] ^= 1 << i % 8;
		sign(broken, length);
		err = offset_alloc_load(&loaded, broken, length);
		if (i / 8 >= 8 && i / 8 < 12) {
			ASSERT_EQ(-EOPNOTSUPP, err);
		} else if (err) {
			ASSERT_EQ(-EINVAL, err);
		} else {
			ASSERT_SOUND(&loaded);
			ASSERT_EQ(length, offset_alloc_save(&loaded, image, sizeof(image)));
			ASSERT_EQ(0, memcmp(image, broken, length));
			broken[i / 8] ^= 1 << i % 8;
			memcpy(image, broken, length);
			offset_alloc_destroy(&loaded);
		}
	}
}

/* Well written, but of an allocator that there can't be */
TEST(images_with_wrong_numbers_are_refused)
{
	enum { CAPACITY = 1000, HEADER = 80 };
	static const struct {
		size_t at;
		int bytes;
		u64 value;
	} fields[] = {
		{ 12, 4, 0 },					/* align_scan */
		{ 16, 8, 0 },					/* capacity */
		{ 24, 8, CAPACITY - 1 },			/* max_capacity */
		{ 24, 8, OFFSET_ALLOC_MAX_CAPACITY + 1 },
		{ 32, 8, CAPACITY + 1 },			/* bound */
	};
	/* More than 64 bits, more bytes than it takes, and no end */
	static const char * const numbers[] = {
		"\x81\x80\x80\x80\x80\x80\x80\x80\x80\x02",
		"\x81\x80\x80\x80\x80\x80\x80\x80\x80\x81\x01",
		"\x81\x80", "\x81",
	};
	unsigned char image[256], broken[sizeof(image) + 16];
	struct offset_alloc oa, loaded;
	size_t length, n, i;
	int byte;

	ASSERT_EQ(0, init(&oa, CAPACITY));
	length = offset_alloc_save(&oa, image, sizeof(image));
	ASSERT_GT(sizeof(image), length);
	offset_alloc_destroy(&oa);
	for (i = 0; i < ARRAY_SIZE(fields); i++) {
		memcpy(broken, image, length);
		for (byte = 0; byte < fields[i].bytes; byte++)
			broken[fields[i].at + byte] = fields[i].value >> 8 * byte;
		sign(broken, length);
		EXPECT_EQ(-EINVAL, offset_alloc_load(&loaded, broken, length)) {
			TH_LOG("field at %zu", fields[i].at);
		}
	}
	/* In the place of the number of chunks */
	ASSERT_EQ(1, image[HEADER]);
	for (i = 0; i < ARRAY_SIZE(numbers); i++) {
		n = strlen(numbers[i]);
		/* The third one ends with the 0 of the string. */
		n += n == 2;
		memcpy(broken, image, HEADER);
		memcpy(broken + HEADER, numbers[i], n);
		memcpy(broken + HEADER + n, image + HEADER + 1, length - HEADER - 1);
		sign(broken, length + n - 1);
		EXPECT_EQ(-EINVAL, offset_alloc_load(&loaded, broken, length + n - 1)) {
			TH_LOG("number %zu", i);
		}
	}
	memcpy(broken, image, length);
	sign(broken, length);
	ASSERT_EQ(0, offset_alloc_load(&loaded, broken, length));
	offset_alloc_destroy(&loaded);
}

/* Chunks may be missing between others. */
TEST(an_image_with_a_gap_between_chunks)
{
	enum { N = 4 * OA_USABLE_NODES };
	static unsigned char image[1 << 16], again[sizeof(image)];
	static u64 handles[N];
	struct offset_alloc oa, loaded;
	struct offset_extent extent;
	size_t length;
	int i;

	ASSERT_EQ(0, init(&oa, 10 * N));
	for (i = 0; i < N; i++) {
		ASSERT_EQ(0, alloc_grow(&oa, 3, 0, &extent));
		handles[i] = extent.handle;
	}
	/* All but those of the last chunk */
	for (i = 0; i < N; i++)
		if (oa_slot(handles[i]) < 4)
			ASSERT_EQ(0, offset_alloc_free(&oa, handles[i]));
	while (oa.nr_empty > 1) {
		struct offset_alloc_chunk *chunk = offset_alloc_take_chunk(&oa);

		ASSERT_NE(NULL, chunk);
		offset_alloc_chunk_free(chunk);
	}
	ASSERT_NE(NULL, oa.chunks[4]);
	ASSERT_EQ(NULL, oa.chunks[3]);
	length = offset_alloc_save(&oa, image, sizeof(image));
	ASSERT_GT(sizeof(image), length);
	ASSERT_EQ(0, offset_alloc_load(&loaded, image, length));
	ASSERT_SOUND(&loaded);
	EXPECT_EQ(NULL, loaded.chunks[3]);
	ASSERT_EQ(length, offset_alloc_save(&loaded, again, sizeof(again)));
	EXPECT_EQ(0, memcmp(image, again, length));
	offset_alloc_destroy(&loaded);
	offset_alloc_destroy(&oa);
}

TEST(load_fails_clean_without_memory)
{
	static unsigned char image[1 << 16];
	struct offset_extent extent;
	struct offset_alloc oa;
	size_t length;
	int i, err;

	ASSERT_EQ(0, init(&oa, 1 << 20));
	for (i = 0; i < 1500; i++)
		ASSERT_EQ(0, alloc_grow(&oa, 3, 0, &extent));
	length = offset_alloc_save(&oa, image, sizeof(image));
	ASSERT_GT(sizeof(image), length);
	offset_alloc_destroy(&oa);
	for (i = 1;; i++) {
		fail_nth = i;
		err = offset_alloc_load(&oa, image, length);
		fail_nth = 0;
		offset_alloc_destroy(&oa);
		if (!err)
			break;
		ASSERT_EQ(-ENOMEM, err);
	}
	EXPECT_EQ(4, i);	/* the directory, two chunks */
}

/* Sizes that make lists and trees of all kinds */
static u64 draw_size(u64 *rng, int kind)
{
	switch (kind) {
	case 0:
		return rng_between(rng, 1, 200);
	case 1:
		return rng_between(rng, 512, 519);
	case 2:
		return rng_between(rng, 1, 1 << rng_below(rng, 18));
	default:
		/* One bin, and keys that differ in one bit only */
		return (1ULL << 46) + (1ULL << rng_below(rng, 40));
	}
}

enum call { ALLOC, ALIGNED, SCATTER, FREE_OR_RESIZE, NR_CALLS };

static enum call draw_call(u64 *rng)
{
	u32 draw = rng_below(rng, 200);

	if (draw >= 104)
		return FREE_OR_RESIZE;
	return draw ? draw < 6 ? ALIGNED : ALLOC : SCATTER;
}

/* Nothing takes more steps than the header says, however the extents lie */
TEST(steps_are_bounded)
{
	enum { N = 40000, SCAN = 256 };
	static u64 live[N];
	struct offset_extent extents[16];
	u64 rng = 33, most[NR_CALLS] = { 0 };
	struct offset_alloc oa;
	int ops, kind, i, nr;

	for (kind = 0; kind < 4; kind++) {
		int nr_live = 0;

		ASSERT_EQ(0, init(&oa, kind == 3 ? 1ULL << 63 : 1 << 22));
		oa.align_scan = SCAN;
		for (ops = 0; ops < 150000; ops++) {
			enum call call = nr_live < N ? draw_call(&rng) : FREE_OR_RESIZE;
			u64 size = draw_size(&rng, kind);

			if (!offset_alloc_ready(&oa))
				ASSERT_EQ(0, grow(&oa));
			i = rng_below(&rng, nr_live + 1);
			nr = 0;
			steps = 0;
			if (call == SCATTER) {
				nr = offset_alloc_alloc_scatter(&oa, 3 * size, extents, 16);
			} else if (call != FREE_OR_RESIZE) {
				nr = !offset_alloc_alloc(&oa, size, call == ALIGNED ? 64 : 0,
							 extents);
			} else if (i < nr_live && ops % 8) {
				ASSERT_EQ(0, offset_alloc_free(&oa, live[i]));
				live[i] = live[--nr_live];
			} else if (i < nr_live) {
				offset_alloc_resize(&oa, live[i], size);
			}
			if (steps > most[call])
				most[call] = steps;
			while (nr-- > 0 && nr_live < N)
				live[nr_live++] = extents[nr].handle;
		}
		ASSERT_SOUND(&oa);
		offset_alloc_destroy(&oa);
	}
	TH_LOG("at most: %" PRIu64 " alloc, %" PRIu64 " aligned, %" PRIu64
	       " scattered, %" PRIu64 " free or resize", most[ALLOC], most[ALIGNED],
	       most[SCATTER], most[FREE_OR_RESIZE]);
	EXPECT_GE(OFFSET_ALLOC_MAX_STEPS, most[ALLOC]);
	EXPECT_GE(OFFSET_ALLOC_MAX_STEPS + SCAN, most[ALIGNED]);
	EXPECT_GE(16 * OFFSET_ALLOC_MAX_STEPS, most[SCATTER]);
	EXPECT_GE(OFFSET_ALLOC_MAX_STEPS, most[FREE_OR_RESIZE]);
}

TEST_HARNESS_MAIN
