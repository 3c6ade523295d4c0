// SPDX-License-Identifier: GPL-2.0
/*
 * Workers: see load.h
 *
 * Each buffer is full of words whose upper half tells who made it, and whose lower half
 * is of its handle and the word's place. A worker has a tag of its own, and so has each
 * client that it opens.
 */
#define _FILE_OFFSET_BITS 64
#include "load.h"

#include <linux/aio_abi.h>
#include <sys/prctl.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <time.h>

#define SLOTS		24
#define PAGE		4096
#define ARRAY		8
#define LOOK		(PAGE / 8)	/* Words at either end of a buffer */

/**
 * struct pin - A page that something outside of the client still has
 * @handle: Of the buffer that it was pinned in, or 0
 * @tag: What was in it
 * @at: Where in the pool
 * @again: The client, which had freed it, has got it again
 */
struct pin {
	uint64_t handle;
	uint32_t tag;
	uint64_t at;
	bool again;
};

/* A buffer, and who filled it */
struct slot {
	struct pinpool_buf buf;
	uint32_t tag;
};

struct worker {
	struct load_shared *shared;
	unsigned int nr;
	struct pp_client client;
	uint32_t tag;
	int queue;
	int pipe[2];
	struct pin spliced;
	int file;		/* For O_DIRECT, or -1 */
	void *page;
	aio_context_t aio;
	struct pin written;
	struct slot slots[SLOTS];
	uint64_t random;
};

static void must(bool good, const char *what)
{
	if (good)
		return;
	fprintf(stderr, "# %s\n", what);
	_exit(1);
}

static uint64_t below(struct worker *w, uint64_t limit)
{
	w->random ^= w->random << 13;
	w->random ^= w->random >> 7;
	w->random ^= w->random << 17;
	return w->random % limit;
}

static void count(uint64_t *what)
{
	__atomic_fetch_add(what, 1, __ATOMIC_RELAXED);
}

/* Under memory pressure the kernel may have none for its records. */
static bool refused(struct worker *w, int err)
{
	if (err != -ENOMEM)
		return false;
	count(&w->shared->refused);
	return true;
}

static uint64_t word(uint32_t tag, uint64_t handle, uint64_t i)
{
	return (uint64_t)tag << 32 | (uint32_t)pp_pattern(handle, i);
}

static void fill(uint64_t *words, uint32_t tag, uint64_t handle)
{
	int i;

	for (i = 0; i < LOOK; i++)
		words[i] = word(tag, handle, i);
}

static bool matches(const uint64_t *words, uint32_t tag, uint64_t handle)
{
	int i;

	for (i = 0; i < LOOK; i++)
		if (words[i] != word(tag, handle, i))
			return false;
	return true;
}

static uint64_t *head(const struct worker *w, const struct slot *slot)
{
	return (uint64_t *)(w->client.window + slot->buf.offset);
}

static uint64_t *tail(const struct worker *w, const struct slot *slot)
{
	return (uint64_t *)(w->client.window + slot->buf.offset + slot->buf.length - PAGE);
}

/* Where it is one page both are the same. */
static void slot_fill(const struct worker *w, const struct slot *slot)
{
	fill(head(w, slot), slot->tag, slot->buf.handle);
	fill(tail(w, slot), slot->tag, slot->buf.handle);
}

static void slot_check(const struct worker *w, const struct slot *slot)
{
	must(matches(head(w, slot), slot->tag, slot->buf.handle) &&
	     matches(tail(w, slot), slot->tag, slot->buf.handle),
	     "a buffer that was held has changed");
}

/* What is new has zeroes, or what this client wrote itself. */
static void slot_is_clean(const struct worker *w, const struct slot *slot)
{
	const uint64_t *words = head(w, slot);
	uint64_t i;

	for (i = 0; i < slot->buf.length / sizeof(*words); i++)
		must(!words[i] || words[i] >> 32 == w->tag, "a byte of somebody else's");
}

static void pin_meets(struct pin *pin, const struct slot *slot)
{
	if (pin->at < slot->buf.offset + slot->buf.length && pin->at + PAGE > slot->buf.offset)
		pin->again = true;
}

static void slot_made(struct worker *w, struct slot *slot)
{
	slot->tag = w->tag;
	pin_meets(&w->spliced, slot);
	pin_meets(&w->written, slot);
	slot_is_clean(w, slot);
	slot_fill(w, slot);
}

