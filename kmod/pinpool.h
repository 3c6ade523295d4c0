/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the files of the module share
 *
 * Ownership
 *
 *  - The registry owns the pools (registry.c). The record of a pool lives while its
 *    device has a reference: one of the registry's, one for each client and share,
 *    and one of whoever looks at it. Its memory lives until the pool was deleted and
 *    the last buffer is gone (pinpool_pool_drain()).
 *  - A client is an open file (client.c). It owns its holds, and the inode
 *    whose address_space all its windows map.
 *  - A hold (hold.c) is what makes a buffer a client's: it is reachable in the
 *    client's windows, and stays alive. It has a reference to the buffer.
 *  - A share (dmabuf.c) is a dma-buf on a buffer, with a reference to it as well.
 *    It lives as long as its file: descriptors, mappings and attachments of
 *    drivers keep that. Each has a reference to the pool and to the module.
 *  - A buffer (buffer.c) owns an extent of the offset allocator. When its last
 *    reference goes while its pages are still pinned, the quarantine
 *    (quarantine.c) takes it over: that of the client that freed it, if only this
 *    client ever had it, else that of nobody.
 *  - The backing (backing_*.c) owns the pages. Everybody else who keeps one
 *    (a window's page table, get_user_pages) has a reference of its own, so
 *    that a page is back in the kernel's hands only after its last user.
 *
 * Lock order, outermost first
 *
 *	pool->set_lock			changes and deletion of a pool
 *	  pools_lock			the registry's
 *	  pool->members_lock		who is a client, and which shares there are
 *	    share->lock
 *	    client->lock
 *	dma_resv			of a share, by its importers
 *	mmap_lock or VMA lock		of the process that maps or faults
 *	  share->lock
 *	  client->lock
 *	    pool->lock
 *	  folio lock			of a page that a fault returns, taken under
 *					client->lock and dropped by the kernel
 *	pool->reap_lock, pool->seek_lock
 *	  pool->lock
 *	    waiter->head, pool->poll_head
 *
 * A window fault takes client->lock, so nothing may touch user memory under it:
 * the memory could be the window. unmap_mapping_range() is called with none of
 * these locks held.
 */
#ifndef _PINPOOL_PINPOOL_H
#define _PINPOOL_PINPOOL_H

#include <linux/atomic.h>
#include <linux/cdev.h>
#include <linux/device.h>
#include <linux/list.h>
#include <linux/mm.h>
#include <linux/mutex.h>
#include <linux/rbtree.h>
#include <linux/refcount.h>
#include <linux/rwsem.h>
#include <linux/sched.h>
#include <linux/spinlock.h>
#include <linux/types.h>
#include <linux/uidgid.h>
#include <linux/wait.h>
#include <linux/workqueue.h>

#include <linux/pinpool.h>
#include <linux/pinpool_netlink.h>

#include "offset_alloc.h"

struct dma_buf;
struct dmem_cgroup_pool_state;
struct dmem_cgroup_region;
struct file;
struct pid;
struct pinpool_client;
struct pinpool_pool;
struct poll_table_struct;
struct vm_area_struct;

/**
 * struct pinpool_config - What a pool is asked to be; constant in a pool, but for
 *                         @capacity
 * @name: The name of the node
 * @capacity: Bytes, a multiple of @granule. Written under pool->set_lock and pool->lock
 * @granule: Bytes, a power of two of at least PAGE_SIZE
 * @node: NUMA node, or NUMA_NO_NODE
 * @mode: Permissions of the node
 * @zero: When memory is zeroed
 * @backing: Where the memory comes from
 * @base: What offset 0 is called, or with PINPOOL_BACKING_RESERVED and no @region its
 *        physical address
 * @align: With PINPOOL_BACKING_CONTIG, what the physical address is a multiple of: a
 *         power of two, or 0
 * @region: With PINPOOL_BACKING_RESERVED, its name, or empty
 * @mapped: With PINPOOL_BACKING_RESERVED and a @base: it is memory of the kernel's that
 *          it set aside when it booted
 * @keep: With PINPOOL_BACKING_RESERVED, leave what is in it
 * @tell_bus: The privileged are told of bus addresses
 * @fd: With PINPOOL_BACKING_DMABUF, a descriptor of the process that makes the pool
 * @address: With PINPOOL_BACKING_USER, where the memory lies in that process
 * @uid: Whose the node is
 */
struct pinpool_config {
	char name[PINPOOL_NAME_SIZE];
	u64 capacity;
	u64 granule;
	int node;
	umode_t mode;
	enum pinpool_zero zero;
	enum pinpool_backing backing;
	u64 base;
	u64 align;
	char region[PINPOOL_MAX_REGION + 1];
	bool mapped;
	bool keep;
	bool tell_bus;
	int fd;
	u64 address;
	kuid_t uid;
};

/**
 * struct pinpool_limits - What clients may have at most; 0 for no limit
 * @client_bytes: In extents of buffers that one client holds
 * @client_buffers: Buffers that one client holds
 * @client_shares: Shares that one client made and that somebody still has
 * @uid_bytes: In extents of buffers that all clients of one user hold
 * @uid_buffers: Buffers that all clients of one user hold
 */
struct pinpool_limits {
	u64 client_bytes;
	u64 client_buffers;
	u64 client_shares;
	u64 uid_bytes;
	u64 uid_buffers;
};

/**
 * struct pinpool_watermarks - When to tell of how much is not free; 0 for none
 * @low: In bytes, at most the high one
 * @high: In bytes, at most the capacity
 * @low_percent: Of the capacity, instead of @low
 * @high_percent: Of the capacity, instead of @high
 */
struct pinpool_watermarks {
	u64 low;
	u64 high;
	u32 low_percent;
	u32 high_percent;
};

/**
 * struct pinpool_settings - What of a pool may change while there are clients
 * @limits: For clients
 * @watermarks: For those who listen
 */
struct pinpool_settings {
	struct pinpool_limits limits;
	struct pinpool_watermarks watermarks;
};

/**
 * struct pinpool_user - A user who has clients; all of it under pool->lock
 * @link: In pool->users
 * @uid: Constant
 * @clients: How many
 * @used: Bytes in extents of buffers that they hold
 * @nr_buffers: How many they are
 */
struct pinpool_user {
	struct list_head link;
	kuid_t uid;
	u64 clients;
	u64 used;
	u64 nr_buffers;
};

/**
 * enum pinpool_pool_state - How far a pool is; the registry's
 * @PINPOOL_POOL_MAKING: Somebody is making it, and it is his
 * @PINPOOL_POOL_READY: Made as the module is loaded, and has no node yet
 * @PINPOOL_POOL_PUBLISHED: It has a node
 */
enum pinpool_pool_state {
	PINPOOL_POOL_MAKING,
	PINPOOL_POOL_READY,
	PINPOOL_POOL_PUBLISHED,
};

/**
 * enum pinpool_event - What those are told who listen; bits of pool->events
 * @PINPOOL_EVENT_LOW: What is not free fell to the low watermark
 * @PINPOOL_EVENT_HIGH: It rose to the high watermark
 * @PINPOOL_EVENT_EXHAUSTED: There was no space, and there had been before
 * @PINPOOL_EVENT_QUARANTINE: Something went into quarantine or came back
 */
enum pinpool_event {
	PINPOOL_EVENT_LOW,
	PINPOOL_EVENT_HIGH,
	PINPOOL_EVENT_EXHAUSTED,
	PINPOOL_EVENT_QUARANTINE,
};

/**
 * struct pinpool_backing_ops - Where the memory of a pool comes from
 * @id: What INFO tells
 * @name: What sysfs tells, and what the module's parameter is given
 * @attr: PINPOOL_A_POOL_*: what @check is about
 * @longterm: Whether windows can be pinned for long
 * @foreign: The pages are somebody else's, or not to be pinned: windows map them by
 *           PFN, so that nobody can pin them there, and whose bytes they have is kept in
 *           pool->owners.
 *           Before the first client gets it, memory is zeroed where the pool's policy
 *           does so at all
 * @borrowed: Pages that somebody has pinned can't outlive @destroy: it is called only
 *            when nothing is in quarantine, and the module stays for so long
 * @limit: The largest capacity, in bytes; 0 for no limit but the machine's memory
 * @check: Look at what is asked for, without looking at the machine. Returns NULL, or
 *         what is wrong with it. NULL if all is well
 * @create: Get zeroed memory (if not @foreign) for @pool->config and set
 *          @pool->backing_data. May sleep and take long. Returns 0 or a negative errno
 *          with nothing left behind; where more can be said of it than that, sets
 *          @pool->why
 * @destroy: Let go of the memory; pages that are still referenced must stay
 *           away from the kernel until they are not. May sleep
 * @grow: Get zeroed memory for what lies from @old up to @capacity, while the pool is
 *        in use. May sleep and take long. Returns 0 or a negative errno with nothing
 *        left behind. NULL if this can't be done
 * @shrink: Let go of what lies from @capacity up to @old, as @destroy does. Nobody has
 *          an extent there. May sleep; NULL if there is no @grow
 * @begin_write: Before the module itself writes to pages. May sleep. Returns 0 or a
 *               negative errno. NULL if there is nothing to be done
 * @end_write: Afterwards
 * @fixed: Why there is no @grow, or NULL
 * @pages: The page at a page-aligned offset below the capacity, and in *@nr how
 *         many that follow are consecutive in the memory map, it
 *         included. Any context; the backing's own references last until
 *         @destroy. The folios of such a run are all of one size, and, if not
 *         @foreign, none has parts of two extents. NULL if there is no memory
 */
struct pinpool_backing_ops {
	enum pinpool_backing id;
	const char *name;
	unsigned int attr;
	enum pinpool_longterm longterm;
	bool foreign;
	bool borrowed;
	u64 limit;
	const char *(*check)(const struct pinpool_config *config);
	int (*create)(struct pinpool_pool *pool);
	void (*destroy)(struct pinpool_pool *pool);
	int (*grow)(struct pinpool_pool *pool, u64 old, u64 capacity);
	void (*shrink)(struct pinpool_pool *pool, u64 old, u64 capacity);
	int (*begin_write)(const struct pinpool_pool *pool);
	void (*end_write)(const struct pinpool_pool *pool);
	const char *fixed;
	struct page *(*pages)(const struct pinpool_pool *pool, u64 offset,
			      unsigned long *nr);
};

/**
 * struct pinpool_survey - What the memory of a pool is like
 * @chunks: Of how many physically contiguous runs it is
 * @min: Bytes in the smallest
 * @max: Bytes in the largest
 * @nodes: On which NUMA nodes it is, as in struct pinpool_info
 * @phys: The physical address of offset 0
 */
struct pinpool_survey {
	u64 chunks;
	u64 min;
	u64 max;
	u64 nodes;
	phys_addr_t phys;
};

/**
 * struct pinpool_pool - A pool
 * @dev: The node; its reference count is the pool's. Private data is the pool
 * @cdev: The node's file operations
 * @link: In the list of pools; under the registry's lock
 * @state: Under the registry's lock
 * @id: Constant; greater than that of any pool before it
 * @set_lock: Serializes changes of @settings and of the capacity, and the deletion
 * @members_lock: Protects @client_list and @share_list, what is said of it at shares,
 *                and that there are no more of both once the pool is @dead
 * @client_list: Open files, by their id
 * @share_list: dma-bufs, by their id
 * @hold_changes: How often clients got buffers or lost them, under the lock of the
 *                client; for dumps to see
 * @last_share: The id of the last one; under @members_lock
 * @config: Constant, but for the capacity
 * @granule_shift: Constant
 * @backing: Constant
 * @backing_data: Of @backing; constant while the pool has buffers
 * @owners: Of a backing whose pages are not its own: whose bytes each page has. As
 *          page_private() elsewhere: only holders of an extent look at its part
 * @why: Why the backing couldn't be made, a constant, or NULL
 * @lock: Protects everything down to @nr_waiters, the counters of clients, and all
 *        of buffers in quarantine. Taken from process context only. No more
 *        than O(log n) work under it, or a scatter's few thousand steps
 * @oa: Divides the pool, in granules
 * @requested: Bytes asked for by live buffers
 * @clients: Open files
 * @shares: dma-bufs
 * @changes: Of clients, and of what they hold; for dumps to see
 * @dead: It was deleted: no new clients, shares and extents. Set under @members_lock
 *        too
 * @drained: Its memory was given back, or somebody is about to
 * @users: struct pinpool_user
 * @settings: What may be changed; under @set_lock too
 * @survey: What its memory is like
 * @limited: There is a limit in @settings
 * @high: It is above its watermark
 * @low_mark: In bytes, or 0
 * @high_mark: In bytes, or 0
 * @exhausted: An ALLOC had no space, and none since had
 * @wanted: How many granules the first such ALLOC wanted
 * @refusals: Allocations and imports refused because of a limit so far
 * @events: Bits of enum pinpool_event that are to be sent
 * @event_next: When the next may be sent, in jiffies
 * @quarantine_entered: Bytes that went into quarantine so far
 * @quarantine: Buffers whose pages were pinned when they were freed, by offset
 * @quarantine_links: How often one was put there, or changed there
 * @quarantined: Bytes in their extents
 * @nr_quarantined: How many they are
 * @staying: Of a borrowed backing: there was something in quarantine, so there is a
 *           reference to the pool and one to the module
 * @allocs: Buffers allocated so far
 * @frees: Buffers freed so far
 * @failures: Allocations refused with ENOSPC so far
 * @waiters: ALLOC calls that wait for space, first come first
 * @nr_waiters: How many they are
 * @event_work: Sends @events
 * @seek_lock: Serializes ALLOCs that walk over the extents of @oa: at given offsets, and
 *             where an alignment is hard to find
 * @poll_head: Who polls the node; to be looked at under @lock
 * @reap_lock: Serializes looking through @quarantine
 * @reap_work: Looks through @quarantine now and then
 * @reap_delay: Between two runs of @reap_work, in jiffies; it sets it
 * @reap_next: The offset where the next run of @reap_work begins; it sets it
 * @leave_work: Drops the references of @staying
 * @region: The pool for the dmem cgroup controller; constant while there are @charges
 * @charges: Buffers that are charged to cgroups, and one while the pool has its node
 */
struct pinpool_pool {
	struct device dev;
	struct cdev cdev;
	struct list_head link;
	enum pinpool_pool_state state;
	u32 id;

	struct mutex set_lock;		/* settings, capacity; deletion */
	struct mutex members_lock;	/* client_list, share_list */
	struct list_head client_list;
	struct list_head share_list;
	u64 last_share;
	atomic_t hold_changes;

	struct pinpool_config config;
	unsigned int granule_shift;
	const struct pinpool_backing_ops *backing;
	void *backing_data;
	unsigned long *owners;
	const char *why;

	spinlock_t lock;	/* what follows, down to @nr_waiters */
	struct offset_alloc *oa;
	u64 requested;
	u64 clients;
	u64 shares;
	u32 changes;
	bool dead;
	bool drained;
	struct list_head users;
	struct pinpool_settings settings;
	struct pinpool_survey survey;
	bool limited;
	bool high;
	u64 low_mark;
	u64 high_mark;
	bool exhausted;
	u64 wanted;
	u64 refusals;
	unsigned long events;
	unsigned long event_next;
	u64 quarantine_entered;
	struct rb_root quarantine;
	u64 quarantine_links;
	u64 quarantined;
	u64 nr_quarantined;
	bool staying;
	u64 allocs;
	u64 frees;
	u64 failures;
	struct list_head waiters;
	u64 nr_waiters;

	struct delayed_work event_work;
	struct mutex seek_lock;	/* walks over the extents of @oa */
	wait_queue_head_t poll_head;

	struct mutex reap_lock;	/* looking through @quarantine */
	struct delayed_work reap_work;
	unsigned long reap_delay;
	u64 reap_next;
	struct work_struct leave_work;

#ifdef CONFIG_CGROUP_DMEM
	struct dmem_cgroup_region *region;
	refcount_t charges;
#endif
};

/**
 * struct pinpool_client - An open file of a pool's node
 * @pool: Constant; a reference is held
 * @link: In pool->client_list; under pool->members_lock
 * @shares: Those that it made and somebody still has; under pool->members_lock
 * @pid: Of the process that opened it; constant
 * @comm: Of that process, at that time; constant
 * @uid: The user who opened it; constant
 * @user: Constant; what it has is counted there as well
 * @inode: Constant. Carries the address_space of this client's windows only, so
 *         that taking a buffer away doesn't walk the windows of others
 * @id: Constant. Marks the pages that this client may have written; neither 0
 *      nor PINPOOL_ID_MANY
 * @lock: Protects @holds and @revoked. Held for reading while a fault maps pages of a
 *        buffer: once a writer has taken a hold out of @holds, no fault can
 *        map its buffer any more
 * @holds: struct pinpool_hold by the offset of the buffer
 * @revoked: The pool is dead: no more holds. Under @lock
 * @wanted: Granules that an ALLOC didn't get last, 0 when the last one
 *          succeeded; for poll. Under pool->lock
 * @used: Bytes in extents of buffers that this client holds; under pool->lock
 * @requested: Bytes asked for by them; under pool->lock
 * @nr_buffers: How many they are; under pool->lock
 * @nr_shares: How many @shares it has; under pool->lock
 * @quarantine: What it freed while pages were pinned and may have again, by
 *              length and offset; under pool->lock
 * @quarantined: Bytes in it; under pool->lock
 */
struct pinpool_client {
	struct pinpool_pool *pool;
	struct list_head link;
	struct list_head shares;
	struct pid *pid;
	char comm[TASK_COMM_LEN];
	kuid_t uid;
	struct pinpool_user *user;
	struct inode *inode;
	unsigned long id;

	struct rw_semaphore lock;
	struct rb_root holds;
	bool revoked;

	u64 wanted;
	u64 used;
	u64 requested;
	u64 nr_buffers;
	u64 nr_shares;
	struct rb_root quarantine;
	u64 quarantined;
};

/* As the id of a client: pages that several of them or a device may have written */
#define PINPOOL_ID_MANY		ULONG_MAX

struct pinpool_buffer;

/**
 * struct pinpool_hold - What makes a buffer a client's
 * @node: In client->holds, once inserted; under client->lock
 * @link: Before that in the list of the ALLOC call that makes it
 * @buffer: Constant; a reference is held
 * @published: The client was told of it, so that others may find it. Set under
 *             client->lock
 * @touched: A window may map, or have mapped, pages of the buffer. Set under
 *           client->lock held for reading, read after it was held for writing
 * @readonly: No window maps it writable; constant
 * @populate: Faults map as much as they can at once; constant
 */
struct pinpool_hold {
	union {
		struct rb_node node;
		struct list_head link;
	};
	struct pinpool_buffer *buffer;
	bool published;
	bool touched;
	bool readonly;
	bool populate;
};

/**
 * struct pinpool_buffer - One allocation
 * @pool: Constant. Not a reference: who has one to the buffer has one to the pool
 * @charge: The cgroup that it is charged to; constant between ALLOC and the last put
 * @refs: One for each hold and each share
 * @shared: It was exported, so its pages may have been written by anybody. Set
 *          under client->lock of the first holder, held for writing, before
 *          there is a second one
 * @touched: A window or a share may have had its pages. Set by holders and shares
 *           before they drop their reference
 * @handle: The allocator's handle of the extent; constant but in quarantine
 * @offset: In bytes; constant but in quarantine
 * @length: As asked for, in bytes. In quarantine that of the extent. Written under
 *          client->lock, held for writing, of its one holder; constant while there
 *          are more
 * @hold: The hold of the client that allocated it
 * @by_offset: In pool->quarantine
 * @by_size: In client->quarantine of @freed_by
 * @freed_by: The one client that may have it again, or NULL
 * @joined: It was made of several, and their bounds are forgotten
 * @linked: pool->quarantine_links when it came to be as it is
 * @pinned: An offset in it where a page was found pinned last
 */
struct pinpool_buffer {
	struct pinpool_pool *pool;
#ifdef CONFIG_CGROUP_DMEM
	struct dmem_cgroup_pool_state *charge;
#endif
	refcount_t refs;
	bool shared;
	bool touched;
	u64 handle;
	u64 offset;
	u64 length;
	union {
		struct pinpool_hold hold;
		struct {	/* In quarantine; under pool->lock */
			struct rb_node by_offset;
			struct rb_node by_size;
			struct pinpool_client *freed_by;
			bool joined;
			u64 linked;
			u64 pinned;
		};
	};
};

/**
 * struct pinpool_scatter - Buffers for what may not fit into one
 * @max: How many there may be, 1 to PINPOOL_MAX_SCATTER
 * @nr: out: How many there are
 * @buffers: Of these the first @nr have extents
 */
struct pinpool_scatter {
	u32 max;
	u32 nr;
	struct pinpool_buffer *buffers[PINPOOL_MAX_SCATTER];
};

/**
 * struct pinpool_waiter - An ALLOC call that may wait for space
 * @link: In pool->waiters, or empty; under pool->lock
 * @head: Where it sleeps
 * @kicked: It is first in line and there is space again. Set under pool->lock
 * @deadline: CLOCK_MONOTONIC, in ns, or KTIME_MAX. Constant
 */
struct pinpool_waiter {
	struct list_head link;
	wait_queue_head_t head;
	bool kicked;
	ktime_t deadline;
};

/* How many pools there may be */
#define PINPOOL_MAX_POOLS	1024

/* Memory comes in chunks of so many pages, 2 MiB on x86. */
#define PINPOOL_CHUNK_ORDER	9

/*
 * Whether the pool's chunks are huge pages, which windows map as such. Its granule
 * makes sure that no two buffers share one.
 */
static inline bool pinpool_pool_huge(const struct pinpool_pool *pool)
{
	return IS_ENABLED(CONFIG_TRANSPARENT_HUGEPAGE) &&
	       PINPOOL_CHUNK_ORDER + PAGE_SHIFT == PMD_SHIFT &&
	       pool->config.backing == PINPOOL_BACKING_PAGES &&
	       pool->config.granule >= PMD_SIZE;
}

/* Bytes in the extent of a buffer */
static inline u64 pinpool_buffer_extent(const struct pinpool_buffer *buffer)
{
	return ALIGN(buffer->length, buffer->pool->config.granule);
}

/* main.c */
extern struct workqueue_struct *pinpool_queue;

/* config.c */
extern const char * const pinpool_zero_names[PINPOOL_ZERO_NEVER + 1];
void pinpool_config_init(struct pinpool_config *config);
bool pinpool_config_name_valid(const char *name);
bool pinpool_config_granule_valid(u64 granule);

/**
 * struct pinpool_refusal - Why there can't be a pool
 * @why: In words, a constant; NULL if there can
 * @attr: PINPOOL_A_POOL_*: what is wrong, or missing
 */
struct pinpool_refusal {
	const char *why;
	unsigned int attr;
};

struct pinpool_refusal pinpool_config_check(const struct pinpool_config *config);
bool pinpool_config_node_valid(int node);
bool pinpool_config_mode_valid(unsigned int mode);

/* param.c */
int pinpool_param_create_pools(void);

/* registry.c */
int pinpool_registry_init(void);
int pinpool_registry_create(const struct pinpool_config *config,
			    const struct pinpool_settings *settings);
int pinpool_registry_publish_all(void);
void pinpool_registry_close(void);
void pinpool_registry_exit(void);
struct pinpool_pool *pinpool_registry_add(const struct pinpool_config *config,
					  const struct pinpool_settings *settings,
					  const char **why);
struct pinpool_pool *pinpool_registry_find(const char *name);
struct pinpool_pool *pinpool_registry_next(u32 id, u32 *seq);
void pinpool_registry_changed(struct pinpool_pool *pool);
int pinpool_registry_delete(struct pinpool_pool *pool, bool force);

/* revoke.c */
void pinpool_revoke(struct pinpool_pool *pool);

/* resize.c */
u64 pinpool_resize_max(const struct pinpool_config *config);
int pinpool_resize(struct pinpool_pool *pool, u64 capacity);

/* quota.c */
int pinpool_quota_join(struct pinpool_client *client);
void pinpool_quota_leave(struct pinpool_client *client);
bool pinpool_quota_check_bytes(const struct pinpool_client *client, u64 bytes);
u64 pinpool_quota_check(const struct pinpool_client *client, u64 bytes);
bool pinpool_quota_check_share(const struct pinpool_client *client);
u64 pinpool_quota_low(const struct pinpool_watermarks *marks, u64 capacity);
u64 pinpool_quota_high(const struct pinpool_watermarks *marks, u64 capacity);
void pinpool_quota_set(struct pinpool_pool *pool, const struct pinpool_settings *settings);
void pinpool_quota_marks(struct pinpool_pool *pool);
void pinpool_quota_level(struct pinpool_pool *pool);

/* event.c */
void pinpool_event_init(struct pinpool_pool *pool);
void pinpool_event_raise(struct pinpool_pool *pool, enum pinpool_event event);

/* pool.c */
u64 pinpool_pool_features(const struct pinpool_pool *pool);
int pinpool_pool_grow(struct pinpool_pool *pool);
int pinpool_pool_alloc(struct pinpool_client *client,
		       struct pinpool_buffer *buffer, u64 align,
		       struct pinpool_waiter *waiter,
		       struct pinpool_scatter *scatter);
int pinpool_pool_alloc_at(struct pinpool_client *client, struct pinpool_buffer *buffer);
void pinpool_pool_charge(struct pinpool_client *client,
			 const struct pinpool_buffer *buffer);
void pinpool_pool_uncharge(struct pinpool_client *client,
			   const struct pinpool_buffer *buffer);
void pinpool_pool_allocated(struct pinpool_client *client,
			    const struct pinpool_buffer *buffer);
int pinpool_pool_divide(struct pinpool_pool *pool, u64 handle, u64 offset, u64 length,
			u64 keep, u64 *rest);
void pinpool_pool_forget(const struct pinpool_buffer *buffer);
void pinpool_pool_free(struct pinpool_buffer *buffer, struct pinpool_client *client);
void pinpool_pool_drain(struct pinpool_pool *pool);
void pinpool_pool_stats(struct pinpool_pool *pool, const struct pinpool_client *client,
			struct pinpool_stats *stats);

/* cgroup.c */
#ifdef CONFIG_CGROUP_DMEM
int pinpool_cgroup_register(struct pinpool_pool *pool);
void pinpool_cgroup_unregister(struct pinpool_pool *pool);
int pinpool_cgroup_charge(struct pinpool_buffer *buffer, u64 bytes);
void pinpool_cgroup_uncharge(struct pinpool_buffer *buffer, u64 bytes);
bool pinpool_cgroup_same(const struct pinpool_buffer *a, const struct pinpool_buffer *b);
int pinpool_cgroup_charge_several(struct pinpool_scatter *scatter);
void pinpool_cgroup_uncharge_unused(struct pinpool_scatter *scatter);
#else
static inline int pinpool_cgroup_register(struct pinpool_pool *pool)
{
	return 0;
}

static inline void pinpool_cgroup_unregister(struct pinpool_pool *pool)
{
}

static inline int pinpool_cgroup_charge(struct pinpool_buffer *buffer, u64 bytes)
{
	return 0;
}

static inline void pinpool_cgroup_uncharge(struct pinpool_buffer *buffer, u64 bytes)
{
}

static inline bool pinpool_cgroup_same(const struct pinpool_buffer *a,
				       const struct pinpool_buffer *b)
{
	return true;
}

static inline int pinpool_cgroup_charge_several(struct pinpool_scatter *scatter)
{
	return 0;
}

static inline void pinpool_cgroup_uncharge_unused(struct pinpool_scatter *scatter)
{
}
#endif

/* backing.c */
extern struct device *pinpool_device;
int pinpool_backing_init(void);
void pinpool_backing_exit(void);
const struct pinpool_backing_ops *pinpool_backing_get(unsigned int id);
const struct pinpool_backing_ops *pinpool_backing_find(const char *name);
int pinpool_backing_refuse(struct pinpool_pool *pool, int err, const char *why);
int pinpool_backing_create(struct pinpool_pool *pool);
void pinpool_backing_destroy(struct pinpool_pool *pool);
void pinpool_backing_survey(struct pinpool_pool *pool);

/* fill.c */
typedef int pinpool_fill_t(struct pinpool_pool *pool, u64 index, unsigned int *order);
int pinpool_fill(struct pinpool_pool *pool, u64 from, u64 to, pinpool_fill_t *chunk);

/* backing_*.c */
extern const struct pinpool_backing_ops pinpool_backing_pages;
extern const struct pinpool_backing_ops pinpool_backing_contig;
extern const struct pinpool_backing_ops pinpool_backing_reserved;
extern const struct pinpool_backing_ops pinpool_backing_user;
extern const struct pinpool_backing_ops pinpool_backing_dmabuf;
extern const struct pinpool_backing_ops pinpool_backing_none;
extern const struct pinpool_backing_ops pinpool_backing_cma;

/* client.c */
extern const struct file_operations pinpool_client_fops;

/* hold.c */
int pinpool_hold_init(void);
void pinpool_hold_exit(void);
struct pinpool_hold *pinpool_hold_find(struct pinpool_client *client, u64 offset,
				       bool next);
struct pinpool_hold *pinpool_hold_lookup(struct pinpool_client *client, u64 handle);
int pinpool_hold_publish(struct pinpool_client *client, struct list_head *holds);
struct pinpool_hold *pinpool_hold_import(struct pinpool_client *client,
					 struct pinpool_buffer *buffer, bool readonly);
int pinpool_hold_imported(struct pinpool_client *client, struct pinpool_hold *hold,
			  bool told);
struct pinpool_hold *pinpool_hold_remove(struct pinpool_client *client, u64 handle);
void pinpool_hold_end(struct pinpool_client *client, struct pinpool_hold *hold,
		      bool closing);

/* buffer.c */
int pinpool_buffer_init(void);
void pinpool_buffer_exit(void);
struct pinpool_buffer *pinpool_buffer_new(struct pinpool_pool *pool);
struct pinpool_buffer *pinpool_buffer_prepare(struct pinpool_pool *pool, u64 length);
int pinpool_buffer_zero(const struct pinpool_buffer *buffer,
			const struct pinpool_client *client);
struct pinpool_buffer *pinpool_buffer_create(struct pinpool_client *client,
					     u64 length, u64 align,
					     struct pinpool_waiter *waiter);
struct pinpool_buffer *pinpool_buffer_create_at(struct pinpool_client *client,
						u64 length, u64 offset);
int pinpool_buffer_create_several(struct pinpool_client *client, u64 length,
				  struct pinpool_waiter *waiter,
				  struct pinpool_scatter *scatter);
void pinpool_buffer_put(struct pinpool_buffer *buffer, struct pinpool_client *client,
			bool closing);
void pinpool_buffer_release(struct pinpool_buffer *buffer);
void pinpool_buffer_mark(struct pinpool_buffer *buffer);
void pinpool_buffer_settle(const struct pinpool_buffer *buffer);
u64 pinpool_pages_find(const struct pinpool_pool *pool, u64 offset, u64 end,
		       bool pinned);

/* buffer_resize.c */
int pinpool_buffer_resize(struct pinpool_client *client, u64 handle, u64 length);

/**
 * struct pinpool_told - A buffer, or a run in quarantine, as dumps tell of it
 * @client: The id of whoever has it or may have it again, or 0
 * @handle: Its handle
 * @offset: In bytes
 * @length: As asked for, in bytes
 * @extent: In bytes
 * @state: enum pinpool_buffer_state
 */
struct pinpool_told {
	u64 client;
	u64 handle;
	u64 offset;
	u64 length;
	u64 extent;
	u32 state;
};

/* quarantine.c */
bool pinpool_quarantine_tell(struct pinpool_pool *pool, u64 offset,
			     struct pinpool_told *told);
void pinpool_quarantine_init(struct pinpool_pool *pool);
void pinpool_quarantine_exit(struct pinpool_pool *pool);
void pinpool_quarantine_add(struct pinpool_buffer *buffer,
			    struct pinpool_client *client, bool closing);
int pinpool_quarantine_take(struct pinpool_client *client, struct pinpool_buffer *buffer,
			    u64 align, struct pinpool_buffer **spare);
bool pinpool_quarantine_join(struct pinpool_client *client);
bool pinpool_quarantine_may_fit(const struct pinpool_client *client, u64 granules);
void pinpool_quarantine_close(struct pinpool_client *client);
unsigned long pinpool_quarantine_reap(struct pinpool_pool *pool);

/* wait.c */
void pinpool_wait_init(struct pinpool_waiter *waiter, u64 deadline_ns);
bool pinpool_wait_behind(const struct pinpool_pool *pool,
			 const struct pinpool_waiter *waiter);
void pinpool_wait_queue(struct pinpool_pool *pool, struct pinpool_waiter *waiter);
int pinpool_wait_sleep(struct pinpool_pool *pool, struct pinpool_waiter *waiter);
void pinpool_wait_done(struct pinpool_pool *pool, struct pinpool_waiter *waiter);
void pinpool_wait_kick(struct pinpool_pool *pool);
void pinpool_wait_end(struct pinpool_pool *pool);
__poll_t pinpool_poll(struct file *file, struct poll_table_struct *wait);

/* dmabuf.c */
struct file *pinpool_dmabuf_export(struct pinpool_client *client, u64 handle,
				   bool readonly);
void pinpool_dmabuf_exported(struct pinpool_client *client, struct file *file,
			     bool readonly);
struct pinpool_hold *pinpool_dmabuf_import(struct pinpool_client *client, int fd,
					   bool readonly);
bool pinpool_dmabuf_is_share(const struct dma_buf *dmabuf);
bool pinpool_dmabuf_tell(struct pinpool_pool *pool, u64 *id, struct pinpool_told *told);
void pinpool_dmabuf_forget(struct pinpool_client *client);
void pinpool_dmabuf_revoke(struct pinpool_pool *pool);

/* ioctl.c */
long pinpool_ioctl(struct file *file, unsigned int cmd, unsigned long arg);
int pinpool_ioctl_fetch(void *arg, u32 size, u32 min_size, const void __user *user,
			u32 *user_size);

/* control.c */
int pinpool_control_init(void);
void pinpool_control_exit(void);
int pinpool_control_charge(kuid_t uid);
void pinpool_control_uncharge(kuid_t uid);

/* of.c */
#ifdef CONFIG_OF_RESERVED_MEM
int pinpool_of_init(void);
void pinpool_of_exit(void);
#else
static inline int pinpool_of_init(void)
{
	return 0;
}

static inline void pinpool_of_exit(void)
{
}
#endif

/* sysfs.c */
extern const struct attribute_group *pinpool_sysfs_groups[];

/* mmap.c */
int pinpool_mmap(struct file *file, struct vm_area_struct *vma);
long pinpool_mmap_check(const struct vm_area_struct *vma);
unsigned long pinpool_mmap_kind(const struct pinpool_pool *pool);
vm_fault_t pinpool_mmap_pages(const struct vm_fault *vmf, const struct pinpool_pool *pool,
			      u64 offset, u64 end);
void pinpool_mmap_populate(struct file *file, u64 window, u64 offset, u64 length);

#endif /* _PINPOOL_PINPOOL_H */
