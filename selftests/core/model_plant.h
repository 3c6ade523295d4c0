/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Bugs that are not the allocator's: where one is planted, the model must find it,
 * and shrink what it found to the few operations that it takes
 */
#ifndef _MODEL_PLANT_H
#define _MODEL_PLANT_H

#include <stdlib.h>

#include "core_test.h"

enum plant {
	PLANT_NONE,
	PLANT_OFFSET,		/* a resize spoils the next allocation */
	PLANT_CRASH,		/* two frees in a row, then a refused one */
};

extern enum plant model_plant;
extern u32 model_plant_state;

static inline void plant_alloc(struct offset_extent *extent, int err)
{
	if (model_plant == PLANT_OFFSET && !err && model_plant_state)
		extent->offset += 1;
}

static inline void plant_resize(int err)
{
	if (model_plant == PLANT_OFFSET && !err)
		model_plant_state = 1;
}

static inline void plant_free(int err)
{
	if (model_plant != PLANT_CRASH)
		return;
	if (err && model_plant_state >= 2)
		abort();
	model_plant_state = err ? 0 : model_plant_state + 1;
}

#endif /* _MODEL_PLANT_H */