static uint64_t deadline(long ms)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000000000ULL + ts.tv_nsec + ms * 1000000ULL;
}

static uint64_t draw_length(struct worker *w)
{
	return (1 + below(w, 16)) * PAGE;
}

static void op_alloc(struct worker *w, struct slot *slot)
{
	struct pinpool_alloc alloc = { .size = sizeof(alloc), .length = draw_length(w) };
	int err;

	if (slot->buf.handle)
		return;
	if (!below(w, 4)) {
		alloc.flags = PINPOOL_ALLOC_POPULATE;
		alloc.window = (uintptr_t)w->client.window;
	}
	if (!below(w, 32)) {
		/* More than there may be */
		alloc.length = w->client.capacity / 2;
		alloc.deadline_ns = deadline(20);
		count(&w->shared->waits);
	}
	err = pp_ioctl(w->client.fd, PINPOOL_IOC_ALLOC, &alloc);
	if (err == -ENOSPC || err == -ETIMEDOUT || refused(w, err))
		return;
	must(!err, "ALLOC");
	slot->buf = (struct pinpool_buf){
		.length = alloc.length, .offset = alloc.offset, .handle = alloc.handle,
	};
	if (alloc.deadline_ns) {
		pp_free(w->client.fd, alloc.handle);
		slot->buf.handle = 0;
		return;
	}
	slot_made(w, slot);
}

static void op_array(struct worker *w, struct slot *slot)
{
	struct pinpool_buf bufs[ARRAY] = { { 0 } };
	struct slot *const end = w->slots + SLOTS;
	uint32_t i, done;
	int err;

	for (i = 0; i < ARRAY; i++)
		bufs[i].length = draw_length(w);
	err = pp_alloc_array(w->client.fd, bufs, ARRAY, PINPOOL_ALLOC_PARTIAL, &done);
	if (err == -ENOSPC || refused(w, err))
		return;
	must(!err && done, "ALLOC of an array");
	for (i = 0; i < done; i++) {
		while (slot < end && slot->buf.handle)
			slot++;
		if (slot == end) {
			must(!pp_free(w->client.fd, bufs[i].handle), "FREE of one too many");
			continue;
		}
		slot->buf = bufs[i];
		slot_made(w, slot);
	}
}

static void op_free(struct worker *w, struct slot *slot)
{
	if (!slot->buf.handle)
		return;
	slot_check(w, slot);
	must(!pp_free(w->client.fd, slot->buf.handle), "FREE of what is held");
	slot->buf.handle = 0;
}

static void op_resize(struct worker *w, struct slot *slot)
{
	uint64_t length = draw_length(w);
	int err;

	if (!slot->buf.handle)
		return;
	slot_check(w, slot);
	err = pp_resize(w->client.fd, slot->buf.handle, length);
	/* Others may have it, or what is behind it. */
	if (err == -EBUSY || err == -ENOSPC || err == -EBADF || refused(w, err))
		return;
	must(!err, "RESIZE");
	slot->buf.length = length;
	pin_meets(&w->spliced, slot);
	pin_meets(&w->written, slot);
	slot_fill(w, slot);
}

/* Into the queue, if it has room */
static void op_share(struct worker *w, struct slot *slot)
{
	int share;

	if (!slot->buf.handle)
		return;
	share = pp_export(w->client.fd, slot->buf.handle, 0);
	if (refused(w, share))
		return;
	must(share >= 0, "EXPORT of what is held");
	pp_send_file(w->queue, share);
	close(share);
}

static void op_import(struct worker *w, struct slot *slot)
{
	int err, share;

	if (slot->buf.handle)
		return;
	share = pp_receive_file(w->queue);
	if (share < 0)
		return;
	err = pp_import(w->client.fd, share, 0, &slot->buf);
	close(share);
	if (err)
		slot->buf.handle = 0;
	if (err == -EEXIST || refused(w, err))
		return;
	must(!err, "IMPORT of a share");
	slot->tag = *head(w, slot) >> 32;
	must(slot->tag, "an imported buffer is empty");
	slot_check(w, slot);
	count(&w->shared->imports);
}

