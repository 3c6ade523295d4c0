// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
/*
 * What an errno means for an allocator, and which library this is
 */
#include <stdlib.h>
#include <string.h>

#include "private.h"

#if defined(__GLIBC__) && __GLIBC_PREREQ(2, 32)
#define system_text	strerrordesc_np
#else
#define system_text	strerror
#endif

#define ARRAY_SIZE(array)	(sizeof(array) / sizeof((array)[0]))

static const struct {
	int error;
	const char *text;
} texts[] = {
	{ ENOSPC, "no free extent is large enough" },
	{ EAGAIN, "none of the free extents that were looked at lies right; there are more" },
	{ ENOENT,
	  "no such extent of this allocator: never given out, freed before, or another's" },
	{ ESHUTDOWN, "the allocator is shut down, and all its extents are void" },
	{ EBUSY, "part of the range is in use" },
	{ EINVAL,
	  "a value that can never be right, such as a size of 0 or above the capacity; no image" },
	{ E2BIG, "the library is too old for what was asked of it" },
	{ EOPNOTSUPP, "a flag, or an image, that this version of the library does not know" },
	{ ENOMEM, "no memory for the records of the library" },
	{ ERANGE, "there are no more bins" },
	{ EUCLEAN, "the allocator's records are damaged" },
};

const char *offalloc_strerror(int error)
{
	const char *text;
	size_t i;

	/* As unsigned, for INT_MIN has no positive counterpart */
	if (error < 0)
		error = 0u - (unsigned int)error;
	for (i = 0; i < ARRAY_SIZE(texts); i++)
		if (texts[i].error == error)
			return texts[i].text;
	text = system_text(error);
	return text ? text : "unknown error";
}

const char *offalloc_version(void)
{
	return OFFALLOC_VERSION;
}
