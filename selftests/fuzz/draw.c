// SPDX-License-Identifier: GPL-2.0
/*
 * Programs out of nothing, and out of others. All that is random comes from here, and
 * from a seed.
 */
#include "fuzz.h"

void fz_seed(struct fz_random *random, uint64_t seed, uint64_t number)
{
	random->state = seed * 0x9e3779b97f4a7c15ULL ^ (number + 1) * 0xd1342543de82ef95ULL;
}

static uint64_t next(struct fz_random *random)
{
	uint64_t x = random->state += 0x9e3779b97f4a7c15ULL;

	x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9ULL;
	x = (x ^ (x >> 27)) * 0x94d049bb133111ebULL;
	return x ^ (x >> 31);
}

uint64_t fz_below(struct fz_random *random, uint64_t limit)
{
	return limit ? next(random) % limit : 0;
}

static bool one_in(struct fz_random *random, unsigned int n)
{
	return !fz_below(random, n);
}

/* Low numbers come more often: so what one operation made, others find. */
static uint64_t slot(struct fz_random *random, uint64_t limit)
{
	uint64_t a = fz_below(random, limit), b = fz_below(random, limit);

	return a < b ? a : b;
}

/* What values have gone wrong with */
static uint64_t odd_value(struct fz_random *random)
{
	static const uint64_t values[] = {
		0, 1, 2, 7, 4095, 4096, 4097, 65535, 65536, 0x1fffff, 0x200000, 0x7fffffff,
		0x80000000, 0xffffffff, 0x100000000, 1ULL << 44, 1ULL << 52, 1ULL << 62,
		(1ULL << 63) - 4096, (1ULL << 63) - 1, 1ULL << 63, (1ULL << 63) + 1,
		-8192ULL, -4096ULL, -4095ULL, -2ULL, -1ULL,
	};

	if (one_in(random, 4))
		return next(random) >> fz_below(random, 64);
	return values[fz_below(random, ARRAY_LEN(values))];
}

static uint64_t length(struct fz_random *random)
{
	uint64_t pages = slot(random, 24) + 1;

	switch (fz_below(random, 16)) {
	case 0:
		return odd_value(random);
	case 1:
		return fz_below(random, 300) * FZ_PAGE;
	case 2:
		return 512 * FZ_PAGE * (1 + slot(random, 4));
	case 3 ... 6:
		return pages * FZ_PAGE - fz_below(random, FZ_PAGE);
	default:
		return pages * FZ_PAGE;
	}
}

/* A page of a window: by its number, or where the buffer of a name lies, which it names */
static uint64_t page(struct fz_random *random)
{
	if (one_in(random, 3))
		return one_in(random, 8) ? fz_below(random, FZ_MAX_PAGES) : slot(random, 80);
	return 1ULL << 32 | slot(random, FZ_NAMES) | slot(random, 6) << 8;
}

static uint64_t pages(struct fz_random *random)
{
	switch (fz_below(random, 4)) {
	case 0:
		return fz_below(random, FZ_MAX_PAGES + 2);
	case 1:
		return 64 * (1 + slot(random, 10));
	default:
		return 1 + slot(random, 16);
	}
}

static uint64_t capacity(struct fz_random *random)
{
	switch (fz_below(random, 12)) {
	case 0:
		return odd_value(random);
	case 1:
		return 512 * FZ_PAGE * (1 + fz_below(random, 6));
	case 2:
		return fz_below(random, 2000) * FZ_PAGE;
	default:
		return 16 * FZ_PAGE * (1 + slot(random, 16));
	}
}

static uint64_t granule(struct fz_random *random)
{
	if (one_in(random, 12))
		return odd_value(random);
	if (one_in(random, 12))
		return 512 * FZ_PAGE;
	return FZ_PAGE << slot(random, 5);
}

static uint64_t flags(struct fz_random *random)
{
	static const uint64_t values[] = {
		PINPOOL_ALLOC_POPULATE, PINPOOL_ALLOC_POPULATE, PINPOOL_ALLOC_AT,
		PINPOOL_ALLOC_AT, PINPOOL_ALLOC_PARTIAL,
	};

	if (one_in(random, 32))
		return odd_value(random);
	if (one_in(random, 16))
		return fz_below(random, 32);
	if (one_in(random, 2))
		return 0;
	return values[fz_below(random, ARRAY_LEN(values))];
}

