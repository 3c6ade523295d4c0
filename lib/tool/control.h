/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the commands share that talk to the kernel over netlink
 */
#ifndef PINPOOL_TOOL_CONTROL_H
#define PINPOOL_TOOL_CONTROL_H

#include "pinpool_ctl.h"

/* control.c */
struct pinpool_ctl *control_open(void);
void control_error(const struct pinpool_ctl *ctl, const char *pool, int err);
void control_warn_torn(const struct pinpool_ctl *ctl);

/* settings.c */
int settings_read(char **words, struct pinpool_ctl_pool *pool, bool is_new);

/* show.c */
void pool_json(const char *key, const struct pinpool_ctl_pool *pool);

#endif /* PINPOOL_TOOL_CONTROL_H */
