// SPDX-License-Identifier: GPL-2.0
/*
 * What a pool may be asked to be, whoever asks
 */
#include "pinpool.h"

#include <linux/ctype.h>
#include <linux/log2.h>
#include <linux/nodemask.h>
#include <linux/numa.h>
#include <linux/string.h>

const char * const pinpool_zero_names[] = {
	[PINPOOL_ZERO_OWNER] = "owner",
	[PINPOOL_ZERO_ALWAYS] = "always",
	[PINPOOL_ZERO_NEVER] = "never",
};

/**
 * pinpool_config_init() - What a pool is where nothing else is asked for
 * @config: Filled in, but for the name and the capacity
 *
 * Context: Any.
 */
void pinpool_config_init(struct pinpool_config *config)
{
	*config = (struct pinpool_config) {
		.granule = PAGE_SIZE,
		.node = NUMA_NO_NODE,
		.mode = 0600,
		.zero = PINPOOL_ZERO_OWNER,
		.backing = PINPOOL_BACKING_PAGES,
		.fd = -1,
		.uid = GLOBAL_ROOT_UID,
	};
}

/**
 * pinpool_config_name_valid() - May a pool have this name?
 * @name: The name
 *
 * It becomes a file name in /dev and /sys, and a word on command lines.
 *
 * Context: Any.
 * Return: True if so
 */
bool pinpool_config_name_valid(const char *name)
{
	const char *c;

	if (!isascii(name[0]) || !isalnum(name[0]) || strlen(name) >= PINPOOL_NAME_SIZE)
		return false;
	for (c = name; *c; c++)
		if (!isascii(*c) || (!isalnum(*c) && !strchr("-_.", *c)))
			return false;
	return true;
}

/**
 * pinpool_config_granule_valid() - May a pool have this granule?
 * @granule: In bytes
 *
 * Context: Any.
 * Return: True if so
 */
bool pinpool_config_granule_valid(u64 granule)
{
	return is_power_of_2(granule) && granule >= PAGE_SIZE;
}

/**
 * pinpool_config_node_valid() - May memory be asked from this node?
 * @node: Its number
 *
 * Context: Any.
 * Return: True if it is an online NUMA node
 */
bool pinpool_config_node_valid(int node)
{
	return node >= 0 && node < MAX_NUMNODES && node_online(node);
}

/**
 * pinpool_config_mode_valid() - May a node have these permissions?
 * @mode: As of chmod
 *
 * devtmpfs takes 0 for "as usual".
 *
 * Context: Any.
 * Return: True if so
 */
bool pinpool_config_mode_valid(unsigned int mode)
{
	return mode && !(mode & ~0666);
}

static bool is(const struct pinpool_config *config, enum pinpool_backing id)
{
	return config->backing == id;
}

static struct pinpool_refusal refuse(unsigned int attr, const char *why)
{
	return (struct pinpool_refusal) { .why = why, .attr = attr };
}

/**
 * pinpool_config_check() - May there be a pool like this?
 * @config: All of it; each value by itself is valid
 *
 * Context: Any.
 * Return: What is wrong with it, if anything is
 */
struct pinpool_refusal pinpool_config_check(const struct pinpool_config *config)
{
	const struct pinpool_backing_ops *backing = pinpool_backing_get(config->backing);

	if (!backing)
		return refuse(PINPOOL_A_POOL_BACKING,
			      "This kernel can't have pools of this backing");
	if (config->base && !is(config, PINPOOL_BACKING_RESERVED) &&
	    !is(config, PINPOOL_BACKING_NONE))
		return refuse(PINPOOL_A_POOL_BASE, "Only backings reserved and none have a base");
	if (config->align && !is(config, PINPOOL_BACKING_CONTIG))
		return refuse(PINPOOL_A_POOL_ALIGN, "Only backing contig has an alignment");
	if ((config->region[0] || config->keep) && !is(config, PINPOOL_BACKING_RESERVED))
		return refuse(config->keep ? PINPOOL_A_POOL_KEEP : PINPOOL_A_POOL_REGION,
			      "Only backing reserved has a region, and what is in it to be kept");
	if (config->tell_bus && !is(config, PINPOOL_BACKING_CONTIG) &&
	    !is(config, PINPOOL_BACKING_CMA) && !is(config, PINPOOL_BACKING_RESERVED))
		return refuse(PINPOOL_A_POOL_TELL_BUS,
			      "Only backings contig, cma and reserved have a bus address");
	if (config->fd >= 0 && !is(config, PINPOOL_BACKING_DMABUF))
		return refuse(PINPOOL_A_POOL_FD, "Only backing dmabuf takes a file descriptor");
	if (config->node != NUMA_NO_NODE && !is(config, PINPOOL_BACKING_PAGES) &&
	    !is(config, PINPOOL_BACKING_CONTIG))
		return refuse(PINPOOL_A_POOL_NODE,
			      "Only backings pages and contig take memory of a node");
	if (backing->limit && config->capacity > backing->limit)
		return refuse(PINPOOL_A_POOL_CAPACITY,
			      "The capacity is more than this backing can have");
	return refuse(backing->attr, backing->check ? backing->check(config) : NULL);
}
