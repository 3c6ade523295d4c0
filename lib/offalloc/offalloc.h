/* SPDX-License-Identifier: LGPL-2.1-or-later OR MIT */
/*
 * liboffalloc: divides a range of numbers into extents
 *
 * For a process that hands out pieces of memory that it need not own, nor even
 * be able to reach: the library computes with offsets and never follows one.
 * Its core is the allocator of the pinpool kernel module, the same source.
 *
 * Unless told otherwise
 *
 *  - functions return 0, or a negative errno, and then nothing has changed;
 *  - any function returns -ESHUTDOWN after offalloc_shutdown();
 *  - any number of threads may call any functions on the same allocator at the
 *    same time, unless it was made with OFFALLOC_NO_LOCK;
 *  - sizes and offsets are in units of the caller's choice: bytes, pages,
 *    blocks. A size is never rounded up.
 *
 * Placement
 *	A free extent of exactly the wanted size is used if there is one, else one
 *	that is little larger. Free neighbours are merged at once. A request is
 *	refused only if no free extent has room for it.
 *
 * Handles
 *	An extent is named by a 64-bit handle, never 0. One that was freed, that
 *	another allocator gave out, or that somebody made up, gives -ENOENT, in
 *	constant time. It could be mistaken for a newer one only after 2^32
 *	allocations; between n allocators that a process has made, after
 *	2^32 / 3n of either.
 *
 * Lifetime
 *	An allocator is counted: offalloc_create() gives one reference,
 *	offalloc_get() another, offalloc_put() takes one back. Whoever holds a
 *	reference may call any function at any time; whoever doesn't, none.
 *
 *	offalloc_shutdown() ends the allocator for everybody: all extents that it
 *	handed out are void, and its memory is freed before the call returns. What
 *	is left is a small tombstone, which goes with the last reference. It
 *	answers -ESHUTDOWN to all: an object that owns an extent takes a reference
 *	when it is made, and its destructor frees the extent and puts the
 *	reference, whether or not the allocator is still there. So those who own
 *	extents and the one who owns the allocator may end in any order.
 *
 *	The last offalloc_put() shuts down as well, if nobody has.
 *
 * Memory
 *	32 bytes for each extent, used or free, in chunks of 32 KiB that come
 *	and go with the need for them; and 16 bytes for each such chunk that
 *	max_capacity units could ever need, up to 2 MiB, untouched until then. A
 *	call that can't get memory returns -ENOMEM, and nothing has changed.
 */
