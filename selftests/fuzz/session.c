// SPDX-License-Identifier: GPL-2.0
/*
 * Running programs: a session has workers, pools of its own, and a model of both
 */
#include "model.h"
#include "../netlink.h"

#include <sys/wait.h>

/* An operation that takes longer hangs; machines under emulation are slow. */
#define HANG_MS	120000

struct fz_session {
	char prefix[16];
	struct fz_cov *cov;
	bool verbose;
	struct fz_model model;
	struct fz_worker_env env;
	int socks[FZ_WORKERS];
	pid_t pids[FZ_WORKERS];
	struct nl nl;
	long module_users;
	uint64_t ops;
	unsigned int at;
	uint64_t last;		/* What the last operation was, and came to */
	char why[1024];
};

static void *shared_memory(size_t size)
{
	void *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	if (memory == MAP_FAILED) {
		perror("mmap");
		exit(1);
	}
	return memory;
}

static int temporary(const char *name, const char *prefix, int flags)
{
	char path[256];
	int fd;

	snprintf(path, sizeof(path), "%s/%s-%s", getenv("TMPDIR") ?: "/tmp", name, prefix);
	fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | flags, 0600);
	unlink(path);
	return fd;
}

/* Without a file system that can do it there is no direct I/O. */
static void make_files(struct fz_session *session)
{
	size_t size = (FZ_FILE_PAGES + FZ_TOUCH) * FZ_PAGE;
	char *pages = aligned_alloc(FZ_PAGE, size);
	uint64_t i;

	session->env.dio_in = temporary("fuzz-in", session->prefix, O_DIRECT);
	session->env.dio_out = temporary("fuzz-out", session->prefix, O_DIRECT);
	for (i = 0; i < size / FZ_PAGE; i++)
		fz_page_fill(pages + i * FZ_PAGE, FZ_FILE_TAG + i);
	if (pwrite(session->env.dio_in, pages, size, 0) != (ssize_t)size ||
	    pwrite(session->env.dio_out, pages, size, 0) != (ssize_t)size)
		session->env.dio_in = -1;
	free(pages);
}

/* How many use the module, if it is one */
static long module_users(void)
{
	FILE *file = fopen("/sys/module/pinpool/refcnt", "re");
	long users = -1;

	if (!file)
		return -1;
	if (fscanf(file, "%ld", &users) != 1)
		users = -1;
	fclose(file);
	return users;
}

static void pool_name(const struct fz_session *session, uint64_t slot, char *name)
{
	snprintf(name, PINPOOL_NAME_SIZE, "%s%u", session->prefix, (unsigned int)(slot % FZ_POOLS));
}

struct fz_session *fz_session_new(const char *prefix, struct fz_cov *cov, bool alone,
				  bool verbose)
{
	struct fz_session *session = calloc(1, sizeof(*session));
	int socks[2];
	unsigned int i;

	snprintf(session->prefix, sizeof(session->prefix), "%s", prefix);
	session->cov = cov;
	session->env.cov = cov;
	session->verbose = verbose;
	session->env.boxes = shared_memory(FZ_WORKERS * sizeof(*session->env.boxes));
	for (i = 0; i < FZ_WORKERS; i++) {
		if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, socks)) {
			perror("socketpair");
			exit(1);
		}
		session->socks[i] = socks[0];
		session->env.socks[i] = socks[1];
	}
	make_files(session);
	if (nl_open(&session->nl)) {
		fprintf(stderr, "# no pinpool family: is the module loaded?\n");
		exit(1);
	}
	session->module_users = alone ? module_users() : -1;
	return session;
}

uint64_t fz_session_ops(const struct fz_session *session)
{
	return session->ops;
}

/* The operation that was the last to run */
unsigned int fz_session_at(const struct fz_session *session)
{
	return session->at;
}

static void start(struct fz_session *session, unsigned int number)
{
	fflush(NULL);
	session->pids[number] = fork();
	if (!session->pids[number])
		fz_worker_run(&session->env, number);
	m_start_worker(&session->model, &session->model.workers[number]);
}

static void empty(int sock)
{
	char byte;

	while (recv(sock, &byte, 1, MSG_DONTWAIT) >= 0)
		;
}

static void kill_worker(struct fz_session *session, unsigned int number)
{
	if (!session->model.workers[number].alive)
		return;
	kill(session->pids[number], SIGKILL);
	waitpid(session->pids[number], NULL, 0);
	empty(session->socks[number]);
	empty(session->env.socks[number]);
	session->model.workers[number].alive = false;
}

