/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The calls of the offset allocator, each together with the same call of the
 * original that @run->oa was loaded from, which must give the same, and judged
 */
#ifndef _MODEL_CALLS_H
#define _MODEL_CALLS_H

#include "model_run.h"

#define MAX_SCATTER	8

/* Returns whether @kept */
bool require(struct run *run, bool kept, const char *promise);

void call_alloc(struct run *run, u64 size, u64 align);
void call_alloc_at(struct run *run, u64 offset, u64 size);
void call_scatter(struct run *run, u64 size, u32 max_extents);
void call_resize(struct run *run, u64 handle, u64 size);
void call_free(struct run *run, u64 handle);
void call_lookup(struct run *run, u64 handle);
void call_next(struct run *run, u64 handle);
void call_set_capacity(struct run *run, u64 capacity);
void call_add_chunk(struct run *run);
void call_take_chunk(struct run *run);

/* Spare nodes */
u64 nr_spare(const struct run *run);

/* The image, from malloc() of exactly its size */
void *image_of(struct run *run, const struct offset_alloc *oa, size_t *size);
void image_save_load(struct run *run, u64 memory);
void image_damage(struct run *run, u64 where, u64 how);
/* Would both answer all calls alike? */
bool image_same(struct run *run);

#endif /* _MODEL_CALLS_H */
