/* SPDX-License-Identifier: LGPL-2.1-or-later OR MIT */
/*
 * libpinpool-ctl: control and monitoring of pinned memory pools
 *
 * A thin layer over the generic netlink family of <linux/pinpool_netlink.h>: it
 * makes, changes and deletes pools, lists them, their clients and buffers, and
 * tells what happens. A library of its own, so that programs that only use pools
 * don't depend on libmnl; neither of the two needs the other.
 *
 * Unless told otherwise
 *
 *  - functions return 0 or a negative errno, and pinpool_ctl_error() then says in
 *    words what is wrong, as the kernel put it where it did;
 *  - out parameters are untouched on failure;
 *  - sizes and offsets are in bytes;
 *  - a handle is for one thread at a time; different handles don't know each other;
 *  - a function that asks the kernel may block until it has answered, which takes
 *    long only where it has to find memory; it may also return
 *	-ENOMEM	no memory here or in the kernel,
 *	-EPROTO	the answer makes no sense,
 *	-ENOENT	the module was unloaded, besides what else it stands for.
 *
 * A function that reads or fills a struct takes the sizeof() that the caller was
 * built with: programs, library and kernel may be of different age. Structs grow at
 * their end, those within others into their reserved members. What isn't known is
 * left zero. To hand in more than the library knows is -E2BIG, unless that is all
 * zeroes, and a struct that is smaller than it was in the first version is -EINVAL.
 */
#ifndef PINPOOL_CTL_H
#define PINPOOL_CTL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include <linux/pinpool.h>
#include <linux/pinpool_netlink.h>