/* False if there will be no answer */
static bool await(struct fz_session *session, unsigned int number)
{
	struct pollfd pollfd = { .fd = session->socks[number], .events = POLLIN };
	int waited, status;

	for (waited = 0; waited < HANG_MS; waited += 1000) {
		if (poll(&pollfd, 1, 1000) == 1)
			return true;
		if (waitpid(session->pids[number], &status, WNOHANG) > 0) {
			session->model.workers[number].alive = false;
			m_wrong(&session->model, "the worker died of signal %d",
				WIFSIGNALED(status) ? WTERMSIG(status) : 0);
			return false;
		}
	}
	m_wrong(&session->model, "hangs");
	return false;
}

static bool call(struct fz_session *session, unsigned int number)
{
	char byte = 0;

	if (send(session->socks[number], &byte, 1, MSG_NOSIGNAL) != 1)
		m_wrong(&session->model, "no worker to ask");
	return await(session, number) && recv(session->socks[number], &byte, 1, 0) == 1;
}

/* By way of the session, which is neither of them */
static bool pass(struct fz_session *session, unsigned int from, unsigned int to)
{
	struct fz_mailbox *boxes = session->env.boxes;
	char byte = 0;
	int fd;

	boxes[to].op = boxes[from].op;
	if (send(session->socks[from], &byte, 1, MSG_NOSIGNAL) != 1 || !await(session, from))
		return false;
	fd = pp_receive_file(session->socks[from]);
	if (!await(session, from) || recv(session->socks[from], &byte, 1, 0) != 1)
		return false;
	if (send(session->socks[to], &byte, 1, MSG_NOSIGNAL) != 1 ||
	    !pp_send_file(session->socks[to], fd))
		m_wrong(&session->model, "a file can't be passed");
	close(fd);
	if (!await(session, to) || recv(session->socks[to], &byte, 1, 0) != 1)
		return false;
	boxes[from].ret = boxes[to].ret;
	return true;
}

static uint64_t handle(const struct fz_model *model, uint64_t slot)
{
	const struct m_name *name = &model->names[slot % FZ_NAMES];

	/* Some that are near one, and some that never were any */
	switch (slot < FZ_NAMES ? 0 : slot % 8) {
	case 1:
		return 0;
	case 2:
		return ~0ULL;
	case 3:
		return name->handle + (1ULL << 32);
	case 4:
		return name->handle ^ 1;
	case 5:
		return slot;
	default:
		return name->handle;
	}
}

/* A page of a window: of the buffer that has a name, if that is what the number says */
static uint64_t page(const struct fz_model *model, const struct m_worker *worker,
		     unsigned int window, uint64_t number)
{
	const struct m_map *map = &worker->maps[window][0];
	uint64_t offset;

	if (number >> 32 != 1)
		return number % FZ_MAX_PAGES;
	offset = model->names[number % FZ_NAMES].offset / FZ_PAGE + (number >> 8) % 256;
	return (offset - (map->nr ? map->pgoff - map->start : 0)) % FZ_MAX_PAGES;
}

/* What an operation touches lies in one window. */
static void put_pages(const struct fz_model *model, const struct m_worker *worker,
		      struct fz_mailbox *box, uint64_t window, uint64_t number, uint64_t nr)
{
	box->window = window % FZ_WINDOWS;
	box->page = page(model, worker, box->window, number);
	box->nr = 1 + (nr - 1) % FZ_TOUCH;
	if (box->nr > FZ_MAX_PAGES - box->page)
		box->nr = FZ_MAX_PAGES - box->page;
}

/* False if the operation makes no sense now */
static bool put_mmap(struct fz_session *session, struct fz_mailbox *box)
{
	const struct m_file *file = m_file(&session->model, box, box->op.arg[0]);
	uint64_t *arg = box->op.arg;

	box->window = arg[1] % FZ_WINDOWS;
	arg[2] &= ~0ULL >> 12;
	arg[4] &= PROT_READ | PROT_WRITE | PROT_EXEC;
	if (arg[4] & PROT_WRITE)
		arg[4] |= PROT_READ;
	arg[5] = (arg[5] & MAP_PRIVATE ? MAP_PRIVATE : MAP_SHARED) | (arg[5] & MAP_POPULATE);
	box->nr = arg[3] % (FZ_MAX_PAGES + 2) ?: 1;
	/* As much as there is, or one page more */
	if (box->nr >= FZ_MAX_PAGES && file->client && arg[2] < FZ_MAX_PAGES)
		box->nr = file->client->pool->capacity / FZ_PAGE - arg[2] + box->nr - FZ_MAX_PAGES;
	if (!box->nr || box->nr > FZ_MAX_PAGES)
		box->nr = 1;
	return true;
}

