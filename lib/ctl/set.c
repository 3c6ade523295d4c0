// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
/*
 * The attributes of uapi/netlink/pinpool.yaml, and where they go
 */
#include "private.h"

#define MEMBER(type, member)				\
	.offset = offsetof(type, member),		\
	.size = sizeof(((type *)0)->member)

#define SET(fields_)	{ .fields = (fields_), .count = ARRAY_SIZE(fields_) }

#define POOL(kind_, name_, member_, has_)		\
	{ .kind = (kind_), .name = (name_), .has = (has_),	\
	  MEMBER(struct pinpool_ctl_pool, member_) }

static const struct ppctl_field limits_fields[] = {
	[PINPOOL_A_LIMITS_CLIENT_BYTES] = POOL(KIND_U64, "client-bytes", limits.client_bytes,
					       PINPOOL_CTL_HAS_CLIENT_BYTES),
	[PINPOOL_A_LIMITS_CLIENT_BUFFERS] = POOL(KIND_U64, "client-buffers",
						 limits.client_buffers,
						 PINPOOL_CTL_HAS_CLIENT_BUFFERS),
	[PINPOOL_A_LIMITS_UID_BYTES] = POOL(KIND_U64, "uid-bytes", limits.uid_bytes,
					    PINPOOL_CTL_HAS_UID_BYTES),
	[PINPOOL_A_LIMITS_UID_BUFFERS] = POOL(KIND_U64, "uid-buffers", limits.uid_buffers,
					      PINPOOL_CTL_HAS_UID_BUFFERS),
	[PINPOOL_A_LIMITS_CLIENT_SHARES] = POOL(KIND_U64, "client-shares", limits.client_shares,
						PINPOOL_CTL_HAS_CLIENT_SHARES),
};

static const struct ppctl_field watermarks_fields[] = {
	[PINPOOL_A_WATERMARKS_LOW] = POOL(KIND_U64, "low", watermarks.low, PINPOOL_CTL_HAS_LOW),
	[PINPOOL_A_WATERMARKS_HIGH] = POOL(KIND_U64, "high", watermarks.high,
					   PINPOOL_CTL_HAS_HIGH),
	[PINPOOL_A_WATERMARKS_LOW_PERCENT] = POOL(KIND_U32, "low-percent",
						  watermarks.low_percent,
						  PINPOOL_CTL_HAS_LOW_PERCENT),
	[PINPOOL_A_WATERMARKS_HIGH_PERCENT] = POOL(KIND_U32, "high-percent",
						   watermarks.high_percent,
						   PINPOOL_CTL_HAS_HIGH_PERCENT),
};

#define STAT(name_, member_)	POOL(KIND_U64, name_, stats.member_, 0)

/* The bins are read by pinpool_ctl_stats(). */
static const struct ppctl_field stats_fields[] = {
	[PINPOOL_A_STATS_USED] = STAT("used", used),
	[PINPOOL_A_STATS_FREE] = STAT("free", free),
	[PINPOOL_A_STATS_QUARANTINED] = STAT("quarantined", quarantined),
	[PINPOOL_A_STATS_REQUESTED] = STAT("requested", requested),
	[PINPOOL_A_STATS_LARGEST_FREE] = STAT("largest-free", largest_free),
	[PINPOOL_A_STATS_PEAK] = STAT("peak", peak),
	[PINPOOL_A_STATS_BUFFERS] = STAT("buffers", buffers),
	[PINPOOL_A_STATS_FREE_EXTENTS] = STAT("free-extents", free_extents),
	[PINPOOL_A_STATS_QUARANTINED_EXTENTS] = STAT("quarantined-extents",
						     quarantined_extents),
	[PINPOOL_A_STATS_CLIENTS] = STAT("clients", clients),
	[PINPOOL_A_STATS_SHARES] = STAT("shares", shares),
	[PINPOOL_A_STATS_WAITERS] = STAT("waiters", waiters),
	[PINPOOL_A_STATS_ALLOCS] = STAT("allocs", allocs),
	[PINPOOL_A_STATS_FREES] = STAT("frees", frees),
	[PINPOOL_A_STATS_FAILURES] = STAT("failures", failures),
	[PINPOOL_A_STATS_REFUSALS] = STAT("refusals", refusals),
	[PINPOOL_A_STATS_FRAGMENTATION] = POOL(KIND_U32, "fragmentation", stats.fragmentation,
					       0),
};

static const struct ppctl_set limits_set = SET(limits_fields);
static const struct ppctl_set watermarks_set = SET(watermarks_fields);
static const struct ppctl_set stats_set = SET(stats_fields);

#define LIMITS	(PINPOOL_CTL_HAS_CLIENT_BYTES | PINPOOL_CTL_HAS_CLIENT_BUFFERS | \
		 PINPOOL_CTL_HAS_UID_BYTES | PINPOOL_CTL_HAS_UID_BUFFERS | \
		 PINPOOL_CTL_HAS_CLIENT_SHARES)
