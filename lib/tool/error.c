// SPDX-License-Identifier: GPL-2.0
/*
 * Errors: one line that says what, why, and what to do next
 */
#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "pinpool.h"
#include "pools.h"
#include "tool.h"

void error(const char *format, ...)
{
	va_list args;

	fputs("pinpool: ", stderr);
	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fputc('\n', stderr);
}

/* Why a node could not be opened, in few words */
const char *error_open_reason(int err)
{
	switch (err) {
	case -ENOENT:
	case -ENAMETOOLONG:
	case -EINVAL:
		return "no such pool";
	case -EACCES:
	case -EPERM:
		return "permission denied";
	case -ENOTTY:
	case -EISDIR:
		return "not a pool";
	default:
		return pinpool_strerror(err);
	}
}

/* Would the module take this for a name? */
static bool name_valid(const char *name)
{
	const char *c;

	if (strlen(name) >= PINPOOL_NAME_SIZE)
		return false;
	for (c = name; *c; c++)
		if (!isalnum((unsigned char)*c) &&
		    (c == name || !strchr("-_.", *c)))
			return false;
	return c > name;
}

static void error_missing(const char *pool, const char *reason)
{
	const char *name = name_valid(pool) ? pool : "kv";

	if (access("/sys/module/pinpool", F_OK))
		error("%s: %s; the module is not loaded: `modprobe pinpool pools=%s:64M` loads it and makes one",
		      pool, reason, name);
	else
		error("%s: %s; `pinpool list` shows the pools, `pinpool add %s 64M` makes one",
		      pool, reason, name);
}

static void error_denied(const char *pool, const char *reason)
{
	struct node_owner owner;
	struct stat st;

	if (pools_stat(pool, &st)) {
		error("%s: %s; the directories of the node don't let you through, try as root",
		      pool, reason);
		return;
	}
	pools_owner(&st, &owner);
	if (st.st_gid && (st.st_mode & 0060) == 0060)
		error("%s: %s; the node is %s %s:%s: join the group %s, or be root",
		      pool, reason, owner.mode, owner.user, owner.group,
		      owner.group);
	else
		error("%s: %s; the node is %s %s:%s: be %s, or let root change its mode or group",
		      pool, reason, owner.mode, owner.user, owner.group,
		      owner.user);
}

/* Tell that @pool could not be opened, or not be used once it was */
void error_open(const char *pool, int err)
{
	const char *reason = error_open_reason(err);

	switch (err) {
	case -ENOENT:
	case -ENAMETOOLONG:
	case -EINVAL:
		error_missing(pool, reason);
		break;
	case -EACCES:
	case -EPERM:
		error_denied(pool, reason);
		break;
	case -ENOTTY:
	case -EISDIR:
		error("%s: %s; give the name of one, or the path of its node in %s",
		      pool, reason, PINPOOL_DIR);
		break;
	case -ENODEV:
	case -ENXIO:
		error("%s: %s; `pinpool list` shows those that are left", pool,
		      reason);
		break;
	case -EOVERFLOW:
		error("%s: %s; use a 64-bit pinpool", pool, reason);
		break;
	default:
		error("%s: %s", pool, reason);
	}
}
