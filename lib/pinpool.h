/* SPDX-License-Identifier: LGPL-2.1-or-later OR MIT */
/*
 * libpinpool: pinned memory pools from user space
 *
 * A thin layer over the ioctls of <linux/pinpool.h>: it opens a pool's node,
 * maps the window once, and turns errno into return values. It starts no
 * threads, takes no locks, and keeps no record of buffers; what it knows of a
 * pool it learned when the pool was opened, and never changes.
 *
 * Unless told otherwise
 *
 *  - functions return 0 or a negative errno, see DOC: Error codes there;
 *  - sizes and offsets are in bytes;
 *  - any number of threads may call any function on the same pool at the same
 *    time, except pinpool_close(), which must be the last call on it;
 *  - "client" means the open file of the pool: the struct pinpool, its copies
 *    after fork(), and every copy of its file descriptor are one client and
 *    share its buffers.
 *
 * A function that fills a struct of <linux/pinpool.h> takes the sizeof() that
 * the caller was built with: programs, library and kernel may be of different
 * age. What the kernel doesn't know is left zero.
 */
#ifndef PINPOOL_H
#define PINPOOL_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include <linux/pinpool.h>

#ifdef __cplusplus
/* Structs and functions share names, as with stat(): g++ -Wshadow minds that */
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wshadow"
extern "C" {
#endif

/* Where the nodes of the pools are */
#define PINPOOL_DIR	"/dev/pinpool"

/* Where processes make pools of their memory */
#define PINPOOL_CONTROL	"/dev/pinpool-control"

/*
 * An open pool. Opaque but for its first word, which is the address of the
 * window: pinpool_ptr() relies on that.
 */
struct pinpool;

/**
 * enum pinpool_open_flags - Flags of pinpool_open() and pinpool_open_fd()
 * @PINPOOL_RDONLY: Open the node, or at least map the window, for reading only
 * @PINPOOL_NO_WINDOW: Map no window: for a process that only asks questions or
 *                     only deals in offsets, or whose address space is too
 *                     small for the pool
 */
enum pinpool_open_flags {
	PINPOOL_RDONLY = 1 << 0,
	PINPOOL_NO_WINDOW = 1 << 1
};

/**
 * pinpool_open() - Open a pool and map its window
 * @name: The pool's name, or the path of its node; a path has a slash in it
 * @flags: enum pinpool_open_flags
 * @pool: out: The open pool; untouched on failure
 *
 * The file is opened close-on-exec. It is a client of its own: nothing is
 * shared with other opens of the same pool, in this process or another.
 *
 * Returns 0, or
 *  -ENOENT	there is no such node;
 *  -EACCES	the node's permissions forbid it;
 *  -ENOTTY	the path leads to something that isn't a pool;
 *  -EOVERFLOW	the window can't fit into the address space: see
 *		PINPOOL_NO_WINDOW;
 *  -ENODEV	the pool was deleted, or it has no memory that could be mapped: see
 *		PINPOOL_NO_WINDOW;
 *  -ENAMETOOLONG, -EINVAL	@name can't be a name;
 *  -EOPNOTSUPP	unknown @flags;
 *  or what open(2) and mmap(2) say.
 */
int pinpool_open(const char *name, unsigned int flags, struct pinpool **pool);

/**
 * pinpool_open_fd() - Make a pool from a file descriptor
 * @fd: An open node, such as one received from another process
 * @flags: enum pinpool_open_flags; reading only is implied by an @fd that is
 *         open for reading only
 * @pool: out: The open pool; untouched on failure
 *
 * On success @fd belongs to the pool and is closed with it; on failure it
 * stays the caller's. The pool is the same client as every copy of @fd.
 *
 * Returns as pinpool_open().
 */
int pinpool_open_fd(int fd, unsigned int flags, struct pinpool **pool);

/**
 * pinpool_close() - Unmap the window and close the file
 * @pool: The pool, or NULL
 *
 * Pointers into the window are dead afterwards. The client's buffers are freed
 * once no other process, mapping or file descriptor keeps the client alive.
 */
void pinpool_close(struct pinpool *pool);

/**
 * pinpool_fd() - The file descriptor of a pool
 * @pool: The pool
 *
 * It stays the pool's. Serves for commands that this library has no function
 * for, and to be sent to another process.
 */
int pinpool_fd(const struct pinpool *pool);

/**
 * pinpool_window() - Where the window starts
 * @pool: The pool
 *
 * The address is the same until pinpool_close(). The window is
 * pinpool_capacity() bytes long, but only the client's own live buffers can be
 * touched: anything else is SIGBUS.
 *
 * Returns NULL with PINPOOL_NO_WINDOW.
 */
void *pinpool_window(const struct pinpool *pool);

/**
 * pinpool_capacity() - How many bytes a pool has
 * @pool: The pool
 */
uint64_t pinpool_capacity(const struct pinpool *pool);

/**
 * pinpool_granule() - The smallest extent of a pool
 * @pool: The pool
 *
 * A power of two. A buffer occupies its length rounded up to this.
 */
uint64_t pinpool_granule(const struct pinpool *pool);

/**
 * pinpool_alloc() - Allocate a buffer
 * @pool: The pool
 * @length: Bytes wanted, from 1 to the capacity
 * @align: What the offset shall be a multiple of: a power of two, or 0 for the
 *         granule
 * @buf: out: The buffer; untouched on failure
 *
 * Returns 0, or
 *  -ENOSPC	no free extent fits;
 *  -EDQUOT	a limit of the client, its user or its cgroup is reached;
 *  -EINVAL	@length or @align can never be right;
 *  -EBADF	the pool is open for reading only;
 *  -ENOMEM	the kernel has no memory for its own records;
 *  -ENODEV	the pool was deleted.
 */
int pinpool_alloc(struct pinpool *pool, uint64_t length, uint64_t align,
		  struct pinpool_buf *buf);

/**
 * pinpool_alloc_timed() - Allocate a buffer, and wait for space if need be
 * @pool: The pool
 * @length: As for pinpool_alloc()
 * @align: As for pinpool_alloc()
 * @flags: 0 or PINPOOL_ALLOC_POPULATE, to have the window map the buffer at once
 * @timeout_ns: How long to wait, in nanoseconds; 0: not at all; negative: for ever
 * @buf: out: The buffer; untouched on failure
 *
 * Calls that wait are served first come, first served.
 *
 * Returns as pinpool_alloc(), but instead of -ENOSPC after @timeout_ns
 *  -ETIMEDOUT	still no free extent fits;
 *  -EINTR	a signal came whose handler has no SA_RESTART;
 *  -EINVAL	also: PINPOOL_ALLOC_POPULATE without a window.
 */
int pinpool_alloc_timed(struct pinpool *pool, uint64_t length, uint64_t align,
			unsigned int flags, int64_t timeout_ns,
			struct pinpool_buf *buf);

/**
 * pinpool_alloc_array() - Allocate several buffers in one call
 * @pool: The pool
 * @bufs: in: @length and @align of each; out: @offset and @handle of those made
 * @count: Entries of @bufs; with 0 nothing is done
 * @buf_size: sizeof(bufs[0])
 * @flags: PINPOOL_ALLOC_PARTIAL, PINPOOL_ALLOC_POPULATE
 *
 * Without PINPOOL_ALLOC_PARTIAL all are made or none, in one command, and so
 * @count is limited to @max_array of struct pinpool_info: more is -EINVAL.
 * With it there is no limit: the library issues as many commands as it takes,
 * and the first entries were made, up to the first that failed.
 *
 * Returns how many were made: with PINPOOL_ALLOC_PARTIAL from 1 to @count, else
 * @count; or a negative errno as pinpool_alloc(), and then none was made.
 */
ssize_t pinpool_alloc_array(struct pinpool *pool, struct pinpool_buf *bufs,
			    size_t count, size_t buf_size, unsigned int flags);

/**
 * pinpool_alloc_scatter() - Allocate a length in several buffers, if it must be
 * @pool: The pool
 * @length: Bytes wanted in all
 * @bufs: out: The buffers; what there is beyond those made is undefined
 * @count: Entries of @bufs, 1 to PINPOOL_MAX_SCATTER: how many buffers there may be
 * @buf_size: sizeof(bufs[0])
 * @flags: 0 or PINPOOL_ALLOC_POPULATE
 * @timeout_ns: As for pinpool_alloc_timed()
 *
 * One buffer where a free extent fits, else as few as can be had. Each is a buffer
 * of its own from then on.
 *
 * Returns how many were made, or a negative errno as pinpool_alloc_timed(), and
 * then none was.
 */
ssize_t pinpool_alloc_scatter(struct pinpool *pool, uint64_t length,
			      struct pinpool_buf *bufs, size_t count, size_t buf_size,
			      unsigned int flags, int64_t timeout_ns);

/**
 * pinpool_resize() - Make a buffer longer or shorter in its place
 * @pool: The pool
 * @handle: The buffer, which keeps its handle and offset
 * @length: Bytes that it shall have, from 1 to the pool's capacity
 *
 * What is cut off is gone from every window of the client when the call returns; what
 * is new holds zeroes, or what this client left there. The buffer must be the client's
 * alone.
 *
 * Returns 0, or
 *  -ENOSPC	what lies behind the buffer isn't free;
 *  -EBUSY	others have the buffer, too: shares, or clients that imported it;
 *  -ENOENT	no such buffer of this client;
 *  -EINVAL	no such length;
 *  -EDQUOT	a limit is reached;
 *  -EACCES	the buffer was imported for reading only;
 *  -EBADF	the pool is open for reading only;
 *  -ENOTTY	the kernel module is too old for this;
 *  -ENOMEM	the kernel has no memory for its records;
 *  -ENODEV	the pool was deleted.
 */
int pinpool_resize(struct pinpool *pool, uint64_t handle, uint64_t length);

/**
 * pinpool_free() - Free a buffer, or let go of an imported one
 * @pool: The pool
 * @handle: The buffer
 *
 * When the call returns the buffer is gone from every window of the client:
 * the next touch is SIGBUS.
 *
 * Returns 0, or
 *  -ENOENT	no such buffer of this client: never given out, freed before,
 *		or another client's;
 *  -EBADF	the pool is open for reading only;
 *  -ENODEV	the pool was deleted.
 */
int pinpool_free(struct pinpool *pool, uint64_t handle);

/**
 * pinpool_free_array() - Free several buffers in one call
 * @pool: The pool
 * @handles: The buffers
 * @count: Entries of @handles, any number; with 0 nothing is done
 * @done: out: How many were freed, also on failure; may be NULL
 *
 * Frees in order up to the first that can't be, which is then @handles[@done].
 * Arrays above @max_array of struct pinpool_info take several commands.
 *
 * Returns 0 or a negative errno as pinpool_free().
 */
int pinpool_free_array(struct pinpool *pool, const uint64_t *handles,
		       size_t count, size_t *done);

/**
 * pinpool_ptr() - The address of a buffer
 * @pool: The pool
 * @buf: A live buffer of the client
 *
 * Looks at nothing but @buf->offset, and can't fail for a live buffer.
 *
 * Returns NULL with PINPOOL_NO_WINDOW.
 */
static inline void *pinpool_ptr(const struct pinpool *pool,
				const struct pinpool_buf *buf)
{
	char *window = *(char *const *)(const void *)pool;

	return window ? window + (size_t)buf->offset : NULL;
}

/**
 * pinpool_offset() - Where in the pool an address lies
 * @pool: The pool
 * @ptr: An address
 *
 * Tells nothing of buffers; hand the result to pinpool_find() for that.
 *
 * Returns the offset, or -ERANGE if @ptr isn't within the window.
 */
int64_t pinpool_offset(const struct pinpool *pool, const void *ptr);

/**
 * pinpool_export() - Make a share of a buffer, for another process or a driver
 * @pool: The pool
 * @handle: The buffer
 * @flags: 0, or PINPOOL_SHARE_RDONLY: nobody can write through it
 *
 * The share is a dma-buf, which keeps the buffer alive until it is closed
 * everywhere. It is close-on-exec, and can be sent over a Unix socket.
 *
 * Returns the file descriptor, which is the caller's to close, or
 *  -ENOENT	the client has no such buffer;
 *  -EACCES	the client may only read the buffer, and so can only share it with
 *		PINPOOL_SHARE_RDONLY;
 *  -EMFILE, -ENFILE	no more descriptors;
 *  -ENOMEM	the kernel has no memory for its own records.
 */
int pinpool_export(struct pinpool *pool, uint64_t handle, unsigned int flags);

/**
 * pinpool_import() - Take hold of the buffer of a share
 * @pool: The same pool, opened by this client
 * @fd: The share; stays the caller's, and may be closed at once
 * @flags: 0, or PINPOOL_SHARE_RDONLY: reach it in windows for reading only
 * @buf: out: The buffer, as if the client had allocated it; @align is 0. Untouched
 *       on failure
 *
 * The buffer lies at the same offset for all who hold it. Each frees it for
 * itself.
 *
 * Returns 0, or
 *  -EBADF, -EINVAL	@fd is no dma-buf;
 *  -EXDEV	it is one of another pool, or of another driver;
 *  -EACCES	it is only for reading, or the client is: see PINPOOL_SHARE_RDONLY;
 *  -EEXIST	the client holds the buffer already;
 *  -ENOMEM	the kernel has no memory for its own records.
 */
int pinpool_import(struct pinpool *pool, int fd, unsigned int flags,
		   struct pinpool_buf *buf);

/**
 * pinpool_register() - Make a pool of memory that this process has
 * @name: The pool's name
 * @address: Where the memory begins, the start of a page
 * @length: Bytes, a multiple of the granule
 * @granule: The smallest extent, a power of two of at least a page; 0 for a page
 * @mode: Permissions of the node, which belongs to the caller; 0 for 0600
 * @zero: When memory is zeroed. With PINPOOL_ZERO_NEVER the pool's clients get what
 *        is there; else zeroes
 *
 * The memory is anonymous, or that of a tmpfs, a memfd or hugetlbfs. It is pinned, and
 * charged to the caller's RLIMIT_MEMLOCK. The caller sees all that clients have in it.
 *
 * The pool lasts for as long as the file descriptor, which can be sent to another
 * process and is close-on-exec. What becomes of the mapping meanwhile doesn't matter to
 * it. See struct pinpool_register of <linux/pinpool.h>.
 *
 * Returns the descriptor, or
 *  -EINVAL, -ENAMETOOLONG	what can never be;
 *  -EEXIST	there is a pool of this name;
 *  -EFAULT	not all of it is memory of these kinds, mapped for writing;
 *  -EDQUOT	RLIMIT_MEMLOCK is too low;
 *  -EMFILE	the user has too many such pools, or the process too many files;
 *  -EACCES	the permissions of PINPOOL_CONTROL forbid it;
 *  -ENOENT	there is no such node: the module isn't loaded, or too old;
 *  -ENOMEM	the kernel has no memory for its own records.
 */
int pinpool_register(const char *name, void *address, uint64_t length,
		     uint64_t granule, mode_t mode, enum pinpool_zero zero);

/**
 * pinpool_query() - Look up a buffer by its handle
 * @pool: The pool
 * @handle: The buffer
 * @query: out: The buffer; undefined on failure
 * @size: sizeof(*@query)
 *
 * Returns 0, or -ENOENT if the client has no such buffer.
 */
int pinpool_query(struct pinpool *pool, uint64_t handle,
		  struct pinpool_query *query, size_t size);

/**
 * pinpool_find() - Look up a buffer by an offset within its extent
 * @pool: The pool
 * @offset: The offset
 * @query: out: The buffer; undefined on failure
 * @size: sizeof(*@query)
 *
 * Returns 0, or -ENOENT if the client has no buffer there.
 */
int pinpool_find(struct pinpool *pool, uint64_t offset,
		 struct pinpool_query *query, size_t size);

/**
 * pinpool_next() - Walk the client's buffers, in order of their offsets
 * @pool: The pool
 * @query: in: The buffer that the last call gave, or all zeroes to begin
 *         out: The next buffer; undefined on failure
 * @size: sizeof(*@query)
 *
 *	struct pinpool_query q = { 0 };
 *
 *	while (!pinpool_next(pool, &q, sizeof(q)))
 *		use(q.handle, q.offset, q.length);
 *
 * Each step is a command of its own. Buffers that come and go during the walk
 * may or may not be seen; the others are seen exactly once. The one in @query
 * may be freed between two steps.
 *
 * Returns 0, or -ENOENT if there are no more.
 */
int pinpool_next(struct pinpool *pool, struct pinpool_query *query,
		 size_t size);

/**
 * pinpool_save() - Write down which buffers the client has
 * @pool: The pool
 * @fd: Where to; a file, pipe or socket
 *
 * Of each buffer the offset and length, imported ones too; what is in them is not
 * written. Nobody shall allocate or free on this client meanwhile.
 *
 * Returns 0, -ENOMEM, or what write(2) gives.
 */
int pinpool_save(struct pinpool *pool, int fd);

/**
 * pinpool_load() - Have the buffers again that were written down
 * @pool: The pool: the same, or one of the same granule that is no smaller
 * @fd: Where from
 *
 * For a master that was restarted, or whose machine was: it hands out the same
 * offsets as before. Handles are new: find them with pinpool_find() or
 * pinpool_next(). In a pool with memory, that is zeroed as always.
 *
 * Returns how many there were; -EBADMSG if that is no such image, or a damaged one;
 * -ERANGE if it is of a larger pool or of another granule; -EBUSY if one lies where
 * not all is free; -EOPNOTSUPP if the kernel module is too old; or another negative
 * errno of pinpool_alloc() or read(2). Then the client has none of them.
 */
ssize_t pinpool_load(struct pinpool *pool, int fd);

/**
 * pinpool_info() - What a pool is
 * @pool: The pool
 * @info: out: The answer; undefined on failure
 * @size: sizeof(*@info)
 */
int pinpool_info(struct pinpool *pool, struct pinpool_info *info, size_t size);

/**
 * pinpool_stats() - How full a pool is
 * @pool: The pool
 * @stats: out: The answer, all of one moment; undefined on failure
 * @size: sizeof(*@stats)
 */
int pinpool_stats(struct pinpool *pool, struct pinpool_stats *stats,
		  size_t size);

/**
 * pinpool_strerror() - What an error of this library means
 * @error: An errno, negative or positive
 *
 * Knows what an errno means for a pool; any other is described as strerror(3)
 * does. Needs no pool, allocates nothing, and may be called by any thread.
 *
 * Returns a text without a full stop or newline, never NULL.
 */
const char *pinpool_strerror(int error);

#ifdef __cplusplus
}

#pragma GCC diagnostic pop
#endif

#endif /* PINPOOL_H */
