/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Included before all else where the allocator is compiled for the model: counts
 * the nodes that its loops visit
 */
#ifndef _MODEL_STEPS_H
#define _MODEL_STEPS_H

extern unsigned long model_steps;

#define oa_step()	(model_steps++)

#endif /* _MODEL_STEPS_H */
