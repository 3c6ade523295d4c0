/* SPDX-License-Identifier: GPL-2.0 WITH Linux-syscall-note */
/*
 * pinpool: pinned memory pools with an in-kernel offset allocator
 *
 * The data plane of a pool node, /dev/pinpool/<name>; and /dev/pinpool-control, where
 * a process makes a pool of memory that it has.
 */
#ifndef _UAPI_LINUX_PINPOOL_H
#define _UAPI_LINUX_PINPOOL_H

#include <linux/ioctl.h>
#include <linux/types.h>

/**
 * DOC: General ioctl format
 *
 * Every command is an _IO() number: its argument struct carries its own size in
 * the first field, so the same number serves 32-bit and 64-bit callers and
 * structs may grow. The caller sets @size to the sizeof() it was built with and
 * zeroes what it does not use; the kernel writes back at most @size bytes.
 *
 *  - a struct that is newer than the kernel is taken as long as the part that
 *    the kernel does not know is zero;
 *  - a struct that is older than the kernel is taken as if its missing fields
 *    were zero, down to the first version of the struct.
 *
 * Input fields that a command does not use, and fields called __reserved, must
 * be zero. Fields marked "out" are ignored on input.
 *
 * All sizes and offsets are in bytes. A failed command changes nothing, with
 * the single exception of an array FREE, which tells how far it came.
 *
 * The file's access mode counts: ALLOC and RESIZE need a file opened for writing, and
 * so does all that would let its buffers be written; the rest works on a file opened
 * for reading.
 *
 * DOC: Error codes
 *
 *  ===========  ==============================================================
 *  ENOTTY       No such command.
 *  EINVAL       A value that can never be right: a @size below the first
 *               version of the struct, a length of 0 or above the pool's
 *               capacity, an alignment that is not a power of two, a field
 *               set that must be zero, an array that is empty or too long.
 *  E2BIG        Bytes set beyond the part of a struct that this kernel knows, or
 *               a struct of more than a page.
 *  EOPNOTSUPP   A flag that this kernel does not know.
 *  EFAULT       A pointer that leads to no memory, or to memory of the wrong
 *               kind.
 *  EBADF        ALLOC or RESIZE on a file that is not open for writing, or FREE there of
 *               what it didn't import; IMPORT of what is no file descriptor.
 *  EACCES       Something that may only be read was asked for to be written.
 *  EEXIST       IMPORT of a buffer that the client holds already.
 *  EXDEV        IMPORT of a dma-buf of another pool, or of another driver.
 *  ENOENT       A handle that names no buffer of this client: never given out,
 *               freed before, or another client's.
 *  ENOSPC       No free extent of the pool fits, or for RESIZE what lies behind the
 *               buffer isn't free. Freeing buffers helps.
 *  EBUSY        ALLOC at an offset where not all is free; RESIZE of a buffer that
 *               others have, too.
 *  EDQUOT       A limit of the client, its user or its cgroup is reached.
 *  ENOMEM       The kernel has no memory for its own records.
 *  ETIMEDOUT    The deadline of an ALLOC passed before there was space.
 *  EINTR        A signal came while ALLOC waited for space (it goes on waiting
 *               if the handler has SA_RESTART), or a fatal one while an array was
 *               being served or memory was being prepared.
 *  ENODEV       The pool was deleted under the client; or it has no memory to map or
 *               to share.
 *  ===========  ==============================================================
 */
#define PINPOOL_IOC_TYPE	0xBE

enum {
	PINPOOL_CMD_INFO = 0x00,
	PINPOOL_CMD_ALLOC = 0x01,
	PINPOOL_CMD_FREE = 0x02,
	PINPOOL_CMD_QUERY = 0x03,
	PINPOOL_CMD_STATS = 0x04,
	PINPOOL_CMD_EXPORT = 0x05,
	PINPOOL_CMD_IMPORT = 0x06,
	PINPOOL_CMD_REGISTER = 0x07,
	PINPOOL_CMD_RESIZE = 0x08,
};

