// SPDX-License-Identifier: GPL-2.0
/*
 * The reference model: who has what, and what happens when nobody has it any more
 */
#include "model.h"

#include <stdarg.h>

struct m_memory {
	struct m_memory *next;
	uint64_t bytes[];
};

/* Until the end of the program */
void *m_new(struct fz_model *model, size_t size)
{
	struct m_memory *memory = calloc(1, sizeof(*memory) + size);

	if (!memory)
		abort();
	memory->next = model->memory;
	model->memory = memory;
	return memory->bytes;
}

void m_reset(struct fz_model *model)
{
	struct m_memory *memory, *next;

	for (memory = model->memory; memory; memory = next) {
		next = memory->next;
		free(memory);
	}
	memset(model, 0, sizeof(*model));
}

/* The first that goes wrong is what counts. */
void m_wrong(struct fz_model *model, const char *format, ...)
{
	va_list args;

	if (model->why[0])
		return;
	va_start(args, format);
	vsnprintf(model->why, sizeof(model->why), format, args);
	va_end(args);
}

bool m_expect(struct fz_model *model, long ret, long expected)
{
	if (ret == expected)
		return true;
	m_wrong(model, "gave %ld (%s) in place of %ld (%s)", ret,
		ret < 0 ? strerror(-ret) : "done", expected,
		expected < 0 ? strerror(-expected) : "done");
	return false;
}

struct m_hold *m_find(const struct m_client *client, uint64_t handle)
{
	struct m_hold *hold;

	for (hold = client->holds; hold && hold->buffer->handle != handle; hold = hold->next)
		;
	return hold;
}

/* The hold on the buffer at an offset; with @next, or else the first behind it */
struct m_hold *m_find_at(const struct m_client *client, uint64_t offset, bool next)
{
	struct m_hold *hold, *found = NULL;

	for (hold = client->holds; hold; hold = hold->next) {
		if (offset >= hold->buffer->offset &&
		    offset - hold->buffer->offset < hold->buffer->extent)
			return hold;
		if (next && hold->buffer->offset > offset &&
		    (!found || hold->buffer->offset < found->buffer->offset))
			found = hold;
	}
	return found;
}

void m_hold(struct fz_model *model, struct m_client *client, struct m_buffer *buffer,
	    bool readonly)
{
	struct m_hold *hold = m_new(model, sizeof(*hold));

	hold->buffer = buffer;
	hold->readonly = readonly;
	hold->next = client->holds;
	client->holds = hold;
	buffer->refs++;
}

static bool maybe_pinned(const struct m_pool *pool, const struct m_buffer *buffer)
{
	return pool->memory && !m_loose(pool, buffer);
}

/* The last who had it is gone. @client: who that was, if it may have it again */
static void end_life(struct m_pool *pool, struct m_buffer *buffer, struct m_client *client)
{
	struct m_buffer **link = &pool->buffers;

	pool->frees++;
	buffer->freed_by = buffer->shared ? NULL : client;
	if (maybe_pinned(pool, buffer))
		return;
	while (*link != buffer)
		link = &(*link)->next;
	*link = buffer->next;
	buffer->next = pool->gone;
	pool->gone = buffer;
}

void m_let_go(struct fz_model *model, struct m_client *client, struct m_hold *hold,
	      bool closing)
{
	struct m_hold **link = &client->holds;

	(void)model;
	while (*link != hold)
		link = &(*link)->next;
	*link = hold->next;
	if (!--hold->buffer->refs)
		end_life(client->pool, hold->buffer, closing ? NULL : client);
}

/* What a client finds in memory that it gets */
void m_own(struct m_pool *pool, struct m_client *client, uint64_t offset, uint64_t length)
{
	struct m_page *page;
	uint64_t i;

	if (!pool->memory || pool->zero == PINPOOL_ZERO_NEVER)
		return;
	for (i = offset / FZ_PAGE; i < (offset + length) / FZ_PAGE; i++) {
		page = &pool->pages[i];
		if (!page->tag)
			page->writer = NULL;
		else if (pool->zero == PINPOOL_ZERO_OWNER && page->writer == client)
			page->maybe_zero = true;
		else
			*page = (struct m_page) { .pins = page->pins, .dio = page->dio };
	}
}

/* A client loses the end of a buffer. */
void m_cut(struct fz_model *model, struct m_client *client, struct m_buffer *buffer,
	   uint64_t extent)
{
	struct m_buffer *piece = m_new(model, sizeof(*piece));
	struct m_pool *pool = client->pool;

	piece->offset = buffer->offset + extent;
	piece->extent = buffer->extent - extent;
	piece->length = piece->extent;
	piece->freed_by = buffer->shared ? NULL : client;
	buffer->extent = extent;
	if (!maybe_pinned(pool, piece))
		return;
	piece->next = pool->buffers;
	pool->buffers = piece;
}

static bool known(const struct m_buffer *list, uint64_t handle)
{
	for (; list; list = list->next)
		if (list->handle == handle)
			return true;
	return false;
}

