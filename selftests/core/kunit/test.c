// SPDX-License-Identifier: GPL-2.0
/*
 * Runs KUnit suites in user space: all that are linked to it, as TAP
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <kunit/test.h>

/* Precedes what kunit_kcalloc() gives */
struct kunit_memory {
	struct kunit_memory *next;
	max_align_t data[];
};

void *kunit_kcalloc(struct kunit *test, size_t n, size_t size, int gfp)
{
	struct kunit_memory *memory;

	(void)gfp;
	if (__builtin_mul_overflow(n, size, &size))
		return NULL;
	memory = calloc(1, sizeof(*memory) + size);
	if (!memory)
		return NULL;
	memory->next = test->memories;
	test->memories = memory;
	return memory->data;
}

static void free_memories(struct kunit *test)
{
	struct kunit_memory *memory;

	while (test->memories) {
		memory = test->memories;
		test->memories = memory->next;
		free(memory);
	}
}

void kunit_fail(struct kunit *test, bool fatal, const char *file, int line,
		const char *format, ...)
{
	va_list args;

	printf("# %s:%d: ", file, line);
	va_start(args, format);
	vprintf(format, args);
	va_end(args);
	printf("\n");
	test->failed = true;
	if (fatal)
		longjmp(test->end, 1);
}

static bool run_case(const struct kunit_suite *suite, const struct kunit_case *c)
{
	struct kunit test = { 0 };

	if (!setjmp(test.end)) {
		if (suite->init(&test))
			kunit_fail(&test, true, __FILE__, __LINE__, "no memory");
		c->run_case(&test);
	}
	suite->exit(&test);
	free_memories(&test);
	return !test.failed;
}

int main(void)
{
	struct kunit_suite **suite;
	const struct kunit_case *c;
	int number = 0, bad = 0;

	printf("TAP version 13\n");
	for (suite = __start_kunit_suites; suite < __stop_kunit_suites; suite++) {
		printf("# %s\n", (*suite)->name);
		for (c = (*suite)->test_cases; c->run_case; c++) {
			bool good = run_case(*suite, c);

			bad += !good;
			printf("%s %d - %s\n", good ? "ok" : "not ok", ++number, c->name);
			fflush(stdout);
		}
	}
	printf("1..%d\n", number);
	return bad || !number;
}
