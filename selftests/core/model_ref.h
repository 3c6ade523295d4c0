/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What an offset allocator is, as simply as can be: the used extents in the order
 * of their offsets. What lies between two of them is free, whatever the numbers, so
 * that it serves for 1 unit as well as for 2^63. It judges every answer of the real
 * one: NULL is praise, anything else names the promise that wasn't kept.
 */
#ifndef _MODEL_REF_H
#define _MODEL_REF_H

#include "core_test.h"

#define REF_MAX_LIVE	6000

struct reference {
	u64 capacity;
	u64 max_capacity;
	u32 first_generation;
	u32 align_scan;
	u64 used;
	u64 peak;
	u64 allocs;
	u64 frees;
	u64 failures;
	u64 bound;		/* more than this was refused since as much was freed */
	u64 given_up;		/* aligned requests that were to look at too many */
	u32 nr_live;
	struct offset_extent live[REF_MAX_LIVE];
};

struct ref_run {
	u64 start;
	u64 length;
	u64 before;		/* sizes of the neighbours; the ends are largest */
	u64 after;
};

void ref_init(struct reference *ref, const struct offset_alloc_config *config);

/* Free run @i of 0 to @ref->nr_live; false if there is none at that place */
bool ref_run(const struct reference *ref, u32 i, struct ref_run *run);
u32 ref_nr_runs(const struct reference *ref);
u64 ref_largest(const struct reference *ref);
u64 ref_free(const struct reference *ref);
/* The index of a used extent, or @ref->nr_live */
u32 ref_find(const struct reference *ref, u64 handle);

/*
 * Was the answer @err right? If so, the reference does the same, which after -ENOMEM
 * is nothing: whether that was right is for who knows the chunks to say.
 */
const char *ref_alloc(struct reference *ref, u64 size, u64 align, int err,
		      const struct offset_extent *extent);
/* Of offset_alloc_seek_aligned() from 0 on to the end */
const char *ref_seek_aligned(struct reference *ref, u64 size, u64 align, int err, u64 offset);
const char *ref_alloc_at(struct reference *ref, u64 offset, u64 size, int err,
			 const struct offset_extent *extent);
const char *ref_scatter(struct reference *ref, u64 size, u32 max_extents, int err,
			const struct offset_extent *extents);
const char *ref_resize(struct reference *ref, u64 handle, u64 size, int err);
const char *ref_free_extent(struct reference *ref, u64 handle, int err);
const char *ref_lookup(const struct reference *ref, u64 handle, int err,
		       const struct offset_extent *extent);
const char *ref_set_capacity(struct reference *ref, u64 capacity, int err);

/* What can be asked at any time */
const char *ref_report(const struct reference *ref,
		       const struct offset_alloc_report *report);
const char *ref_may_fit(const struct reference *ref, u64 size, bool may_fit);
const char *ref_bins(const struct reference *ref, const struct offset_alloc *oa);
const char *ref_walk(const struct reference *ref, const struct offset_alloc *oa);

#endif /* _MODEL_REF_H */
