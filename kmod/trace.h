/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Tracepoints
 *
 * Names and fields are an interface: see pinpool(7). A client of 0 is none. There
 * are no addresses in them, only places in the pool.
 */
#undef TRACE_SYSTEM
#define TRACE_SYSTEM pinpool

#if !defined(_PINPOOL_TRACE_H) || defined(TRACE_HEADER_MULTI_READ)
#define _PINPOOL_TRACE_H

#include <linux/mm.h>
#include <linux/string.h>
#include <linux/tracepoint.h>

#include "pinpool.h"

#ifndef PINPOOL_TRACE_ENUMS
#define PINPOOL_TRACE_ENUMS

enum pinpool_trace_pool {
	PINPOOL_TRACE_NEW,
	PINPOOL_TRACE_GONE,
};

enum pinpool_trace_quarantine {
	PINPOOL_TRACE_ENTER,
	PINPOOL_TRACE_LEAVE,
};

#endif

TRACE_DEFINE_ENUM(PINPOOL_TRACE_NEW);
TRACE_DEFINE_ENUM(PINPOOL_TRACE_GONE);
TRACE_DEFINE_ENUM(PINPOOL_TRACE_ENTER);
TRACE_DEFINE_ENUM(PINPOOL_TRACE_LEAVE);

/* A pool has its node, or has lost it. */
TRACE_EVENT(pinpool_pool,
	TP_PROTO(const struct pinpool_pool *pool, enum pinpool_trace_pool state),
	TP_ARGS(pool, state),
	TP_STRUCT__entry(
		__array(char, pool, PINPOOL_NAME_SIZE)
		__field(u32, state)
		__field(u64, capacity)
		__field(u64, granule)
	),
	TP_fast_assign(
		strscpy_pad(__entry->pool, pool->config.name, PINPOOL_NAME_SIZE);
		__entry->state = state;
		__entry->capacity = pool->config.capacity;
		__entry->granule = pool->config.granule;
	),
	TP_printk("pool=%s state=%s capacity=%llu granule=%llu",
		  __entry->pool,
		  __print_symbolic(__entry->state,
				   { PINPOOL_TRACE_NEW, "new" },
				   { PINPOOL_TRACE_GONE, "gone" }),
		  __entry->capacity, __entry->granule)
);

/* The client was told of a new buffer. */
TRACE_EVENT(pinpool_alloc,
	TP_PROTO(const struct pinpool_client *client, const struct pinpool_buffer *buffer),
	TP_ARGS(client, buffer),
	TP_STRUCT__entry(
		__array(char, pool, PINPOOL_NAME_SIZE)
		__field(u64, client)
		__field(u64, handle)
		__field(u64, offset)
		__field(u64, length)
	),
	TP_fast_assign(
		strscpy_pad(__entry->pool, buffer->pool->config.name, PINPOOL_NAME_SIZE);
		__entry->client = client->id;
		__entry->handle = buffer->handle;
		__entry->offset = buffer->offset;
		__entry->length = buffer->length;
	),
	TP_printk("pool=%s client=%llu handle=0x%llx offset=0x%llx length=%llu",
		  __entry->pool, __entry->client, __entry->handle, __entry->offset,
		  __entry->length)
);

/*
 * A client, or, where there is none, a share let go of a buffer; this many others
 * have it at that moment. With the last one its memory is free, or in quarantine.
 */
TRACE_EVENT(pinpool_free,
	TP_PROTO(const struct pinpool_client *client, const struct pinpool_buffer *buffer),
	TP_ARGS(client, buffer),
	TP_STRUCT__entry(
		__array(char, pool, PINPOOL_NAME_SIZE)
		__field(u64, client)
		__field(u64, handle)
		__field(u64, offset)
		__field(u64, length)
		__field(u32, others)
	),
	TP_fast_assign(
		strscpy_pad(__entry->pool, buffer->pool->config.name, PINPOOL_NAME_SIZE);
		__entry->client = client ? client->id : 0;
		__entry->handle = buffer->handle;
		__entry->offset = buffer->offset;
		__entry->length = buffer->length;
		__entry->others = refcount_read(&buffer->refs) - 1;
	),
	TP_printk("pool=%s client=%llu handle=0x%llx offset=0x%llx length=%llu others=%u",
		  __entry->pool, __entry->client, __entry->handle, __entry->offset,
		  __entry->length, __entry->others)
);

TRACE_EVENT(pinpool_resize,
	TP_PROTO(const struct pinpool_client *client, const struct pinpool_buffer *buffer,
		 u64 old_length),
	TP_ARGS(client, buffer, old_length),
	TP_STRUCT__entry(
		__array(char, pool, PINPOOL_NAME_SIZE)
		__field(u64, client)
		__field(u64, handle)
		__field(u64, offset)
		__field(u64, length)
		__field(u64, old_length)
	),
	TP_fast_assign(
		strscpy_pad(__entry->pool, buffer->pool->config.name, PINPOOL_NAME_SIZE);
		__entry->client = client->id;
		__entry->handle = buffer->handle;
		__entry->offset = buffer->offset;
		__entry->length = buffer->length;
		__entry->old_length = old_length;
	),
	TP_printk("pool=%s client=%llu handle=0x%llx offset=0x%llx length=%llu old_length=%llu",
		  __entry->pool, __entry->client, __entry->handle, __entry->offset,
		  __entry->length, __entry->old_length)
);

