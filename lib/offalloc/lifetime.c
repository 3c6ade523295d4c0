// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
/*
 * Allocators come and go
 */
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

#include "private.h"

/* Who claims to have longer options has not filled in their size. */
#define MAX_OPTIONS_SIZE	4096

/* Up to the last field that the first version had */
#define MIN_OPTIONS_SIZE	(offsetof(struct offalloc_options, first_generation) + \
				 sizeof(uint32_t))

static int read_options(const struct offalloc_options *user, struct offalloc_options *options)
{
	const unsigned char *bytes = (const unsigned char *)user;
	size_t i;

	if (user->size < MIN_OPTIONS_SIZE)
		return -EINVAL;
	if (user->size > MAX_OPTIONS_SIZE)
		return -E2BIG;
	for (i = sizeof(*options); i < user->size; i++)
		if (bytes[i])
			return -E2BIG;
	memset(options, 0, sizeof(*options));
	memcpy(options, user, user->size < sizeof(*options) ? user->size : sizeof(*options));
	return options->flags & ~OFFALLOC_NO_LOCK ? -EOPNOTSUPP : 0;
}

/*
 * Multiples of the golden ratio keep as far from one another as so many numbers
 * can. They begin at random, or else a handle kept from an earlier run of the
 * program would be taken for one of this run.
 */
static uint32_t first_generation;

static void seed_generations(void)
{
	if (getrandom(&first_generation, sizeof(first_generation), GRND_NONBLOCK) < 0)
		first_generation = time(NULL);
}

static uint32_t next_first_generation(void)
{
	static pthread_once_t seeded = PTHREAD_ONCE_INIT;

	pthread_once(&seeded, seed_generations);
	return __atomic_fetch_add(&first_generation, 0x9e3779b9U, __ATOMIC_RELAXED);
}

static struct offset_alloc *core_new(const struct offalloc_options *options, int *err)
{
	struct offset_alloc_config config = {
		.capacity = options->capacity,
		.max_capacity = options->max_capacity,
		.first_generation = options->first_generation ? options->first_generation :
				    next_first_generation(),
		.align_scan = options->align_scan,
	};
	struct offset_alloc *core = malloc(sizeof(*core));

	*err = core ? offset_alloc_init(core, &config) : -ENOMEM;
	if (!*err)
		return core;
	free(core);
	return NULL;
}

static struct offset_alloc *core_load(const void *image, size_t size, int *err)
{
	struct offset_alloc *core = malloc(sizeof(*core));

	*err = core ? offset_alloc_load(core, image, size) : -ENOMEM;
	if (!*err)
		return core;
	free(core);
	return NULL;
}

static void core_free(struct offset_alloc *core)
{
	if (core)
		offset_alloc_destroy(core);
	free(core);
}

/* Owns the core if it succeeds. */
static int wrap(const struct offalloc_options *options, struct offset_alloc *core,
		struct offalloc **result)
{
	struct offalloc *oa;

	/* Then no end of an extent overflows. */
	if (core->max_capacity > UINT64_MAX - options->base)
		return -EINVAL;
	oa = calloc(1, sizeof(*oa));
	if (!oa)
		return -ENOMEM;
	if (pthread_mutex_init(&oa->lock, NULL)) {
		free(oa);
		return -ENOMEM;
	}
	oa->core = core;
	oa->bound = core->bound;
	oa->base = options->base;
	oa->locking = !(options->flags & OFFALLOC_NO_LOCK);
	oa->references = 1;
	*result = oa;
	return 0;
}

int offalloc_create(const struct offalloc_options *user, struct offalloc **oa)
{
	struct offalloc_options options;
	struct offset_alloc *core;
	int err;

	err = read_options(user, &options);
	if (err)
		return err;
	core = core_new(&options, &err);
	if (!core)
		return err;
	err = wrap(&options, core, oa);
	if (err)
		core_free(core);
	return err;
}

int offalloc_load(const struct offalloc_options *user, const void *image, size_t size,
		  struct offalloc **oa)
{
	struct offalloc_options options = { 0 };
	struct offset_alloc *core;
	int err;

	err = user ? read_options(user, &options) : 0;
	if (err)
		return err;
	if (options.capacity || options.max_capacity || options.align_scan ||
	    options.first_generation)
		return -EINVAL;
	core = core_load(image, size, &err);
	if (!core)
		return err;
	err = wrap(&options, core, oa);
	if (err)
		core_free(core);
	return err;
}

struct offalloc *offalloc_get(struct offalloc *oa)
{
	__atomic_add_fetch(&oa->references, 1, __ATOMIC_RELAXED);
	return oa;
}

void offalloc_shutdown(struct offalloc *oa)
{
	struct offset_alloc *core;

	if (!oa)
		return;
	core = core_lock(oa);
	if (!core)
		return;
	core_publish(oa, 0);
	oa->core = NULL;
	unlock(oa);
	core_free(core);
}

void offalloc_put(struct offalloc *oa)
{
	if (!oa || __atomic_sub_fetch(&oa->references, 1, __ATOMIC_ACQ_REL))
		return;
	core_free(oa->core);
	pthread_mutex_destroy(&oa->lock);
	free(oa);
}