/* The longest array that one ALLOC or FREE takes */
#define PINPOOL_MAX_ARRAY	65536

/* The most buffers that one ALLOC with PINPOOL_ALLOC_SCATTER makes */
#define PINPOOL_MAX_SCATTER	16

/* The longest pool name, with its NUL */
#define PINPOOL_NAME_SIZE	32

/**
 * enum pinpool_backing - Where a pool's memory comes from
 * @PINPOOL_BACKING_PAGES: Non-movable pages, in chunks as large as the kernel
 *                         could give
 * @PINPOOL_BACKING_CONTIG: One run of physically contiguous pages
 * @PINPOOL_BACKING_RESERVED: A physical range that the kernel kept away from itself
 *                            when it booted
 * @PINPOOL_BACKING_USER: Memory that a process has mapped and registered
 * @PINPOOL_BACKING_DMABUF: A dma-buf of another driver
 * @PINPOOL_BACKING_NONE: None: the pool divides offsets, of memory that is
 *                        elsewhere. Windows, EXPORT and PINPOOL_ALLOC_POPULATE
 *                        give ENODEV
 * @PINPOOL_BACKING_CMA: One run of the kernel's contiguous memory allocator
 */
enum pinpool_backing {
	PINPOOL_BACKING_PAGES = 0,
	PINPOOL_BACKING_CONTIG = 1,
	PINPOOL_BACKING_RESERVED = 2,
	PINPOOL_BACKING_USER = 3,
	PINPOOL_BACKING_DMABUF = 4,
	PINPOOL_BACKING_NONE = 5,
	PINPOOL_BACKING_CMA = 6,
};

/**
 * enum pinpool_longterm - Whether windows can be pinned for long
 * @PINPOOL_LONGTERM_YES: For as long as one likes: RDMA, registered buffers
 * @PINPOOL_LONGTERM_NO_MEMORY: There is no memory
 * @PINPOOL_LONGTERM_NO_FOREIGN: Not at all, not even by O_DIRECT: the pages are not
 *                               the pool's own. Shares go to drivers nonetheless
 * @PINPOOL_LONGTERM_NO_MOVABLE: As before, since the kernel wants to be able to move
 *                               what is where the pages are
 */
enum pinpool_longterm {
	PINPOOL_LONGTERM_YES = 0,
	PINPOOL_LONGTERM_NO_MEMORY = 1,
	PINPOOL_LONGTERM_NO_FOREIGN = 2,
	PINPOOL_LONGTERM_NO_MOVABLE = 3,
};

/**
 * enum pinpool_zero - When a pool zeroes memory
 * @PINPOOL_ZERO_OWNER: When it goes from one client to another (the default)
 * @PINPOOL_ZERO_ALWAYS: At every ALLOC
 * @PINPOOL_ZERO_NEVER: Only when the pool is made; for clients that trust each
 *                      other
 */
enum pinpool_zero {
	PINPOOL_ZERO_OWNER = 0,
	PINPOOL_ZERO_ALWAYS = 1,
	PINPOOL_ZERO_NEVER = 2,
};

/**
 * enum pinpool_feature - What a pool has beyond the first version of this header
 * @PINPOOL_FEATURE_WAIT: ALLOC takes a @deadline_ns, and poll(2) works
 * @PINPOOL_FEATURE_POPULATE: ALLOC knows PINPOOL_ALLOC_POPULATE
 * @PINPOOL_FEATURE_SHARE: There are EXPORT and IMPORT
 * @PINPOOL_FEATURE_SCATTER: ALLOC knows PINPOOL_ALLOC_SCATTER
 * @PINPOOL_FEATURE_AT: ALLOC knows PINPOOL_ALLOC_AT
 * @PINPOOL_FEATURE_RESIZE: There is RESIZE
 * @PINPOOL_FEATURE_HUGE: The memory is in huge pages, which windows map as such
 *                        where their address is congruent to the offset modulo
 *                        the size of a huge page, as mmap(2) makes it by itself
 */
