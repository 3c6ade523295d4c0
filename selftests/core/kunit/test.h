/* SPDX-License-Identifier: GPL-2.0 */
/*
 * As much of the kernel's <kunit/test.h> as the tests of the offset allocator use,
 * to build them in user space
 */
#ifndef _KUNIT_TEST_H
#define _KUNIT_TEST_H

#include <errno.h>
#include <setjmp.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

typedef uint8_t u8;
typedef uint32_t u32;
typedef uint64_t u64;

#define U32_MAX			UINT32_MAX
#define ARRAY_SIZE(a)		(sizeof(a) / sizeof((a)[0]))
#define hweight32(x)		__builtin_popcount(x)
#define fls64(x)		((x) ? 64 - __builtin_clzll(x) : 0)
#define swap(a, b) \
	do { typeof(a) __swap = (a); (a) = (b); (b) = __swap; } while (0)

#define MODULE_DESCRIPTION(text)
#define MODULE_LICENSE(text)

struct kunit {
	void *priv;
	bool failed;
	struct kunit_memory *memories;
	jmp_buf end;
};

struct kunit_case {
	void (*run_case)(struct kunit *test);
	const char *name;
};

struct kunit_suite {
	const char *name;
	int (*init)(struct kunit *test);
	void (*exit)(struct kunit *test);
	struct kunit_case *test_cases;
};

#define KUNIT_CASE(name)	{ name, #name }

/* main() in test.c runs what is in this section: the linker knows where that is. */
extern struct kunit_suite *__start_kunit_suites[];
extern struct kunit_suite *__stop_kunit_suites[];

#define kunit_test_suite(suite) \
	static struct kunit_suite *suite_to_run \
	__attribute__((used, section("kunit_suites"))) = &(suite)

/* Memory that is freed when the case ends */
#define GFP_KERNEL		0
#define kunit_kzalloc(test, size, gfp)		kunit_kcalloc(test, 1, size, gfp)
void *kunit_kcalloc(struct kunit *test, size_t n, size_t size, int gfp);

/* Note a failure, and end the case if it is fatal. */
void kunit_fail(struct kunit *test, bool fatal, const char *file, int line,
		const char *format, ...) __attribute__((format(printf, 5, 6)));

#define KUNIT_TRUE(test, fatal, condition) \
	do { \
		if (!(condition)) \
			kunit_fail(test, fatal, __FILE__, __LINE__, "not true: %s", #condition); \
	} while (0)

#define KUNIT_COMPARE(test, fatal, left, op, right) \
	do { \
		const typeof(left) __left = (left); \
		const typeof(right) __right = (right); \
		if (!(__left op __right)) \
			kunit_fail(test, fatal, __FILE__, __LINE__, \
				   "not true: %s " #op " %s: %lld and %lld (0x%llx)", \
				   #left, #right, (long long)__left, (long long)__right, \
				   (unsigned long long)__right); \
	} while (0)

#define KUNIT_EXPECT_TRUE(test, c)	KUNIT_TRUE(test, false, c)
#define KUNIT_EXPECT_FALSE(test, c)	KUNIT_TRUE(test, false, !(c))
#define KUNIT_ASSERT_FALSE(test, c)	KUNIT_TRUE(test, true, !(c))
#define KUNIT_ASSERT_NOT_NULL(test, p)	KUNIT_TRUE(test, true, (p) != NULL)
#define KUNIT_ASSERT_STREQ(test, a, b) \
	do { \
		const char *__a = (a), *__b = (b); \
		if (strcmp(__a, __b)) \
			kunit_fail(test, true, __FILE__, __LINE__, "%s is not %s", __a, __b); \
	} while (0)

#define KUNIT_EXPECT_EQ(test, a, b)	KUNIT_COMPARE(test, false, a, ==, b)
#define KUNIT_EXPECT_LE(test, a, b)	KUNIT_COMPARE(test, false, a, <=, b)
#define KUNIT_EXPECT_LT(test, a, b)	KUNIT_COMPARE(test, false, a, <, b)
#define KUNIT_EXPECT_GE(test, a, b)	KUNIT_COMPARE(test, false, a, >=, b)
#define KUNIT_ASSERT_EQ(test, a, b)	KUNIT_COMPARE(test, true, a, ==, b)
#define KUNIT_ASSERT_NE(test, a, b)	KUNIT_COMPARE(test, true, a, !=, b)
#define KUNIT_ASSERT_LE(test, a, b)	KUNIT_COMPARE(test, true, a, <=, b)
#define KUNIT_ASSERT_LT(test, a, b)	KUNIT_COMPARE(test, true, a, <, b)
#define KUNIT_ASSERT_GT(test, a, b)	KUNIT_COMPARE(test, true, a, >, b)
#define KUNIT_ASSERT_GE(test, a, b)	KUNIT_COMPARE(test, true, a, >=, b)

#endif /* _KUNIT_TEST_H */
