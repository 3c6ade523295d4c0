// SPDX-License-Identifier: GPL-2.0
/*
 * What is asked for over netlink: pools and their settings
 *
 * The policies have seen to it that attributes are of the right form.
 */
#include "pinpool.h"
#include "netlink.h"

#include <linux/kernel.h>
#include <linux/string.h>

/**
 * pinpool_parse_capacity() - Read the capacity of a pool
 * @attr: The attribute
 * @extack: Where to tell what is wrong
 * @granule: Of the pool
 * @capacity: Gets it
 *
 * Context: Any.
 * Return: 0 or -EINVAL
 */
int pinpool_parse_capacity(const struct nlattr *attr, struct netlink_ext_ack *extack,
			   u64 granule, u64 *capacity)
{
	*capacity = nla_get_u64(attr);
	if (!*capacity)
		return pinpool_netlink_refuse(extack, attr, -EINVAL,
					      "The capacity is at least one granule");
	if (!IS_ALIGNED(*capacity, granule))
		return pinpool_netlink_refuse(extack, attr, -EINVAL,
					      "The capacity is no multiple of the granule");
	return 0;
}

static void parse_u64(const struct nlattr *attr, u64 *value)
{
	if (attr)
		*value = nla_get_u64(attr);
}

/* Where the memory of a pool shall come from */
static int parse_backing(struct nlattr **attrs, struct netlink_ext_ack *extack,
			 struct pinpool_config *config)
{
	const struct nlattr *attr = attrs[PINPOOL_A_POOL_BACKING];

	if (attr)
		config->backing = nla_get_u32(attr);
	parse_u64(attrs[PINPOOL_A_POOL_BASE], &config->base);
	attr = attrs[PINPOOL_A_POOL_ALIGN];
	parse_u64(attr, &config->align);
	if (attr && !is_power_of_2(config->align))
		return pinpool_netlink_refuse(extack, attr, -EINVAL,
					      "The alignment is no power of two");
	attr = attrs[PINPOOL_A_POOL_REGION];
	if (attr)
		strscpy(config->region, nla_data(attr), sizeof(config->region));
	config->keep = attrs[PINPOOL_A_POOL_KEEP];
	config->tell_bus = attrs[PINPOOL_A_POOL_TELL_BUS];
	attr = attrs[PINPOOL_A_POOL_FD];
	if (attr) {
		if (nla_get_u32(attr) > INT_MAX)
			return pinpool_netlink_refuse(extack, attr, -EBADF,
						      "That is no file descriptor");
		config->fd = nla_get_u32(attr);
	}
	return 0;
}

/* What was checked as a whole */
static int refuse(struct nlattr **attrs, struct netlink_ext_ack *extack,
		  const struct pinpool_refusal *refusal)
{
	if (!attrs[refusal->attr])
		NL_SET_ERR_ATTR_MISS(extack, NULL, refusal->attr);
	return pinpool_netlink_refuse(extack, attrs[refusal->attr], -EINVAL, refusal->why);
}

/**
 * pinpool_parse_config() - Read what a pool shall be
 * @attrs: Of set "pool", with a name and a capacity
 * @extack: Where to tell what is wrong
 * @config: Filled in
 *
 * Context: Any.
 * Return: 0, -EINVAL or -EBADF
 */
int pinpool_parse_config(struct nlattr **attrs, struct netlink_ext_ack *extack,
			 struct pinpool_config *config)
{
	const struct nlattr *attr = attrs[PINPOOL_A_POOL_NAME];
	struct pinpool_refusal refusal;
	int err;

	pinpool_config_init(config);
	if (!pinpool_config_name_valid(nla_data(attr)))
		return pinpool_netlink_refuse(extack, attr, -EINVAL,
					      "Names are up to 31 letters, digits, '-', '_' and '.', a letter or digit first");
	strscpy(config->name, nla_data(attr), sizeof(config->name));

	attr = attrs[PINPOOL_A_POOL_GRANULE];
	if (attr) {
		config->granule = nla_get_u64(attr);
		if (!pinpool_config_granule_valid(config->granule))
			return pinpool_netlink_refuse(extack, attr, -EINVAL,
						      "The granule is no power of two of at least a page");
	}
	err = parse_backing(attrs, extack, config);
	if (err)
		return err;
	attr = attrs[PINPOOL_A_POOL_NODE];
	if (attr) {
		config->node = nla_get_s32(attr);
		if (config->node != NUMA_NO_NODE && !pinpool_config_node_valid(config->node))
			return pinpool_netlink_refuse(extack, attr, -EINVAL,
						      "There is no such NUMA node online");
	}
	attr = attrs[PINPOOL_A_POOL_MODE];
	if (attr) {
		config->mode = nla_get_u32(attr);
		if (!pinpool_config_mode_valid(nla_get_u32(attr)))
			return pinpool_netlink_refuse(extack, attr, -EINVAL,
						      "The mode is none like 0600 or 0666");
	}
	attr = attrs[PINPOOL_A_POOL_ZERO];
	if (attr)
		config->zero = nla_get_u32(attr);
	err = pinpool_parse_capacity(attrs[PINPOOL_A_POOL_CAPACITY], extack,
				     config->granule, &config->capacity);
	if (err)
		return err;
	refusal = pinpool_config_check(config);
	return refusal.why ? refuse(attrs, extack, &refusal) : 0;
}