#define WATERMARKS	(PINPOOL_CTL_HAS_LOW | PINPOOL_CTL_HAS_HIGH | \
			 PINPOOL_CTL_HAS_LOW_PERCENT | PINPOOL_CTL_HAS_HIGH_PERCENT)

static const struct ppctl_field pool_fields[] = {
	[PINPOOL_A_POOL_NAME] = {
		.name = "name", .kind = KIND_STRING, .required = true,
		MEMBER(struct pinpool_ctl_pool, name),
	},
	[PINPOOL_A_POOL_ID] = POOL(KIND_U32, "id", id, PINPOOL_CTL_HAS_ID),
	[PINPOOL_A_POOL_CAPACITY] = POOL(KIND_U64, "capacity", capacity,
					 PINPOOL_CTL_HAS_CAPACITY),
	[PINPOOL_A_POOL_GRANULE] = POOL(KIND_U64, "granule", granule, PINPOOL_CTL_HAS_GRANULE),
	[PINPOOL_A_POOL_BACKING] = POOL(KIND_U32, "backing", backing, PINPOOL_CTL_HAS_BACKING),
	[PINPOOL_A_POOL_ZERO] = POOL(KIND_U32, "zero", zero, PINPOOL_CTL_HAS_ZERO),
	[PINPOOL_A_POOL_NODE] = POOL(KIND_U32, "node", node, PINPOOL_CTL_HAS_NODE),
	[PINPOOL_A_POOL_MODE] = POOL(KIND_U32, "mode", mode, PINPOOL_CTL_HAS_MODE),
	[PINPOOL_A_POOL_FEATURES] = POOL(KIND_U64, "features", features,
					 PINPOOL_CTL_HAS_FEATURES),
	[PINPOOL_A_POOL_LIMITS] = {
		.name = "limits", .kind = KIND_NEST, .nest = &limits_set, .has = LIMITS,
	},
	[PINPOOL_A_POOL_WATERMARKS] = {
		.name = "watermarks", .kind = KIND_NEST, .nest = &watermarks_set,
		.has = WATERMARKS,
	},
	[PINPOOL_A_POOL_STATS] = {
		.name = "stats", .kind = KIND_NEST, .nest = &stats_set,
		.has = PINPOOL_CTL_HAS_STATS,
	},
	[PINPOOL_A_POOL_FORCE] = { .name = "force" },
	[PINPOOL_A_POOL_BASE] = POOL(KIND_U64, "base", base, PINPOOL_CTL_HAS_BASE),
	[PINPOOL_A_POOL_ALIGN] = POOL(KIND_U64, "align", align, PINPOOL_CTL_HAS_ALIGN),
	[PINPOOL_A_POOL_REGION] = POOL(KIND_STRING, "region", region, PINPOOL_CTL_HAS_REGION),
	[PINPOOL_A_POOL_KEEP] = POOL(KIND_FLAG, "keep", keep, PINPOOL_CTL_HAS_KEEP),
	[PINPOOL_A_POOL_FD] = POOL(KIND_U32, "fd", fd, PINPOOL_CTL_HAS_FD),
	[PINPOOL_A_POOL_TELL_BUS] = POOL(KIND_FLAG, "tell-bus", tell_bus,
					 PINPOOL_CTL_HAS_TELL_BUS),
	[PINPOOL_A_POOL_BUS_ADDRESS] = POOL(KIND_U64, "bus-address", bus_address,
					    PINPOOL_CTL_HAS_BUS_ADDRESS),
	[PINPOOL_A_POOL_LONGTERM] = POOL(KIND_U32, "longterm", longterm,
					 PINPOOL_CTL_HAS_LONGTERM),
	[PINPOOL_A_POOL_CHUNKS] = POOL(KIND_U64, "chunks", chunks, PINPOOL_CTL_HAS_CHUNKS),
	[PINPOOL_A_POOL_CHUNK_MIN] = POOL(KIND_U64, "chunk-min", chunk_min,
					  PINPOOL_CTL_HAS_CHUNKS),
	[PINPOOL_A_POOL_CHUNK_MAX] = POOL(KIND_U64, "chunk-max", chunk_max,
					  PINPOOL_CTL_HAS_CHUNKS),
	[PINPOOL_A_POOL_NODES] = POOL(KIND_U64, "nodes", nodes, PINPOOL_CTL_HAS_CHUNKS),
};

#define CLIENT(kind_, name_, member_)			\
	{ .kind = (kind_), .name = (name_), MEMBER(struct pinpool_ctl_client, member_) }

