// SPDX-License-Identifier: GPL-2.0
/*
 * Workers: processes that do what their mailbox says, one operation at a time. They
 * know nothing of the model.
 */
#include "fuzz.h"

#include <poll.h>
#include <sched.h>
#include <sys/prctl.h>

void fz_page_fill(void *page, uint64_t tag)
{
	uint64_t *words = page;
	size_t i;

	for (i = 0; i < FZ_PAGE / sizeof(*words); i++)
		words[i] = tag << 16 | i << 1 | 1;
}

uint64_t fz_page_tag(const void *page)
{
	const uint64_t *words = page;
	uint64_t tag = words[0] >> 16;
	size_t i;

	if (!words[0])
		return pp_is_zero(page, FZ_PAGE) ? 0 : FZ_MIXED;
	for (i = 0; i < FZ_PAGE / sizeof(*words); i++)
		if (words[i] != (tag << 16 | i << 1 | 1))
			return FZ_MIXED;
	return tag;
}

__thread sigjmp_buf fz_trap;

static void trapped(int sig)
{
	siglongjmp(fz_trap, sig);
}

void fz_guarded(struct fz_worker *worker, void (*fn)(struct fz_worker *worker))
{
	int sig = sigsetjmp(fz_trap, 0);

	if (!sig)
		fn(worker);
	worker->box->sig = sig;
}

static int *file_slot(struct fz_worker *worker, uint64_t slot)
{
	return &worker->files[slot % FZ_FILES];
}

static void put_file(int *slot, int fd)
{
	if (*slot >= 0)
		close(*slot);
	*slot = fd;
}

static long result(long ret)
{
	return ret < 0 ? -errno : ret;
}

static void do_open(struct fz_worker *worker)
{
	static const int modes[] = { O_RDWR, O_RDONLY, O_WRONLY };
	struct fz_mailbox *box = worker->box;
	char path[64];
	int fd;

	snprintf(path, sizeof(path), "/dev/pinpool/%s", box->pool);
	fd = open(path, modes[box->op.arg[2] % 3] | O_CLOEXEC);
	box->ret = fd < 0 ? -errno : 0;
	if (fd >= 0)
		put_file(file_slot(worker, box->op.arg[0]), fd);
}

static void do_dup(struct fz_worker *worker)
{
	const uint64_t *arg = worker->box->op.arg;
	int fd = dup(*file_slot(worker, arg[0]));

	worker->box->ret = fd < 0 ? -errno : 0;
	if (fd >= 0)
		put_file(file_slot(worker, arg[1]), fd);
}

/* The one who gets it is told to do the same, with himself as the other. */
static void do_pass(struct fz_worker *worker)
{
	const uint64_t *arg = worker->box->op.arg;
	int fd;

	if (worker->box->op.worker == worker->number) {
		fd = *file_slot(worker, arg[0]);
		worker->box->ret = fd >= 0 && pp_send_file(worker->env->socks[worker->number], fd);
		return;
	}
	fd = pp_receive_file(worker->env->socks[worker->number]);
	worker->box->ret = fd >= 0;
	if (fd >= 0)
		put_file(file_slot(worker, arg[2]), fd);
}

static void do_fdinfo(struct fz_worker *worker)
{
	struct fz_mailbox *box = worker->box;
	char path[64];
	ssize_t length;
	int fd;

	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d",
		 *file_slot(worker, box->op.arg[0]));
	fd = open(path, O_RDONLY | O_CLOEXEC);
	box->ret = fd < 0 ? -errno : 0;
	length = fd < 0 ? 0 : read(fd, box->text, sizeof(box->text) - 1);
	box->text[length < 0 ? 0 : length] = '\0';
	if (fd >= 0)
		close(fd);
}

static void do_poll(struct fz_worker *worker)
{
	struct pollfd pollfd = {
		.fd = *file_slot(worker, worker->box->op.arg[0]), .events = POLLIN | POLLOUT,
	};

	worker->box->ret = poll(&pollfd, 1, 0) < 0 ? -errno : pollfd.revents;
}

