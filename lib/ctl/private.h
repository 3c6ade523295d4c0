/* SPDX-License-Identifier: LGPL-2.1-or-later OR MIT */
/*
 * What the files of libpinpool-ctl share
 */
#ifndef PINPOOL_CTL_PRIVATE_H
#define PINPOOL_CTL_PRIVATE_H

#include <errno.h>

#include <libmnl/libmnl.h>
#include <linux/genetlink.h>

#include "pinpool_ctl.h"

#define ARRAY_SIZE(array)	(sizeof(array) / sizeof((array)[0]))

/* Of a struct in its first version: up to this member */
#define END_OF(type, member)	(offsetof(type, member) + sizeof(((type *)0)->member))

#define REQUEST_SIZE	4096
/* The kernel makes messages of dumps as large as this, if there is room */
#define ANSWER_SIZE	32768
#define EVENT_SIZE	8192

#define NR_GROUPS	2

/**
 * struct pinpool_ctl - A connection to the kernel
 * @requests: The socket for requests
 * @events: That for events, NULL before there was a subscription
 * @family: The id of the family
 * @groups: The ids of its groups, in the order of enum pinpool_ctl_group; 0 for none
 * @seq: Of the last request
 * @torn: The last list changed while it was read
 * @error: What went wrong in the last call
 * @attr: With which attribute
 * @event: The next event in @event_data
 * @event_rest: How many bytes of events there are
 * @event_pool: The pool of the last event
 * @has_event_pool: There is one
 * @request: What is asked
 * @answer: What came
 * @event_data: What happened
 */
struct pinpool_ctl {
	struct mnl_socket *requests;
	struct mnl_socket *events;
	uint16_t family;
	uint32_t groups[NR_GROUPS];
	uint32_t seq;
	bool torn;
	char error[256];
	char attr[64];
	const struct nlmsghdr *event;
	int event_rest;
	struct pinpool_ctl_pool event_pool;
	bool has_event_pool;
	char request[REQUEST_SIZE] __attribute__((aligned(8)));
	char answer[ANSWER_SIZE] __attribute__((aligned(8)));
	char event_data[EVENT_SIZE] __attribute__((aligned(8)));
};

enum ppctl_kind {
	KIND_NONE,	/* Not of interest */
	KIND_U32,
	KIND_U64,
	KIND_STRING,
	KIND_FLAG,	/* Of a bool; there or not */
	KIND_NEST,
};

/**
 * struct ppctl_field - An attribute, and the member of a struct that it fills
 * @name: In the specification
 * @nest: With KIND_NEST: what is in it; it fills the same struct
 * @kind: What it holds
 * @offset: Of the member
 * @size: Of the member
 * @has: The bit in pinpool_ctl_pool.has
 * @required: No message makes sense without it
 */
struct ppctl_field {
	const char *name;
	const struct ppctl_set *nest;
	enum ppctl_kind kind;
	uint16_t offset;
	uint16_t size;
	uint32_t has;
	bool required;
};

/**
 * struct ppctl_set - A set of attributes
 * @fields: By their types
 * @count: How many types there are
 */
struct ppctl_set {
	const struct ppctl_field *fields;
	uint16_t count;
};

/* set.c */
extern const struct ppctl_set ppctl_pool_set;
extern const struct ppctl_set ppctl_client_set;
extern const struct ppctl_set ppctl_buffer_set;
extern const struct ppctl_set ppctl_event_set;

/* attr.c */
int ppctl_parse(const struct ppctl_set *set, const struct nlmsghdr *nlh, void *out,
		uint64_t *has);
bool ppctl_put(struct nlmsghdr *nlh, const struct ppctl_set *set, const void *in, uint64_t has);
bool ppctl_put_name(struct nlmsghdr *nlh, uint16_t type, const char *name);
void ppctl_give(void *out, size_t size, const void *in, size_t known);

/* error.c */
int ppctl_fail(struct pinpool_ctl *ctl, int err, const char *why);
int ppctl_refused(struct pinpool_ctl *ctl, const struct ppctl_set *set, int err,
		  const void *told, size_t length);

/* request.c */
typedef int ppctl_answer_fn(const struct nlmsghdr *nlh, void *arg);

struct nlmsghdr *ppctl_begin(struct pinpool_ctl *ctl, uint16_t family, uint8_t cmd,
			     uint16_t flags);
int ppctl_ask(struct pinpool_ctl *ctl, const struct ppctl_set *set, ppctl_answer_fn *fn,
	      void *arg);
ssize_t ppctl_receive(const struct mnl_socket *socket, void *data, size_t size, int flags);

/* open.c */
struct mnl_socket *ppctl_socket_open(void);

static inline uint8_t ppctl_cmd(const struct nlmsghdr *nlh)
{
	const struct genlmsghdr *genl = mnl_nlmsg_get_payload(nlh);

	return genl->cmd;
}

#endif /* PINPOOL_CTL_PRIVATE_H */