static bool put_part(struct fz_session *session, struct fz_mailbox *box)
{
	struct m_worker *worker = &session->model.workers[box->op.worker];
	uint64_t *arg = box->op.arg;
	unsigned int i, room = 0;
	struct m_map *map;

	box->window = arg[0] % FZ_WINDOWS;
	box->page = page(&session->model, worker, box->window, arg[1]);
	map = m_map_of(worker, box->window, box->page);
	for (i = 0; i < FZ_MAPS; i++)
		room += !worker->maps[box->window][i].nr;
	if (!map || room < 2)
		return false;
	box->nr = arg[2] % (map->start + map->nr - box->page) + 1;
	switch (box->op.kind) {
	case FZ_MPROTECT:
		arg[3] &= PROT_READ | PROT_WRITE | PROT_EXEC;
		if (arg[3] & PROT_WRITE)
			arg[3] |= PROT_READ;
		break;
	case FZ_MREMAP:
		box->nr_new = arg[3] % FZ_MAX_PAGES + 1;
		return arg[4] % FZ_WINDOWS != box->window;
	case FZ_MADVISE:
		/* Nothing that takes memory away from the machine */
		if (arg[3] >= 26)
			arg[3] = 250;
		break;
	}
	return true;
}

/* Not so much that the machine has not enough: that takes long to find out. */
static void put_capacity(struct fz_session *session, struct fz_mailbox *box)
{
	const struct m_pool *pool = session->model.slots[box->op.arg[0] % FZ_POOLS];
	uint64_t *arg = box->op.arg;
	bool memory = true;

	if (box->op.kind == FZ_POOL_NEW)
		memory = (uint32_t)arg[4] != PINPOOL_BACKING_NONE;
	else if (pool)
		memory = pool->memory;
	if (memory && arg[1] > FZ_MAX_PAGES * FZ_PAGE)
		arg[1] %= FZ_MAX_PAGES * FZ_PAGE;
}

static void put_handles(struct fz_session *session, struct fz_mailbox *box, uint64_t slot)
{
	unsigned int i;

	for (i = 0; i < FZ_ARRAY; i++)
		box->handles[i] = handle(&session->model, i ? (slot + i) % FZ_NAMES : slot);
}

/* Where a race is: NULL for the pool that all sessions have in common */
static struct m_pool *race_pool(const struct fz_model *model, const struct fz_op *op)
{
	return op->arg[1] & 2 ? NULL : model->slots[op->arg[0] % FZ_POOLS];
}

/* Put into the mailbox what of an operation depends on what there is. False: leave it */
static bool prepare(struct fz_session *session, struct fz_mailbox *box)
{
	struct fz_model *model = &session->model;
	struct m_worker *worker = &model->workers[box->op.worker];
	uint64_t *arg = box->op.arg;
	const struct m_pool *pool;
	unsigned int other;

	switch (box->op.kind) {
	case FZ_POOL_NEW:
	case FZ_POOL_SET:
		put_capacity(session, box);
		pool_name(session, arg[0], box->pool);
		/* The model is of windows that can be pinned; few kernels have other ones. */
		return box->op.kind != FZ_POOL_NEW || (uint32_t)arg[4] != PINPOOL_BACKING_CMA;
	case FZ_POOL_LIMIT ... FZ_DUMP:
		pool_name(session, arg[0], box->pool);
		return true;
	case FZ_RACE:
		pool = race_pool(model, &box->op);
		if (pool)
			pool_name(session, arg[0], box->pool);
		else
			strcpy(box->pool, FZ_COMMON);
		return !pool || pool->memory;
	case FZ_OPEN:
		pool_name(session, arg[1], box->pool);
		return true;
	case FZ_PASS:
		other = arg[1] % FZ_WORKERS;
		if (other == box->op.worker ||
		    !(worker->files[arg[0] % FZ_FILES].client ||
		      worker->files[arg[0] % FZ_FILES].share))
			return false;
		if (!model->workers[other].alive)
			start(session, other);
		return true;
	case FZ_FREE ... FZ_QUERY:
	case FZ_EXPORT:
		put_handles(session, box, arg[1]);
		return true;
	case FZ_BAD:
		put_handles(session, box, arg[3]);
		return true;
	case FZ_INPLACE:
		put_handles(session, box, arg[4]);
		put_pages(model, worker, box, arg[2], arg[3], 1);
		return true;
	case FZ_MMAP:
		return put_mmap(session, box);
	case FZ_MUNMAP ... FZ_MLOCK:
		return put_part(session, box);
	case FZ_WRITE:
	case FZ_READ:
		put_pages(model, worker, box, arg[0], arg[1], arg[2]);
		box->tag = model->last_tag + 1;
		model->last_tag += FZ_TOUCH;
		return true;
	case FZ_DIO_IN:
	case FZ_DIO_OUT:
		put_pages(model, worker, box, arg[0], arg[1], arg[2]);
		return session->env.dio_in >= 0;
	case FZ_PEEK:
		other = arg[0] % FZ_WORKERS;
		put_pages(model, &model->workers[other], box, arg[1], arg[2], arg[3]);
		box->peer = session->pids[other];
		return model->workers[other].alive;
	case FZ_SPLICE:
		put_pages(model, worker, box, arg[1], arg[2], arg[3]);
		return true;
	case FZ_FORK:
		return arg[0] % FZ_WORKERS != box->op.worker;
	default:
		return true;
	}
}