enum pinpool_feature {
	PINPOOL_FEATURE_WAIT = 1 << 0,
	PINPOOL_FEATURE_POPULATE = 1 << 1,
	PINPOOL_FEATURE_SHARE = 1 << 2,
	PINPOOL_FEATURE_SCATTER = 1 << 3,
	PINPOOL_FEATURE_HUGE = 1 << 4,
	PINPOOL_FEATURE_AT = 1 << 5,
	PINPOOL_FEATURE_RESIZE = 1 << 6,
};

/**
 * struct pinpool_info - What a pool is (PINPOOL_IOC_INFO)
 * @size: sizeof(struct pinpool_info)
 * @flags: Must be 0
 * @capacity: out: Bytes in the pool; also the length of a window on all of it. It may
 *            be changed while the pool is in use: windows keep their length then, and
 *            reach what is new only if they are mapped again
 * @granule: out: The smallest extent, a power of two. Every offset and extent
 *           is a multiple of it
 * @features: out: enum pinpool_feature
 * @backing: out: enum pinpool_backing
 * @zero: out: enum pinpool_zero
 * @node: out: The NUMA node that the memory was asked from, -1 for any
 * @max_array: out: The longest array that ALLOC and FREE take
 * @name: out: The pool's name, NUL-terminated
 * @base: out: What offset 0 is called by those who use a pool of
 *        PINPOOL_BACKING_NONE; else 0
 * @chunks: out: Of how many physically contiguous runs the memory is
 * @chunk_min: out: Bytes in the smallest of them
 * @chunk_max: out: Bytes in the largest
 * @nodes: out: The NUMA nodes that the memory is on: bit n for node n, bit 63 for
 *         that and any above
 * @longterm: out: enum pinpool_longterm
 * @__reserved: out: 0
 */
struct pinpool_info {
	__u32 size;
	__u32 flags;
	__aligned_u64 capacity;
	__aligned_u64 granule;
	__aligned_u64 features;
	__u32 backing;
	__u32 zero;
	__s32 node;
	__u32 max_array;
	char name[PINPOOL_NAME_SIZE];
	__aligned_u64 base;
	__aligned_u64 chunks;
	__aligned_u64 chunk_min;
	__aligned_u64 chunk_max;
	__aligned_u64 nodes;
	__u32 longterm;
	__u32 __reserved;
};

#define PINPOOL_IOC_INFO	_IO(PINPOOL_IOC_TYPE, PINPOOL_CMD_INFO)

/**
 * struct pinpool_buf - One buffer of an array ALLOC
 * @length: in: Bytes wanted, from 1 to the pool's capacity; kept exactly, though
 *          the extent behind it is a multiple of the granule
 * @align: in: What the offset shall be a multiple of: a power of two, or 0 for
 *         the granule
 * @offset: out: Where the buffer lies in the pool, and so in every window. In, with
 *          PINPOOL_ALLOC_AT: where it shall lie
 * @handle: out: The buffer's name for FREE and QUERY; never 0, and never given
 *          out again while a stale copy could still be around
 */
struct pinpool_buf {
	__aligned_u64 length;
	__aligned_u64 align;
	__aligned_u64 offset;
	__aligned_u64 handle;
};

