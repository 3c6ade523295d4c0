/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The API fuzzer of pinpool: what its parts share
 *
 * A program is a list of operations, each of one of several worker processes. A
 * session has the workers run them one after the other, and a reference model tell
 * after each whether what came of it may be. Whatever numbers an operation has, it
 * means something: slots are taken modulo their number, so that a program can be cut
 * and changed anywhere.
 */
#ifndef PINPOOL_FUZZ_H
#define PINPOOL_FUZZ_H

#include "../pinpool_test.h"

#define FZ_POOLS	3	/* Pools that a program knows */
#define FZ_WORKERS	4
#define FZ_FILES	8	/* Descriptors that each worker knows */
#define FZ_WINDOWS	4	/* Places for mappings that each worker has */
#define FZ_PIPES	2	/* Pipes that each worker has, for vmsplice */
#define FZ_NAMES	32	/* Places that handles are kept in */
#define FZ_ARRAY	16	/* The longest array */
#define FZ_ARGS		6
#define FZ_MAX_OPS	128
#define FZ_PAGE		4096UL
#define FZ_MAX_PAGES	4096UL	/* The most that a pool or a window has */
#define FZ_TOUCH	8UL	/* The most pages that an operation touches */
#define FZ_TOLD		512	/* The most that a dump tells of */

/*
 * The operations: what their name is in the text of a program, what their arguments
 * are (see draw.c), and how often they are drawn
 */
#define FZ_OPS(X)					\
	X(POOL_NEW,	"pool_new",	"pCGZB",	3)	\
	X(POOL_SET,	"pool_set",	"pC",		3)	\
	X(POOL_LIMIT,	"pool_limit",	"piL",		3)	\
	X(POOL_MARKS,	"pool_marks",	"pll",		2)	\
	X(POOL_DEL,	"pool_del",	"pb",		2)	\
	X(DUMP,		"dump",		"pi",		4)	\
	X(OPEN,		"open",		"fpM",		6)	\
	X(CLOSE,	"close",	"f",		4)	\
	X(DUP,		"dup",		"ff",		2)	\
	X(PASS,		"pass",		"fwf",		6)	\
	X(ALLOC,	"alloc",	"fnlaFo",	18)	\
	X(ALLOCS,	"allocs",	"fnclF",	6)	\
	X(SCATTER,	"scatter",	"fncl",		5)	\
	X(WAIT,		"wait",		"fnl",		2)	\
	X(FREE,		"free",		"fn",		14)	\
	X(FREES,	"frees",	"fnc",		4)	\
	X(RESIZE,	"resize",	"fnl",		10)	\
	X(QUERY,	"query",	"fnio",		4)	\
	X(STATS,	"stats",	"f",		8)	\
	X(INFO,		"info",		"f",		1)	\
	X(FDINFO,	"fdinfo",	"f",		1)	\
	X(POLL,		"poll",		"f",		2)	\
	X(EXPORT,	"export",	"fnRf",		10)	\
	X(IMPORT,	"import",	"ffRn",		10)	\
	X(BAD,		"bad",		"fiin",		5)	\
	X(INPLACE,	"inplace",	"fimgn",	3)	\
	X(MMAP,		"mmap",		"fmOkPT",	10)	\
	X(MUNMAP,	"munmap",	"mgk",		3)	\
	X(MPROTECT,	"mprotect",	"mgkP",		5)	\
	X(MREMAP,	"mremap",	"mgkkm",	4)	\
	X(MADVISE,	"madvise",	"mgkA",		6)	\
	X(MLOCK,	"mlock",	"mgk",		1)	\
	X(WRITE,	"write",	"mgt",		20)	\
	X(READ,		"read",		"mgt",		20)	\
	X(DIO_IN,	"dio_in",	"mgt",		5)	\
	X(DIO_OUT,	"dio_out",	"mgt",		5)	\
	X(PEEK,		"peek",		"wmgt",		4)	\
	X(SPLICE,	"splice",	"smgt",		8)	\
	X(DRAIN,	"drain",	"s",		4)	\
	X(KILL,		"kill",		"",		1)	\
	X(FORK,		"fork",		"w",		3)	\
	X(RACE,		"race",		"pidd",		2)

enum fz_kind {
#define FZ_ENUM(kind, name, args, weight) FZ_##kind,
	FZ_OPS(FZ_ENUM)
#undef FZ_ENUM
	FZ_KINDS
};

struct fz_op {
	uint8_t kind;
	uint8_t worker;
	uint64_t arg[FZ_ARGS];
};

struct fz_prog {
	unsigned int nr;
	struct fz_op ops[FZ_MAX_OPS];
};

/* ops.c: programs as text, one operation a line */
extern const char * const fz_names[FZ_KINDS];
extern const char * const fz_args[FZ_KINDS];
extern const unsigned int fz_weights[FZ_KINDS];
size_t fz_print_op(const struct fz_op *op, char *text, size_t size);
size_t fz_print(const struct fz_prog *prog, char *text, size_t size);
bool fz_parse(struct fz_prog *prog, const char *text);

