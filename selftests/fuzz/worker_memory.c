// SPDX-License-Identifier: GPL-2.0
/*
 * What workers do with memory
 */
#include "fuzz.h"

#include <sys/uio.h>

static char *place(const struct fz_mailbox *box)
{
	return fz_address(box->window, box->page);
}

static long result(long ret)
{
	return ret < 0 ? -errno : ret;
}

/* A mapping takes the place of all that was there. */
static void do_mmap(struct fz_worker *worker)
{
	struct fz_mailbox *box = worker->box;
	const uint64_t *arg = box->op.arg;
	char *address = fz_address(box->window, 0);
	void *got;

	munmap(address, FZ_MAX_PAGES * FZ_PAGE);
	got = mmap(address, box->nr * FZ_PAGE, arg[4], arg[5] | MAP_FIXED_NOREPLACE,
		   worker->files[arg[0] % FZ_FILES], arg[2] * FZ_PAGE);
	box->ret = got == MAP_FAILED ? -errno : got == address ? 0 : -EEXIST;
}

static void do_mremap(struct fz_worker *worker)
{
	struct fz_mailbox *box = worker->box;
	char *to = fz_address(box->op.arg[4] % FZ_WINDOWS, 0);

	munmap(to, FZ_MAX_PAGES * FZ_PAGE);
	box->ret = mremap(place(box), box->nr * FZ_PAGE, box->nr_new * FZ_PAGE,
			  MREMAP_MAYMOVE | MREMAP_FIXED, to) == to ? 0 : -errno;
}

static void touch_write(struct fz_worker *worker)
{
	struct fz_mailbox *box = worker->box;

	for (; box->done < box->nr; box->done++)
		fz_page_fill(place(box) + box->done * FZ_PAGE, box->tag + box->done);
}

static void touch_read(struct fz_worker *worker)
{
	struct fz_mailbox *box = worker->box;

	for (; box->done < box->nr; box->done++)
		box->tags[box->done] = fz_page_tag(place(box) + box->done * FZ_PAGE);
}

static void tell_tags(struct fz_mailbox *box, const char *pages)
{
	for (box->done = 0; (long)(box->done * FZ_PAGE) < box->ret; box->done++)
		box->tags[box->done] = fz_page_tag(pages + box->done * FZ_PAGE);
}

static char bounce[FZ_TOUCH * FZ_PAGE] __attribute__((aligned(FZ_PAGE)));

static void dio_in(struct fz_worker *worker)
{
	struct fz_mailbox *box = worker->box;

	box->ret = result(pread(worker->env->dio_in, place(box), box->nr * FZ_PAGE,
				box->page % FZ_FILE_PAGES * FZ_PAGE));
}

/* To the file, and back from there another way */
static void dio_out(struct fz_worker *worker)
{
	struct fz_mailbox *box = worker->box;

	box->ret = result(pwrite(worker->env->dio_out, place(box), box->nr * FZ_PAGE, 0));
	if (box->ret > 0)
		box->ret = result(pread(worker->env->dio_out, bounce, box->ret, 0));
	tell_tags(box, bounce);
}

static void peek(struct fz_worker *worker)
{
	struct fz_mailbox *box = worker->box;
	struct iovec to = { bounce, box->nr * FZ_PAGE };
	struct iovec from = { place(box), box->nr * FZ_PAGE };

	box->ret = result(process_vm_readv(box->peer, &to, 1, &from, 1, 0));
	tell_tags(box, bounce);
}

static void do_splice(struct fz_worker *worker)
{
	struct fz_mailbox *box = worker->box;
	struct iovec iov = { place(box), box->nr * FZ_PAGE };

	box->ret = result(vmsplice(worker->pipes[box->op.arg[0] % FZ_PIPES][1], &iov, 1,
				   SPLICE_F_NONBLOCK));
}

/* A call whose argument lies in a window */
static void inplace(struct fz_worker *worker)
{
	struct fz_mailbox *box = worker->box;
	int fd = worker->files[box->op.arg[0] % FZ_FILES];
	struct pinpool_query *query = (void *)place(box);
	struct pinpool_stats *stats = (void *)place(box);
	struct pinpool_free *free = (void *)place(box);

	switch (box->op.arg[1] % 3) {
	case 0:
		*query = (struct pinpool_query) {
			.size = sizeof(*query), .handle = box->handles[0],
		};
		box->ret = pp_ioctl(fd, PINPOOL_IOC_QUERY, query);
		break;
	case 1:
		*stats = (struct pinpool_stats) { .size = sizeof(*stats) };
		box->ret = pp_ioctl(fd, PINPOOL_IOC_STATS, stats);
		break;
	default:
		*free = (struct pinpool_free) {
			.size = sizeof(*free), .handle = box->handles[0],
		};
		box->ret = pp_ioctl(fd, PINPOOL_IOC_FREE, free);
	}
}

void fz_do_memory(struct fz_worker *worker)
{
	struct fz_mailbox *box = worker->box;
	size_t length = box->nr * FZ_PAGE;

	switch (box->op.kind) {
	case FZ_MMAP:
		do_mmap(worker);
		break;
	case FZ_MUNMAP:
		box->ret = result(munmap(place(box), length));
		break;
	case FZ_MPROTECT:
		box->ret = result(mprotect(place(box), length, box->op.arg[3]));
		break;
	case FZ_MREMAP:
		do_mremap(worker);
		break;
	case FZ_MADVISE:
		box->ret = result(madvise(place(box), length, box->op.arg[3]));
		break;
	case FZ_MLOCK:
		box->ret = result(mlock(place(box), length));
		munlock(place(box), length);
		break;
	case FZ_WRITE:
		fz_guarded(worker, touch_write);
		break;
	case FZ_READ:
		fz_guarded(worker, touch_read);
		break;
	case FZ_DIO_IN:
		dio_in(worker);
		break;
	case FZ_DIO_OUT:
		dio_out(worker);
		break;
	case FZ_PEEK:
		peek(worker);
		break;
	case FZ_SPLICE:
		do_splice(worker);
		break;
	case FZ_INPLACE:
		fz_guarded(worker, inplace);
		break;
	}
}
