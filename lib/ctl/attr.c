// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
/*
 * Attributes in and out of structs
 */
#include <string.h>

#include "private.h"

static int parse_set(const struct ppctl_set *set, const void *attrs, size_t length, void *out,
		     uint64_t *has);

/* Out of @attr, after its form was checked. Returns 0 or -EPROTO */
static int parse_field(const struct ppctl_field *field, const struct nlattr *attr, void *out,
		       uint64_t *has)
{
	void *member = (char *)out + field->offset;
	size_t length = mnl_attr_get_payload_len(attr);

	switch (field->kind) {
	case KIND_U32:
	case KIND_U64:
		if (length != field->size)
			return -EPROTO;
		break;
	case KIND_STRING:
		if (!length || length > field->size || mnl_attr_get_str(attr)[length - 1])
			return -EPROTO;
		break;
	case KIND_FLAG:
		if (length)
			return -EPROTO;
		*(bool *)member = true;
		return 0;
	case KIND_NEST:
		return parse_set(field->nest, mnl_attr_get_payload(attr), length, out, has);
	default:
		return 0;
	}
	memcpy(member, mnl_attr_get_payload(attr), length);
	return 0;
}

/* What isn't known is of a newer kernel, and of no interest. */
static int parse_set(const struct ppctl_set *set, const void *attrs, size_t length, void *out,
		     uint64_t *has)
{
	const struct ppctl_field *field;
	const struct nlattr *attr;
	uint64_t seen = 0;
	uint16_t type;
	int err;

	mnl_attr_for_each_payload(attrs, length) {
		type = mnl_attr_get_type(attr);
		if (type >= set->count)
			continue;
		field = &set->fields[type];
		err = parse_field(field, attr, out, has);
		if (err)
			return err;
		seen |= 1ULL << type;
		/* What a nest has, it tells itself, if it tells it in detail. */
		if (has && (field->kind != KIND_NEST || !(field->has & (field->has - 1))))
			*has |= field->has;
	}
	for (type = 0; type < set->count; type++)
		if (set->fields[type].required && !(seen >> type & 1))
			return -EPROTO;
	return 0;
}

/*
 * Fill @out, which was zeroed, from a message of the family; with @has tell what of
 * it there was. Returns 0 or -EPROTO.
 */
int ppctl_parse(const struct ppctl_set *set, const struct nlmsghdr *nlh, void *out,
		uint64_t *has)
{
	if (mnl_nlmsg_get_payload_len(nlh) < GENL_HDRLEN)
		return -EPROTO;
	return parse_set(set, mnl_nlmsg_get_payload_offset(nlh, GENL_HDRLEN),
			 mnl_nlmsg_get_payload_len(nlh) - GENL_HDRLEN, out, has);
}

static bool put_field(struct nlmsghdr *nlh, const struct ppctl_field *field, uint16_t type,
		      const void *member)
{
	switch (field->kind) {
	case KIND_STRING:
		return ppctl_put_name(nlh, type, member);
	case KIND_FLAG:
		return !*(const bool *)member ||
		       mnl_attr_put_check(nlh, REQUEST_SIZE, type, 0, NULL);
	default:
		return mnl_attr_put_check(nlh, REQUEST_SIZE, type, field->size, member);
	}
}

/* Put what @has names of @in into the request. Returns false if it is too much */
bool ppctl_put(struct nlmsghdr *nlh, const struct ppctl_set *set, const void *in, uint64_t has)
{
	const struct ppctl_field *field;
	struct nlattr *nest;
	uint16_t type;

	for (type = 0; type < set->count; type++) {
		field = &set->fields[type];
		if (!(field->has & has))
			continue;
		if (field->kind != KIND_NEST) {
			if (!put_field(nlh, field, type, (const char *)in + field->offset))
				return false;
			continue;
		}
		nest = mnl_attr_nest_start_check(nlh, REQUEST_SIZE, type);
		if (!nest || !ppctl_put(nlh, field->nest, in, has))
			return false;
		mnl_attr_nest_end(nlh, nest);
	}
	return true;
}

/* As long as it may be: what is too long, the kernel says so */
bool ppctl_put_name(struct nlmsghdr *nlh, uint16_t type, const char *name)
{
	return mnl_attr_put_strz_check(nlh, REQUEST_SIZE, type, name);
}

/* Hand out a struct of @known bytes to a caller whose has @size */
void ppctl_give(void *out, size_t size, const void *in, size_t known)
{
	memcpy(out, in, size < known ? size : known);
	if (size > known)
		memset((char *)out + known, 0, size - known);
}
