/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the files of the module share
 *
 * Ownership
 *
 *  - The module owns the pools (pool.c). A pool lives while its device has a
 *    reference: one of the module's, one for each client.
 *  - A client is an open file (client.c). It owns its buffers, and the inode
 *    whose address_space all its windows map.
 *  - A buffer (buffer.c) owns an extent of the offset allocator. When its client
 *    lets go of it while its pages are still pinned, the pool's quarantine
 *    (quarantine.c) takes it over.
 *  - The backing (backing_*.c) owns the pages. Everybody else who keeps one
 *    (a window's page table, get_user_pages) has a reference of its own, so
 *    that a page is back in the kernel's hands only after its last user.
 *
 * Lock order, outermost first
 *
 *	mmap_lock or VMA lock		of the faulting process
 *	  client->lock
 *	    pool->lock
 *	pool->reap_lock
 *	  pool->lock
 *
 * A window fault takes client->lock, so nothing may touch user memory under it:
 * the memory could be the window. unmap_mapping_range() is called with none of
 * these locks held.
 */
#ifndef _PINPOOL_PINPOOL_H
#define _PINPOOL_PINPOOL_H

#include <linux/cdev.h>
#include <linux/device.h>
#include <linux/list.h>
#include <linux/mm.h>
#include <linux/mutex.h>
#include <linux/rbtree.h>
#include <linux/rwsem.h>
#include <linux/spinlock.h>
#include <linux/types.h>
#include <linux/workqueue.h>

#include <linux/pinpool.h>

#include "offset_alloc.h"

struct file;
struct pinpool_pool;
struct vm_area_struct;

/**
 * struct pinpool_config - What a pool is asked to be; constant in a pool
 * @name: The name of the node
 * @capacity: Bytes, a multiple of @granule
 * @granule: Bytes, a power of two of at least PAGE_SIZE
 * @node: NUMA node, or NUMA_NO_NODE
 * @mode: Permissions of the node
 * @zero: When memory is zeroed
 */
struct pinpool_config {
	char name[PINPOOL_NAME_SIZE];
	u64 capacity;
	u64 granule;
	int node;
	umode_t mode;
	enum pinpool_zero zero;
};

/**
 * struct pinpool_backing_ops - Where the memory of a pool comes from
 * @id: What INFO tells
 * @create: Get zeroed memory for @pool->config and set @pool->backing_data.
 *          May sleep and take long. Returns 0 or a negative errno with nothing
 *          left behind
 * @destroy: Let go of the memory; pages that are still referenced must stay
 *           away from the kernel until they are not. May sleep
 * @pages: The page at a page-aligned offset below the capacity, and in *@nr how
 *         many that follow are consecutive in the memory map, it
 *         included. Any context; the backing's own references last until @destroy
 */
struct pinpool_backing_ops {
	enum pinpool_backing id;
	int (*create)(struct pinpool_pool *pool);
	void (*destroy)(struct pinpool_pool *pool);
	struct page *(*pages)(const struct pinpool_pool *pool, u64 offset,
			      unsigned long *nr);
};

/**
 * struct pinpool_pool - A pool
 * @dev: The node; its reference count is the pool's. Private data is the pool
 * @cdev: The node's file operations
 * @link: In the list of pools; under the registry's lock
 * @published: It has its node; under the registry's lock
 * @config: Constant
 * @granule_shift: Constant
 * @backing: Constant
 * @backing_data: Of @backing; constant while the pool has clients
 * @lock: Protects everything down to @failures, and the counters of clients.
 *        Taken from process context only. Only O(1) work under it
 * @oa: Divides the pool, in granules
 * @requested: Bytes asked for by live buffers
 * @clients: Open files
 * @quarantine: Buffers whose pages were pinned when they were freed
 * @quarantined: Bytes in their extents
 * @nr_quarantined: How many they are
 * @allocs: Buffers allocated so far
 * @frees: Buffers freed so far
 * @failures: Allocations refused with ENOSPC so far
 * @reap_lock: Serializes looking through @quarantine
 * @reap_work: Looks through @quarantine now and then
 * @reap_delay: Between two runs of @reap_work, in jiffies; it sets it
 */
struct pinpool_pool {
	struct device dev;
	struct cdev cdev;
	struct list_head link;
	bool published;

	struct pinpool_config config;
	unsigned int granule_shift;
	const struct pinpool_backing_ops *backing;
	void *backing_data;

	spinlock_t lock;	/* what follows, down to @failures */
	struct offset_alloc *oa;
	u64 requested;
	u64 clients;
	struct list_head quarantine;
	u64 quarantined;
	u64 nr_quarantined;
	u64 allocs;
	u64 frees;
	u64 failures;

	struct mutex reap_lock;	/* looking through @quarantine */
	struct delayed_work reap_work;
	unsigned long reap_delay;
};

/**
 * struct pinpool_client - An open file of a pool's node
 * @pool: Constant; a reference is held
 * @inode: Constant. Carries the address_space of this client's windows only, so
 *         that taking a buffer away doesn't walk the windows of others
 * @id: Constant. Marks the pages that this client may have written; never 0
 * @lock: Protects @buffers. Held for reading while a fault maps pages of a
 *        buffer: once a writer has taken a buffer out of @buffers, no fault can
 *        map it any more
 * @buffers: struct pinpool_buffer by offset
 * @used: Bytes in extents of this client's buffers; under pool->lock
 * @requested: Bytes asked for by them; under pool->lock
 * @nr_buffers: How many they are; under pool->lock
 */
struct pinpool_client {
	struct pinpool_pool *pool;
	struct inode *inode;
	unsigned long id;

	struct rw_semaphore lock;
	struct rb_root buffers;

	u64 used;
	u64 requested;
	u64 nr_buffers;
};

/**
 * struct pinpool_buffer - One allocation
 * @node: In client->buffers, once published; under client->lock
 * @link: Before that in the list of the ALLOC call that makes it, afterwards
 *        perhaps in the pool's quarantine
 * @handle: The allocator's handle of the extent; constant
 * @offset: In bytes; constant
 * @length: As asked for, in bytes; constant
 * @published: The client was told of it; constant from then on
 * @touched: A window may map, or have mapped, pages of it. Set under
 *           client->lock held for reading, read after it was held for writing
 */
struct pinpool_buffer {
	union {
		struct rb_node node;
		struct list_head link;
	};
	u64 handle;
	u64 offset;
	u64 length;
	bool published;
	bool touched;
};

static inline u64 pinpool_buffer_extent(const struct pinpool_pool *pool,
					const struct pinpool_buffer *buffer)
{
	return ALIGN(buffer->length, pool->config.granule);
}

/* param.c */
int pinpool_param_create_pools(void);

/* pool.c */
int pinpool_pool_init(void);
void pinpool_pool_exit(void);
int pinpool_pool_create(const struct pinpool_config *config);
int pinpool_pool_publish_all(void);
int pinpool_pool_alloc(struct pinpool_client *client,
		       struct pinpool_buffer *buffer, u64 align);
void pinpool_pool_uncharge(struct pinpool_client *client,
			   struct pinpool_buffer *buffer);
void pinpool_pool_free(struct pinpool_client *client,
		       struct pinpool_buffer *buffer);
void pinpool_pool_stats(struct pinpool_client *client,
			struct pinpool_stats *stats);

/* backing_pages.c */
extern const struct pinpool_backing_ops pinpool_backing_pages;

/* client.c */
extern const struct file_operations pinpool_client_fops;
void pinpool_client_publish(struct pinpool_client *client,
			    struct list_head *buffers);
struct pinpool_buffer *pinpool_client_find(struct pinpool_client *client,
					   u64 offset, bool next);
struct pinpool_buffer *pinpool_client_lookup(struct pinpool_client *client,
					     u64 handle);
struct pinpool_buffer *pinpool_client_remove(struct pinpool_client *client,
					     u64 handle);

/* buffer.c */
int pinpool_buffer_init(void);
void pinpool_buffer_exit(void);
struct pinpool_buffer *pinpool_buffer_create(struct pinpool_client *client,
					     u64 length, u64 align);
void pinpool_buffer_destroy(struct pinpool_client *client,
			    struct pinpool_buffer *buffer);
void pinpool_buffer_release(struct pinpool_buffer *buffer);
bool pinpool_buffer_pinned(const struct pinpool_pool *pool,
			   const struct pinpool_buffer *buffer);

/* quarantine.c */
void pinpool_quarantine_init(struct pinpool_pool *pool);
void pinpool_quarantine_exit(struct pinpool_pool *pool);
void pinpool_quarantine_add(struct pinpool_client *client,
			    struct pinpool_buffer *buffer);
unsigned long pinpool_quarantine_reap(struct pinpool_pool *pool);

/* ioctl.c */
long pinpool_ioctl(struct file *file, unsigned int cmd, unsigned long arg);

/* mmap.c */
int pinpool_mmap(struct file *file, struct vm_area_struct *vma);

#endif /* _PINPOOL_PINPOOL_H */
