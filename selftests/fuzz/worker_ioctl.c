// SPDX-License-Identifier: GPL-2.0
/*
 * What workers do by ioctl
 */
#include "fuzz.h"

#include <time.h>

static int file_of(const struct fz_worker *worker, uint64_t slot)
{
	return worker->files[slot % FZ_FILES];
}

static unsigned int count(uint64_t arg)
{
	return arg % (FZ_ARRAY + 1);
}

static void do_alloc(struct fz_worker *worker, int fd)
{
	struct fz_mailbox *box = worker->box;
	const uint64_t *arg = box->op.arg;
	struct pinpool_alloc alloc = {
		.size = sizeof(alloc), .length = arg[2], .align = arg[3], .flags = arg[4],
	};
	struct timespec now;

	if (box->op.kind == FZ_WAIT) {
		clock_gettime(CLOCK_MONOTONIC, &now);
		alloc.align = 0;
		alloc.flags = 0;
		alloc.deadline_ns = now.tv_sec * 1000000000ULL + now.tv_nsec + 1000000;
	} else {
		alloc.offset = arg[5];
	}
	if (alloc.flags & PINPOOL_ALLOC_POPULATE)
		alloc.window = FZ_BASE;
	box->ret = pp_ioctl(fd, PINPOOL_IOC_ALLOC, &alloc);
	box->bufs[0] = (struct pinpool_buf) {
		.length = arg[2], .offset = alloc.offset, .handle = alloc.handle,
	};
	box->done = alloc.done;
}

static void do_alloc_array(struct fz_worker *worker, int fd)
{
	struct fz_mailbox *box = worker->box;
	const uint64_t *arg = box->op.arg;
	struct pinpool_alloc alloc = {
		.size = sizeof(alloc), .bufs = (uintptr_t)box->bufs, .count = count(arg[2]),
		.buf_size = sizeof(box->bufs[0]),
	};
	unsigned int i;

	memset(box->bufs, 0, sizeof(box->bufs));
	if (box->op.kind == FZ_SCATTER) {
		alloc.flags = PINPOOL_ALLOC_SCATTER;
		alloc.length = arg[3];
	} else {
		alloc.flags = arg[4] & PINPOOL_ALLOC_PARTIAL;
		for (i = 0; i < alloc.count; i++)
			box->bufs[i].length = arg[3] + i % 2;
	}
	box->ret = pp_ioctl(fd, PINPOOL_IOC_ALLOC, &alloc);
	box->done = alloc.done;
}

static void do_query(struct fz_worker *worker, int fd)
{
	struct fz_mailbox *box = worker->box;
	const uint64_t *arg = box->op.arg;

	box->query = (struct pinpool_query) { .size = sizeof(box->query) };
	switch (arg[2] % 3) {
	case 0:
		box->query.handle = box->handles[0];
		break;
	case 1:
		box->query.flags = PINPOOL_QUERY_OFFSET;
		box->query.offset = arg[3];
		break;
	default:
		box->query.flags = PINPOOL_QUERY_OFFSET | PINPOOL_QUERY_NEXT;
		box->query.offset = arg[3];
	}
	box->ret = pp_ioctl(fd, PINPOOL_IOC_QUERY, &box->query);
}

static void do_export(struct fz_worker *worker, int fd)
{
	struct fz_mailbox *box = worker->box;
	int *slot = &worker->files[box->op.arg[3] % FZ_FILES];
	int share = pp_export(fd, box->handles[0], box->op.arg[2]);

	box->ret = share < 0 ? share : 0;
	if (share < 0)
		return;
	if (*slot >= 0)
		close(*slot);
	*slot = share;
}

