/* SPDX-License-Identifier: GPL-2.0 */
/*
 * One request at a time to an io_uring
 */
#ifndef RING_H
#define RING_H

#include <errno.h>
#include <liburing.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/utsname.h>

/* Of what is at the beginning, where it is a file */
struct request {
	uint8_t opcode;
	int fd;
	void *memory;
	unsigned int length;
};

static inline int ring_begin(struct io_uring *ring, const struct request *request)
{
	struct io_uring_sqe *sqe = io_uring_get_sqe(ring);

	if (!sqe)
		return -EBUSY;
	/* Of the operations on registered memory, all use the first such. */
	io_uring_prep_rw(request->opcode, sqe, request->fd, request->memory, request->length, 0);
	sqe->buf_index = 0;
	return io_uring_submit(ring) == 1 ? 0 : -EIO;
}

/* The result of a request that was begun, once it is there */
static inline int ring_end(struct io_uring *ring)
{
	struct io_uring_cqe *cqe;
	int ret = io_uring_wait_cqe(ring, &cqe);

	if (!ret) {
		ret = cqe->res;
		io_uring_cqe_seen(ring, cqe);
	}
	return ret;
}

static inline int ring_do(struct io_uring *ring, const struct request *request)
{
	return ring_begin(ring, request) ?: ring_end(ring);
}

/* Let a ring have some memory for good, as the first of what it has. */
static inline int ring_register(struct io_uring *ring, void *memory, size_t length)
{
	struct iovec iov = { .iov_base = memory, .iov_len = length };

	return io_uring_register_buffers(ring, &iov, 1);
}

/*
 * Whether io_uring registers the memory of files at all. Before Linux 6.5 it does so
 * only for shmem and hugetlbfs, whatever the file has to say about it.
 */
static inline bool ring_registers_files(void)
{
	int major = 0, minor = 0;
	struct utsname name;

	uname(&name);
	return sscanf(name.release, "%d.%d", &major, &minor) == 2 &&
	       (major > 6 || (major == 6 && minor >= 5));
}

/* A new file in $TMPDIR without a name, for direct I/O; or a negative errno */
static inline int ring_file(void)
{
	char path[4096];
	int fd, err;

	snprintf(path, sizeof(path), "%s/uring.XXXXXX", getenv("TMPDIR") ?: ".");
	fd = mkostemp(path, O_DIRECT | O_CLOEXEC);
	err = -errno;
	if (fd >= 0)
		unlink(path);
	return fd < 0 ? err : fd;
}

#endif /* RING_H */
