// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
/*
 * What an errno means for a pool
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "pinpool.h"
#include "private.h"

#if defined(__GLIBC__) && __GLIBC_PREREQ(2, 32)
#define system_text	strerrordesc_np
#else
#define system_text	strerror
#endif

static const struct {
	int error;
	const char *text;
} texts[] = {
	{ ENOSPC, "no free extent of the pool is large enough" },
	{ EDQUOT, "a limit of the client, its user or its cgroup is reached" },
	{ ENOENT,
	  "no such buffer of this client: never given out, freed before or another's; or no pool" },
	{ EINVAL, "a value that can never be right, such as a length of 0 or above the capacity" },
	{ E2BIG, "the kernel module is too old for what was asked of it" },
	{ EOPNOTSUPP, "a flag that this version of pinpool does not know" },
	{ ENOTTY, "not a pool, or its kernel module does not know the command" },
	{ EBADF, "not open, or not open for writing" },
	{ EFAULT, "a pointer that leads to no memory of the right kind" },
	{ ENOMEM, "no memory for the records of the kernel or the library" },
	{ ETIMEDOUT, "no space became free in time" },
	{ EINTR, "a signal came first" },
	{ EACCES, "something that may only be read, or may not be opened" },
	{ EBUSY, "not all is free where a buffer was to lie" },
	{ EBADMSG, "not an image of buffers, or a damaged one" },
	{ EEXIST, "the client holds this buffer already, or there is a pool of this name" },
	{ EMFILE, "the user has registered memory for too many pools, or too many files" },
	{ EXDEV, "a buffer of another pool or another driver" },
	{ ENODEV, "the pool was deleted" },
	{ ENXIO, "no pool is behind the node" },
	{ EOVERFLOW, "the pool is larger than this process's address space" },
	{ ERANGE, "not an address within the window, or an image of another kind of pool" },
	{ ENAMETOOLONG, "longer than a name can be" },
};

const char *pinpool_strerror(int error)
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