static void pin_set(struct pin *pin, const struct slot *slot)
{
	*pin = (struct pin){
		.handle = slot->buf.handle, .tag = slot->tag, .at = slot->buf.offset,
	};
}

static void pin_check(struct pin *pin, const void *copy, const char *what)
{
	must(pin->again || matches(copy, pin->tag, pin->handle), what);
	pin->handle = 0;
}

/* Pin a page in a pipe, or look whether the pinned one is as it was. */
static void op_splice(struct worker *w, struct slot *slot)
{
	struct iovec iov = { .iov_base = head(w, slot), .iov_len = PAGE };
	ssize_t length;

	if (w->spliced.handle) {
		must(read(w->pipe[0], w->page, PAGE) == PAGE, "read of a pipe");
		pin_check(&w->spliced, w->page, "a page that was pinned has changed");
		return;
	}
	if (!slot->buf.handle)
		return;
	length = vmsplice(w->pipe[1], &iov, 1, 0);
	if (length < 0 && refused(w, -errno))
		return;
	must(length == PAGE, "vmsplice");
	pin_set(&w->spliced, slot);
}

/* Have the disk fetch a page, or look at what it fetched. */
static void op_direct(struct worker *w, struct slot *slot)
{
	struct iocb iocb = {
		.aio_lio_opcode = IOCB_CMD_PWRITE, .aio_fildes = w->file,
		.aio_buf = (uintptr_t)head(w, slot), .aio_nbytes = PAGE,
	};
	struct iocb *iocbs[] = { &iocb };
	struct io_event event;
	long nr;

	if (w->file < 0)
		return;
	if (w->written.handle) {
		do {
			nr = syscall(SYS_io_getevents, w->aio, 1, 1, &event, NULL);
		} while (nr < 0 && errno == EINTR);
		must(nr == 1, "io_getevents");
		if (refused(w, event.res)) {
			w->written.handle = 0;
			return;
		}
		must(event.res == PAGE, "O_DIRECT write");
		must(pread(w->file, w->page, PAGE, 0) == PAGE, "O_DIRECT read");
		pin_check(&w->written, w->page, "a page on its way to the disk has changed");
		count(&w->shared->transfers);
		return;
	}
	if (!slot->buf.handle)
		return;
	nr = syscall(SYS_io_submit, w->aio, 1, iocbs);
	if (nr < 0 && (errno == EAGAIN || refused(w, -errno)))
		return;
	must(nr == 1, "io_submit");
	pin_set(&w->written, slot);
}

/* Have nothing mapped of a buffer: the next touch is a fault. */
static void op_forget(struct worker *w, struct slot *slot)
{
	if (!slot->buf.handle)
		return;
	madvise(head(w, slot), slot->buf.length, MADV_DONTNEED);
	slot_check(w, slot);
}

/* Another window, and one that is writable no more */
static void op_map(struct worker *w, struct slot *slot)
{
	char *map;

	if (!slot->buf.handle)
		return;
	map = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, w->client.fd, slot->buf.offset);
	if (map == MAP_FAILED && refused(w, -errno))
		return;
	must(map != MAP_FAILED && matches((uint64_t *)map, slot->tag, slot->buf.handle),
	     "a second window");
	mprotect(map, PAGE, PROT_READ);
	must(matches((uint64_t *)map, slot->tag, slot->buf.handle), "a window after mprotect");
	munmap(map, PAGE);
}

/* A child has the same window. */
static void op_fork(struct worker *w, struct slot *slot)
{
	int status;
	pid_t pid;

	if (!slot->buf.handle || below(w, 8))
		return;
	pid = fork();
	if (!pid) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		slot_check(w, slot);
		_exit(0);
	}
	if (pid < 0 && (errno == EAGAIN || refused(w, -errno)))
		return;
	must(waitpid(pid, &status, 0) == pid && !status, "a child with the window");
}

static void client_open(struct worker *w)
{
	w->tag = __atomic_add_fetch(&w->shared->last_tag, 1, __ATOMIC_RELAXED);
	for (;;) {
		if (pp_client_open(&w->client))
			return;
		must(refused(w, -errno), "open of the node, or a window on it");
		if (w->client.fd >= 0)
			close(w->client.fd);
		usleep(1000);
	}
}

