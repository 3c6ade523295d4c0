/* SPDX-License-Identifier: GPL-2.0 */
#ifndef PINPOOL_TOOL_EXERCISE_H
#define PINPOOL_TOOL_EXERCISE_H

#include <stdint.h>

#include "pinpool.h"

/* How an exercise ended */
enum verdict {
	VERDICT_OK,
	VERDICT_CORRUPT,	/* the pool broke a promise */
	VERDICT_FAILED,		/* a call failed that should not */
	VERDICT_UNTESTED,	/* not one buffer could be had */
};

/**
 * struct exercise_config - What to do to a pool
 * @ops: How many random steps: allocations, or frees
 * @max_length: The largest buffer
 * @live: The most buffers at a time
 * @seed: The same seed makes the same steps
 * @progress: Called now and then with how many steps are done, or NULL
 */
struct exercise_config {
	uint64_t ops;
	uint64_t max_length;
	uint64_t live;
	uint64_t seed;
	void (*progress)(uint64_t done, uint64_t ops);
};

/**
 * struct exercise_result - What came of it
 * @verdict: How it ended
 * @what: Unless all is well: what went wrong
 * @error: With VERDICT_FAILED: the negative errno
 * @offset: With VERDICT_CORRUPT: where in the pool
 * @ops: Steps done
 * @allocs: Buffers allocated
 * @frees: Buffers freed
 * @enospc: Allocations that found no room
 * @edquot: Allocations that ran into a limit
 * @peak_live: The most buffers that lived at a time
 * @written: Bytes written
 * @verified: Bytes read back and compared
 * @alloc_ns: Time in pinpool_alloc()
 * @free_ns: Time in pinpool_free()
 * @data_ns: Time of writing and verifying
 */
struct exercise_result {
	enum verdict verdict;
	const char *what;
	int error;
	uint64_t offset;
	uint64_t ops;
	uint64_t allocs;
	uint64_t frees;
	uint64_t enospc;
	uint64_t edquot;
	uint64_t peak_live;
	uint64_t written;
	uint64_t verified;
	uint64_t alloc_ns;
	uint64_t free_ns;
	uint64_t data_ns;
};

int exercise_run(struct pinpool *pool, const struct exercise_config *config,
		 struct exercise_result *result);

#endif /* PINPOOL_TOOL_EXERCISE_H */