static void drain(struct fz_worker *worker)
{
	struct fz_mailbox *box = worker->box;
	static char page[FZ_PAGE] __attribute__((aligned(FZ_PAGE)));
	int fd = worker->pipes[box->op.arg[0] % FZ_PIPES][0];

	while (box->done < 2 * FZ_ARRAY && read(fd, page, FZ_PAGE) == (ssize_t)FZ_PAGE)
		box->tags[box->done++] = fz_page_tag(page);
	box->ret = 0;
}

static void run(struct fz_worker *worker)
{
	struct fz_mailbox *box = worker->box;

	box->ret = 0;
	box->sig = 0;
	box->done = 0;
	switch (box->op.kind) {
	case FZ_POOL_NEW ... FZ_DUMP:
		fz_do_netlink(worker);
		break;
	case FZ_OPEN:
		do_open(worker);
		break;
	case FZ_CLOSE:
		box->ret = result(close(*file_slot(worker, box->op.arg[0])));
		*file_slot(worker, box->op.arg[0]) = -1;
		break;
	case FZ_DUP:
		do_dup(worker);
		break;
	case FZ_PASS:
		do_pass(worker);
		break;
	case FZ_FDINFO:
		do_fdinfo(worker);
		break;
	case FZ_POLL:
		do_poll(worker);
		break;
	case FZ_BAD:
		fz_do_bad(worker);
		break;
	case FZ_DRAIN:
		drain(worker);
		break;
	case FZ_RACE:
		fz_do_race(worker);
		break;
	case FZ_ALLOC ... FZ_INFO:
	case FZ_EXPORT:
	case FZ_IMPORT:
		fz_do_ioctl(worker);
		break;
	default:
		fz_do_memory(worker);
	}
}

/* As of fork, but the child is the session's. */
static pid_t fork_sibling(void)
{
	return syscall(SYS_clone, CLONE_PARENT | SIGCHLD, 0, 0, 0, 0);
}

static void become(struct fz_worker *worker, unsigned int number)
{
	worker->number = number;
	worker->box = &worker->env->boxes[number];
	fz_cov_open();
}

static void do_fork(struct fz_worker *worker)
{
	unsigned int number = worker->box->op.arg[0] % FZ_WORKERS;
	pid_t pid = fork_sibling();

	if (!pid) {
		become(worker, number);
		return;
	}
	worker->box->ret = pid < 0 ? -errno : pid;
}

static void loop(struct fz_worker *worker)
{
	const struct fz_worker_env *env = worker->env;
	char byte;

	/* What it answers after fork is for the parent to say. */
	while (recv(env->socks[worker->number], &byte, 1, 0) == 1) {
		fz_cov_begin();
		if (worker->box->op.kind == FZ_FORK) {
			unsigned int number = worker->number;

			do_fork(worker);
			if (worker->number != number)
				continue;
		} else {
			run(worker);
		}
		fz_cov_end(env->cov);
		if (send(env->socks[worker->number], &byte, 1, MSG_NOSIGNAL) != 1)
			break;
	}
}

void fz_worker_run(const struct fz_worker_env *env, unsigned int number)
{
	struct sigaction action = { .sa_handler = trapped, .sa_flags = SA_NODEFER };
	struct fz_worker worker = { .env = env };
	unsigned int i;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	sigaction(SIGBUS, &action, NULL);
	sigaction(SIGSEGV, &action, NULL);
	for (i = 0; i < FZ_FILES; i++)
		worker.files[i] = -1;
	for (i = 0; i < FZ_PIPES; i++)
		if (pipe2(worker.pipes[i], O_CLOEXEC | O_NONBLOCK))
			_exit(1);
	become(&worker, number);
	loop(&worker);
	_exit(0);
}
