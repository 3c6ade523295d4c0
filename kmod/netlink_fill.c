// SPDX-License-Identifier: GPL-2.0
/*
 * What is told over netlink: pools, how full they are, and clients
 */
#include "pinpool.h"
#include "netlink.h"

#include <linux/log2.h>
#include <linux/pid.h>
#include <linux/uidgid.h>

static int fill_limits(struct sk_buff *skb, const struct pinpool_limits *limits)
{
	struct nlattr *nest = nla_nest_start(skb, PINPOOL_A_POOL_LIMITS);

	if (!nest ||
	    pinpool_put_u64(skb, PINPOOL_A_LIMITS_CLIENT_BYTES, limits->client_bytes) ||
	    pinpool_put_u64(skb, PINPOOL_A_LIMITS_CLIENT_BUFFERS, limits->client_buffers) ||
	    pinpool_put_u64(skb, PINPOOL_A_LIMITS_UID_BYTES, limits->uid_bytes) ||
	    pinpool_put_u64(skb, PINPOOL_A_LIMITS_UID_BUFFERS, limits->uid_buffers) ||
	    pinpool_put_u64(skb, PINPOOL_A_LIMITS_CLIENT_SHARES, limits->client_shares))
		return -EMSGSIZE;
	nla_nest_end(skb, nest);
	return 0;
}

static int fill_watermarks(struct sk_buff *skb, const struct pinpool_watermarks *marks,
			   u64 capacity)
{
	struct nlattr *nest = nla_nest_start(skb, PINPOOL_A_POOL_WATERMARKS);

	if (!nest ||
	    pinpool_put_u64(skb, PINPOOL_A_WATERMARKS_LOW, pinpool_quota_low(marks, capacity)) ||
	    pinpool_put_u64(skb, PINPOOL_A_WATERMARKS_HIGH, pinpool_quota_high(marks, capacity)))
		return -EMSGSIZE;
	if (marks->low_percent &&
	    nla_put_u32(skb, PINPOOL_A_WATERMARKS_LOW_PERCENT, marks->low_percent))
		return -EMSGSIZE;
	if (marks->high_percent &&
	    nla_put_u32(skb, PINPOOL_A_WATERMARKS_HIGH_PERCENT, marks->high_percent))
		return -EMSGSIZE;
	nla_nest_end(skb, nest);
	return 0;
}

/* 1 - largest / free, in millionths */
static u32 fragmentation(const struct pinpool_stats *stats)
{
	u64 free = stats->free;
	u64 rest = free - stats->largest_free;

	/* So that nothing overflows */
	while (rest > U64_MAX / 1000000) {
		rest >>= 1;
		free >>= 1;
	}
	return free ? div64_u64(rest * 1000000, free) : 0;
}

static int put_stats(struct sk_buff *skb, const struct pinpool_stats *stats, u64 refusals)
{
	const struct {
		int type;
		u64 value;
	} values[] = {
		{ PINPOOL_A_STATS_USED, stats->used },
		{ PINPOOL_A_STATS_FREE, stats->free },
		{ PINPOOL_A_STATS_QUARANTINED, stats->quarantined },
		{ PINPOOL_A_STATS_REQUESTED, stats->requested },
		{ PINPOOL_A_STATS_LARGEST_FREE, stats->largest_free },
		{ PINPOOL_A_STATS_PEAK, stats->peak },
		{ PINPOOL_A_STATS_BUFFERS, stats->buffers },
		{ PINPOOL_A_STATS_FREE_EXTENTS, stats->free_extents },
		{ PINPOOL_A_STATS_QUARANTINED_EXTENTS, stats->quarantined_extents },
		{ PINPOOL_A_STATS_CLIENTS, stats->clients },
		{ PINPOOL_A_STATS_SHARES, stats->shares },
		{ PINPOOL_A_STATS_WAITERS, stats->waiters },
		{ PINPOOL_A_STATS_ALLOCS, stats->allocs },
		{ PINPOOL_A_STATS_FREES, stats->frees },
		{ PINPOOL_A_STATS_FAILURES, stats->failures },
		{ PINPOOL_A_STATS_REFUSALS, refusals },
	};
	int i;

	for (i = 0; i < ARRAY_SIZE(values); i++)
		if (pinpool_put_u64(skb, values[i].type, values[i].value))
			return -EMSGSIZE;
	return nla_put_u32(skb, PINPOOL_A_STATS_FRAGMENTATION, fragmentation(stats));
}