static uint64_t limit(struct fz_random *random)
{
	if (one_in(random, 3))
		return 0;
	return one_in(random, 2) ? fz_below(random, 20) : length(random);
}

static uint64_t protection(struct fz_random *random)
{
	if (one_in(random, 16))
		return PROT_READ | PROT_EXEC;
	if (one_in(random, 16))
		return PROT_NONE;
	return one_in(random, 3) ? PROT_READ : PROT_READ | PROT_WRITE;
}

static uint64_t argument(struct fz_random *random, char class)
{
	switch (class) {
	case 'p':	/* A pool */
		return one_in(random, 2) ? 0 : slot(random, FZ_POOLS);
	case 'f':	/* A file */
		return slot(random, FZ_FILES);
	case 'w':	/* A worker */
		return fz_below(random, FZ_WORKERS);
	case 'm':	/* A window */
		return slot(random, FZ_WINDOWS);
	case 'n':	/* The handle of a name; some that are none */
		return slot(random, FZ_NAMES + (one_in(random, 8) ? 8 : 0));
	case 's':	/* A pipe */
		return fz_below(random, FZ_PIPES);
	case 'l':	/* Bytes */
		return length(random);
	case 'o':	/* An offset */
		return one_in(random, 8) ? odd_value(random) : slot(random, 80) * FZ_PAGE;
	case 'O':	/* An offset in pages */
		return one_in(random, 2) ? 0 : one_in(random, 8) ? odd_value(random) :
		       slot(random, 80);
	case 'a':	/* An alignment */
		return !one_in(random, 4) ? 0 : one_in(random, 6) ? odd_value(random) :
		       FZ_PAGE << slot(random, 12);
	case 'c':	/* How many of an array */
		return slot(random, FZ_ARRAY + 1);
	case 'F':	/* Of ALLOC */
		return flags(random);
	case 'R':	/* Of EXPORT and IMPORT */
		return one_in(random, 32) ? odd_value(random) : one_in(random, 3);
	case 'M':	/* How to open */
		return one_in(random, 3) ? fz_below(random, 3) : 0;
	case 'g':
		return page(random);
	case 'k':	/* How many pages */
		return pages(random);
	case 't':	/* How many pages to touch */
		return 1 + slot(random, FZ_TOUCH);
	case 'P':
		return protection(random);
	case 'T':	/* What kind of mapping */
		return one_in(random, 12) ? MAP_PRIVATE :
		       MAP_SHARED | (one_in(random, 4) ? MAP_POPULATE : 0);
	case 'A':	/* Of madvise */
		return one_in(random, 3) ? MADV_DONTNEED : one_in(random, 4) ? MADV_DONTFORK :
		       fz_below(random, 26);
	case 'C':
		return capacity(random);
	case 'G':
		return granule(random);
	case 'Z':	/* enum pinpool_zero */
		return one_in(random, 2) ? 0 : fz_below(random, 3);
	case 'B':	/* enum pinpool_backing */
		return one_in(random, 2) ? 0 : one_in(random, 4) ? fz_below(random, 7) :
		       one_in(random, 3) ? PINPOOL_BACKING_NONE :
		       one_in(random, 2) ? PINPOOL_BACKING_CONTIG : 0;
	case 'L':
		return limit(random);
	case 'b':
		return fz_below(random, 2);
	case 'd':
		return fz_below(random, 1 << 16);
	default:
		return fz_below(random, 16);
	}
}

/*
 * What there may be when an operation runs, as far as one can tell by looking at those
 * before: what the descriptors and windows of each worker are
 */
struct known {
	enum { NOTHING, CLIENT, SHARE } files[FZ_WORKERS][FZ_FILES];
	uint8_t windows[FZ_WORKERS][FZ_WINDOWS];	/* Of which, plus 1 */
	struct {
		bool set;
		uint8_t worker;
		uint8_t file;
	} names[FZ_NAMES];
};

static void learn_name(struct known *known, const struct fz_op *op, uint64_t name)
{
	name %= FZ_NAMES;
	known->names[name].set = true;
	known->names[name].worker = op->worker % FZ_WORKERS;
	known->names[name].file = op->arg[0] % FZ_FILES;
}