/* draw.c: programs out of nothing, and out of others */
struct fz_random {
	uint64_t state;
};

void fz_seed(struct fz_random *random, uint64_t seed, uint64_t number);
uint64_t fz_below(struct fz_random *random, uint64_t limit);
void fz_draw(struct fz_random *random, struct fz_prog *prog);
void fz_mutate(struct fz_random *random, struct fz_prog *prog, const struct fz_prog *other);

/*
 * The contents of a page: a tag, of which each word of it is made. 0: all of it is
 * zero. FZ_MIXED: anything else
 */
#define FZ_MIXED	(~0ULL)

void fz_page_fill(void *page, uint64_t tag);
uint64_t fz_page_tag(const void *page);

/* What is in the file that direct I/O reads */
#define FZ_FILE_TAG	0x7000000000ULL
#define FZ_FILE_PAGES	64UL

/* The memory of worker processes begins here, at the same place in all of them. */
#define FZ_BASE		0x100000000000UL
#define FZ_SPAN		0x40000000UL

static inline char *fz_address(unsigned int window, uint64_t page)
{
	return (char *)(FZ_BASE + window * FZ_SPAN + page * FZ_PAGE);
}

/* One line of a dump */
struct fz_told {
	uint64_t client;
	uint64_t handle;
	uint64_t offset;
	uint64_t length;
	uint64_t extent;
	uint64_t state;		/* Of a client: its shares */
};

/*
 * What a worker is to do, and what came of it: in memory that it shares with its
 * session. What depends on the model, the session has put in.
 */
struct fz_mailbox {
	struct fz_op op;
	char pool[PINPOOL_NAME_SIZE];
	pid_t peer;
	uint64_t handles[FZ_ARRAY];
	uint64_t tag;
	unsigned int window;
	uint64_t page;
	uint64_t nr;
	uint64_t nr_new;

	long ret;		/* As of the call: negative for errors */
	int sig;		/* Or the signal that it got */
	unsigned int done;	/* How far it came before that */
	union {
		struct pinpool_buf bufs[FZ_ARRAY];
		struct pinpool_query query;
		struct pinpool_stats stats;
		struct pinpool_info info;
		uint64_t tags[2 * FZ_ARRAY];
		struct fz_told told[FZ_TOLD];
		char text[512];
	};
};

/* cov.c: what code of the kernel a program reached */
#define FZ_COV_PCS	(1U << 16)
#define FZ_COV_STEPS	(1U << 18)

struct fz_cov {
	uint64_t pcs[FZ_COV_PCS / 64];
	uint64_t steps[FZ_COV_STEPS / 64];
};

bool fz_cov_available(void);
void fz_cov_open(void);
void fz_cov_begin(void);
void fz_cov_end(struct fz_cov *cov);
void fz_cov_note(struct fz_cov *cov, uint64_t feature);
unsigned int fz_cov_merge(struct fz_cov *all, const struct fz_cov *cov);
unsigned int fz_cov_pcs(const struct fz_cov *cov);

/* worker.c */
struct fz_worker_env {
	struct fz_mailbox *boxes;
	struct fz_cov *cov;
	int socks[FZ_WORKERS];
	int dio_in;
	int dio_out;
};

struct fz_worker {
	const struct fz_worker_env *env;
	unsigned int number;
	struct fz_mailbox *box;
	int files[FZ_FILES];
	int pipes[FZ_PIPES][2];
};

void fz_worker_run(const struct fz_worker_env *env, unsigned int number);
/* Where a thread goes on after a signal for a touch */
extern __thread sigjmp_buf fz_trap;
/* Run @fn, and note if it got a signal for a touch. */
void fz_guarded(struct fz_worker *worker, void (*fn)(struct fz_worker *worker));
void fz_do_ioctl(struct fz_worker *worker);
void fz_do_bad(struct fz_worker *worker);
void fz_do_memory(struct fz_worker *worker);
void fz_do_netlink(struct fz_worker *worker);
void fz_do_race(struct fz_worker *worker);

/* session.c: run programs, and tell what was wrong */
struct fz_session;

/* The pool that all sessions have in common, for races only */
#define FZ_COMMON	"fuzz-common"

struct fz_session *fz_session_new(const char *prefix, struct fz_cov *cov, bool alone,
				  bool verbose);
/* NULL, or what was wrong, until the next call */
const char *fz_session_run(struct fz_session *session, const struct fz_prog *prog);
uint64_t fz_session_ops(const struct fz_session *session);
unsigned int fz_session_at(const struct fz_session *session);

/* shrink.c */
void fz_shrink(struct fz_session *session, struct fz_prog *prog, unsigned int seconds);

/* The most that run at the same time */
#define FZ_SESSIONS	8

/* store.c: programs on a disk, or in a file; they are there after a crash */
bool fz_store_open(const char *path);
void fz_store_running(unsigned int session, const struct fz_prog *prog);
unsigned int fz_store_nr(void);
const struct fz_prog *fz_store_get(unsigned int number);
void fz_store_add(const struct fz_prog *prog);

#endif /* PINPOOL_FUZZ_H */
