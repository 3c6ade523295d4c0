// SPDX-License-Identifier: GPL-2.0
/*
 * Images of the offset allocator's state in the model
 */
#include "model_calls.h"

#include <stdlib.h>
#include <string.h>

/* Memory that ends: the linker leads the allocator's calls here */

void *__real_calloc(size_t nr, size_t size);
void *__real_aligned_alloc(size_t align, size_t size);
void *__wrap_calloc(size_t nr, size_t size);
void *__wrap_aligned_alloc(size_t align, size_t size);

long model_memory = -1;

static bool memory_left(void)
{
	if (model_memory < 0)
		return true;
	return model_memory && model_memory--;
}

void *__wrap_calloc(size_t nr, size_t size)
{
	return memory_left() ? __real_calloc(nr, size) : NULL;
}

void *__wrap_aligned_alloc(size_t align, size_t size)
{
	return memory_left() ? __real_aligned_alloc(align, size) : NULL;
}

/* Images */

void *image_of(struct run *run, const struct offset_alloc *oa, size_t *size)
{
	char *image;

	*size = offset_alloc_save(oa, NULL, 0);
	/* First with too little room, of which the sanitizer knows the end */
	image = malloc(*size - 1);
	if (!image)
		abort();
	require(run, offset_alloc_save(oa, image, *size - 1) == *size,
		"save tells the length also if it is too much");
	free(image);
	image = malloc(*size);
	if (!image)
		abort();
	require(run, offset_alloc_save(oa, image, *size) == *size, "save tells the length");
	return image;
}

bool image_same(struct run *run)
{
	size_t size, twin_size;
	void *image, *twin;
	bool same;

	if (!run->original)
		return true;
	image = image_of(run, run->oa, &size);
	twin = image_of(run, run->original, &twin_size);
	same = size == twin_size && !memcmp(image, twin, size);
	free(image);
	free(twin);
	return same;
}

static void forget_original(struct run *run)
{
	if (!run->original)
		return;
	offset_alloc_destroy(run->original);
	free(run->original);
	run->original = NULL;
}

/* The loaded one goes on, and the one that was saved beside it. */
void image_save_load(struct run *run, u64 memory)
{
	struct offset_alloc *loaded = malloc(sizeof(*loaded));
	size_t size, again_size;
	void *image = image_of(run, run->oa, &size);
	void *again;
	int err;

	if (!loaded)
		abort();
	require(run, image_same(run), "the loaded one has the state of the original");
	forget_original(run);

	/* A directory, and a chunk or more */
	model_memory = memory % 3;
	err = offset_alloc_load(loaded, image, size);
	if (err) {
		require(run, err == -ENOMEM && !model_memory, "ENOMEM for want of memory");
		model_memory = -1;
		err = offset_alloc_load(loaded, image, size);
	}
	model_memory = -1;
	if (!require(run, !err, "what was saved can be loaded")) {
		free(loaded);
		goto out;
	}
	again = image_of(run, loaded, &again_size);
	require(run, again_size == size && !memcmp(again, image, size),
		"what was loaded gives the same image");
	free(again);
	run->original = run->oa;
	run->oa = loaded;
out:
	free(image);
}

void image_damage(struct run *run, u64 where, u64 how)
{
	struct offset_alloc loaded;
	size_t size;
	unsigned char *image = image_of(run, run->oa, &size);
	unsigned char *start;

	image[where % size] ^= 1 + how % 255;
	require(run, offset_alloc_load(&loaded, image, size) == -EINVAL,
		"a damaged image is refused");
	image[where % size] ^= 1 + how % 255;

	/* At the end of its memory, so that reading on is found out */
	size = where % size;
	start = malloc(size);
	if (!start)
		abort();
	memcpy(start, image, size);
	require(run, offset_alloc_load(&loaded, start, size) == -EINVAL,
		"a part of an image is refused");
	free(start);
	free(image);
}
