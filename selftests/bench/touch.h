/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Kinds of memory to compare: each a line of the table in touch_kinds.c
 */
#ifndef TOUCH_H
#define TOUCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/**
 * struct area - A piece of memory, got and given back as one
 * @memory: Where it is mapped
 * @size: In bytes
 * @handle: Of a pool's buffer
 */
struct area {
	char *memory;
	size_t size;
	uint64_t handle;
};

struct kind;

/**
 * struct kind_ops - How a kind of memory is had
 * @begin: Get ready; returns NULL, or what there is not and would have to be
 * @get: Allocate and map area->size bytes
 * @put: Unmap and free them
 * @end: Undo @begin
 */
struct kind_ops {
	const char *(*begin)(const struct kind *kind);
	void (*get)(const struct kind *kind, struct area *area);
	void (*put)(const struct kind *kind, struct area *area);
	void (*end)(const struct kind *kind);
};

/**
 * enum kind_flags - Variants of a kind
 * @POPULATE: It is mapped when it is got
 * @HUGE_PAGES: Of 2 MiB, where the kind leaves it to the program
 * @OTHERS: A pool's memory that another client had before, every time
 * @NEW_WINDOW: A window of its own for each area, in place of one for all
 */
enum kind_flags {
	POPULATE = 1 << 0,
	HUGE_PAGES = 1 << 1,
	OTHERS = 1 << 2,
	NEW_WINDOW = 1 << 3,
};

/**
 * struct kind - A kind of memory
 * @name: As printed
 * @ops: How it is had
 * @node: The pool, for those that are one
 * @flags: enum kind_flags
 * @unit: The smallest area there is of it
 */
struct kind {
	const char *name;
	const struct kind_ops *ops;
	const char *node;
	unsigned int flags;
	size_t unit;
};

/* Ends with one that has no name */
extern const struct kind kinds[];

void die(const char *what);

#endif /* TOUCH_H */