/* The kernel gave a client a buffer: NULL if it must not have. */
struct m_buffer *m_grant(struct fz_model *model, struct m_client *client,
			 const struct pinpool_buf *got, uint64_t length)
{
	struct m_pool *pool = client->pool;
	struct m_buffer *buffer;
	uint64_t extent = m_extent(pool, length);

	if (got->offset % pool->granule || got->offset > pool->capacity ||
	    extent > pool->capacity - got->offset) {
		m_wrong(model, "gave %#llx bytes at %#llx", (unsigned long long)length,
			(unsigned long long)got->offset);
		return NULL;
	}
	if (!m_may_be_free(pool, client, got->offset, extent)) {
		m_wrong(model, "gave %#llx bytes at %#llx, where not all is free",
			(unsigned long long)length, (unsigned long long)got->offset);
		return NULL;
	}
	if (!got->handle || known(pool->buffers, got->handle) ||
	    known(pool->gone, got->handle)) {
		m_wrong(model, "gave the handle %#llx again", (unsigned long long)got->handle);
		return NULL;
	}
	m_clear(model, pool, got->offset, extent);
	m_own(pool, client, got->offset, extent);
	buffer = m_new(model, sizeof(*buffer));
	buffer->handle = got->handle;
	buffer->offset = got->offset;
	buffer->length = length;
	buffer->extent = extent;
	buffer->next = pool->buffers;
	pool->buffers = buffer;
	pool->allocs++;
	m_hold(model, client, buffer, false);
	return buffer;
}

/* Nobody has anything of it any more. */
void m_kill_pool(struct fz_model *model, struct m_pool *pool)
{
	struct m_client *client;

	pool->dead = true;
	model->slots[pool->slot] = NULL;
	for (client = model->clients; client; client = client->next)
		if (client->pool == pool)
			client->holds = NULL;
	pool->buffers = NULL;
}

static void mark_file(struct m_file *file)
{
	if (file->client)
		file->client->marked = true;
	if (file->share)
		file->share->marked = true;
}

static void mark_worker(struct m_worker *worker)
{
	unsigned int i, j;

	for (i = 0; i < FZ_FILES; i++)
		mark_file(&worker->files[i]);
	for (i = 0; i < FZ_WINDOWS; i++)
		for (j = 0; j < FZ_MAPS; j++)
			if (worker->maps[i][j].nr)
				mark_file(&worker->maps[i][j].file);
	for (i = 0; i < FZ_PIPES; i++)
		if (worker->pipes[i])
			worker->pipes[i]->marked = true;
}

static void close_client(struct fz_model *model, struct m_client *client)
{
	struct m_buffer *run;
	struct m_share *share;

	client->closed = true;
	client->pool->clients--;
	while (client->holds)
		m_let_go(model, client, client->holds, true);
	m_for_each_buffer(run, client->pool)
		if (run->freed_by == client)
			run->freed_by = NULL;
	for (share = model->shares; share; share = share->next)
		if (share->creator == client)
			share->creator = NULL;
}

static void close_share(struct m_share *share)
{
	share->closed = true;
	share->pool->shares--;
	if (share->creator)
		share->creator->shares--;
	if (!--share->buffer->refs && !share->pool->dead)
		end_life(share->pool, share->buffer, NULL);
}

static void close_pipe(struct m_pipe *pipe)
{
	while (pipe->nr) {
		pipe->nr--;
		pipe->pages[pipe->nr].pool->pages[pipe->pages[pipe->nr].page].pins--;
	}
}

/* Close what no worker has any more. */
void m_collect(struct fz_model *model)
{
	struct m_client *client;
	struct m_share *share;
	struct m_pipe *pipe;
	unsigned int i;

	for (client = model->clients; client; client = client->next)
		client->marked = false;
	for (share = model->shares; share; share = share->next)
		share->marked = false;
	for (pipe = model->pipes; pipe; pipe = pipe->next)
		pipe->marked = false;
	for (i = 0; i < FZ_WORKERS; i++)
		if (model->workers[i].alive)
			mark_worker(&model->workers[i]);
	for (client = model->clients; client; client = client->next)
		if (!client->marked && !client->closed)
			close_client(model, client);
	for (share = model->shares; share; share = share->next)
		if (!share->marked && !share->closed)
			close_share(share);
	for (pipe = model->pipes; pipe; pipe = pipe->next)
		if (!pipe->marked)
			close_pipe(pipe);
}

void m_start_worker(struct fz_model *model, struct m_worker *worker)
{
	unsigned int i;

	memset(worker, 0, sizeof(*worker));
	worker->alive = true;
	for (i = 0; i < FZ_PIPES; i++) {
		worker->pipes[i] = m_new(model, sizeof(*worker->pipes[i]));
		worker->pipes[i]->next = model->pipes;
		model->pipes = worker->pipes[i];
	}
}

void m_fork_worker(const struct m_worker *from, struct m_worker *to)
{
	unsigned int i, j;

	*to = *from;
	for (i = 0; i < FZ_WINDOWS; i++)
		for (j = 0; j < FZ_MAPS; j++)
			if (to->maps[i][j].dont_fork)
				to->maps[i][j].nr = 0;
}
