// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
/*
 * What went wrong, in words
 */
#include <stdio.h>
#include <string.h>

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
	{ ENOENT, "no such pool, or the module was unloaded" },
	{ EEXIST, "there is a pool with this name" },
	{ EBUSY, "in use" },
	{ EPERM, "this needs CAP_SYS_ADMIN in the initial user namespace" },
	{ EINVAL, "a value that can't be" },
	{ ERANGE, "a value that is too small or too large" },
	{ E2BIG, "the library is too old for what was asked of it" },
	{ EOPNOTSUPP, "not with this pool, or this version of the library or the module" },
	{ ENOMEM, "no memory" },
	{ ENOBUFS, "events were lost" },
	{ EAGAIN, "no event" },
	{ EPROTO, "the kernel's answer makes no sense" },
	{ ENODEV, "the module was unloaded" },
	{ EBADF, "not subscribed to events" },
};

static const char no_family[] =
	"no pinpool family: is the module loaded, and is this the initial network namespace?";

static const char *describe(int error)
{
	const char *text;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(texts); i++)
		if (texts[i].error == error)
			return texts[i].text;
	text = system_text(error);
	return text ? text : "unknown error";
}

const char *pinpool_ctl_error(const struct pinpool_ctl *ctl)
{
	if (ctl)
		return ctl->error;
	if (errno == ENOENT)
		return no_family;
	return describe(errno);
}

const char *pinpool_ctl_error_attr(const struct pinpool_ctl *ctl)
{
	return *ctl->attr ? ctl->attr : NULL;
}

/* Returns @err, which is negative or 0; @why: if the errno doesn't say it all */
int ppctl_fail(struct pinpool_ctl *ctl, int err, const char *why)
{
	ctl->attr[0] = '\0';
	ctl->error[0] = '\0';
	if (err)
		snprintf(ctl->error, sizeof(ctl->error), "%s", why ? why : describe(-err));
	return err;
}

static const struct ppctl_field *field_of(const struct ppctl_set *set, uint16_t type)
{
	if (!set || type >= set->count || !set->fields[type].name)
		return NULL;
	return &set->fields[type];
}

static void path_add(char *path, size_t size, const char *name)
{
	size_t length = strlen(path);

	snprintf(path + length, size - length, "%s%s", length ? "." : "", name);
}

/*
 * The name of the attribute that begins at @where, as far as it can be told. Returns
 * the set of what is nested there, or NULL.
 */
static const struct ppctl_set *find(const struct ppctl_set *set, const void *attrs,
				    size_t length, const char *where, char *path, size_t size)
{
	const struct ppctl_field *field;
	const struct nlattr *attr;

	mnl_attr_for_each_payload(attrs, length) {
		const char *start = (const char *)attr;

		if (where < start || where >= start + mnl_attr_get_len(attr))
			continue;
		field = field_of(set, mnl_attr_get_type(attr));
		if (!field)
			return NULL;
		path_add(path, size, field->name);
		if (where == start)
			return field->nest;
		return find(field->nest, mnl_attr_get_payload(attr),
			    mnl_attr_get_payload_len(attr), where, path, size);
	}
	return NULL;
}

/* What is at an offset that the kernel tells, in the request that it was sent */
static const struct ppctl_set *find_offset(struct pinpool_ctl *ctl,
					   const struct ppctl_set *set, uint32_t offset)
{
	const struct nlmsghdr *request = (const struct nlmsghdr *)ctl->request;

	if (offset < NLMSG_HDRLEN + GENL_HDRLEN || offset >= request->nlmsg_len)
		return NULL;
	return find(set, ctl->request + NLMSG_HDRLEN + GENL_HDRLEN,
		    request->nlmsg_len - NLMSG_HDRLEN - GENL_HDRLEN, ctl->request + offset,
		    ctl->attr, sizeof(ctl->attr));
}