DECLARE_EVENT_CLASS(pinpool_share,
	TP_PROTO(const struct pinpool_client *client, const struct pinpool_buffer *buffer,
		 bool readonly),
	TP_ARGS(client, buffer, readonly),
	TP_STRUCT__entry(
		__array(char, pool, PINPOOL_NAME_SIZE)
		__field(u64, client)
		__field(u64, handle)
		__field(u64, offset)
		__field(u64, length)
		__field(bool, readonly)
	),
	TP_fast_assign(
		strscpy_pad(__entry->pool, buffer->pool->config.name, PINPOOL_NAME_SIZE);
		__entry->client = client->id;
		__entry->handle = buffer->handle;
		__entry->offset = buffer->offset;
		__entry->length = buffer->length;
		__entry->readonly = readonly;
	),
	TP_printk("pool=%s client=%llu handle=0x%llx offset=0x%llx length=%llu readonly=%u",
		  __entry->pool, __entry->client, __entry->handle, __entry->offset,
		  __entry->length, __entry->readonly)
);

/* A client made a share of a buffer. */
DEFINE_EVENT(pinpool_share, pinpool_export,
	TP_PROTO(const struct pinpool_client *client, const struct pinpool_buffer *buffer,
		 bool readonly),
	TP_ARGS(client, buffer, readonly)
);

/* A client took hold of the buffer of a share. */
DEFINE_EVENT(pinpool_share, pinpool_import,
	TP_PROTO(const struct pinpool_client *client, const struct pinpool_buffer *buffer,
		 bool readonly),
	TP_ARGS(client, buffer, readonly)
);

/*
 * A page fault of a window, or, without a client, of the mapping of a share. It
 * mapped up to so many bytes; none where it failed.
 */
TRACE_EVENT(pinpool_fault,
	TP_PROTO(const struct pinpool_pool *pool, const struct pinpool_client *client,
		 u64 offset, u64 length, vm_fault_t fault),
	TP_ARGS(pool, client, offset, length, fault),
	TP_STRUCT__entry(
		__array(char, pool, PINPOOL_NAME_SIZE)
		__field(u64, client)
		__field(u64, offset)
		__field(u64, length)
		__field(int, error)
	),
	TP_fast_assign(
		strscpy_pad(__entry->pool, pool->config.name, PINPOOL_NAME_SIZE);
		__entry->client = client ? client->id : 0;
		__entry->offset = offset;
		__entry->length = fault & VM_FAULT_ERROR ? 0 : length;
		__entry->error = vm_fault_to_errno(fault, 0);
	),
	TP_printk("pool=%s client=%llu offset=0x%llx length=%llu error=%d",
		  __entry->pool, __entry->client, __entry->offset, __entry->length,
		  __entry->error)
);

/* So many bytes of a new buffer had been another's, and were zeroed. */
TRACE_EVENT(pinpool_zero,
	TP_PROTO(const struct pinpool_client *client, const struct pinpool_buffer *buffer,
		 u64 zeroed),
	TP_ARGS(client, buffer, zeroed),
	TP_STRUCT__entry(
		__array(char, pool, PINPOOL_NAME_SIZE)
		__field(u64, client)
		__field(u64, handle)
		__field(u64, offset)
		__field(u64, length)
		__field(u64, zeroed)
	),
	TP_fast_assign(
		strscpy_pad(__entry->pool, buffer->pool->config.name, PINPOOL_NAME_SIZE);
		__entry->client = client->id;
		__entry->handle = buffer->handle;
		__entry->offset = buffer->offset;
		__entry->length = buffer->length;
		__entry->zeroed = zeroed;
	),
	TP_printk("pool=%s client=%llu handle=0x%llx offset=0x%llx length=%llu zeroed=%llu",
		  __entry->pool, __entry->client, __entry->handle, __entry->offset,
		  __entry->length, __entry->zeroed)
);

/*
 * Memory that is pinned was freed, or it is no longer in quarantine: free, or that
 * client's again. The client is the one that may have, or has, it again.
 */
TRACE_EVENT(pinpool_quarantine,
	TP_PROTO(const struct pinpool_pool *pool, enum pinpool_trace_quarantine state,
		 u64 client, u64 offset, u64 length),
	TP_ARGS(pool, state, client, offset, length),
	TP_STRUCT__entry(
		__array(char, pool, PINPOOL_NAME_SIZE)
		__field(u32, state)
		__field(u64, client)
		__field(u64, offset)
		__field(u64, length)
	),
	TP_fast_assign(
		strscpy_pad(__entry->pool, pool->config.name, PINPOOL_NAME_SIZE);
		__entry->state = state;
		__entry->client = client;
		__entry->offset = offset;
		__entry->length = length;
	),
	TP_printk("pool=%s state=%s client=%llu offset=0x%llx length=%llu",
		  __entry->pool,
		  __print_symbolic(__entry->state,
				   { PINPOOL_TRACE_ENTER, "enter" },
				   { PINPOOL_TRACE_LEAVE, "leave" }),
		  __entry->client, __entry->offset, __entry->length)
);

#endif /* _PINPOOL_TRACE_H */

/* This directory, which Kbuild has in the path of trace.c */
#undef TRACE_INCLUDE_PATH
#define TRACE_INCLUDE_PATH .
#undef TRACE_INCLUDE_FILE
#define TRACE_INCLUDE_FILE trace
#include <trace/define_trace.h>