static void learn(struct known *known, const struct fz_op *op)
{
	unsigned int worker = op->worker % FZ_WORKERS, other;
	const uint64_t *arg = op->arg;

	switch (op->kind) {
	case FZ_ALLOC:
	case FZ_ALLOCS:
	case FZ_SCATTER:
	case FZ_WAIT:
		learn_name(known, op, arg[1]);
		break;
	case FZ_IMPORT:
		learn_name(known, op, arg[3]);
		break;
	case FZ_FREE:
		known->names[arg[1] % FZ_NAMES].set = false;
		break;
	case FZ_OPEN:
		known->files[worker][arg[0] % FZ_FILES] = CLIENT;
		break;
	case FZ_EXPORT:
		known->files[worker][arg[3] % FZ_FILES] = SHARE;
		break;
	case FZ_CLOSE:
		known->files[worker][arg[0] % FZ_FILES] = NOTHING;
		break;
	case FZ_DUP:
		known->files[worker][arg[1] % FZ_FILES] = known->files[worker][arg[0] % FZ_FILES];
		break;
	case FZ_PASS:
		known->files[arg[1] % FZ_WORKERS][arg[2] % FZ_FILES] =
			known->files[worker][arg[0] % FZ_FILES];
		break;
	case FZ_MMAP:
		known->windows[worker][arg[1] % FZ_WINDOWS] = arg[0] % FZ_FILES + 1;
		break;
	case FZ_MREMAP:
		known->windows[worker][arg[4] % FZ_WINDOWS] =
			known->windows[worker][arg[0] % FZ_WINDOWS];
		break;
	case FZ_FORK:
		other = arg[0] % FZ_WORKERS;
		memcpy(known->files[other], known->files[worker], sizeof(known->files[0]));
		memcpy(known->windows[other], known->windows[worker],
		       sizeof(known->windows[0]));
		break;
	case FZ_KILL:
		memset(known->files[worker], 0, sizeof(known->files[0]));
		memset(known->windows[worker], 0, sizeof(known->windows[0]));
		break;
	}
}

static void learn_all(struct known *known, const struct fz_prog *prog, unsigned int nr)
{
	unsigned int i;

	memset(known, 0, sizeof(*known));
	for (i = 0; i < nr; i++)
		learn(known, &prog->ops[i]);
}

static unsigned int class_at(const struct fz_op *op, char class)
{
	const char *classes = fz_args[op->kind];

	return strchr(classes, class) ? strchr(classes, class) - classes : FZ_ARGS;
}

/* A name that has been given, and whose */
static bool known_name(struct fz_random *random, const struct known *known, unsigned int *name)
{
	unsigned int tries;

	for (tries = 0; tries < 64; tries++) {
		*name = fz_below(random, FZ_NAMES);
		if (known->names[*name].set)
			return true;
	}
	return false;
}

/* About a buffer by its handle, or by its place in a window */
static bool aim_at_name(struct fz_random *random, const struct known *known, struct fz_op *op)
{
	unsigned int name, worker, window;

	if (!known_name(random, known, &name))
		return false;
	worker = known->names[name].worker;
	if (op->kind >= FZ_FREE && op->kind <= FZ_EXPORT && class_at(op, 'n') < FZ_ARGS) {
		op->worker = worker;
		op->arg[0] = known->names[name].file;
		op->arg[class_at(op, 'n')] = name;
		return true;
	}
	if (class_at(op, 'g') == FZ_ARGS)
		return false;
	for (window = 0; window < FZ_WINDOWS; window++)
		if (known->windows[worker][window] == known->names[name].file + 1)
			break;
	if (window == FZ_WINDOWS)
		return false;
	if (op->kind == FZ_PEEK)
		op->arg[0] = worker;
	else
		op->worker = worker;
	op->arg[class_at(op, 'm')] = window;
	op->arg[class_at(op, 'g')] = 1ULL << 32 | slot(random, 4) << 8 | name;
	return true;
}