#ifndef OFFALLOC_H
#define OFFALLOC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
/* Structs and functions share names, as with stat(): g++ -Wshadow minds that */
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wshadow"
extern "C" {
#endif

/* The largest capacity */
#define OFFALLOC_MAX_CAPACITY	(UINT64_C(1) << 63)

/* An allocator */
struct offalloc;

/**
 * enum offalloc_flags - Flags of struct offalloc_options
 * @OFFALLOC_NO_LOCK: Take no lock: the caller serializes all calls on the
 *                    allocator, but for offalloc_get(), offalloc_put() and
 *                    offalloc_may_fit()
 */
enum offalloc_flags {
	OFFALLOC_NO_LOCK = 1 << 0
};

/**
 * struct offalloc_options - What an allocator shall be
 * @size: sizeof(struct offalloc_options): the struct may grow
 * @flags: enum offalloc_flags
 * @base: The first offset. 0, or the address of the memory that is divided, and
 *        all offsets are addresses. @base + @max_capacity is below 2^64.
 * @capacity: Units, 1 to OFFALLOC_MAX_CAPACITY
 * @max_capacity: What offalloc_set_capacity() may later make of it; 0: @capacity
 * @align_scan: How many free extents a request with an alignment may look at,
 *              where no larger one has room for certain, before it gives up with
 *              -EAGAIN; 0: all
 * @first_generation: Where to begin to count the handles, so that the same calls
 *                    give the same handles, in any process; 0: somewhere, far
 *                    from the process's other allocators
 *
 * Set to zero what isn't used. Fields that are not known to the library must be
 * zero, else -E2BIG.
 */
struct offalloc_options {
	uint32_t size;
	uint32_t flags;
	uint64_t base;
	uint64_t capacity;
	uint64_t max_capacity;
	uint32_t align_scan;
	uint32_t first_generation;
};

/**
 * struct offalloc_extent - One allocation
 * @offset: First unit, counted from the allocator's base
 * @size: Units
 * @handle: Its name
 */
struct offalloc_extent {
	uint64_t offset;
	uint64_t size;
	uint64_t handle;
};

/**
 * struct offalloc_report - The state of an allocator
 * @capacity: Units in all
 * @used: Units in used extents
 * @free: Units in free extents
 * @peak: Highest @used so far, but no more than @capacity
 * @largest_free: Units of the largest free extent, exactly
 * @nr_used: Used extents
 * @nr_free: Free extents
 * @allocs: Extents allocated so far
 * @frees: Extents freed so far
 * @failures: Requests refused with -ENOSPC so far
 * @metadata: Bytes of memory that the allocator takes for its extents
 * @fragmentation: 1 - @largest_free / @free, in millionths; 0 if nothing is free
 */
struct offalloc_report {
	uint64_t capacity;
	uint64_t used;
	uint64_t free;
	uint64_t peak;
	uint64_t largest_free;
	uint64_t nr_used;
	uint64_t nr_free;
	uint64_t allocs;
	uint64_t frees;
	uint64_t failures;
	uint64_t metadata;
	uint64_t fragmentation;
};

/**
 * struct offalloc_report_bin - The free extents of about one size
 * @min_size: Smallest size of the bin
 * @max_size: Largest size of the bin
 * @nr_free: Free extents in it
 */
struct offalloc_report_bin {
	uint64_t min_size;
	uint64_t max_size;
	uint64_t nr_free;
};

/**
 * offalloc_create() - Make an allocator, all of it free
 * @options: What it shall be
 * @oa: out: The allocator, with one reference; untouched on failure
 *
 * Returns 0, or
 *  -EINVAL	a capacity or the base is out of range, or the size of the
 *		options below that of their first version;
 *  -E2BIG	the options have a field that this library doesn't know;
 *  -EOPNOTSUPP	unknown flags;
 *  -ENOMEM.
 */
int offalloc_create(const struct offalloc_options *options, struct offalloc **oa);

/**
 * offalloc_load() - Make an allocator as another one was when it was saved
 * @options: The flags and the base, which are not part of an image; all else must
 *           be 0, as the image tells it. NULL: no flags, base 0
 * @image: From offalloc_save(), maybe on another machine; anything is safe
 * @size: Its length in bytes
 * @oa: out: The allocator, with one reference; untouched on failure
 *
 * It goes on exactly as the saved one would have: handles remain valid, and the
 * same calls give the same extents and handles. Offsets count from the new base.
 *
 * Returns 0 or a negative errno as offalloc_create(), or
 *  -EINVAL	this is no image, or a damaged one;
 *  -EOPNOTSUPP	it was saved by a later version of the library.
 */
int offalloc_load(const struct offalloc_options *options, const void *image, size_t size,
		  struct offalloc **oa);

/**
 * offalloc_save() - Write down the state of an allocator
 * @oa: The allocator
 * @image: out: The state, to be given to free(3); untouched on failure
 * @size: out: Its length in bytes, five to ten for each extent; the same
 *
 * The same state gives the same image on every machine. The allocator is locked
 * while all extents are looked at, in the order of a tenth of a second for a million.
 *
 * Returns 0 or -ENOMEM.
 */
int offalloc_save(struct offalloc *oa, void **image, size_t *size);

/**
 * offalloc_get() - Take a reference
 * @oa: An allocator that the caller has a reference of
 *
 * Returns @oa.
 */
struct offalloc *offalloc_get(struct offalloc *oa);

/**
 * offalloc_put() - Give back a reference
 * @oa: The allocator, or NULL
 *
 * The last one frees the allocator and all that it has allocated.
 */
void offalloc_put(struct offalloc *oa);

/**
 * offalloc_shutdown() - End an allocator, whoever may still use it
 * @oa: The allocator, or NULL
 *
 * Calls that other threads have begun are finished first. All extents are void
 * and the memory is freed when this returns; all later calls but offalloc_get()
 * and offalloc_put() give -ESHUTDOWN. References remain: the caller's too.
 * Doing it again does nothing.
 */
void offalloc_shutdown(struct offalloc *oa);

/**
 * offalloc_alloc() - Allocate an extent
 * @oa: The allocator
 * @size: Units wanted; the extent has exactly so many
 * @align: Its offset is to be a multiple of this power of two, which the base must
 *         be a multiple of too; 0 and 1: any offset
 * @extent: out: The extent; untouched on failure
 *
 * Returns 0, or
 *  -ENOSPC	no free extent is large enough, or lies right for the alignment;
 *  -EAGAIN	as many free extents as @align_scan allows were looked at, and there
 *		are more;
 *  -EINVAL	the size is 0 or more than the capacity, or the alignment not as
 *		above;
 *  -ENOMEM.
 */
int offalloc_alloc(struct offalloc *oa, uint64_t size, uint64_t align,
		   struct offalloc_extent *extent);

/**
 * offalloc_alloc_at() - Allocate an extent at a given offset
 * @oa: The allocator
 * @offset: Its first unit
 * @size: Units wanted
 * @extent: out: The extent; untouched on failure
 *
 * To have extents again where they were, and to reserve what must not be used.
 * The cost is proportional to the extents between the last one allocated so and
 * @offset, or between the first one and @offset if that is before: go upwards.
 *
 * Returns 0, or
 *  -EBUSY	not all of it is free;
 *  -EINVAL	it is empty, or not within the range;
 *  -ENOSPC	there are nearly 2^27 extents;
 *  -ENOMEM.
 */
int offalloc_alloc_at(struct offalloc *oa, uint64_t offset, uint64_t size,
		      struct offalloc_extent *extent);

/**
 * offalloc_alloc_scatter() - Allocate several extents where one can't be had
 * @oa: The allocator
 * @size: Units wanted in all
 * @extents: out: The extents, each to be freed on its own; undefined on failure
 * @max_extents: Room there, 1 or more
 *
 * Returns the number of extents, 1 if a single one is large enough; or
 *  -ENOSPC	@max_extents don't suffice;
 *  -EINVAL	the size is 0 or more than the capacity, or @max_extents is 0;
 *  -ENOMEM.
 */
int offalloc_alloc_scatter(struct offalloc *oa, uint64_t size,
			   struct offalloc_extent *extents, unsigned int max_extents);

/**
 * offalloc_resize() - Change the size of an extent in its place
 * @oa: The allocator
 * @handle: Of the extent, which keeps it, and its offset
 * @size: Units it shall have
 *
 * Returns 0, or
 *  -ENOENT	the handle names no extent of this allocator;
 *  -ENOSPC	there isn't that much free behind it;
 *  -EINVAL	the size is 0 or more than the capacity;
 *  -ENOMEM.
 */
int offalloc_resize(struct offalloc *oa, uint64_t handle, uint64_t size);

/**
 * offalloc_free() - Free an extent
 * @oa: The allocator
 * @handle: Of the extent; any 64 bits are safe
 *
 * Returns 0, or -ENOENT if the handle names no extent of this allocator.
 */
int offalloc_free(struct offalloc *oa, uint64_t handle);

/**
 * offalloc_lookup() - Find an extent by its handle
 * @oa: The allocator
 * @handle: Of the extent; any 64 bits are safe
 * @extent: out: The extent; untouched on failure
 *
 * Returns 0, or -ENOENT if the handle names no extent of this allocator.
 */
int offalloc_lookup(struct offalloc *oa, uint64_t handle, struct offalloc_extent *extent);

/**
 * offalloc_next() - Walk over the extents in the order of their offsets
 * @oa: The allocator
 * @extent: in: The extent that the last call gave, or all zeroes to begin
 *          out: The next one; untouched on failure; with a @handle of 0 at the end
 *
 *	struct offalloc_extent extent = { 0 };
 *
 *	while (offalloc_next(oa, &extent) > 0)
 *		use(&extent);
 *
 * Other extents may come and go between two calls, but not the one in @extent.
 *
 * Returns 1; 0 at the end; or -ENOENT if @extent isn't there any more.
 */
int offalloc_next(struct offalloc *oa, struct offalloc_extent *extent);

/**
 * offalloc_may_fit() - Could an allocation succeed?
 * @oa: The allocator
 * @size: Units wanted
 *
 * Takes no lock: for a quick refusal. Learns from requests that were refused.
 *
 * Returns false if offalloc_alloc() would not have succeeded a moment ago, as with
 * an allocator that is shut down; true if it might.
 */
bool offalloc_may_fit(const struct offalloc *oa, uint64_t size);

/**
 * offalloc_set_capacity() - Grow or shrink the range at its end
 * @oa: The allocator
 * @capacity: Units it shall have, 1 to the max_capacity of its options
 *
 * Returns 0, or
 *  -EBUSY	not all that would go is free;
 *  -EINVAL	the capacity is out of range;
 *  -ENOSPC	there are nearly 2^27 extents;
 *  -ENOMEM.
 */
int offalloc_set_capacity(struct offalloc *oa, uint64_t capacity);

/**
 * offalloc_report() - Describe the state of an allocator
 * @oa: The allocator
 * @report: out: The state, all of one moment; untouched on failure
 * @size: sizeof(*@report); what the library doesn't know becomes zero
 *
 * The cost doesn't depend on the number of extents.
 *
 * Returns 0, or -EINVAL if @size is below that of the first version.
 */
int offalloc_report(struct offalloc *oa, struct offalloc_report *report, size_t size);

/**
 * offalloc_report_bin() - Describe the free extents of about one size
 * @oa: The allocator
 * @bin: 0 and up, in the order of the sizes
 * @report: out: The free extents; untouched on failure
 * @size: sizeof(*@report); what the library doesn't know becomes zero
 *
 *	for (bin = 0; !offalloc_report_bin(oa, bin, &report, sizeof(report)); bin++)
 *
 * Returns 0, or
 *  -ERANGE	there are no more bins: a few thousand in all;
 *  -EINVAL	@size is below that of the first version.
 */
int offalloc_report_bin(struct offalloc *oa, unsigned int bin,
			struct offalloc_report_bin *report, size_t size);

/**
 * offalloc_check() - Prove that an allocator is consistent
 * @oa: The allocator
 * @broken: out: The rule that doesn't hold, a text; untouched otherwise; or NULL
 *
 * For tests: looks at all that there is, with the allocator locked.
 *
 * Returns 0, or -EUCLEAN: then something else has written into its memory.
 */
int offalloc_check(struct offalloc *oa, const char **broken);

/**
 * offalloc_strerror() - What an error of this library means
 * @error: An errno, negative or positive
 *
 * Returns a text without a full stop or newline, never NULL.
 */
const char *offalloc_strerror(int error);

/**
 * offalloc_version() - The version of the library that is in use
 *
 * Returns a text like "0.1.0".
 */
const char *offalloc_version(void);

#ifdef __cplusplus
}

#pragma GCC diagnostic pop
#endif

#endif /* OFFALLOC_H */
