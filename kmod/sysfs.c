// SPDX-License-Identifier: GPL-2.0
/*
 * /sys/class/pinpool/<name>/: what a pool is, and how full; uapi/sysfs-class-pinpool
 * is the contract
 */
#include "pinpool.h"

#include <linux/kernel.h>
#include <linux/stddef.h>
#include <linux/sysfs.h>

static struct pinpool_pool *pool_of(struct device *dev)
{
	return container_of(dev, struct pinpool_pool, dev);
}

static ssize_t granule_show(struct device *dev, struct device_attribute *attr, char *buf)
{
	return sysfs_emit(buf, "%llu\n", pool_of(dev)->config.granule);
}
static DEVICE_ATTR_RO(granule);

static ssize_t backing_show(struct device *dev, struct device_attribute *attr, char *buf)
{
	return sysfs_emit(buf, "%s\n", pool_of(dev)->backing->name);
}
static DEVICE_ATTR_RO(backing);

static ssize_t zero_show(struct device *dev, struct device_attribute *attr, char *buf)
{
	return sysfs_emit(buf, "%s\n", pinpool_zero_names[pool_of(dev)->config.zero]);
}
static DEVICE_ATTR_RO(zero);

static ssize_t numa_node_show(struct device *dev, struct device_attribute *attr, char *buf)
{
	return sysfs_emit(buf, "%d\n", pool_of(dev)->config.node);
}
static DEVICE_ATTR_RO(numa_node);

/**
 * struct stats_attribute - A field of struct pinpool_stats
 * @attr: The attribute
 * @field: Where the field lies
 */
struct stats_attribute {
	struct device_attribute attr;
	size_t field;
};

static ssize_t stats_show(struct device *dev, struct device_attribute *attr, char *buf)
{
	size_t field = container_of(attr, struct stats_attribute, attr)->field;
	struct pinpool_stats stats;

	pinpool_pool_stats(pool_of(dev), NULL, &stats);
	return sysfs_emit(buf, "%llu\n", *(u64 *)((char *)&stats + field));
}

#define STATS_ATTR(_name)						\
	static struct stats_attribute stats_attr_##_name = {		\
		.attr.attr = { .name = #_name, .mode = 0444 },		\
		.attr.show = stats_show,				\
		.field = offsetof(struct pinpool_stats, _name),		\
	}

STATS_ATTR(capacity);
STATS_ATTR(used);
STATS_ATTR(free);
STATS_ATTR(quarantined);
STATS_ATTR(largest_free);
STATS_ATTR(peak);
STATS_ATTR(requested);
STATS_ATTR(buffers);
STATS_ATTR(free_extents);
STATS_ATTR(quarantined_extents);
STATS_ATTR(clients);
STATS_ATTR(shares);
STATS_ATTR(waiters);
STATS_ATTR(allocs);
STATS_ATTR(frees);
STATS_ATTR(failures);

static struct attribute *pool_attrs[] = {
	&dev_attr_granule.attr,
	&dev_attr_backing.attr,
	&dev_attr_zero.attr,
	&dev_attr_numa_node.attr,
	&stats_attr_capacity.attr.attr,
	&stats_attr_used.attr.attr,
	&stats_attr_free.attr.attr,
	&stats_attr_quarantined.attr.attr,
	&stats_attr_largest_free.attr.attr,
	&stats_attr_peak.attr.attr,
	&stats_attr_requested.attr.attr,
	&stats_attr_buffers.attr.attr,
	&stats_attr_free_extents.attr.attr,
	&stats_attr_quarantined_extents.attr.attr,
	&stats_attr_clients.attr.attr,
	&stats_attr_shares.attr.attr,
	&stats_attr_waiters.attr.attr,
	&stats_attr_allocs.attr.attr,
	&stats_attr_frees.attr.attr,
	&stats_attr_failures.attr.attr,
	NULL,
};

static const struct attribute_group pool_group = {
	.attrs = pool_attrs,
};

const struct attribute_group *pinpool_sysfs_groups[] = {
	&pool_group,
	NULL,
};
