// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
/*
 * Questions, which change nothing
 */
#include <stdlib.h>
#include <string.h>

#include "private.h"

int offalloc_lookup(struct offalloc *oa, uint64_t handle, struct offalloc_extent *extent)
{
	struct offset_alloc *core = core_lock(oa);
	int err;

	if (!core)
		return -ESHUTDOWN;
	err = offset_alloc_lookup(core, handle, core_extent(extent));
	core_unlock(oa);
	if (!err)
		extent->offset += oa->base;
	return err;
}

int offalloc_next(struct offalloc *oa, struct offalloc_extent *extent)
{
	struct offset_alloc *core = core_lock(oa);
	int ret;

	if (!core)
		return -ESHUTDOWN;
	ret = offset_alloc_next(core, core_extent(extent));
	core_unlock(oa);
	if (ret > 0)
		extent->offset += oa->base;
	return ret;
}

/* No extent has 0 units, which are the most that there are here. */
bool offalloc_may_fit(const struct offalloc *oa, uint64_t size)
{
	return size - 1 < __atomic_load_n(&oa->bound, __ATOMIC_RELAXED);
}

/* To a caller whose struct may be of another version than ours */
static void answer(void *user, size_t user_size, const void *known, size_t known_size)
{
	memset(user, 0, user_size);
	memcpy(user, known, user_size < known_size ? user_size : known_size);
}

#define REPORT_MIN_SIZE	(offsetof(struct offalloc_report, fragmentation) + sizeof(uint64_t))
#define BIN_MIN_SIZE	(offsetof(struct offalloc_report_bin, nr_free) + sizeof(uint64_t))

int offalloc_report(struct offalloc *oa, struct offalloc_report *report, size_t size)
{
	struct offset_alloc *core = core_lock(oa);
	struct offset_alloc_report found;
	struct offalloc_report known;

	if (!core)
		return -ESHUTDOWN;
	offset_alloc_report(core, &found);
	core_unlock(oa);
	if (size < REPORT_MIN_SIZE)
		return -EINVAL;
	known = (struct offalloc_report){
		.capacity = found.capacity,
		.used = found.used,
		.free = found.free,
		.peak = found.peak,
		.largest_free = found.largest_free,
		.nr_used = found.nr_used,
		.nr_free = found.nr_free,
		.allocs = found.allocs,
		.frees = found.frees,
		.failures = found.failures,
		.metadata = found.metadata + sizeof(*oa) + sizeof(*core),
		.fragmentation = found.fragmentation,
	};
	answer(report, size, &known, sizeof(known));
	return 0;
}

int offalloc_report_bin(struct offalloc *oa, unsigned int bin,
			struct offalloc_report_bin *report, size_t size)
{
	struct offset_alloc *core = core_lock(oa);
	struct offset_alloc_bin_report found;
	struct offalloc_report_bin known;

	if (!core)
		return -ESHUTDOWN;
	offset_alloc_report_bin(core, bin, &found);
	core_unlock(oa);
	if (size < BIN_MIN_SIZE)
		return -EINVAL;
	if (bin >= OFFSET_ALLOC_BINS)
		return -ERANGE;
	known = (struct offalloc_report_bin){
		.min_size = found.min_size,
		.max_size = found.max_size,
		.nr_free = found.nr_free,
	};
	answer(report, size, &known, sizeof(known));
	return 0;
}

int offalloc_check(struct offalloc *oa, const char **broken)
{
	struct offset_alloc *core = core_lock(oa);
	const char *found;

	if (!core)
		return -ESHUTDOWN;
	found = offset_alloc_check(core);
	core_unlock(oa);
	if (found && broken)
		*broken = found;
	return found ? -EUCLEAN : 0;
}

/* What an image hardly ever takes more than */
static size_t likely_length(struct offalloc *oa)
{
	struct offset_alloc *core = core_lock(oa);
	struct offset_alloc_report report = { 0 };

	if (core) {
		offset_alloc_report(core, &report);
		core_unlock(oa);
	}
	return 4096 + 10 * (report.nr_used + report.nr_free);
}

static int save_in(struct offalloc *oa, void *buffer, size_t room, size_t *length)
{
	struct offset_alloc *core = core_lock(oa);

	if (!core)
		return -ESHUTDOWN;
	*length = offset_alloc_save(core, buffer, room);
	core_unlock(oa);
	return 0;
}

/* Memory is allocated without the lock: whether it suffices, only trying can tell. */
int offalloc_save(struct offalloc *oa, void **image, size_t *size)
{
	size_t room, length = likely_length(oa);
	void *buffer;
	int err;

	do {
		/* More for what other threads allocate meanwhile */
		room = length + length / 8;
		buffer = malloc(room);
		if (!buffer)
			return -ENOMEM;
		err = save_in(oa, buffer, room, &length);
		if (!err && length <= room) {
			*image = buffer;
			*size = length;
			return 0;
		}
		free(buffer);
	} while (!err);
	return err;
}
