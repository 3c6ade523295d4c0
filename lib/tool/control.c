// SPDX-License-Identifier: GPL-2.0
/*
 * Talking to the kernel over netlink, and telling what to do where it refuses
 */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "control.h"
#include "tool.h"

/* Returns a handle, or NULL after it has told why */
struct pinpool_ctl *control_open(void)
{
	struct pinpool_ctl *ctl = pinpool_ctl_open();

	if (ctl)
		return ctl;
	if (errno != ENOENT)
		error("netlink: %s", pinpool_ctl_error(NULL));
	else if (access("/sys/module/pinpool", F_OK))
		error("no pinpool family: is the module loaded? `modprobe pinpool` loads it");
	else
		error("no pinpool family here: it is in the initial network namespace, `nsenter --net=/proc/1/ns/net` gets there");
	return NULL;
}

/* What helps against an error of the control plane, and of this attribute; or NULL */
static const char *hint(int err, const char *attr)
{
	bool is_name = attr && (!strcmp(attr, "name") || !strcmp(attr, "pool"));
	bool is_capacity = attr && !strcmp(attr, "capacity");

	switch (err) {
	case -EPERM:
		return "try as root";
	case -ENOENT:
		return is_name ? "`pinpool show` shows those there are" : NULL;
	case -EEXIST:
		return "`pinpool set` changes it";
	case -EBUSY:
		return is_capacity ? "`pinpool buffers` shows what is where" : NULL;
	case -ENOMEM:
		return is_capacity ? "a smaller size may do" : NULL;
	default:
		return NULL;
	}
}

/* Tell that what was asked of @pool, or of none in particular if NULL, was refused */
void control_error(const struct pinpool_ctl *ctl, const char *pool, int err)
{
	const char *next = hint(err, pinpool_ctl_error_attr(ctl));

	error("%s%s%s%s%s", pool ? pool : "", pool ? ": " : "", pinpool_ctl_error(ctl),
	      next ? "; " : "", next ? next : "");
}

void control_warn_torn(const struct pinpool_ctl *ctl)
{
	if (pinpool_ctl_torn(ctl))
		error("the list changed while it was read: some may be missing, or be there twice");
}
