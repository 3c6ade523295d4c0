/* SPDX-License-Identifier: GPL-2.0 */
#ifndef PINPOOL_TOOL_POOLS_H
#define PINPOOL_TOOL_POOLS_H

#include <sys/stat.h>

#include <linux/pinpool.h>

/**
 * struct pool_state - What a pool tells of itself
 * @info: What it is
 * @stats: How full it is; this command isn't counted in @clients
 */
struct pool_state {
	struct pinpool_info info;
	struct pinpool_stats stats;
};

/**
 * struct node_owner - Who may open a node, as text
 * @mode: Permission bits, octal
 * @user: Name or number
 * @group: Name or number
 */
struct node_owner {
	char mode[8];
	char user[64];
	char group[64];
};

int pools_names(char ***names);
void pools_names_free(char **names);
void pools_print_none(void);
int pools_read(const char *pool, struct pool_state *state);
int pools_stat(const char *pool, struct stat *st);
void pools_owner(const struct stat *st, struct node_owner *owner);

double stats_fragmentation(const struct pinpool_stats *stats);
const char *backing_name(uint32_t backing);
const char *longterm_name(uint32_t longterm);
const char *longterm_text(uint32_t longterm);
void chunks_print(const char *what, uint64_t chunks, uint64_t min, uint64_t max,
		  uint64_t nodes);
const char *zero_name(uint32_t zero);

#endif /* PINPOOL_TOOL_POOLS_H */
