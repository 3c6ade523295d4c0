/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What kmemleak finds: memory of the kernel's that nothing refers to any more
 */
#ifndef PINPOOL_TEST_FAULT_LEAK_H
#define PINPOOL_TEST_FAULT_LEAK_H

#include "fault.h"

#define KMEMLEAK	DEBUGFS "kmemleak"

static inline bool leak_can_look(void)
{
	return !access(KMEMLEAK, W_OK);
}

/* What there was before is none of ours. */
static inline void leak_forget(void)
{
	fault_write(KMEMLEAK, "clear");
}

/* Whether there is nothing, or else what, as comments */
static inline bool leak_none(void)
{
	bool none = true;
	char line[512];
	FILE *file;
	int i;

	/* For five seconds a new object may be on its way to where it is kept. */
	sleep(6);
	/* What moves while it is looked for is not found the second time. */
	for (i = 0; i < 2; i++)
		if (fault_write(KMEMLEAK, "scan"))
			return false;
	file = fopen(KMEMLEAK, "re");
	while (file && fgets(line, sizeof(line), file)) {
		fprintf(stderr, "# %s", line);
		none = false;
	}
	if (file)
		fclose(file);
	return file && none;
}

/*
 * For the end of a test program, with the module still loaded, so that the kernel can
 * tell its functions by name
 */
#define FAULT_TEST_LEAKS						\
	FIXTURE(leaks) { };						\
	FIXTURE_SETUP(leaks) { }					\
	FIXTURE_TEARDOWN(leaks) { }					\
	TEST_F_TIMEOUT(leaks, none, 600)				\
	{								\
		if (!leak_can_look())					\
			SKIP(return, "this kernel has no kmemleak");	\
		EXPECT_TRUE(leak_none());				\
	}								\
	static void __attribute__((constructor)) require(void)		\
	{								\
		fault_require();					\
		leak_forget();						\
	}

#endif /* PINPOOL_TEST_FAULT_LEAK_H */