/**
 * enum pinpool_alloc_flags - Flags of ALLOC
 * @PINPOOL_ALLOC_PARTIAL: An array may be filled in part: the call succeeds if
 *                         it made at least one buffer, and @done tells how many
 * @PINPOOL_ALLOC_POPULATE: Have the window of @window map the buffers at once, so
 *                          that no touch of them is a page fault. What can't be
 *                          mapped now is mapped when it is touched
 * @PINPOOL_ALLOC_SCATTER: Where no free extent has room for @length, make several
 *                         buffers that have it together. @bufs is where to tell of
 *                         them, and @count how many there may be, 1 to
 *                         PINPOOL_MAX_SCATTER; @align must be 0. They are buffers
 *                         like any others, and of all but the last one @length is a
 *                         multiple of the granule
 * @PINPOOL_ALLOC_AT: Make the buffers at @offset of each, a multiple of the granule, or
 *                    fail with EBUSY where not all of that is free; @align and
 *                    @deadline_ns must be 0. So a master that was restarted has again
 *                    what it had. Those of an array are best in the order of their
 *                    offsets: to get from one to the next takes as long as there are
 *                    buffers between them
 */
enum pinpool_alloc_flags {
	PINPOOL_ALLOC_PARTIAL = 1 << 0,
	PINPOOL_ALLOC_POPULATE = 1 << 1,
	PINPOOL_ALLOC_SCATTER = 1 << 2,
	PINPOOL_ALLOC_AT = 1 << 3,
};

/**
 * struct pinpool_alloc - Allocate one buffer or an array (PINPOOL_IOC_ALLOC)
 * @size: sizeof(struct pinpool_alloc)
 * @flags: enum pinpool_alloc_flags; PINPOOL_ALLOC_PARTIAL only with an array
 * @bufs: 0 for one buffer, described by @length to @handle below; else a pointer
 *        to an array of struct pinpool_buf, and @length and @align must be 0 (but
 *        see PINPOOL_ALLOC_SCATTER)
 * @count: Entries of the array, 1 to PINPOOL_MAX_ARRAY; 0 without one
 * @buf_size: sizeof(struct pinpool_buf); 0 without an array
 * @length: As in struct pinpool_buf
 * @align: As in struct pinpool_buf
 * @offset: out: As in struct pinpool_buf
 * @handle: out: As in struct pinpool_buf
 * @done: out: How many buffers were made
 * @__reserved: Must be 0
 * @deadline_ns: 0: fail with ENOSPC where there is no space. Else wait for space
 *               until this time of CLOCK_MONOTONIC, in nanoseconds, and fail with
 *               ETIMEDOUT; all bits set: for ever
 * @window: With PINPOOL_ALLOC_POPULATE: the address in the calling process where
 *          offset 0 of the pool is mapped, or would be if the window began there;
 *          else 0
 *
 * An array is served in its order and wholly or not at all, unless
 * PINPOOL_ALLOC_PARTIAL is given: then the first @done entries were made, and
 * the error of the next one is returned only if it was the very first.
 *
 * The memory holds zeroes, or what this client itself last wrote there (see
 * enum pinpool_zero). No buffer exists before the caller was told of it: where
 * the results can't be written the call gives EFAULT and nothing is allocated.
 *
 * Calls that wait are served first come, first served, whatever they want: those
 * that came later wait behind one that wants much. A call for an array keeps what
 * it got while it waits for more. Calls without a deadline take what fits at that
 * moment.
 *
 * What this client freed while it had the pages pinned may come back to it at
 * once, and does so first: a registration for RDMA or io_uring goes on serving.
 */
struct pinpool_alloc {
	__u32 size;
	__u32 flags;
	__aligned_u64 bufs;
	__u32 count;
	__u32 buf_size;
	__aligned_u64 length;
	__aligned_u64 align;
	__aligned_u64 offset;
	__aligned_u64 handle;
	__u32 done;
	__u32 __reserved;
	__aligned_u64 deadline_ns;
	__aligned_u64 window;
};

#define PINPOOL_IOC_ALLOC	_IO(PINPOOL_IOC_TYPE, PINPOOL_CMD_ALLOC)