/* Free extents of a size from @min bytes on, which is a power of two, to twice that */
static int put_bin(struct sk_buff *skb, u64 min, u64 extents)
{
	struct nlattr *nest;

	if (!extents)
		return 0;
	nest = nla_nest_start(skb, PINPOOL_A_STATS_BIN);
	if (!nest || pinpool_put_u64(skb, PINPOOL_A_BIN_MIN, min) ||
	    pinpool_put_u64(skb, PINPOOL_A_BIN_EXTENTS, extents))
		return -EMSGSIZE;
	nla_nest_end(skb, nest);
	return 0;
}

/* How many of the allocator's bins are looked at under one lock */
#define BINS_BATCH	256

static int put_bins(struct sk_buff *skb, struct pinpool_pool *pool)
{
	struct offset_alloc_bin_report report;
	u64 extents[64] = { };
	u32 bin, end;
	int i, err;

	for (bin = 0; bin < OFFSET_ALLOC_BINS; bin = end) {
		end = min_t(u32, bin + BINS_BATCH, OFFSET_ALLOC_BINS);
		spin_lock(&pool->lock);
		for (; bin < end; bin++) {
			offset_alloc_report_bin(pool->oa, bin, &report);
			if (report.nr_free)
				extents[ilog2(report.min_size)] += report.nr_free;
		}
		spin_unlock(&pool->lock);
	}
	for (i = 0; i + pool->granule_shift < 64; i++) {
		err = put_bin(skb, BIT_ULL(i + pool->granule_shift), extents[i]);
		if (err)
			return err;
	}
	return 0;
}

static int fill_stats(struct sk_buff *skb, struct pinpool_pool *pool, bool bins)
{
	struct nlattr *nest = nla_nest_start(skb, PINPOOL_A_POOL_STATS);
	struct pinpool_stats stats;

	if (!nest)
		return -EMSGSIZE;
	pinpool_pool_stats(pool, NULL, &stats);
	if (put_stats(skb, &stats, READ_ONCE(pool->refusals)) ||
	    (bins && put_bins(skb, pool)))
		return -EMSGSIZE;
	nla_nest_end(skb, nest);
	return 0;
}

static int fill_name(struct sk_buff *skb, const struct pinpool_pool *pool, u64 capacity)
{
	if (nla_put_string(skb, PINPOOL_A_POOL_NAME, pool->config.name) ||
	    nla_put_u32(skb, PINPOOL_A_POOL_ID, pool->id) ||
	    pinpool_put_u64(skb, PINPOOL_A_POOL_CAPACITY, capacity))
		return -EMSGSIZE;
	return 0;
}

/* Physical addresses are for the privileged. */
static int fill_address(struct sk_buff *skb, const struct pinpool_pool *pool,
			const struct pinpool_survey *survey, bool admin)
{
	const struct pinpool_config *config = &pool->config;

	if (!pool->backing->pages)
		return pinpool_put_u64(skb, PINPOOL_A_POOL_BASE, config->base);
	if (!admin)
		return 0;
	if (config->backing == PINPOOL_BACKING_RESERVED && config->base &&
	    pinpool_put_u64(skb, PINPOOL_A_POOL_BASE, config->base))
		return -EMSGSIZE;
	if (config->tell_bus && pinpool_put_u64(skb, PINPOOL_A_POOL_BUS_ADDRESS, survey->phys))
		return -EMSGSIZE;
	return 0;
}

static int fill_backing(struct sk_buff *skb, const struct pinpool_pool *pool,
			const struct pinpool_survey *survey, bool admin)
{
	const struct pinpool_config *config = &pool->config;

	if (fill_address(skb, pool, survey, admin) ||
	    (config->align && pinpool_put_u64(skb, PINPOOL_A_POOL_ALIGN, config->align)) ||
	    (config->region[0] &&
	     nla_put_string(skb, PINPOOL_A_POOL_REGION, config->region)) ||
	    (config->keep && nla_put_flag(skb, PINPOOL_A_POOL_KEEP)) ||
	    (config->tell_bus && nla_put_flag(skb, PINPOOL_A_POOL_TELL_BUS)) ||
	    nla_put_u32(skb, PINPOOL_A_POOL_LONGTERM, pool->backing->longterm))
		return -EMSGSIZE;
	if (!survey->chunks)
		return 0;
	if (pinpool_put_u64(skb, PINPOOL_A_POOL_CHUNKS, survey->chunks) ||
	    pinpool_put_u64(skb, PINPOOL_A_POOL_CHUNK_MIN, survey->min) ||
	    pinpool_put_u64(skb, PINPOOL_A_POOL_CHUNK_MAX, survey->max) ||
	    pinpool_put_u64(skb, PINPOOL_A_POOL_NODES, survey->nodes))
		return -EMSGSIZE;
	return 0;
}

