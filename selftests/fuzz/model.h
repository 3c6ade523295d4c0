/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The reference model: what there is, as far as calls and their answers tell. It takes
 * from the kernel what only the kernel can choose, places and handles, and judges them;
 * all else it knows beforehand.
 *
 * What it can't know is when pins are let go of. What is in quarantine with no pin on it
 * may be free already, and the model takes it for either.
 */
#ifndef PINPOOL_FUZZ_MODEL_H
#define PINPOOL_FUZZ_MODEL_H

#include "fuzz.h"

#define FZ_MAPS		24	/* Parts that a window may be cut into */

struct m_pool;
struct m_client;

/* Stands for more than one client, or anybody */
#define M_MANY	((struct m_client *)1)

/**
 * struct m_page - A page of a pool
 * @tag: What is in it; FZ_MIXED: nobody knows
 * @writer: Whose that is, if it is not zero
 * @pins: How often it is in a pipe
 * @dio: There was direct I/O, which may let go late
 * @maybe_zero: It was zeroed since, or not
 */
struct m_page {
	uint64_t tag;
	struct m_client *writer;
	unsigned short pins;
	bool dio;
	bool maybe_zero;
};

/**
 * struct m_buffer - A buffer, or where one was
 * @next: In pool->buffers, or pool->gone
 * @handle: Its name
 * @offset: Where it lies
 * @length: As asked for
 * @extent: What that takes
 * @refs: Holds and shares; 0: it is in quarantine, or no more
 * @shared: It was exported
 * @freed_by: Who may have it again from quarantine, or NULL
 */
struct m_buffer {
	struct m_buffer *next;
	uint64_t handle;
	uint64_t offset;
	uint64_t length;
	uint64_t extent;
	unsigned int refs;
	bool shared;
	struct m_client *freed_by;
};

struct m_hold {
	struct m_hold *next;
	struct m_buffer *buffer;
	bool readonly;
};

/**
 * struct m_pool - A pool
 * @slot: Its number in programs
 * @dead: It was deleted
 * @memory: It has any
 * @fuzzy: More may be in quarantine than is known
 * @uncounted: More was allocated and freed than is known
 * @limits: PINPOOL_A_LIMITS_CLIENT_BYTES and on
 * @buffers: Alive or in quarantine
 * @gone: Those that were, for their handles
 */
struct m_pool {
	struct m_pool *next;
	const struct fz_model *model;
	unsigned int slot;
	bool dead;
	bool memory;
	bool fuzzy;
	bool uncounted;
	uint64_t capacity;
	uint64_t granule;
	uint32_t zero;
	uint32_t backing;
	uint64_t limits[5];
	uint64_t low;
	uint64_t high;
	uint64_t allocs;
	uint64_t frees;
	uint64_t failures;
	uint64_t peak;
	unsigned int clients;
	unsigned int shares;
	struct m_buffer *buffers;
	struct m_buffer *gone;
	struct m_page *pages;
};

struct m_client {
	struct m_client *next;
	struct m_pool *pool;
	bool can_read;
	bool can_write;
	bool closed;
	bool marked;
	unsigned int shares;
	struct m_hold *holds;
};

struct m_share {
	struct m_share *next;
	struct m_pool *pool;
	struct m_buffer *buffer;
	struct m_client *creator;
	bool readonly;
	bool closed;
	bool marked;
};

/* What a descriptor or a mapping refers to: nothing, or one of the two */
struct m_file {
	struct m_client *client;
	struct m_share *share;
};

struct m_map {
	uint64_t start;		/* Pages, in the window */
	uint64_t nr;		/* 0: not used */
	struct m_file file;
	uint64_t pgoff;
	int prot;
	bool may_write;
	bool dont_fork;
};

struct m_pipe {
	struct m_pipe *next;
	bool marked;
	unsigned int nr;
	struct {
		struct m_pool *pool;
		uint64_t page;
	} pages[2 * FZ_ARRAY];
};

struct m_worker {
	bool alive;
	struct m_file files[FZ_FILES];
	struct m_map maps[FZ_WINDOWS][FZ_MAPS];
	struct m_pipe *pipes[FZ_PIPES];
};

struct m_name {
	uint64_t handle;
	uint64_t offset;
};

struct m_memory;

struct fz_model {
	struct m_memory *memory;	/* All that follows lies there. */
	struct m_pool *pools;
	struct m_pool *slots[FZ_POOLS];
	struct m_client *clients;
	struct m_share *shares;
	struct m_pipe *pipes;
	struct m_worker workers[FZ_WORKERS];
	struct m_name names[FZ_NAMES];
	uint64_t last_tag;
	char why[512];			/* What is wrong, or "" */
};

