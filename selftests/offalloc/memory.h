/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The linker's --wrap leads all calls of malloc() and its like through here, those
 * of the static library too: to count what is allocated, and to run out of memory
 */
#ifndef _MEMORY_H
#define _MEMORY_H

#include <stddef.h>

/* Allocations that are not freed yet */
static long memory_live;
/* The so many-th allocation from now on fails; 0: none */
static int memory_fail_nth;
/* The last aligned allocation: of a chunk of nodes */
static void *memory_chunk;

void *__real_malloc(size_t size);
void *__real_calloc(size_t n, size_t size);
void *__real_aligned_alloc(size_t align, size_t size);
void __real_free(void *p);

void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t n, size_t size);
void *__wrap_aligned_alloc(size_t align, size_t size);
void __wrap_free(void *p);

static inline int memory_fails(void)
{
	return memory_fail_nth && !--memory_fail_nth;
}

static inline void *memory_count(void *p)
{
	if (p)
		__atomic_add_fetch(&memory_live, 1, __ATOMIC_RELAXED);
	return p;
}

void *__wrap_malloc(size_t size)
{
	return memory_fails() ? NULL : memory_count(__real_malloc(size));
}

void *__wrap_calloc(size_t n, size_t size)
{
	return memory_fails() ? NULL : memory_count(__real_calloc(n, size));
}

void *__wrap_aligned_alloc(size_t align, size_t size)
{
	void *chunk = memory_fails() ? NULL : memory_count(__real_aligned_alloc(align, size));

	__atomic_store_n(&memory_chunk, chunk, __ATOMIC_RELAXED);
	return chunk;
}

void __wrap_free(void *p)
{
	if (p)
		__atomic_sub_fetch(&memory_live, 1, __ATOMIC_RELAXED);
	__real_free(p);
}

#endif /* _MEMORY_H */