static int parse_limits(const struct nlattr *nest, struct netlink_ext_ack *extack,
			struct pinpool_limits *limits)
{
	struct nlattr *attrs[PINPOOL_A_LIMITS_MAX + 1];
	int err;

	err = nla_parse_nested(attrs, PINPOOL_A_LIMITS_MAX, nest, pinpool_limits_nl_policy,
			       extack);
	if (err)
		return err;
	parse_u64(attrs[PINPOOL_A_LIMITS_CLIENT_BYTES], &limits->client_bytes);
	parse_u64(attrs[PINPOOL_A_LIMITS_CLIENT_BUFFERS], &limits->client_buffers);
	parse_u64(attrs[PINPOOL_A_LIMITS_CLIENT_SHARES], &limits->client_shares);
	parse_u64(attrs[PINPOOL_A_LIMITS_UID_BYTES], &limits->uid_bytes);
	parse_u64(attrs[PINPOOL_A_LIMITS_UID_BUFFERS], &limits->uid_buffers);
	return 0;
}

/* A mark in bytes takes the place of one in percent, and the other way round. */
static int parse_mark(const struct nlattr *bytes, const struct nlattr *percent,
		      struct netlink_ext_ack *extack, u64 *mark, u32 *mark_percent)
{
	if (bytes && percent)
		return pinpool_netlink_refuse(extack, percent, -EINVAL,
					      "A watermark is either in bytes or in percent");
	if (bytes || percent) {
		*mark = bytes ? nla_get_u64(bytes) : 0;
		*mark_percent = percent ? nla_get_u32(percent) : 0;
	}
	return 0;
}

static int parse_watermarks(const struct nlattr *nest, struct netlink_ext_ack *extack,
			    struct pinpool_watermarks *marks)
{
	struct nlattr *attrs[PINPOOL_A_WATERMARKS_MAX + 1];
	int err;

	err = nla_parse_nested(attrs, PINPOOL_A_WATERMARKS_MAX, nest,
			       pinpool_watermarks_nl_policy, extack);
	if (err)
		return err;
	return parse_mark(attrs[PINPOOL_A_WATERMARKS_LOW],
			  attrs[PINPOOL_A_WATERMARKS_LOW_PERCENT], extack,
			  &marks->low, &marks->low_percent) ?:
	       parse_mark(attrs[PINPOOL_A_WATERMARKS_HIGH],
			  attrs[PINPOOL_A_WATERMARKS_HIGH_PERCENT], extack,
			  &marks->high, &marks->high_percent);
}

/**
 * pinpool_parse_settings() - Read what of a pool may change
 * @attrs: Of set "pool"
 * @extack: Where to tell what is wrong
 * @capacity: That the pool will have
 * @settings: in: What they are now. out: What they shall be
 *
 * Context: Any.
 * Return: 0 or a negative errno
 */
int pinpool_parse_settings(struct nlattr **attrs, struct netlink_ext_ack *extack,
			   u64 capacity, struct pinpool_settings *settings)
{
	const struct nlattr *limits = attrs[PINPOOL_A_POOL_LIMITS];
	const struct nlattr *marks = attrs[PINPOOL_A_POOL_WATERMARKS];
	const struct nlattr *wrong = marks ?: attrs[PINPOOL_A_POOL_CAPACITY];
	u64 low, high;
	int err = 0;

	if (limits)
		err = parse_limits(limits, extack, &settings->limits);
	if (marks && !err)
		err = parse_watermarks(marks, extack, &settings->watermarks);
	if (err)
		return err;
	low = pinpool_quota_low(&settings->watermarks, capacity);
	high = pinpool_quota_high(&settings->watermarks, capacity);
	if (high > capacity)
		return pinpool_netlink_refuse(extack, wrong, -EINVAL,
					      "The high watermark is above the capacity");
	if (low > high)
		return pinpool_netlink_refuse(extack, wrong, -EINVAL,
					      "The low watermark is above the high one, or there is no high one");
	return 0;
}