/**
 * struct extack - What the kernel tells of an error
 * @text: In words, or NULL
 * @attr: Where in the request the attribute is that is wrong, or 0
 * @nest: Where in the request something is missing, or 0 for at its top
 * @missing: The type of what is missing
 * @has_missing: Something is
 * @min: The smallest value that @attr may have
 * @max: The largest one
 * @has_range: Both were told
 */
struct extack {
	const char *text;
	uint32_t attr;
	uint32_t nest;
	uint32_t missing;
	bool has_missing;
	uint64_t min;
	uint64_t max;
	bool has_range;
};

static int policy_read(const struct nlattr *attr, void *arg)
{
	struct extack *extack = arg;

	if (mnl_attr_get_payload_len(attr) != sizeof(uint64_t))
		return MNL_CB_OK;
	if (mnl_attr_get_type(attr) == NL_POLICY_TYPE_ATTR_MIN_VALUE_U) {
		extack->min = mnl_attr_get_u64(attr);
	} else if (mnl_attr_get_type(attr) == NL_POLICY_TYPE_ATTR_MAX_VALUE_U) {
		extack->max = mnl_attr_get_u64(attr);
		extack->has_range = true;
	}
	return MNL_CB_OK;
}

static int extack_read(const struct nlattr *attr, void *arg)
{
	bool is_u32 = mnl_attr_get_payload_len(attr) == sizeof(uint32_t);
	struct extack *extack = arg;

	switch (mnl_attr_get_type(attr)) {
	case NLMSGERR_ATTR_MSG:
		if (mnl_attr_validate(attr, MNL_TYPE_NUL_STRING) >= 0)
			extack->text = mnl_attr_get_str(attr);
		break;
	case NLMSGERR_ATTR_OFFS:
		extack->attr = is_u32 ? mnl_attr_get_u32(attr) : 0;
		break;
	case NLMSGERR_ATTR_POLICY:
		mnl_attr_parse_nested(attr, policy_read, extack);
		break;
	case NLMSGERR_ATTR_MISS_TYPE:
		extack->missing = is_u32 ? mnl_attr_get_u32(attr) : 0;
		extack->has_missing = is_u32;
		break;
	case NLMSGERR_ATTR_MISS_NEST:
		extack->nest = is_u32 ? mnl_attr_get_u32(attr) : 0;
		break;
	}
	return MNL_CB_OK;
}

/* Does the text speak of the attribute anyway? */
static bool mentions(const char *text, const char *attr)
{
	const char *name = strrchr(attr, '.');

	return strcasestr(text, name ? name + 1 : attr);
}

static void compose(struct pinpool_ctl *ctl, const struct extack *extack, int err)
{
	const char *text = extack->text;
	char range[64] = "";
	bool prefix;

	if (!text)
		text = extack->has_missing ? "is missing" : describe(-err);
	if (extack->has_range)
		snprintf(range, sizeof(range), ": from %llu to %llu",
			 (unsigned long long)extack->min, (unsigned long long)extack->max);
	prefix = *ctl->attr && !mentions(text, ctl->attr);
	snprintf(ctl->error, sizeof(ctl->error), "%s%s%s%s", prefix ? ctl->attr : "",
		 prefix ? ": " : "", text, range);
}

/*
 * Note why the kernel refused a request, whose attributes are of @set, or NULL: the
 * errno, and @length bytes of attributes that tell more. Returns @err.
 */
int ppctl_refused(struct pinpool_ctl *ctl, const struct ppctl_set *set, int err,
		  const void *told, size_t length)
{
	const struct ppctl_field *field;
	struct extack extack = { 0 };

	ctl->attr[0] = '\0';
	mnl_attr_parse_payload(told, length, extack_read, &extack);
	if (extack.attr)
		find_offset(ctl, set, extack.attr);
	if (extack.has_missing) {
		ctl->attr[0] = '\0';
		if (extack.nest)
			set = find_offset(ctl, set, extack.nest);
		field = field_of(set, extack.missing);
		if (field)
			path_add(ctl->attr, sizeof(ctl->attr), field->name);
	}
	compose(ctl, &extack, err);
	return err;
}