void fz_do_ioctl(struct fz_worker *worker)
{
	struct fz_mailbox *box = worker->box;
	const uint64_t *arg = box->op.arg;
	int fd = file_of(worker, arg[0]);

	switch (box->op.kind) {
	case FZ_ALLOC:
	case FZ_WAIT:
		do_alloc(worker, fd);
		break;
	case FZ_ALLOCS:
	case FZ_SCATTER:
		do_alloc_array(worker, fd);
		break;
	case FZ_FREE:
		box->ret = pp_free(fd, box->handles[0]);
		break;
	case FZ_FREES:
		box->ret = pp_free_array(fd, box->handles, count(arg[2]), &box->done);
		break;
	case FZ_RESIZE:
		box->ret = pp_resize(fd, box->handles[0], arg[2]);
		break;
	case FZ_QUERY:
		do_query(worker, fd);
		break;
	case FZ_STATS:
		box->ret = pp_stats(fd, &box->stats);
		break;
	case FZ_INFO:
		box->ret = pp_info(fd, &box->info);
		break;
	case FZ_EXPORT:
		do_export(worker, fd);
		break;
	case FZ_IMPORT:
		box->ret = pp_import(fd, file_of(worker, arg[1]), arg[2], &box->bufs[0]);
		break;
	}
}

/* A call that would be good, for each command */
struct good {
	unsigned int cmd;
	unsigned int size;
	union {
		uint32_t header[2];	/* All have a size and flags there. */
		struct pinpool_info info;
		struct pinpool_alloc alloc;
		struct pinpool_free free;
		struct pinpool_query query;
		struct pinpool_stats stats;
		struct pinpool_export export;
		struct pinpool_import import;
		struct pinpool_resize resize;
		char bytes[2 * FZ_PAGE];
	};
};

#define GOOD(_name, _field, ...) {						\
		.cmd = PINPOOL_IOC_##_name, .size = sizeof(good._field),	\
		._field = { .size = sizeof(good._field), __VA_ARGS__ },		\
	}

static struct good good_call(const struct fz_worker *worker, unsigned int nr)
{
	static struct good good;
	uint64_t handle = worker->box->handles[0];
	struct good calls[] = {
		GOOD(INFO, info),
		GOOD(ALLOC, alloc, .length = FZ_PAGE),
		GOOD(FREE, free, .handle = handle),
		GOOD(QUERY, query, .handle = handle),
		GOOD(STATS, stats),
		GOOD(EXPORT, export, .handle = handle),
		GOOD(IMPORT, import, .fd = file_of(worker, worker->box->op.arg[0])),
		GOOD(RESIZE, resize, .handle = handle, .length = FZ_PAGE),
	};

	return calls[nr % ARRAY_LEN(calls)];
}

/* The good call, with one thing wrong with it */
void fz_do_bad(struct fz_worker *worker)
{
	struct fz_mailbox *box = worker->box;
	int fd = file_of(worker, box->op.arg[0]);
	static struct good call;
	void *arg = call.bytes;
	char *memory = NULL;

	call = good_call(worker, box->op.arg[1]);
	switch (box->op.arg[2] % 10) {
	case 0:
		call.header[0] = 4;
		break;
	case 1:
		call.header[0] = FZ_PAGE + 8;
		break;
	case 2:
		call.header[0] = call.size + 8;
		call.bytes[call.size + 3] = 1;
		break;
	case 3:
		call.header[1] = 1U << 31;
		break;
	case 4:
		arg = NULL;
		break;
	case 5:
		arg = (void *)(0xffff888000000000UL + 64);
		break;
	case 6:
		call.cmd |= _IOC_READ << _IOC_DIRSHIFT;
		break;
	case 7:
		call.cmd = _IO(PINPOOL_IOC_TYPE, 9 + box->op.arg[1] % 16);
		break;
	default:
		/* 8: it can be read, but not answered. 9: its end is not there */
		memory = mmap(NULL, 2 * FZ_PAGE, PROT_READ | PROT_WRITE,
			      MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		arg = memory + (box->op.arg[2] % 10 == 8 ? 0 : FZ_PAGE - call.size + 4);
		memcpy(arg, call.bytes, call.size);
		if (box->op.arg[2] % 10 == 8)
			mprotect(memory, 2 * FZ_PAGE, PROT_READ);
		else
			munmap(memory + FZ_PAGE, FZ_PAGE);
	}
	box->ret = pp_ioctl(fd, call.cmd, arg);
	if (memory)
		munmap(memory, 2 * FZ_PAGE);
}