#ifdef __cplusplus
/* Structs and functions share names, as with stat(): g++ -Wshadow minds that */
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wshadow"
extern "C" {
#endif

/* A name with its NUL, and that of a process */
#define PINPOOL_CTL_NAME_SIZE	(PINPOOL_MAX_NAME + 1)
#define PINPOOL_CTL_COMM_SIZE	16
/* That of a region of memory, likewise */
#define PINPOOL_CTL_REGION_SIZE	(PINPOOL_MAX_REGION + 1)

/* There are no more sizes of extents than this, each a power of two */
#define PINPOOL_CTL_MAX_BINS	64

/* A connection to the kernel. Opaque */
struct pinpool_ctl;

/**
 * enum pinpool_ctl_has - Which members of struct pinpool_ctl_pool hold something
 * @PINPOOL_CTL_HAS_CAPACITY: @capacity
 * @PINPOOL_CTL_HAS_GRANULE: @granule
 * @PINPOOL_CTL_HAS_BACKING: @backing
 * @PINPOOL_CTL_HAS_ZERO: @zero
 * @PINPOOL_CTL_HAS_NODE: @node
 * @PINPOOL_CTL_HAS_MODE: @mode
 * @PINPOOL_CTL_HAS_CLIENT_BYTES: @limits.client_bytes
 * @PINPOOL_CTL_HAS_CLIENT_BUFFERS: @limits.client_buffers
 * @PINPOOL_CTL_HAS_UID_BYTES: @limits.uid_bytes
 * @PINPOOL_CTL_HAS_UID_BUFFERS: @limits.uid_buffers
 * @PINPOOL_CTL_HAS_CLIENT_SHARES: @limits.client_shares
 * @PINPOOL_CTL_HAS_LOW: @watermarks.low
 * @PINPOOL_CTL_HAS_HIGH: @watermarks.high
 * @PINPOOL_CTL_HAS_LOW_PERCENT: @watermarks.low_percent
 * @PINPOOL_CTL_HAS_HIGH_PERCENT: @watermarks.high_percent
 * @PINPOOL_CTL_HAS_ID: @id, which only the kernel gives
 * @PINPOOL_CTL_HAS_FEATURES: @features, which only the kernel gives
 * @PINPOOL_CTL_HAS_STATS: @stats, which only the kernel gives
 * @PINPOOL_CTL_HAS_BASE: @base
 * @PINPOOL_CTL_HAS_ALIGN: @align
 * @PINPOOL_CTL_HAS_REGION: @region
 * @PINPOOL_CTL_HAS_KEEP: @keep
 * @PINPOOL_CTL_HAS_FD: @fd, which the kernel never gives
 * @PINPOOL_CTL_HAS_TELL_BUS: @tell_bus
 * @PINPOOL_CTL_HAS_BUS_ADDRESS: @bus_address, which only the kernel gives
 * @PINPOOL_CTL_HAS_LONGTERM: @longterm, which only the kernel gives
 * @PINPOOL_CTL_HAS_CHUNKS: @chunks, @chunk_min, @chunk_max and @nodes, which only the
 *                          kernel gives, where there is memory
 */
enum pinpool_ctl_has {
	PINPOOL_CTL_HAS_CAPACITY	= 1 << 0,
	PINPOOL_CTL_HAS_GRANULE		= 1 << 1,
	PINPOOL_CTL_HAS_BACKING		= 1 << 2,
	PINPOOL_CTL_HAS_ZERO		= 1 << 3,
	PINPOOL_CTL_HAS_NODE		= 1 << 4,
	PINPOOL_CTL_HAS_MODE		= 1 << 5,
	PINPOOL_CTL_HAS_CLIENT_BYTES	= 1 << 6,
	PINPOOL_CTL_HAS_CLIENT_BUFFERS	= 1 << 7,
	PINPOOL_CTL_HAS_UID_BYTES	= 1 << 8,
	PINPOOL_CTL_HAS_UID_BUFFERS	= 1 << 9,
	PINPOOL_CTL_HAS_CLIENT_SHARES	= 1 << 10,
	PINPOOL_CTL_HAS_LOW		= 1 << 11,
	PINPOOL_CTL_HAS_HIGH		= 1 << 12,
	PINPOOL_CTL_HAS_LOW_PERCENT	= 1 << 13,
	PINPOOL_CTL_HAS_HIGH_PERCENT	= 1 << 14,
	PINPOOL_CTL_HAS_ID		= 1 << 15,
	PINPOOL_CTL_HAS_FEATURES	= 1 << 16,
	PINPOOL_CTL_HAS_STATS		= 1 << 17,
	PINPOOL_CTL_HAS_BASE		= 1 << 18,
	PINPOOL_CTL_HAS_ALIGN		= 1 << 19,
	PINPOOL_CTL_HAS_REGION		= 1 << 20,
	PINPOOL_CTL_HAS_KEEP		= 1 << 21,
	PINPOOL_CTL_HAS_FD		= 1 << 22,
	PINPOOL_CTL_HAS_TELL_BUS	= 1 << 23,
	PINPOOL_CTL_HAS_BUS_ADDRESS	= 1 << 24,
	PINPOOL_CTL_HAS_LONGTERM	= 1 << 25,
	PINPOOL_CTL_HAS_CHUNKS		= 1 << 26
};

/**
 * struct pinpool_ctl_limits - What clients may have at most; 0 for no limit
 * @client_bytes: In extents of buffers that one client holds
 * @client_buffers: Buffers that one client holds
 * @uid_bytes: In extents of buffers that all clients of one user hold
 * @uid_buffers: Buffers that all clients of one user hold
 * @client_shares: Shares that one client made and that somebody still has
 * @reserved: Zero
 */
struct pinpool_ctl_limits {
	uint64_t client_bytes;
	uint64_t client_buffers;
	uint64_t uid_bytes;
	uint64_t uid_buffers;
	uint64_t client_shares;
	uint64_t reserved[3];
};

/**
 * struct pinpool_ctl_watermarks - Marks for what is not free; 0 for none
 * @low: In bytes, at most @high
 * @high: In bytes, at most the capacity
 * @low_percent: @low in percent of the capacity, with which it goes. Set one of the
 *               two; out: there if it was set so
 * @high_percent: @high in percent of the capacity, likewise
 * @reserved: Zero
 */
struct pinpool_ctl_watermarks {
	uint64_t low;
	uint64_t high;
	uint32_t low_percent;
	uint32_t high_percent;
	uint64_t reserved[2];
};

/**
 * struct pinpool_ctl_stats - How full a pool is
 * @used: Bytes in extents of buffers
 * @free: Bytes that can be had
 * @quarantined: Bytes that were freed, but are pinned
 * @requested: Bytes that buffers were asked with
 * @largest_free: The largest free extent
 * @peak: The most that was ever used and quarantined
 * @buffers: Buffers that live
 * @free_extents: Pieces that the free memory is in
 * @quarantined_extents: Pieces that the quarantine is in
 * @clients: Open files of the pool
 * @shares: Shares that somebody has
 * @waiters: Allocations that wait for space
 * @allocs: Buffers allocated so far
 * @frees: Buffers freed so far
 * @failures: Allocations refused so far because nothing fitted
 * @refusals: Allocations and imports refused so far because of a limit
 * @fragmentation: 1 - @largest_free / @free, in millionths
 * @reserved32: Zero
 * @reserved: Zero
 */
struct pinpool_ctl_stats {
	uint64_t used;
	uint64_t free;
	uint64_t quarantined;
	uint64_t requested;
	uint64_t largest_free;
	uint64_t peak;
	uint64_t buffers;
	uint64_t free_extents;
	uint64_t quarantined_extents;
	uint64_t clients;
	uint64_t shares;
	uint64_t waiters;
	uint64_t allocs;
	uint64_t frees;
	uint64_t failures;
	uint64_t refusals;
	uint32_t fragmentation;
	uint32_t reserved32;
	uint64_t reserved[7];
};

/**
 * struct pinpool_ctl_pool - A pool
 * @has: enum pinpool_ctl_has: what of the following there is. Out: what the kernel
 *       told. In: what the kernel is told; the rest keeps its value, or gets that of
 *       a new pool
 * @name: Of its node, /dev/pinpool/<name>; always there
 * @id: Never given to two pools
 * @mode: Permissions of the node when it is made
 * @capacity: A multiple of the granule
 * @granule: The smallest extent, a power of two of at least a page
 * @backing: enum pinpool_backing
 * @zero: enum pinpool_zero
 * @node: The NUMA node that the memory is asked from, -1 for any
 * @reserved: Zero
 * @features: enum pinpool_feature
 * @limits: What clients may have
 * @watermarks: When to tell that it is full
 * @stats: How full it is
 * @base: Of backing reserved, the physical address where it begins, told to those with
 *        CAP_SYS_ADMIN; of none, what offset 0 is called by those who use it
 * @align: Of backing contig, what its physical address is a multiple of, a power of two
 * @bus_address: Of offset 0, where @tell_bus is set; for those with CAP_SYS_ADMIN
 * @chunks: Of how many physically contiguous runs the memory is
 * @chunk_min: Bytes in the smallest of them
 * @chunk_max: Bytes in the largest
 * @nodes: The NUMA nodes that the memory is on: bit n for node n, bit 63 for that and
 *         any above
 * @fd: Of backing dmabuf, a file descriptor of the caller. It may be closed when the
 *      pool is made
 * @longterm: enum pinpool_longterm
 * @keep: Of backing reserved: leave what is in the memory to the first who get it,
 *        instead of zeroing it
 * @tell_bus: Of backings contig, cma and reserved: tell @bus_address
 * @reserved2: Zero
 * @region: Of backing reserved, instead of @base, the name of what the kernel was told
 *          to reserve when it booted
 */
struct pinpool_ctl_pool {
	uint64_t has;
	char name[PINPOOL_CTL_NAME_SIZE];
	uint32_t id;
	uint32_t mode;
	uint64_t capacity;
	uint64_t granule;
	uint32_t backing;
	uint32_t zero;
	int32_t node;
	uint32_t reserved;
	uint64_t features;
	struct pinpool_ctl_limits limits;
	struct pinpool_ctl_watermarks watermarks;
	struct pinpool_ctl_stats stats;
	uint64_t base;
	uint64_t align;
	uint64_t bus_address;
	uint64_t chunks;
	uint64_t chunk_min;
	uint64_t chunk_max;
	uint64_t nodes;
	int32_t fd;
	uint32_t longterm;
	bool keep;
	bool tell_bus;
	uint8_t reserved2[6];
	char region[PINPOOL_CTL_REGION_SIZE];
};

/**
 * struct pinpool_ctl_bins - Free extents by their sizes, smallest first
 * @count: How many of @bin there are
 * @reserved: Zero
 * @bin: Those from @bin.min to less than twice as much
 */
struct pinpool_ctl_bins {
	uint32_t count;
	uint32_t reserved;
	struct {
		uint64_t min;
		uint64_t extents;
	} bin[PINPOOL_CTL_MAX_BINS];
};

/**
 * struct pinpool_ctl_client - An open file of a pool's node
 * @pool: The pool's name
 * @id: As in fdinfo and in tracepoints; never 0, never given to two clients
 * @pid: Of the process that opened it, in the initial PID namespace; 0 if gone
 * @uid: The user who opened it
 * @comm: The name of that process, now or when it opened it
 * @used: Bytes in extents of its buffers
 * @requested: Bytes that they were asked with
 * @buffers: How many they are
 * @quarantined: Bytes that it freed while they were pinned, and may have again
 * @shares: Shares that it made and that somebody still has
 */
struct pinpool_ctl_client {
	char pool[PINPOOL_CTL_NAME_SIZE];
	uint64_t id;
	uint32_t pid;
	uint32_t uid;
	char comm[PINPOOL_CTL_COMM_SIZE];
	uint64_t used;
	uint64_t requested;
	uint64_t buffers;
	uint64_t quarantined;
	uint64_t shares;
};

/**
 * struct pinpool_ctl_buffer - What isn't free in a pool
 * @pool: The pool's name
 * @client: The id of the client, 0 where a share has it
 * @handle: The buffer
 * @offset: Where it lies
 * @length: Bytes asked for
 * @extent: Bytes that it occupies
 * @state: enum pinpool_buffer_state, any number of them
 * @reserved: Zero
 */
struct pinpool_ctl_buffer {
	char pool[PINPOOL_CTL_NAME_SIZE];
	uint64_t client;
	uint64_t handle;
	uint64_t offset;
	uint64_t length;
	uint64_t extent;
	uint32_t state;
	uint32_t reserved;
};

/**
 * struct pinpool_ctl_event - Something happened to a pool
 * @type: PINPOOL_NL_CMD_..._NTF: which of the following there are
 * @pool_id: The pool, whatever its name is by now
 * @pool: The pool's name
 * @level: watermark: enum pinpool_level
 * @capacity: pool-new, pool-set, pool-del, watermark, progress
 * @free: watermark, exhausted
 * @wanted: exhausted: bytes of an extent that there was no space for
 * @largest_free: exhausted
 * @failures: exhausted
 * @quarantined: quarantine: bytes there now
 * @entered: quarantine: bytes that went in, of all times
 * @left: quarantine: bytes that came back, of all times
 * @client: client-died: its id
 * @pid: client-died: of the process that opened it
 * @uid: client-died: the user who opened it
 * @signal: client-died: what killed the process, 0 if it ended otherwise
 * @comm: client-died: the name of the process
 * @bytes: client-died: in extents of the buffers that it still held
 * @buffers: client-died: how many they were
 * @done: progress: bytes of @capacity that are there, and zeroed. There is no such pool
 *        yet then, or it is being made larger
 */
struct pinpool_ctl_event {
	uint32_t type;
	uint32_t pool_id;
	char pool[PINPOOL_CTL_NAME_SIZE];
	uint64_t capacity;
	uint64_t free;
	uint64_t wanted;
	uint64_t largest_free;
	uint64_t failures;
	uint64_t quarantined;
	uint64_t entered;
	uint64_t left;
	uint32_t level;
	uint32_t signal;
	uint64_t client;
	uint32_t pid;
	uint32_t uid;
	char comm[PINPOOL_CTL_COMM_SIZE];
	uint64_t bytes;
	uint64_t buffers;
	uint64_t done;
};

/**
 * enum pinpool_ctl_group - Groups of events, for pinpool_ctl_subscribe()
 * @PINPOOL_CTL_EVENTS: What happens to pools; for everybody
 * @PINPOOL_CTL_CLIENTS: What happens to clients; needs CAP_SYS_ADMIN
 */
enum pinpool_ctl_group {
	PINPOOL_CTL_EVENTS	= 1 << 0,
	PINPOOL_CTL_CLIENTS	= 1 << 1
};

/**
 * pinpool_ctl_open() - Connect to the kernel
 *
 * The sockets are close-on-exec. A child must not use the handle of its parent.
 *
 * Returns the handle, or NULL with errno set:
 *  ENOENT	there is no family "pinpool": the module isn't loaded, or this isn't
 *		the initial network namespace;
 *  or what socket(2) and malloc(3) say. pinpool_ctl_error(NULL) has words for it.
 */
struct pinpool_ctl *pinpool_ctl_open(void);

/**
 * pinpool_ctl_close() - Disconnect
 * @ctl: The handle, or NULL
 */
void pinpool_ctl_close(struct pinpool_ctl *ctl);

/**
 * pinpool_ctl_error() - What went wrong in the last call
 * @ctl: The handle; NULL to put into words the errno of pinpool_ctl_open()
 *
 * That is what the kernel said, if it did, and otherwise what the errno means. Where
 * the kernel pointed at a value, or missed one, its name comes first: "granule: ...".
 *
 * Returns a text without a full stop or newline, never NULL, which is good until the
 * next call. It is empty if nothing went wrong.
 */
const char *pinpool_ctl_error(const struct pinpool_ctl *ctl);

/**
 * pinpool_ctl_error_attr() - Which value the kernel wouldn't have, or missed
 * @ctl: The handle
 *
 * Returns its name as the specification of the family has it, such as "granule" or
 * "limits.uid-bytes", good until the next call; or NULL if the kernel told of none.
 */
const char *pinpool_ctl_error_attr(const struct pinpool_ctl *ctl);

/**
 * pinpool_ctl_pool_get() - Look at a pool
 * @ctl: The handle
 * @name: Its name
 * @pool: out: What it is and how full
 * @size: sizeof(*@pool)
 *
 * Returns 0, or
 *  -ENOENT	there is no such pool;
 *  -EINVAL, -ERANGE	@name can't be a name.
 */
int pinpool_ctl_pool_get(struct pinpool_ctl *ctl, const char *name,
			 struct pinpool_ctl_pool *pool, size_t size);

/**
 * pinpool_ctl_pools() - List all pools
 * @ctl: The handle
 * @pools: out: An array, to be given to free(3); NULL if there are none
 * @size: sizeof(**@pools)
 *
 * See pinpool_ctl_torn() for lists that change while they are read.
 *
 * Returns how many there are, or a negative errno.
 */
ssize_t pinpool_ctl_pools(struct pinpool_ctl *ctl, struct pinpool_ctl_pool **pools,
			  size_t size);

/**
 * pinpool_ctl_pool_new() - Make a pool
 * @ctl: The handle
 * @pool: in: @name, @capacity and what else @has tells; out: what was made
 * @size: sizeof(*@pool)
 *
 * The node is there when the call returns; what udev does to it comes later. Needs
 * CAP_SYS_ADMIN in the initial user namespace.
 *
 * Returns 0, or
 *  -EEXIST	there is a pool with this name;
 *  -EINVAL, -ERANGE	a value that can't be: see pinpool_ctl_error_attr();
 *  -ENOMEM	also: the kernel doesn't have so much memory;
 *  -EBUSY	the memory of @base or @region, or what @fd is of, is somebody's;
 *  -ENOENT	there is no @region;
 *  -EBADF	@fd is no descriptor;
 *  -ECANCELED	a fatal signal came;
 *  -EPERM	the caller may not.
 */
int pinpool_ctl_pool_new(struct pinpool_ctl *ctl, struct pinpool_ctl_pool *pool, size_t size);

/**
 * pinpool_ctl_pool_set() - Change a pool
 * @ctl: The handle
 * @pool: in: @name, and of @capacity, @limits and @watermarks what @has tells;
 *        out: what it is now
 * @size: sizeof(*@pool)
 *
 * All of it is changed or nothing. Buffers that are above a new limit stay. Needs
 * CAP_SYS_ADMIN in the initial user namespace.
 *
 * Returns 0, or
 *  -ENOENT	there is no such pool;
 *  -EBUSY	what lies behind a smaller capacity is in use;
 *  -EOPNOTSUPP	the pool can't change so;
 *  -EINVAL, -ERANGE	a value that can't be: see pinpool_ctl_error_attr();
 *  -ENOMEM	also: the kernel doesn't have so much memory;
 *  -EPERM	the caller may not.
 */
int pinpool_ctl_pool_set(struct pinpool_ctl *ctl, struct pinpool_ctl_pool *pool, size_t size);

/**
 * pinpool_ctl_pool_del() - Delete a pool
 * @ctl: The handle
 * @name: Its name
 * @force: Take it from its clients: to touch their windows is SIGBUS then, and their
 *         calls fail with -ENODEV
 *
 * The name is free when the call returns. Needs CAP_SYS_ADMIN in the initial user
 * namespace.
 *
 * Returns 0, or
 *  -ENOENT	there is no such pool;
 *  -EBUSY	somebody has it open, or a share of it, and not @force;
 *  -EPERM	the caller may not.
 */
int pinpool_ctl_pool_del(struct pinpool_ctl *ctl, const char *name, bool force);

/**
 * pinpool_ctl_stats() - How full a pool is, and its free extents by their sizes
 * @ctl: The handle
 * @name: Its name
 * @pool: out: @name, @id, @capacity and @stats; all of one moment
 * @size: sizeof(*@pool)
 * @bins: out: The free extents by their sizes, or NULL
 *
 * Returns as pinpool_ctl_pool_get().
 */
int pinpool_ctl_stats(struct pinpool_ctl *ctl, const char *name, struct pinpool_ctl_pool *pool,
		      size_t size, struct pinpool_ctl_bins *bins);

/**
 * pinpool_ctl_clients() - List clients
 * @ctl: The handle
 * @pool: The name of their pool, or NULL for all pools
 * @clients: out: An array, to be given to free(3); NULL if there are none
 * @size: sizeof(**@clients)
 *
 * Needs CAP_SYS_ADMIN in the initial user namespace. See pinpool_ctl_torn() for lists
 * that change while they are read.
 *
 * Returns how many there are, or
 *  -ENOENT	there is no such pool;
 *  -EPERM	the caller may not.
 */
ssize_t pinpool_ctl_clients(struct pinpool_ctl *ctl, const char *pool,
			    struct pinpool_ctl_client **clients, size_t size);

/**
 * pinpool_ctl_buffers() - List what isn't free in a pool
 * @ctl: The handle
 * @pool: The pool's name
 * @client: The id of a client, to list only what it has, or 0 for all
 * @buffers: out: An array, to be given to free(3); NULL if there are none
 * @size: sizeof(**@buffers)
 *
 * Each client's buffers by their offsets, then those of shares, then the quarantine.
 * A buffer that several have is there several times. Needs CAP_SYS_ADMIN in the
 * initial user namespace. See pinpool_ctl_torn() for lists that change while they are
 * read.
 *
 * Returns how many there are, or
 *  -ENOENT	there is no such pool; a client that there isn't has nothing;
 *  -EPERM	the caller may not.
 */
ssize_t pinpool_ctl_buffers(struct pinpool_ctl *ctl, const char *pool, uint64_t client,
			    struct pinpool_ctl_buffer **buffers, size_t size);

/**
 * pinpool_ctl_torn() - Whether the last list changed while it was read
 * @ctl: The handle
 *
 * A list that is longer than one message may change between two of them. It is then
 * read anew, a few times; where it never stands still, the last attempt is delivered,
 * in which entries may be missing or be there twice.
 */
bool pinpool_ctl_torn(const struct pinpool_ctl *ctl);

/**
 * pinpool_ctl_subscribe() - Have events delivered
 * @ctl: The handle
 * @groups: enum pinpool_ctl_group, any number of them, besides those there are
 *
 * What happens from here on comes from pinpool_ctl_event().
 *
 * Returns 0, or
 *  -EPERM	the caller may not have one of @groups; then it gets none of them;
 *  -EINVAL	no such group.
 */
int pinpool_ctl_subscribe(struct pinpool_ctl *ctl, unsigned int groups);

/**
 * pinpool_ctl_fd() - A file descriptor to poll(2) for events
 * @ctl: The handle
 *
 * It is readable when there are events. When it is, call pinpool_ctl_event() until
 * that returns -EAGAIN. The descriptor stays the handle's; don't read it.
 *
 * Returns the descriptor, or -EBADF before pinpool_ctl_subscribe().
 */
int pinpool_ctl_fd(const struct pinpool_ctl *ctl);

/**
 * pinpool_ctl_event() - Take the next event
 * @ctl: The handle
 * @event: out: The event
 * @size: sizeof(*@event)
 * @timeout_ms: How long to wait for one, as poll(2): 0 not at all, negative for ever
 *
 * Requests can be made between two events; they don't disturb each other.
 *
 * Returns 0, or
 *  -EAGAIN	there is none, or wasn't in time;
 *  -ENOBUFS	events were lost, as they came faster than they were taken: what is
 *		known of the pools is to be read anew. Events go on;
 *  -ENODEV	the module was unloaded: nothing comes any more, also when it is loaded
 *		again;
 *  -EINTR	a signal came first;
 *  -EBADF	nothing was subscribed to.
 */
int pinpool_ctl_event(struct pinpool_ctl *ctl, struct pinpool_ctl_event *event, size_t size,
		      int timeout_ms);

/**
 * pinpool_ctl_event_pool() - The pool of the last event
 * @ctl: The handle
 * @pool: out: The pool as it was then
 * @size: sizeof(*@pool)
 *
 * Returns 0, or -ENODATA if the last event isn't one of pool-new, pool-set and
 * pool-del.
 */
int pinpool_ctl_event_pool(const struct pinpool_ctl *ctl, struct pinpool_ctl_pool *pool,
			   size_t size);

#ifdef __cplusplus
}

#pragma GCC diagnostic pop
#endif

#endif /* PINPOOL_CTL_H */