static void check_fork(struct fz_session *session, const struct fz_mailbox *box)
{
	unsigned int number = box->op.arg[0] % FZ_WORKERS;
	struct fz_model *model = &session->model;

	if (box->ret < 0) {
		m_wrong(model, "fork: %s", strerror(-box->ret));
		return;
	}
	session->pids[number] = box->ret;
	m_fork_worker(&model->workers[box->op.worker], &model->workers[number]);
}

static void check_race(struct fz_model *model, const struct fz_mailbox *box)
{
	struct m_pool *pool = race_pool(model, &box->op);
	uint64_t i;

	m_expect(model, box->ret, 0);
	if (box->text[0])
		m_wrong(model, "%s", box->text);
	if (!pool)
		return;
	pool->fuzzy = true;
	pool->uncounted = true;
	/* What it wrote stays where nothing is zeroed. */
	if (pool->zero != PINPOOL_ZERO_NEVER)
		return;
	for (i = 0; i < pool->capacity / FZ_PAGE; i++)
		if (m_may_be_free(pool, NULL, i * FZ_PAGE, FZ_PAGE))
			pool->pages[i].tag = FZ_MIXED;
}

static void check(struct fz_session *session, const struct fz_mailbox *box)
{
	struct fz_model *model = &session->model;

	switch (box->op.kind) {
	case FZ_POOL_NEW ... FZ_POOL_DEL:
		m_check_pool(model, box);
		break;
	case FZ_DUMP:
		m_check_dump(model, box);
		break;
	case FZ_OPEN ... FZ_PASS:
	case FZ_FDINFO:
	case FZ_POLL:
		m_check_file(model, box);
		break;
	case FZ_ALLOC ... FZ_WAIT:
		m_check_alloc(model, box);
		break;
	case FZ_MMAP ... FZ_MLOCK:
		m_check_map(model, box);
		break;
	case FZ_WRITE ... FZ_DRAIN:
	case FZ_INPLACE:
		m_check_touch(model, box);
		break;
	case FZ_FORK:
		check_fork(session, box);
		break;
	case FZ_RACE:
		check_race(model, box);
		break;
	default:
		m_check_call(model, box);
	}
}

/* Which operations follow each other, and what they come to, is worth knowing, too. */
static void note(struct fz_session *session, const struct fz_mailbox *box)
{
	uint64_t what = box->op.kind << 16 | (box->ret < 0 ? -box->ret : 0) << 4 |
			(box->sig ? 1 : 0);

	if (!session->cov)
		return;
	fz_cov_note(session->cov, what);
	fz_cov_note(session->cov, what << 32 | session->last);
	session->last = what;
}

