// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
/*
 * Connecting: sockets, and the ids of the family and its groups
 */
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "private.h"

/* Returns a socket that is bound, or NULL with errno set */
struct mnl_socket *ppctl_socket_open(void)
{
	struct mnl_socket *socket = mnl_socket_open2(NETLINK_GENERIC, SOCK_CLOEXEC);
	int on = 1, err;

	if (!socket)
		return NULL;
	/* They make for better errors, nothing more: a kernel may not have them. */
	mnl_socket_setsockopt(socket, NETLINK_EXT_ACK, &on, sizeof(on));
	mnl_socket_setsockopt(socket, NETLINK_CAP_ACK, &on, sizeof(on));
	mnl_socket_setsockopt(socket, NETLINK_GET_STRICT_CHK, &on, sizeof(on));
	if (!mnl_socket_bind(socket, 0, MNL_SOCKET_AUTOPID))
		return socket;
	err = errno;
	mnl_socket_close(socket);
	errno = err;
	return NULL;
}

static int group_note(struct pinpool_ctl *ctl, const struct nlattr *group)
{
	static const char *const names[NR_GROUPS] = {
		PINPOOL_MCGRP_EVENTS, PINPOOL_MCGRP_CLIENTS,
	};
	const char *name = NULL;
	const struct nlattr *attr;
	uint32_t id = 0;
	int i;

	mnl_attr_for_each_nested(attr, group) {
		switch (mnl_attr_get_type(attr)) {
		case CTRL_ATTR_MCAST_GRP_NAME:
			if (mnl_attr_validate(attr, MNL_TYPE_NUL_STRING) < 0)
				return -EPROTO;
			name = mnl_attr_get_str(attr);
			break;
		case CTRL_ATTR_MCAST_GRP_ID:
			if (mnl_attr_validate(attr, MNL_TYPE_U32) < 0)
				return -EPROTO;
			id = mnl_attr_get_u32(attr);
			break;
		}
	}
	for (i = 0; i < NR_GROUPS; i++)
		if (name && !strcmp(name, names[i]))
			ctl->groups[i] = id;
	return 0;
}

static int family_note(const struct nlmsghdr *nlh, void *arg)
{
	const struct nlattr *attr, *group;
	struct pinpool_ctl *ctl = arg;
	int err = 0;

	mnl_attr_for_each(attr, nlh, GENL_HDRLEN) {
		switch (mnl_attr_get_type(attr)) {
		case CTRL_ATTR_FAMILY_ID:
			if (mnl_attr_validate(attr, MNL_TYPE_U16) < 0)
				return -EPROTO;
			ctl->family = mnl_attr_get_u16(attr);
			break;
		case CTRL_ATTR_MCAST_GROUPS:
			mnl_attr_for_each_nested(group, attr)
				err = err ? err : group_note(ctl, group);
			break;
		}
	}
	return err;
}

static int family_find(struct pinpool_ctl *ctl)
{
	struct nlmsghdr *nlh = ppctl_begin(ctl, GENL_ID_CTRL, CTRL_CMD_GETFAMILY, 0);
	int err;

	mnl_attr_put_strz(nlh, CTRL_ATTR_FAMILY_NAME, PINPOOL_FAMILY_NAME);
	err = ppctl_ask(ctl, NULL, family_note, ctl);
	if (!err && !ctl->family)
		err = -EPROTO;
	return err;
}

struct pinpool_ctl *pinpool_ctl_open(void)
{
	struct pinpool_ctl *ctl = calloc(1, sizeof(*ctl));
	int err;

	if (!ctl)
		return NULL;
	ctl->requests = ppctl_socket_open();
	err = ctl->requests ? family_find(ctl) : -errno;
	if (!err)
		return ctl;
	pinpool_ctl_close(ctl);
	errno = -err;
	return NULL;
}

void pinpool_ctl_close(struct pinpool_ctl *ctl)
{
	if (!ctl)
		return;
	if (ctl->events)
		mnl_socket_close(ctl->events);
	if (ctl->requests)
		mnl_socket_close(ctl->requests);
	free(ctl);
}