static bool aim_at_share(struct fz_random *random, const struct known *known, struct fz_op *op)
{
	unsigned int tries, worker, file, share;

	for (tries = 0; tries < 256; tries++) {
		worker = fz_below(random, FZ_WORKERS);
		file = fz_below(random, FZ_FILES);
		share = fz_below(random, FZ_FILES);
		if (known->files[worker][file] != CLIENT || known->files[worker][share] != SHARE)
			continue;
		op->worker = worker;
		op->arg[0] = file;
		op->arg[1] = share;
		return true;
	}
	return false;
}

static bool aim_at_file(struct fz_random *random, const struct known *known, struct fz_op *op)
{
	bool any = op->kind == FZ_MMAP || op->kind == FZ_PASS || op->kind == FZ_CLOSE;
	unsigned int tries, worker, file;

	for (tries = 0; tries < 64; tries++) {
		worker = fz_below(random, FZ_WORKERS);
		file = fz_below(random, FZ_FILES);
		if (known->files[worker][file] != CLIENT &&
		    !(any && known->files[worker][file] == SHARE))
			continue;
		op->worker = worker;
		op->arg[class_at(op, 'f')] = file;
		return true;
	}
	return false;
}

static void aim_at_window(struct fz_random *random, const struct known *known,
			  struct fz_op *op)
{
	unsigned int tries, worker, window;

	for (tries = 0; tries < 64; tries++) {
		worker = fz_below(random, FZ_WORKERS);
		window = fz_below(random, FZ_WINDOWS);
		if (!known->windows[worker][window])
			continue;
		if (op->kind == FZ_PEEK)
			op->arg[0] = worker;
		else
			op->worker = worker;
		op->arg[class_at(op, 'm')] = window;
		return;
	}
}

/* Mostly, let an operation be about something that there is. */
static void aim(struct fz_random *random, const struct known *known, struct fz_op *op)
{
	if (one_in(random, 10) || op->kind == FZ_OPEN)
		return;
	if (op->kind == FZ_ALLOC && (op->arg[4] & PINPOOL_ALLOC_AT))
		op->arg[3] = 0;
	if (op->kind == FZ_IMPORT && aim_at_share(random, known, op))
		return;
	if (!one_in(random, 4) && aim_at_name(random, known, op))
		return;
	if (class_at(op, 'f') < FZ_ARGS)
		aim_at_file(random, known, op);
	else if (class_at(op, 'm') < FZ_ARGS)
		aim_at_window(random, known, op);
}

static void draw_op(struct fz_random *random, const struct known *known, struct fz_op *op)
{
	unsigned int kind, i;
	uint64_t sum = 0;

	for (kind = 0; kind < FZ_KINDS; kind++)
		sum += fz_weights[kind];
	sum = fz_below(random, sum);
	for (kind = 0; sum >= fz_weights[kind]; kind++)
		sum -= fz_weights[kind];
	memset(op, 0, sizeof(*op));
	op->kind = kind;
	op->worker = slot(random, FZ_WORKERS);
	for (i = 0; i < strlen(fz_args[kind]); i++)
		op->arg[i] = argument(random, fz_args[kind][i]);
	aim(random, known, op);
}

static void add(struct fz_prog *prog, struct fz_op op)
{
	if (prog->nr < FZ_MAX_OPS)
		prog->ops[prog->nr++] = op;
}

/* Something to begin with: a pool or two, and some who have them open and mapped */
static void draw_stage(struct fz_random *random, struct fz_prog *prog)
{
	unsigned int i, workers = 1 + fz_below(random, 3), pools = 1 + slot(random, 2);
	uint64_t pool;

	for (i = 0; i < pools; i++)
		add(prog, (struct fz_op) { FZ_POOL_NEW, 0, {
			i, 16 * FZ_PAGE * (1 + slot(random, 16)),
			FZ_PAGE << (one_in(random, 3) ? slot(random, 4) : 0),
			argument(random, 'Z'), one_in(random, 8) ? argument(random, 'B') : 0 } });
	for (i = 0; i < workers; i++) {
		pool = pools > 1 && one_in(random, 4);
		add(prog, (struct fz_op) { FZ_OPEN, i, { 0, pool, 0 } });
		add(prog, (struct fz_op) { FZ_MMAP, i, {
			0, 0, 0, FZ_MAX_PAGES, PROT_READ | PROT_WRITE, MAP_SHARED } });
		if (one_in(random, 2))
			add(prog, (struct fz_op) { FZ_OPEN, i, { 1, pool, one_in(random, 2) } });
		if (one_in(random, 2))
			add(prog, (struct fz_op) { FZ_MMAP, i, {
				1, 1, 0, FZ_MAX_PAGES, PROT_READ, MAP_SHARED } });
	}
}