static void run_op(struct fz_session *session, const struct fz_op *op)
{
	struct fz_mailbox *box = &session->env.boxes[op->worker];
	struct fz_model *model = &session->model;
	bool answered;

	if (op->kind == FZ_KILL) {
		kill_worker(session, op->worker);
		m_collect(model);
		return;
	}
	if (!model->workers[op->worker].alive)
		start(session, op->worker);
	box->op = *op;
	if (!prepare(session, box))
		return;
	session->ops++;
	if (op->kind == FZ_FORK) {
		kill_worker(session, op->arg[0] % FZ_WORKERS);
		m_collect(model);
	}
	if (op->kind == FZ_PASS)
		answered = pass(session, op->worker, op->arg[1] % FZ_WORKERS);
	else
		answered = call(session, op->worker);
	if (!answered) {
		m_wrong(model, "no answer");
		return;
	}
	note(session, box);
	check(session, box);
	m_collect(model);
}

/* Whoever had something is gone: all of it must be back, at last. */
static void check_whole(struct fz_session *session, struct m_pool *pool)
{
	struct fz_model *model = &session->model;
	struct pinpool_stats stats;
	char name[PINPOOL_NAME_SIZE], path[64];
	int fd, tries;

	pool_name(session, pool->slot, name);
	snprintf(path, sizeof(path), "/dev/pinpool/%s", name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0) {
		m_wrong(model, "%s: %s", path, strerror(errno));
		return;
	}
	pool->clients++;
	for (tries = 0; tries < 10000 && !pp_stats(fd, &stats) && stats.quarantined; tries++)
		usleep(1000);
	if (stats.quarantined)
		m_wrong(model, "%llu bytes stay in quarantine", stats.quarantined);
	m_check_stats(model, pool, NULL, &stats);
	if (!model->why[0] && (stats.used || stats.free_extents != 1))
		m_wrong(model, "%llu bytes are lost, %llu extents free", stats.used,
			stats.free_extents);
	close(fd);
	if (nl_pool_del(&session->nl, name, false))
		m_wrong(model, "the pool can't be deleted: %s", session->nl.error);
}

static void clean_up(struct fz_session *session)
{
	char name[PINPOOL_NAME_SIZE];
	unsigned int i;

	for (i = 0; i < FZ_WORKERS; i++)
		kill_worker(session, i);
	for (i = 0; i < FZ_POOLS; i++) {
		pool_name(session, i, name);
		nl_pool_del(&session->nl, name, true);
	}
}

/* Whatever the program did, the accounts have to be right. */
static void check_accounts(struct fz_session *session)
{
	struct fz_model *model = &session->model;
	struct fz_op op = { .kind = FZ_STATS };
	unsigned int i, j;

	for (i = 0; i < FZ_WORKERS; i++) {
		for (j = 0; j < FZ_FILES && !model->why[0]; j++) {
			if (!model->workers[i].alive || !model->workers[i].files[j].client)
				continue;
			op.worker = i;
			op.arg[0] = j;
			run_op(session, &op);
		}
	}
}

static void check_end(struct fz_session *session)
{
	struct fz_model *model = &session->model;
	unsigned int i, tries;

	check_accounts(session);
	for (i = 0; i < FZ_WORKERS; i++) {
		kill_worker(session, i);
		m_collect(model);
	}
	for (i = 0; i < FZ_POOLS; i++)
		if (model->slots[i])
			check_whole(session, model->slots[i]);
	if (session->module_users < 0)
		return;
	for (tries = 0; tries < 10000 && module_users() > session->module_users; tries++)
		usleep(1000);
	if (module_users() != session->module_users)
		m_wrong(model, "%ld use the module in place of %ld", module_users(),
			session->module_users);
}

static void tell(const struct fz_session *session, const struct fz_op *op)
{
	const struct fz_mailbox *box = &session->env.boxes[op->worker];
	char text[256];

	fz_print_op(op, text, sizeof(text));
	printf("# %u: %s: %ld\n", session->at, text, box->ret);
	fflush(stdout);
}

const char *fz_session_run(struct fz_session *session, const struct fz_prog *prog)
{
	struct fz_model *model = &session->model;
	char text[256];
	unsigned int i;

	m_reset(model);
	for (i = 0; i < prog->nr && !model->why[0]; i++) {
		session->at = i;
		run_op(session, &prog->ops[i]);
		if (session->verbose)
			tell(session, &prog->ops[i]);
	}
	if (model->why[0]) {
		fz_print_op(&prog->ops[session->at], text, sizeof(text));
		snprintf(session->why, sizeof(session->why), "operation %u, %s: %s",
			 session->at, text, model->why);
		clean_up(session);
		return session->why;
	}
	check_end(session);
	if (!model->why[0])
		return NULL;
	snprintf(session->why, sizeof(session->why), "at the end: %s", model->why);
	clean_up(session);
	return session->why;
}