/**
 * pinpool_fill_pool() - Tell of a pool
 * @skb: The message
 * @pool: The pool
 * @admin: To somebody who may see everything
 *
 * Context: May sleep.
 * Return: 0 or -EMSGSIZE
 */
int pinpool_fill_pool(struct sk_buff *skb, struct pinpool_pool *pool, bool admin)
{
	const struct pinpool_config *config = &pool->config;
	struct pinpool_settings settings;
	struct pinpool_survey survey;
	u64 capacity;

	spin_lock(&pool->lock);
	settings = pool->settings;
	survey = pool->survey;
	capacity = config->capacity;
	spin_unlock(&pool->lock);

	if (fill_name(skb, pool, capacity) ||
	    pinpool_put_u64(skb, PINPOOL_A_POOL_GRANULE, config->granule) ||
	    nla_put_u32(skb, PINPOOL_A_POOL_BACKING, pool->backing->id) ||
	    nla_put_u32(skb, PINPOOL_A_POOL_ZERO, config->zero) ||
	    nla_put_s32(skb, PINPOOL_A_POOL_NODE, config->node) ||
	    nla_put_u32(skb, PINPOOL_A_POOL_MODE, config->mode) ||
	    pinpool_put_u64(skb, PINPOOL_A_POOL_FEATURES, pinpool_pool_features(pool)) ||
	    fill_limits(skb, &settings.limits) ||
	    fill_watermarks(skb, &settings.watermarks, capacity) ||
	    fill_backing(skb, pool, &survey, admin) ||
	    fill_stats(skb, pool, false))
		return -EMSGSIZE;
	return 0;
}

/**
 * pinpool_fill_stats() - Tell how full a pool is
 * @skb: The message
 * @pool: The pool
 *
 * Context: May sleep.
 * Return: 0 or -EMSGSIZE
 */
int pinpool_fill_stats(struct sk_buff *skb, struct pinpool_pool *pool)
{
	if (fill_name(skb, pool, READ_ONCE(pool->config.capacity)) ||
	    fill_stats(skb, pool, true))
		return -EMSGSIZE;
	return 0;
}

/* The process that opened the client may have another name now, or be gone. */
static pid_t client_process(const struct pinpool_client *client, char (*comm)[TASK_COMM_LEN])
{
	struct task_struct *task;
	pid_t pid = 0;

	memcpy(*comm, client->comm, TASK_COMM_LEN);
	rcu_read_lock();
	task = pid_task(client->pid, PIDTYPE_TGID);
	if (task) {
		pid = pid_nr(client->pid);
		get_task_comm(*comm, task);
	}
	rcu_read_unlock();
	return pid;
}

/**
 * pinpool_fill_client() - Tell of a client
 * @skb: The message
 * @client: The client
 *
 * Context: pool->members_lock held, which keeps it alive.
 * Return: 0 or -EMSGSIZE
 */
int pinpool_fill_client(struct sk_buff *skb, const struct pinpool_client *client)
{
	u64 used, requested, buffers, quarantined, shares;
	struct pinpool_pool *pool = client->pool;
	char comm[TASK_COMM_LEN];
	pid_t pid = client_process(client, &comm);

	spin_lock(&pool->lock);
	used = client->used;
	requested = client->requested;
	buffers = client->nr_buffers;
	quarantined = client->quarantined;
	shares = client->nr_shares;
	spin_unlock(&pool->lock);

	if (nla_put_string(skb, PINPOOL_A_CLIENT_POOL, pool->config.name) ||
	    pinpool_put_u64(skb, PINPOOL_A_CLIENT_ID, client->id) ||
	    (pid && nla_put_u32(skb, PINPOOL_A_CLIENT_PID, pid)) ||
	    nla_put_string(skb, PINPOOL_A_CLIENT_COMM, comm) ||
	    nla_put_u32(skb, PINPOOL_A_CLIENT_UID,
			from_kuid_munged(&init_user_ns, client->uid)) ||
	    pinpool_put_u64(skb, PINPOOL_A_CLIENT_USED, used) ||
	    pinpool_put_u64(skb, PINPOOL_A_CLIENT_REQUESTED, requested) ||
	    pinpool_put_u64(skb, PINPOOL_A_CLIENT_BUFFERS, buffers) ||
	    pinpool_put_u64(skb, PINPOOL_A_CLIENT_QUARANTINED, quarantined) ||
	    pinpool_put_u64(skb, PINPOOL_A_CLIENT_SHARES, shares))
		return -EMSGSIZE;
	return 0;
}