void *m_new(struct fz_model *model, size_t size);
void m_reset(struct fz_model *model);
void m_wrong(struct fz_model *model, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
bool m_expect(struct fz_model *model, long ret, long expected);

/* model_pool.c: what is free */
#define m_for_each_buffer(buffer, pool) \
	for (buffer = (pool)->buffers; buffer; buffer = buffer->next)

bool m_pinned(const struct m_pool *pool, uint64_t offset, uint64_t length);
bool m_loose(const struct m_pool *pool, const struct m_buffer *run);
bool m_may_be_free(const struct m_pool *pool, const struct m_client *client, uint64_t offset,
		   uint64_t length);
bool m_must_be_free(const struct m_pool *pool, uint64_t offset, uint64_t length);
bool m_must_fit(const struct m_pool *pool, const struct m_client *client, uint64_t length,
		uint64_t align);
bool m_must_fit_at_once(const struct m_pool *pool, uint64_t length);
uint64_t m_must_scatter(const struct m_pool *pool, unsigned int max);
void m_clear(struct fz_model *model, struct m_pool *pool, uint64_t offset, uint64_t length);
void m_runs(const struct m_pool *pool, uint64_t *largest, uint64_t *nr);
uint64_t m_extent(const struct m_pool *pool, uint64_t length);
void m_quota_used(const struct m_pool *pool, const struct m_client *client, uint64_t *bytes,
		  uint64_t *buffers);
uint64_t m_quota_left(const struct m_client *client, uint64_t bytes);
bool m_quota_bytes(const struct m_client *client, uint64_t bytes);

/* model_life.c: who has what */
struct m_hold *m_find(const struct m_client *client, uint64_t handle);
struct m_hold *m_find_at(const struct m_client *client, uint64_t offset, bool next);
void m_hold(struct fz_model *model, struct m_client *client, struct m_buffer *buffer,
	    bool readonly);
void m_let_go(struct fz_model *model, struct m_client *client, struct m_hold *hold,
	      bool closing);
void m_own(struct m_pool *pool, struct m_client *client, uint64_t offset, uint64_t length);
void m_cut(struct fz_model *model, struct m_client *client, struct m_buffer *buffer,
	   uint64_t extent);
struct m_buffer *m_grant(struct fz_model *model, struct m_client *client,
			 const struct pinpool_buf *got, uint64_t length);
void m_kill_pool(struct fz_model *model, struct m_pool *pool);
void m_collect(struct fz_model *model);
void m_start_worker(struct fz_model *model, struct m_worker *worker);
void m_fork_worker(const struct m_worker *from, struct m_worker *to);

/* model_memory.c: what a window shows */
enum m_access { M_OK, M_SEGV, M_BUS };

struct m_place {
	struct m_pool *pool;
	struct m_page *page;
	uint64_t number;
	struct m_client *client;	/* Or NULL, of a share */
};

struct m_map *m_map_of(struct m_worker *worker, unsigned int window, uint64_t page);
enum m_access m_reach(struct m_worker *worker, unsigned int window, uint64_t page, bool write,
		      struct m_place *place);
void m_see(struct fz_model *model, struct m_page *page, uint64_t tag, const char *how);
void m_wrote(struct m_place *place, uint64_t tag);

/* check_*.c: judge what came of an operation */
void m_check_pool(struct fz_model *model, const struct fz_mailbox *box);
void m_check_dump(struct fz_model *model, const struct fz_mailbox *box);
void m_check_file(struct fz_model *model, const struct fz_mailbox *box);
void m_check_alloc(struct fz_model *model, const struct fz_mailbox *box);
void m_check_call(struct fz_model *model, const struct fz_mailbox *box);
void m_check_map(struct fz_model *model, const struct fz_mailbox *box);
void m_check_touch(struct fz_model *model, const struct fz_mailbox *box);
void m_check_stats(struct fz_model *model, struct m_pool *pool, struct m_client *client,
		   const struct pinpool_stats *stats);

/* The descriptor that an operation is about */
static inline struct m_file *m_file(struct fz_model *model, const struct fz_mailbox *box,
				    uint64_t slot)
{
	return &model->workers[box->op.worker].files[slot % FZ_FILES];
}

/*
 * What comes before anything that a command does: the errno that it ends with for want
 * of a client, or 0. @write: it wants a file that is open for writing
 */
long m_check_client(const struct m_file *file, bool write);

#endif /* PINPOOL_FUZZ_MODEL_H */
