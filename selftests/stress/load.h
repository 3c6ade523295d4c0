/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Processes that do with a pool all that can be done with it, at random, and see to it
 * that no byte is lost and none is another's. What goes on beside them is the test.
 */
#ifndef STRESS_LOAD_H
#define STRESS_LOAD_H

#include "../pinpool_test.h"

#define LOAD_MAX	16

/* In memory that all of them share */
struct load_shared {
	bool stop;
	uint32_t last_tag;	/* Of whoever came last */
	uint64_t ops[LOAD_MAX];
	uint64_t transfers;	/* O_DIRECT */
	uint64_t imports;
	uint64_t waits;		/* ALLOCs that waited */
	uint64_t refused;	/* Calls that the kernel had no memory for */
};

struct load {
	unsigned int nr;
	pid_t pids[LOAD_MAX];
	int queue[2];		/* Where shares come and go */
	struct load_shared *shared;
};

/* Begin with @nr workers on the pool of pp_node(). */
bool load_start(struct load *load, unsigned int nr);

/* Wait until each has done @more operations. False if one ended meanwhile */
bool load_go_on(struct load *load, uint64_t more);

/* Kill one of them, at whatever it is. False if it had ended */
bool load_kill(struct load *load, unsigned int i);

/* Begin with another one in its place. */
bool load_renew(struct load *load, unsigned int i);

/* Tell them to end. True if none saw what it must not. Says how much they did */
bool load_stop(struct load *load);

#endif /* STRESS_LOAD_H */