/**
 * struct pinpool_free - Free one buffer or an array (PINPOOL_IOC_FREE)
 * @size: sizeof(struct pinpool_free)
 * @flags: Must be 0
 * @handles: 0 for one buffer, named by @handle; else a pointer to an array of
 *           __u64 handles, and @handle must be 0
 * @count: Entries of the array, 1 to PINPOOL_MAX_ARRAY; 0 without one
 * @done: out: How many buffers were freed
 * @handle: The one buffer to free
 *
 * When the call returns, the buffers are gone from every window of the client:
 * the next touch is SIGBUS. Their memory is free when nobody else has it: neither
 * another client that imported it, nor a share. An array is freed in its order up to the first
 * handle that can't be; the error tells why, and @done which. The struct and the
 * array may lie in one of the buffers; if the struct goes with its buffer, the
 * return value is all the answer there is.
 */
struct pinpool_free {
	__u32 size;
	__u32 flags;
	__aligned_u64 handles;
	__u32 count;
	__u32 done;
	__aligned_u64 handle;
};

#define PINPOOL_IOC_FREE	_IO(PINPOOL_IOC_TYPE, PINPOOL_CMD_FREE)

/**
 * struct pinpool_resize - Make a buffer longer or shorter in its place
 *                         (PINPOOL_IOC_RESIZE)
 * @size: sizeof(struct pinpool_resize)
 * @flags: Must be 0
 * @handle: The buffer; it keeps that, and its offset
 * @length: Bytes that it shall have, from 1 to the pool's capacity
 *
 * Its extent becomes the next multiple of the granule. What is cut off is gone from the
 * client's windows when the call returns, as with FREE; what is new holds what a new
 * buffer would. It must be the client's alone, and where cgroups are charged, that of
 * the caller: else EBUSY.
 */
struct pinpool_resize {
	__u32 size;
	__u32 flags;
	__aligned_u64 handle;
	__aligned_u64 length;
};

#define PINPOOL_IOC_RESIZE	_IO(PINPOOL_IOC_TYPE, PINPOOL_CMD_RESIZE)

/**
 * enum pinpool_query_flags - Flags of QUERY
 * @PINPOOL_QUERY_OFFSET: Find the buffer whose extent contains @offset, instead
 *                        of the one that @handle names
 * @PINPOOL_QUERY_NEXT: With PINPOOL_QUERY_OFFSET: if there is none, find the
 *                      first one after @offset. Serves to walk all buffers of
 *                      the client: go on at @offset + @extent
 */
enum pinpool_query_flags {
	PINPOOL_QUERY_OFFSET = 1 << 0,
	PINPOOL_QUERY_NEXT = 1 << 1,
};

/**
 * struct pinpool_query - Find a buffer of this client (PINPOOL_IOC_QUERY)
 * @size: sizeof(struct pinpool_query)
 * @flags: enum pinpool_query_flags
 * @handle: in: The buffer asked for, or 0 with PINPOOL_QUERY_OFFSET
 *          out: The buffer found
 * @offset: in: See PINPOOL_QUERY_OFFSET, else 0. out: Where the buffer lies
 * @length: out: The exact length asked for at ALLOC
 * @extent: out: Bytes that the buffer occupies in the pool
 */
struct pinpool_query {
	__u32 size;
	__u32 flags;
	__aligned_u64 handle;
	__aligned_u64 offset;
	__aligned_u64 length;
	__aligned_u64 extent;
};

#define PINPOOL_IOC_QUERY	_IO(PINPOOL_IOC_TYPE, PINPOOL_CMD_QUERY)

