// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
/*
 * How full a pool is, in detail
 */
#include <string.h>

#include "private.h"

/**
 * struct stats - What is told of a pool
 * @pool: What of it is of a fixed size
 * @bins: What isn't
 */
struct stats {
	struct pinpool_ctl_pool pool;
	struct pinpool_ctl_bins bins;
};

static int bin_read(const struct nlattr *nest, struct pinpool_ctl_bins *bins)
{
	const struct nlattr *attr;
	uint64_t min = 0, extents = 0;

	mnl_attr_for_each_nested(attr, nest) {
		uint16_t type = mnl_attr_get_type(attr);

		if (type != PINPOOL_A_BIN_MIN && type != PINPOOL_A_BIN_EXTENTS)
			continue;
		if (mnl_attr_validate(attr, MNL_TYPE_U64) < 0)
			return -EPROTO;
		if (type == PINPOOL_A_BIN_MIN)
			min = mnl_attr_get_u64(attr);
		else
			extents = mnl_attr_get_u64(attr);
	}
	if (!min || bins->count == PINPOOL_CTL_MAX_BINS)
		return -EPROTO;
	bins->bin[bins->count].min = min;
	bins->bin[bins->count].extents = extents;
	bins->count++;
	return 0;
}

static int bins_read(const struct nlmsghdr *nlh, struct pinpool_ctl_bins *bins)
{
	const struct nlattr *attr, *inner;
	int err = 0;

	mnl_attr_for_each(attr, nlh, GENL_HDRLEN) {
		if (mnl_attr_get_type(attr) != PINPOOL_A_POOL_STATS)
			continue;
		mnl_attr_for_each_nested(inner, attr)
			if (!err && mnl_attr_get_type(inner) == PINPOOL_A_STATS_BIN)
				err = bin_read(inner, bins);
	}
	return err;
}

static int stats_read(const struct nlmsghdr *nlh, void *arg)
{
	struct stats *stats = arg;
	int err;

	memset(stats, 0, sizeof(*stats));
	err = ppctl_parse(&ppctl_pool_set, nlh, &stats->pool, &stats->pool.has);
	return err ? err : bins_read(nlh, &stats->bins);
}

int pinpool_ctl_stats(struct pinpool_ctl *ctl, const char *name, struct pinpool_ctl_pool *pool,
		      size_t size, struct pinpool_ctl_bins *bins)
{
	struct stats stats = { 0 };
	struct nlmsghdr *nlh;
	int err;

	if (size < END_OF(struct pinpool_ctl_pool, stats))
		return ppctl_fail(ctl, -EINVAL, NULL);
	nlh = ppctl_begin(ctl, ctl->family, PINPOOL_NL_CMD_STATS_GET, 0);
	if (!ppctl_put_name(nlh, PINPOOL_A_POOL_NAME, name))
		return ppctl_fail(ctl, -EINVAL, NULL);
	err = ppctl_ask(ctl, &ppctl_pool_set, stats_read, &stats);
	if (err)
		return err;
	if (!*stats.pool.name)
		return ppctl_fail(ctl, -EPROTO, NULL);
	ppctl_give(pool, size, &stats.pool, sizeof(stats.pool));
	if (bins)
		*bins = stats.bins;
	return 0;
}
