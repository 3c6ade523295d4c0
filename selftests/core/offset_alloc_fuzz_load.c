// SPDX-License-Identifier: GPL-2.0
/*
 * Fuzz target: any bytes go to offset_alloc_load(). What it accepts must be a sound
 * allocator, have the same image, and answer as the reference wants from then on.
 *
 * The first byte says whether to put the checksum at the end of the rest right.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "model_fuzz.h"
#include "model_run.h"

#define NR_OPS_AFTER	50

static void require(bool kept, const char *promise)
{
	if (kept)
		return;
	fprintf(stderr, "not kept: %s\n", promise);
	abort();
}

/* CRC-32 bit by bit, from its definition */
static u32 crc32_of(const unsigned char *data, size_t size)
{
	u32 crc = ~0U;
	size_t i;
	int bit;

	for (i = 0; i < size; i++) {
		crc ^= data[i];
		for (bit = 0; bit < 8; bit++)
			crc = crc >> 1 ^ (crc & 1 ? 0xedb88320 : 0);
	}
	return ~crc;
}

static void fix_checksum(unsigned char *image, size_t size)
{
	u32 crc;
	int i;

	if (size < 4)
		return;
	crc = crc32_of(image, size - 4);
	for (i = 0; i < 4; i++)
		image[size - 4 + i] = crc >> (8 * i);
}

static void check_image(const struct offset_alloc *oa, const unsigned char *image,
			size_t size)
{
	unsigned char *again = malloc(size + 1);

	if (!again)
		abort();
	require(!offset_alloc_check(oa), "what load accepts is sound");
	require(offset_alloc_save(oa, again, size + 1) == size, "and has the same image");
	require(!memcmp(again, image, size), "and has the same image");
	free(again);
}

static void go_on(struct offset_alloc *oa, u64 seed)
{
	static struct sequence seq;
	static struct run run;
	u32 i;

	run_adopt(&run, oa);
	seq.config = run.config;
	seq.nr = 0;
	sequence_draw(&seq, seed, seed % NR_SIZES, seed & 1, NR_OPS_AFTER);
	for (i = 0; i < seq.nr && !run.broken; i++)
		run_op(&run, &seq.ops[i]);
	run_end(&run);
	if (run.broken)
		sequence_print(stderr, &seq, "");
	require(!run.broken, run.broken);
}

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size)
{
	struct offset_alloc *oa;
	unsigned char *image;
	int err;

	if (!size--)
		return 0;
	oa = malloc(sizeof(*oa));
	image = malloc(size);
	if (!oa || !image)
		abort();
	memcpy(image, data + 1, size);
	if (data[0] % 2)
		fix_checksum(image, size);
	err = offset_alloc_load(oa, image, size);
	require(!err || err == -EINVAL || err == -EOPNOTSUPP, "no other error from load");
	if (err) {
		free(oa);
	} else {
		check_image(oa, image, size);
		go_on(oa, crc32_of(image, size));
	}
	free(image);
	return 0;
}