/* A client, by the worker and the descriptor that have it; false if there is none */
static bool some_client(struct fz_random *random, const struct known *known,
			unsigned int *worker, unsigned int *file)
{
	unsigned int tries;

	for (tries = 0; tries < 64; tries++) {
		*worker = fz_below(random, FZ_WORKERS);
		*file = fz_below(random, FZ_FILES);
		if (known->files[*worker][*file] == CLIENT)
			return true;
	}
	return false;
}

/* Where a worker has a client mapped, or else where it could */
static unsigned int window_of(const struct known *known, unsigned int worker,
			      unsigned int file)
{
	unsigned int window;

	for (window = 0; window < FZ_WINDOWS - 1; window++)
		if (known->windows[worker][window] == file + 1)
			break;
	return window;
}

#define NAMED(name)	(1ULL << 32 | (name))

/*
 * Some calls that belong together: memory that goes from one client to another, by FREE
 * and ALLOC or by a share, perhaps pinned, and is looked at on the way
 */
static void draw_scene(struct fz_random *random, struct known *known, struct fz_prog *prog)
{
	unsigned int a, file_a, b, file_b, window_a, window_b, limited, i, from = prog->nr;
	uint64_t bytes = FZ_PAGE * (1 + slot(random, 12));
	uint64_t other = 1 + length(random) % (2 * bytes);
	uint64_t name = fz_below(random, FZ_NAMES - 1);
	uint64_t flags;

	if (!some_client(random, known, &a, &file_a) || !some_client(random, known, &b, &file_b))
		return;
	window_a = window_of(known, a, file_a);
	window_b = window_of(known, b, file_b);
	add(prog, (struct fz_op) { FZ_ALLOC, a, { file_a, name, bytes } });
	add(prog, (struct fz_op) { FZ_WRITE, a, { window_a, NAMED(name), FZ_TOUCH } });
	if (one_in(random, 3))
		add(prog, (struct fz_op) { FZ_SPLICE, a, { 0, window_a, NAMED(name), 2 } });
	if (one_in(random, 3)) {
		add(prog, (struct fz_op) { FZ_EXPORT, a, { file_a, name, one_in(random, 4), 5 } });
		add(prog, (struct fz_op) { FZ_MMAP, a, { 5, 3, 0, 1, PROT_READ, MAP_SHARED } });
		add(prog, (struct fz_op) { FZ_PASS, a, { 5, b, 5 } });
		limited = one_in(random, 3) ? fz_below(random, 5) : 5;
		if (limited < 5)
			add(prog, (struct fz_op) { FZ_POOL_LIMIT, b, { 0, limited, 1 } });
		add(prog, (struct fz_op) { FZ_IMPORT, b, { file_b, 5, one_in(random, 3), name } });
		if (limited < 5)
			add(prog, (struct fz_op) { FZ_POOL_LIMIT, b, { 0, limited, 0 } });
		add(prog, (struct fz_op) { one_in(random, 2) ? FZ_READ : FZ_WRITE, b, {
			window_b, NAMED(name), 2 } });
	}
	if (one_in(random, 3))
		add(prog, (struct fz_op) { FZ_RESIZE, a, { file_a, name, length(random) } });
	if (one_in(random, 4)) {
		add(prog, (struct fz_op) { FZ_MMAP, a, {
			file_a, 2, 0, FZ_MAX_PAGES, PROT_READ, MAP_SHARED } });
		add(prog, (struct fz_op) { FZ_MPROTECT, a, {
			2, NAMED(name), 4, PROT_READ | PROT_WRITE } });
		add(prog, (struct fz_op) { FZ_WRITE, a, { 2, NAMED(name), 2 } });
	}
	if (one_in(random, 8))
		add(prog, (struct fz_op) { FZ_POOL_DEL, 0, { 0, 1 } });
	add(prog, (struct fz_op) { FZ_FREE, a, { file_a, name } });
	add(prog, (struct fz_op) { FZ_READ, a, { window_a, NAMED(name), 1 } });
	flags = one_in(random, 3) ? PINPOOL_ALLOC_POPULATE : 0;
	add(prog, (struct fz_op) { FZ_ALLOC, b, { file_b, name + 1, other, 0, flags } });
	add(prog, (struct fz_op) { FZ_READ, b, { window_b, NAMED(name + 1), 4 } });
	if (one_in(random, 2)) {
		add(prog, (struct fz_op) { FZ_RESIZE, b, { file_b, name + 1, 2 * bytes } });
		add(prog, (struct fz_op) { FZ_READ, b, { window_b, NAMED(name + 1), FZ_TOUCH } });
	}
	add(prog, (struct fz_op) { FZ_WRITE, b, { window_b, NAMED(name + 1), 4 } });
	add(prog, (struct fz_op) { FZ_FREE, b, { file_b, name } });
	add(prog, (struct fz_op) { FZ_DRAIN, a, { 0 } });
	for (i = from; i < prog->nr; i++)
		learn(known, &prog->ops[i]);
}