/**
 * struct pinpool_stats - How full a pool is (PINPOOL_IOC_STATS)
 * @size: sizeof(struct pinpool_stats)
 * @flags: Must be 0
 * @capacity: out: Bytes in the pool: @used + @free + @quarantined
 * @used: out: Bytes in extents of live buffers
 * @free: out: Bytes in free extents
 * @quarantined: out: Bytes in extents that were freed while somebody (direct
 *               I/O, a registered buffer) still had their pages pinned. They
 *               become free when the pins are gone
 * @requested: out: Bytes asked for by live buffers; @used less @requested is
 *             lost to rounding up to granules
 * @largest_free: out: Bytes in the largest free extent. With very many free
 *                extents of nearly that size it may be up to 1/64 too low
 * @peak: out: The highest value of @used + @quarantined so far
 * @buffers: out: Live buffers
 * @free_extents: out: Free extents; no two of them are neighbours
 * @quarantined_extents: out: Extents in quarantine
 * @clients: out: Open files of the node
 * @allocs: out: Buffers allocated so far
 * @frees: out: Buffers freed so far
 * @failures: out: Allocations refused with ENOSPC so far
 * @client_used: out: Of @used, what the calling client holds
 * @client_requested: out: Of @requested, what the calling client holds
 * @client_buffers: out: Of @buffers, what the calling client holds
 * @client_quarantined: out: Of @quarantined, what the calling client may have again
 * @shares: out: dma-bufs that EXPORT made and somebody still has
 * @waiters: out: ALLOC calls that wait for space
 *
 * All values are of one moment.
 */
struct pinpool_stats {
	__u32 size;
	__u32 flags;
	__aligned_u64 capacity;
	__aligned_u64 used;
	__aligned_u64 free;
	__aligned_u64 quarantined;
	__aligned_u64 requested;
	__aligned_u64 largest_free;
	__aligned_u64 peak;
	__aligned_u64 buffers;
	__aligned_u64 free_extents;
	__aligned_u64 quarantined_extents;
	__aligned_u64 clients;
	__aligned_u64 allocs;
	__aligned_u64 frees;
	__aligned_u64 failures;
	__aligned_u64 client_used;
	__aligned_u64 client_requested;
	__aligned_u64 client_buffers;
	__aligned_u64 client_quarantined;
	__aligned_u64 shares;
	__aligned_u64 waiters;
};

#define PINPOOL_IOC_STATS	_IO(PINPOOL_IOC_TYPE, PINPOOL_CMD_STATS)

/**
 * enum pinpool_share_flags - Flags of EXPORT and IMPORT
 * @PINPOOL_SHARE_RDONLY: For reading only
 */
enum pinpool_share_flags {
	PINPOOL_SHARE_RDONLY = 1 << 0,
};

/**
 * struct pinpool_export - Make a share of a buffer (PINPOOL_IOC_EXPORT)
 * @size: sizeof(struct pinpool_export)
 * @flags: enum pinpool_share_flags. With PINPOOL_SHARE_RDONLY nobody can map the
 *         share for writing, have a device write to it, or import it without this
 *         flag
 * @handle: The buffer
 * @fd: out: A file descriptor of a new dma-buf, close-on-exec
 * @__reserved: Must be 0
 *
 * The share keeps the buffer alive until the last descriptor is closed, the last
 * mapping of it is gone and the last driver has detached from it. It can be sent
 * to other processes, which need no right to open the pool's node: they map it
 * with mmap(2), give it to drivers, or import it. A client that may only read the
 * buffer can only make such shares of it, else EACCES.
 */
struct pinpool_export {
	__u32 size;
	__u32 flags;
	__aligned_u64 handle;
	__s32 fd;
	__u32 __reserved;
};

#define PINPOOL_IOC_EXPORT	_IO(PINPOOL_IOC_TYPE, PINPOOL_CMD_EXPORT)

/**
 * struct pinpool_import - Take hold of a shared buffer (PINPOOL_IOC_IMPORT)
 * @size: sizeof(struct pinpool_import)
 * @flags: enum pinpool_share_flags. With PINPOOL_SHARE_RDONLY the buffer can be
 *         reached only by windows that were mapped for reading only. A client that
 *         isn't open for writing must give it, else EACCES
 * @fd: A share of a buffer of this pool; stays the caller's, who may close it
 * @__reserved: Must be 0
 * @handle: out: The buffer's name for FREE, QUERY and EXPORT
 * @offset: out: Where it lies in every window; the same as for the exporter
 * @length: out: The exact length asked for at ALLOC
 *
 * The client holds the buffer as if it had allocated it, until FREE or its close.
 * It counts as one of this client's.
 */
