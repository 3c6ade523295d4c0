// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
/*
 * Events
 */
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

#include "private.h"

#define GROUPS	(PINPOOL_CTL_EVENTS | PINPOOL_CTL_CLIENTS)

static int join(struct pinpool_ctl *ctl, uint32_t group)
{
	if (!group)
		return -EOPNOTSUPP;
	return mnl_socket_setsockopt(ctl->events, NETLINK_ADD_MEMBERSHIP, &group,
				     sizeof(group)) ? -errno : 0;
}

int pinpool_ctl_subscribe(struct pinpool_ctl *ctl, unsigned int groups)
{
	int i, err;

	if (!groups || groups & ~GROUPS)
		return ppctl_fail(ctl, -EINVAL, NULL);
	if (!ctl->events)
		ctl->events = ppctl_socket_open();
	if (!ctl->events)
		return ppctl_fail(ctl, -errno, NULL);
	/* The one that may be refused comes first, so that there is nothing to undo. */
	for (i = NR_GROUPS - 1; i >= 0; i--) {
		if (!(groups >> i & 1))
			continue;
		err = join(ctl, ctl->groups[i]);
		if (err)
			return ppctl_fail(ctl, err, NULL);
	}
	/* Tells when families come and go, the one that is listened to among them */
	return ppctl_fail(ctl, join(ctl, GENL_ID_CTRL), NULL);
}

int pinpool_ctl_fd(const struct pinpool_ctl *ctl)
{
	return ctl->events ? mnl_socket_get_fd(ctl->events) : -EBADF;
}

static int64_t now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000LL + ts.tv_nsec / 1000000;
}

/* Wait until @deadline, with a negative one for ever. Returns 0 or a negative errno */
static int events_wait(struct pinpool_ctl *ctl, int64_t deadline)
{
	struct pollfd pollfd = { .fd = mnl_socket_get_fd(ctl->events), .events = POLLIN };
	int64_t left = -1;
	int ret;

	if (deadline >= 0) {
		left = deadline - now_ms();
		if (left < 0)
			left = 0;
	}
	ret = poll(&pollfd, 1, left);
	if (ret < 0)
		return -errno;
	return ret ? 0 : -EAGAIN;
}

static int events_receive(struct pinpool_ctl *ctl)
{
	ssize_t length = ppctl_receive(ctl->events, ctl->event_data, sizeof(ctl->event_data),
				       MSG_DONTWAIT);

	if (length < 0)
		return length;
	ctl->event = (const struct nlmsghdr *)ctl->event_data;
	ctl->event_rest = length;
	return 0;
}

static int pool_read(struct pinpool_ctl *ctl, const struct nlmsghdr *nlh,
		     struct pinpool_ctl_event *event)
{
	struct pinpool_ctl_pool *pool = &ctl->event_pool;
	int err;

	memset(pool, 0, sizeof(*pool));
	err = ppctl_parse(&ppctl_pool_set, nlh, pool, &pool->has);
	if (err)
		return err;
	ctl->has_event_pool = true;
	event->pool_id = pool->id;
	event->capacity = pool->capacity;
	memcpy(event->pool, pool->name, sizeof(event->pool));
	return 0;
}

/* Returns -ENODEV when the family is gone, else -ENOMSG */
static int family_read(struct pinpool_ctl *ctl, const struct nlmsghdr *nlh)
{
	const struct nlattr *attr;

	if (ppctl_cmd(nlh) != CTRL_CMD_DELFAMILY)
		return -ENOMSG;
	mnl_attr_for_each(attr, nlh, GENL_HDRLEN)
		if (mnl_attr_get_type(attr) == CTRL_ATTR_FAMILY_ID &&
		    mnl_attr_validate(attr, MNL_TYPE_U16) >= 0 &&
		    mnl_attr_get_u16(attr) == ctl->family)
			return -ENODEV;
	return -ENOMSG;
}

/* Returns -ENOMSG for a message that tells nothing that is known here */
static int event_read(struct pinpool_ctl *ctl, const struct nlmsghdr *nlh,
		      struct pinpool_ctl_event *event)
{
	memset(event, 0, sizeof(*event));
	if (mnl_nlmsg_get_payload_len(nlh) < GENL_HDRLEN)
		return -ENOMSG;
	if (nlh->nlmsg_type == GENL_ID_CTRL)
		return family_read(ctl, nlh);
	if (nlh->nlmsg_type != ctl->family)
		return -ENOMSG;
	event->type = ppctl_cmd(nlh);
	switch (event->type) {
	case PINPOOL_NL_CMD_POOL_NEW_NTF:
	case PINPOOL_NL_CMD_POOL_SET_NTF:
	case PINPOOL_NL_CMD_POOL_DEL_NTF:
		return pool_read(ctl, nlh, event);
	case PINPOOL_NL_CMD_WATERMARK_NTF:
	case PINPOOL_NL_CMD_EXHAUSTED_NTF:
	case PINPOOL_NL_CMD_QUARANTINE_NTF:
	case PINPOOL_NL_CMD_CLIENT_DIED_NTF:
	case PINPOOL_NL_CMD_PROGRESS_NTF:
		return ppctl_parse(&ppctl_event_set, nlh, event, NULL);
	default:
		return -ENOMSG;
	}
}

/* The next event of those that are here, or -ENOMSG */
static int event_next(struct pinpool_ctl *ctl, struct pinpool_ctl_event *event)
{
	const struct nlmsghdr *nlh;
	int err = -ENOMSG;

	while (err == -ENOMSG && mnl_nlmsg_ok(ctl->event, ctl->event_rest)) {
		nlh = ctl->event;
		ctl->event = mnl_nlmsg_next(nlh, &ctl->event_rest);
		err = event_read(ctl, nlh, event);
	}
	return err;
}

int pinpool_ctl_event(struct pinpool_ctl *ctl, struct pinpool_ctl_event *event, size_t size,
		      int timeout_ms)
{
	int64_t deadline = timeout_ms < 0 ? -1 : now_ms() + timeout_ms;
	struct pinpool_ctl_event next;
	int err;

	ctl->has_event_pool = false;
	if (size < END_OF(struct pinpool_ctl_event, buffers))
		return ppctl_fail(ctl, -EINVAL, NULL);
	if (!ctl->events)
		return ppctl_fail(ctl, -EBADF, NULL);
	while ((err = event_next(ctl, &next)) == -ENOMSG) {
		err = events_receive(ctl);
		if (err == -EAGAIN)
			err = events_wait(ctl, deadline);
		if (err)
			return ppctl_fail(ctl, err, NULL);
	}
	if (!err)
		ppctl_give(event, size, &next, sizeof(next));
	return ppctl_fail(ctl, err, NULL);
}

int pinpool_ctl_event_pool(const struct pinpool_ctl *ctl, struct pinpool_ctl_pool *pool,
			   size_t size)
{
	if (size < END_OF(struct pinpool_ctl_pool, stats))
		return -EINVAL;
	if (!ctl->has_event_pool)
		return -ENODATA;
	ppctl_give(pool, size, &ctl->event_pool, sizeof(ctl->event_pool));
	return 0;
}