void fz_draw(struct fz_random *random, struct fz_prog *prog)
{
	unsigned int nr = 20 + fz_below(random, FZ_MAX_OPS - 40);
	struct known known;

	prog->nr = 0;
	draw_stage(random, prog);
	learn_all(&known, prog, prog->nr);
	while (prog->nr < nr) {
		if (one_in(random, 12)) {
			draw_scene(random, &known, prog);
			continue;
		}
		draw_op(random, &known, &prog->ops[prog->nr]);
		learn(&known, &prog->ops[prog->nr++]);
	}
}

static void insert(struct fz_prog *prog, unsigned int at, const struct fz_op *ops,
		   unsigned int nr)
{
	if (nr > FZ_MAX_OPS - prog->nr)
		nr = FZ_MAX_OPS - prog->nr;
	memmove(&prog->ops[at + nr], &prog->ops[at], (prog->nr - at) * sizeof(*ops));
	memcpy(&prog->ops[at], ops, nr * sizeof(*ops));
	prog->nr += nr;
}

static void change_argument(struct fz_random *random, struct fz_op *op)
{
	const char *classes = fz_args[op->kind];
	unsigned int i;

	if (!*classes || one_in(random, 4)) {
		op->worker = slot(random, FZ_WORKERS);
		return;
	}
	i = fz_below(random, strlen(classes));
	switch (fz_below(random, 8)) {
	case 0:
		op->arg[i] = odd_value(random);
		break;
	case 1:
		op->arg[i] += fz_below(random, 2) ? 1 : -1;
		break;
	default:
		op->arg[i] = argument(random, classes[i]);
	}
}

static void mutate_once(struct fz_random *random, struct fz_prog *prog,
			const struct fz_prog *other)
{
	unsigned int at = fz_below(random, prog->nr);
	unsigned int from, nr;
	struct known known;
	struct fz_op op;

	switch (fz_below(random, 11)) {
	case 10:
		learn_all(&known, prog, prog->nr);
		draw_scene(random, &known, prog);
		break;
	case 0:
		from = fz_below(random, other->nr);
		nr = 1 + slot(random, other->nr - from);
		insert(prog, at, &other->ops[from], nr);
		break;
	case 1:
		if (prog->nr < 2)
			break;
		nr = 1 + slot(random, prog->nr - at < 8 ? prog->nr - at : 8);
		if (nr == prog->nr)
			break;
		prog->nr -= nr;
		memmove(&prog->ops[at], &prog->ops[at + nr], (prog->nr - at) * sizeof(op));
		break;
	case 2:
		op = prog->ops[at];
		insert(prog, fz_below(random, prog->nr + 1), &op, 1);
		break;
	case 3 ... 5:
		at = fz_below(random, prog->nr + 1);
		learn_all(&known, prog, at);
		draw_op(random, &known, &op);
		insert(prog, at, &op, 1);
		break;
	default:
		change_argument(random, &prog->ops[at]);
	}
}

void fz_mutate(struct fz_random *random, struct fz_prog *prog, const struct fz_prog *other)
{
	unsigned int i, nr = 1 + slot(random, 12);

	for (i = 0; i < nr; i++)
		mutate_once(random, prog, other);
}
