/* SPDX-License-Identifier: LGPL-2.1-or-later OR MIT */
/*
 * What the files of the library share
 */
#ifndef OFFALLOC_PRIVATE_H
#define OFFALLOC_PRIVATE_H

#include <errno.h>
#include <pthread.h>

#include "offalloc.h"
#include "offset_alloc.h"

/**
 * struct offalloc - A core, with what makes it safe to share
 * @core: NULL after the shutdown; it and all it points to belong to the lock
 * @bound: No allocation of more can succeed, 0 after the shutdown; written under
 *         the lock, read without: there may be no core to ask
 * @base: Constant
 * @locking: Constant
 * @references: Atomic
 * @lock: Nothing is allocated or freed under it
 */
struct offalloc {
	struct offset_alloc *core;
	uint64_t bound;
	uint64_t base;
	bool locking;
	unsigned int references;
	pthread_mutex_t lock;
};

static inline void unlock(struct offalloc *oa)
{
	if (oa->locking)
		pthread_mutex_unlock(&oa->lock);
}

static inline void core_publish(struct offalloc *oa, uint64_t bound)
{
	if (oa->bound != bound)
		__atomic_store_n(&oa->bound, bound, __ATOMIC_RELAXED);
}

/* The core, locked; or NULL, and no lock is held, after the shutdown */
static inline struct offset_alloc *core_lock(struct offalloc *oa)
{
	struct offset_alloc *core;

	if (oa->locking)
		pthread_mutex_lock(&oa->lock);
	core = oa->core;
	if (!core)
		unlock(oa);
	return core;
}

static inline void core_unlock(struct offalloc *oa)
{
	const struct offset_alloc *core = oa->core;

	core_publish(oa, core->bound < core->free ? core->bound : core->free);
	unlock(oa);
}

/*
 * The core's extents have the same layout, and are made into the library's in
 * their place: the Makefile forbids compilers to rely on types not to alias.
 */
static inline struct offset_extent *core_extent(struct offalloc_extent *extent)
{
	return (struct offset_extent *)extent;
}

#endif /* OFFALLOC_PRIVATE_H */
