// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
/*
 * Requests and their answers
 */
#include <sys/socket.h>

#include "private.h"

/* Begin a request; ppctl_ask() sends it */
struct nlmsghdr *ppctl_begin(struct pinpool_ctl *ctl, uint16_t family, uint8_t cmd,
			     uint16_t flags)
{
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(ctl->request);
	struct genlmsghdr *genl;

	nlh->nlmsg_type = family;
	nlh->nlmsg_flags = NLM_F_REQUEST | flags;
	genl = mnl_nlmsg_put_extra_header(nlh, sizeof(*genl));
	genl->cmd = cmd;
	genl->version = PINPOOL_FAMILY_VERSION;
	return nlh;
}

/*
 * Receive what the kernel sent, and nobody else. Returns how many bytes, or a
 * negative errno.
 */
ssize_t ppctl_receive(const struct mnl_socket *socket, void *data, size_t size, int flags)
{
	struct sockaddr_nl from;
	socklen_t length;
	ssize_t ret;

	do {
		length = sizeof(from);
		ret = recvfrom(mnl_socket_get_fd(socket), data, size, flags | MSG_TRUNC,
			       (struct sockaddr *)&from, &length);
		if (ret < 0)
			return -errno;
	} while (length != sizeof(from) || from.nl_pid);
	return (size_t)ret <= size ? ret : -EPROTO;
}

/**
 * struct exchange - A request that is being answered
 * @set: What its attributes are, or NULL
 * @fn: Takes each answer
 * @arg: For @fn
 * @type: Of answers
 * @done: The last one is here
 */
struct exchange {
	const struct ppctl_set *set;
	ppctl_answer_fn *fn;
	void *arg;
	uint16_t type;
	bool done;
};

/* The end of the answers: an errno, and with an error why */
static int end_read(struct pinpool_ctl *ctl, struct exchange *x, const struct nlmsghdr *nlh)
{
	size_t length = mnl_nlmsg_get_payload_len(nlh);
	const struct nlmsgerr *end = mnl_nlmsg_get_payload(nlh);
	size_t head = sizeof(int);

	x->done = true;
	if (nlh->nlmsg_type == NLMSG_ERROR) {
		head = sizeof(*end);
		if (length >= head && !(nlh->nlmsg_flags & NLM_F_CAPPED))
			head += end->msg.nlmsg_len - sizeof(end->msg);
	}
	if (length < sizeof(int))
		return -EPROTO;
	if (!end->error)
		return 0;
	if (end->error > 0 || length < head)
		return -EPROTO;
	head = NLMSG_ALIGN(head);
	if (!(nlh->nlmsg_flags & NLM_F_ACK_TLVS) || length < head)
		head = length;
	return ppctl_refused(ctl, x->set, end->error, (const char *)end + head, length - head);
}

static int answers_read(struct pinpool_ctl *ctl, struct exchange *x, int length)
{
	const struct nlmsghdr *nlh;
	int err = 0, ret;

	for (nlh = (const void *)ctl->answer; mnl_nlmsg_ok(nlh, length) && !x->done;
	     nlh = mnl_nlmsg_next(nlh, &length)) {
		/* Answers to a request that was given up */
		if (nlh->nlmsg_seq != ctl->seq)
			continue;
		if (nlh->nlmsg_flags & NLM_F_DUMP_INTR)
			ctl->torn = true;
		ret = 0;
		if (nlh->nlmsg_type == NLMSG_ERROR || nlh->nlmsg_type == NLMSG_DONE)
			ret = end_read(ctl, x, nlh);
		else if (nlh->nlmsg_type == x->type && x->fn)
			ret = x->fn(nlh, x->arg);
		if (!err)
			err = ret;
	}
	return err;
}

/*
 * Send the request that was begun, whose attributes are of @set, and hand all answers
 * to @fn. It may be sent again. Returns 0 or a negative errno, which is noted.
 */
int ppctl_ask(struct pinpool_ctl *ctl, const struct ppctl_set *set, ppctl_answer_fn *fn,
	      void *arg)
{
	struct nlmsghdr *nlh = (struct nlmsghdr *)ctl->request;
	struct exchange x = { .set = set, .fn = fn, .arg = arg, .type = nlh->nlmsg_type };
	ssize_t length;
	int err = 0, ret;

	ppctl_fail(ctl, 0, NULL);
	ctl->torn = false;
	nlh->nlmsg_seq = ++ctl->seq;
	nlh->nlmsg_flags |= NLM_F_ACK;
	if (mnl_socket_sendto(ctl->requests, nlh, nlh->nlmsg_len) < 0)
		return ppctl_fail(ctl, -errno, NULL);

	/* All answers are taken, even after an error, lest the next request gets them. */
	while (!x.done) {
		length = ppctl_receive(ctl->requests, ctl->answer, sizeof(ctl->answer), 0);
		if (length == -EINTR)
			continue;
		if (length < 0)
			return ppctl_fail(ctl, length, NULL);
		ret = answers_read(ctl, &x, length);
		if (!err)
			err = ret;
	}
	if (err && !*ctl->error)
		ppctl_fail(ctl, err, NULL);
	return err;
}