struct pinpool_import {
	__u32 size;
	__u32 flags;
	__s32 fd;
	__u32 __reserved;
	__aligned_u64 handle;
	__aligned_u64 offset;
	__aligned_u64 length;
};

#define PINPOOL_IOC_IMPORT	_IO(PINPOOL_IOC_TYPE, PINPOOL_CMD_IMPORT)

/**
 * struct pinpool_register - Make a pool of the caller's memory (PINPOOL_IOC_REGISTER)
 * @size: sizeof(struct pinpool_register)
 * @flags: Must be 0
 * @name: The pool's name, up to 31 letters, digits, '-', '_' and '.', a letter or
 *        digit first, and a NUL
 * @address: Where the memory begins, the start of a page
 * @length: Bytes, a multiple of the granule
 * @granule: The smallest extent: a power of two of at least a page, or 0 for a page
 * @mode: Permissions of the pool's node, as of chmod(2), or 0 for 0600. It belongs to
 *        the caller's effective user
 * @zero: enum pinpool_zero
 *
 * A command of /dev/pinpool-control, open for writing. Each open file makes one pool.
 * The pool is deleted when the last descriptor of the file is closed, at the latest by
 * the end of the last process that has one: that of another process which was given it
 * counts. Its clients lose it then as when the administrator deletes it by force. What
 * drivers have of its shares stays until they are done.
 *
 * The memory must be mapped for writing, and be anonymous, or of a file that is in
 * memory only: tmpfs, memfd, hugetlbfs. A private mapping of any file is anonymous
 * where it was written, and all of it is by being registered. The pages are pinned and
 * charged to the user, against the caller's RLIMIT_MEMLOCK, until no client and no
 * share has any of them; /proc/PID/status tells of them as VmPin.
 *
 * The pool has the pages, not the addresses. munmap(2), mremap(2), exec(2), and cutting
 * the file short leave the pool as it was. After fork(2) the caller goes on having them,
 * and of what is private the child has a copy. But if the caller has other pages put
 * where they were, by madvise(MADV_DONTNEED) or a new mapping, that is no longer the
 * pool's memory.
 *
 * Whoever has the memory mapped sees and may change all that the pool's clients have
 * in it. So they have to trust the caller; they need not trust each other. What is in the
 * memory is zeroed before the first client gets it, unless @zero is PINPOOL_ZERO_NEVER.
 * Windows can't be pinned: PINPOOL_LONGTERM_NO_FOREIGN.
 *
 *  ===========  ==============================================================
 *  EINVAL       A name, granule, mode or zero policy that can't be; an address
 *               inside a page; a length of 0 or no multiple of the granule; more
 *               than all addresses, or than 1 TiB.
 *  EBADF        The file is not open for writing.
 *  EBUSY        The file has made a pool.
 *  EEXIST       There is a pool of this name.
 *  EFAULT       There is memory that is not mapped for writing, or of another kind:
 *               of a file on a disk mapped shared, of a device, of a pool's window,
 *               secret.
 *  EDQUOT       RLIMIT_MEMLOCK is too low. Whoever has CAP_IPC_LOCK has no limit.
 *  EMFILE       The user has 16 such pools, or all users have 512. One that is still
 *               open somewhere counts.
 *  EINTR        A fatal signal came.
 *  ===========  ==============================================================
 */
struct pinpool_register {
	__u32 size;
	__u32 flags;
	char name[PINPOOL_NAME_SIZE];
	__aligned_u64 address;
	__aligned_u64 length;
	__aligned_u64 granule;
	__u32 mode;
	__u32 zero;
};

#define PINPOOL_IOC_REGISTER	_IO(PINPOOL_IOC_TYPE, PINPOOL_CMD_REGISTER)

#endif /* _UAPI_LINUX_PINPOOL_H */