static const struct ppctl_field client_fields[] = {
	[PINPOOL_A_CLIENT_POOL] = {
		.name = "pool", .kind = KIND_STRING, .required = true,
		MEMBER(struct pinpool_ctl_client, pool),
	},
	[PINPOOL_A_CLIENT_ID] = {
		.name = "id", .kind = KIND_U64, .required = true,
		MEMBER(struct pinpool_ctl_client, id),
	},
	[PINPOOL_A_CLIENT_PID] = CLIENT(KIND_U32, "pid", pid),
	[PINPOOL_A_CLIENT_COMM] = CLIENT(KIND_STRING, "comm", comm),
	[PINPOOL_A_CLIENT_UID] = CLIENT(KIND_U32, "uid", uid),
	[PINPOOL_A_CLIENT_USED] = CLIENT(KIND_U64, "used", used),
	[PINPOOL_A_CLIENT_REQUESTED] = CLIENT(KIND_U64, "requested", requested),
	[PINPOOL_A_CLIENT_BUFFERS] = CLIENT(KIND_U64, "buffers", buffers),
	[PINPOOL_A_CLIENT_QUARANTINED] = CLIENT(KIND_U64, "quarantined", quarantined),
	[PINPOOL_A_CLIENT_SHARES] = CLIENT(KIND_U64, "shares", shares),
};

#define BUFFER(kind_, name_, member_, required_)	\
	{ .kind = (kind_), .name = (name_), .required = (required_), \
	  MEMBER(struct pinpool_ctl_buffer, member_) }

static const struct ppctl_field buffer_fields[] = {
	[PINPOOL_A_BUFFER_POOL] = BUFFER(KIND_STRING, "pool", pool, true),
	[PINPOOL_A_BUFFER_CLIENT] = BUFFER(KIND_U64, "client", client, false),
	[PINPOOL_A_BUFFER_HANDLE] = BUFFER(KIND_U64, "handle", handle, false),
	[PINPOOL_A_BUFFER_OFFSET] = BUFFER(KIND_U64, "offset", offset, true),
	[PINPOOL_A_BUFFER_LENGTH] = BUFFER(KIND_U64, "length", length, false),
	[PINPOOL_A_BUFFER_EXTENT] = BUFFER(KIND_U64, "extent", extent, true),
	[PINPOOL_A_BUFFER_STATE] = BUFFER(KIND_U32, "state", state, false),
};

#define EVENT(kind_, name_, member_)			\
	{ .kind = (kind_), .name = (name_), MEMBER(struct pinpool_ctl_event, member_) }

static const struct ppctl_field event_fields[] = {
	[PINPOOL_A_EVENT_POOL] = {
		.name = "pool", .kind = KIND_STRING, .required = true,
		MEMBER(struct pinpool_ctl_event, pool),
	},
	[PINPOOL_A_EVENT_POOL_ID] = EVENT(KIND_U32, "pool-id", pool_id),
	[PINPOOL_A_EVENT_LEVEL] = EVENT(KIND_U32, "level", level),
	[PINPOOL_A_EVENT_CAPACITY] = EVENT(KIND_U64, "capacity", capacity),
	[PINPOOL_A_EVENT_FREE] = EVENT(KIND_U64, "free", free),
	[PINPOOL_A_EVENT_WANTED] = EVENT(KIND_U64, "wanted", wanted),
	[PINPOOL_A_EVENT_LARGEST_FREE] = EVENT(KIND_U64, "largest-free", largest_free),
	[PINPOOL_A_EVENT_FAILURES] = EVENT(KIND_U64, "failures", failures),
	[PINPOOL_A_EVENT_QUARANTINED] = EVENT(KIND_U64, "quarantined", quarantined),
	[PINPOOL_A_EVENT_ENTERED] = EVENT(KIND_U64, "entered", entered),
	[PINPOOL_A_EVENT_LEFT] = EVENT(KIND_U64, "left", left),
	[PINPOOL_A_EVENT_CLIENT] = EVENT(KIND_U64, "client", client),
	[PINPOOL_A_EVENT_PID] = EVENT(KIND_U32, "pid", pid),
	[PINPOOL_A_EVENT_COMM] = EVENT(KIND_STRING, "comm", comm),
	[PINPOOL_A_EVENT_UID] = EVENT(KIND_U32, "uid", uid),
	[PINPOOL_A_EVENT_SIGNAL] = EVENT(KIND_U32, "signal", signal),
	[PINPOOL_A_EVENT_BYTES] = EVENT(KIND_U64, "bytes", bytes),
	[PINPOOL_A_EVENT_BUFFERS] = EVENT(KIND_U64, "buffers", buffers),
	[PINPOOL_A_EVENT_DONE] = EVENT(KIND_U64, "done", done),
};

const struct ppctl_set ppctl_pool_set = SET(pool_fields);
const struct ppctl_set ppctl_client_set = SET(client_fields);
const struct ppctl_set ppctl_buffer_set = SET(buffer_fields);
const struct ppctl_set ppctl_event_set = SET(event_fields);