static void op_close(struct worker *w, struct slot *slot)
{
	(void)slot;
	if (below(w, 8))
		return;
	pp_client_close(&w->client);
	memset(w->slots, 0, sizeof(w->slots));
	client_open(w);
}

static void worker_init(struct worker *w, struct load *load, unsigned int nr)
{
	char path[256];

	*w = (struct worker){
		.shared = load->shared, .nr = nr, .queue = load->queue[nr % 2],
		.page = aligned_alloc(PAGE, PAGE),
	};
	must(w->page && !pipe2(w->pipe, O_CLOEXEC), "start");
	snprintf(path, sizeof(path), "%s/stress-load-%u", getenv("TMPDIR") ?: "/tmp", nr);
	w->file = open(path, O_RDWR | O_CREAT | O_DIRECT | O_CLOEXEC, 0600);
	if (w->file >= 0)
		must(!syscall(SYS_io_setup, 1, &w->aio), "io_setup");
	client_open(w);
	w->random = pp_pattern(w->tag, time(NULL));
}

static void worker_run(struct load *load, unsigned int nr)
{
	static void (*const ops[])(struct worker *w, struct slot *slot) = {
		op_alloc, op_alloc, op_alloc, op_array, op_free, op_free, op_free, op_free,
		op_resize, op_share, op_import, op_import, op_splice, op_direct, op_forget,
		op_map, op_fork, op_close,
	};
	static struct worker w;

	worker_init(&w, load, nr);
	while (!__atomic_load_n(&w.shared->stop, __ATOMIC_ACQUIRE)) {
		ops[below(&w, ARRAY_LEN(ops))](&w, &w.slots[below(&w, SLOTS)]);
		__atomic_fetch_add(&w.shared->ops[nr], 1, __ATOMIC_RELEASE);
	}
	_exit(0);
}

bool load_renew(struct load *load, unsigned int i)
{
	load->pids[i] = fork();
	if (!load->pids[i]) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		worker_run(load, i);
	}
	return load->pids[i] > 0;
}

bool load_start(struct load *load, unsigned int nr)
{
	unsigned int i;

	*load = (struct load){ .nr = nr };
	load->shared = mmap(NULL, sizeof(*load->shared), PROT_READ | PROT_WRITE,
			    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (load->shared == MAP_FAILED || nr > LOAD_MAX ||
	    socketpair(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, load->queue))
		return false;
	for (i = 0; i < nr; i++)
		if (!load_renew(load, i))
			return false;
	return load_go_on(load, 1);
}

bool load_go_on(struct load *load, uint64_t more)
{
	uint64_t aim[LOAD_MAX];
	siginfo_t info;
	unsigned int i;

	for (i = 0; i < load->nr; i++)
		aim[i] = __atomic_load_n(&load->shared->ops[i], __ATOMIC_ACQUIRE) + more;
	for (i = 0; i < load->nr; i++) {
		while (__atomic_load_n(&load->shared->ops[i], __ATOMIC_ACQUIRE) < aim[i]) {
			info.si_pid = 0;
			if (waitid(P_PID, load->pids[i], &info, WEXITED | WNOHANG | WNOWAIT) ||
			    info.si_pid)
				return false;
			usleep(1000);
		}
	}
	return true;
}

bool load_kill(struct load *load, unsigned int i)
{
	int status;

	kill(load->pids[i], SIGKILL);
	return waitpid(load->pids[i], &status, 0) == load->pids[i] && status == SIGKILL;
}

bool load_stop(struct load *load)
{
	struct load_shared *shared = load->shared;
	uint64_t ops = 0;
	bool good = true;
	unsigned int i;
	int status;

	__atomic_store_n(&shared->stop, true, __ATOMIC_RELEASE);
	for (i = 0; i < load->nr; i++) {
		good &= waitpid(load->pids[i], &status, 0) == load->pids[i] && !status;
		ops += shared->ops[i];
	}
	/* Shares that nobody took go with the queue. */
	close(load->queue[0]);
	close(load->queue[1]);
	fprintf(stderr, "# load: %llu operations, %llu imports, %llu O_DIRECT transfers, %llu waits; %llu calls without memory\n",
		(unsigned long long)ops, (unsigned long long)shared->imports,
		(unsigned long long)shared->transfers, (unsigned long long)shared->waits,
		(unsigned long long)shared->refused);
	munmap(shared, sizeof(*shared));
	return good;
}
