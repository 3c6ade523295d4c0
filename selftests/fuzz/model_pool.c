// SPDX-License-Identifier: GPL-2.0
/*
 * The reference model: what of a pool is free, must be, or may be
 */
#include "model.h"

uint64_t m_extent(const struct m_pool *pool, uint64_t length)
{
	return (length + pool->granule - 1) & ~(pool->granule - 1);
}

static bool overlap(const struct m_buffer *buffer, uint64_t offset, uint64_t length)
{
	return offset < buffer->offset + buffer->extent && buffer->offset < offset + length;
}

/* Has somebody pages of this pinned for sure? */
bool m_pinned(const struct m_pool *pool, uint64_t offset, uint64_t length)
{
	uint64_t page;

	if (!pool->memory)
		return false;
	for (page = offset / FZ_PAGE; page < (offset + length) / FZ_PAGE; page++)
		if (pool->pages[page].pins)
			return true;
	return false;
}

/* Is nobody left who could keep this in quarantine? */
bool m_loose(const struct m_pool *pool, const struct m_buffer *run)
{
	uint64_t page;

	for (page = run->offset / FZ_PAGE; page < (run->offset + run->extent) / FZ_PAGE; page++)
		if (pool->pages[page].pins || pool->pages[page].dio)
			return false;
	return true;
}

/* May @client be given this? NULL: anybody */
bool m_may_be_free(const struct m_pool *pool, const struct m_client *client, uint64_t offset,
		   uint64_t length)
{
	const struct m_buffer *buffer;
	uint64_t from, to;

	m_for_each_buffer(buffer, pool) {
		if (!overlap(buffer, offset, length))
			continue;
		if (buffer->refs)
			return false;
		from = offset > buffer->offset ? offset : buffer->offset;
		to = offset + length < buffer->offset + buffer->extent ? offset + length :
		     buffer->offset + buffer->extent;
		if (!(client && buffer->freed_by == client) && m_pinned(pool, from, to - from))
			return false;
	}
	return true;
}

/*
 * Where those lie that are in the way of a request, in their order. @first: at the first
 * look, when what nobody has pinned any more may still be in quarantine
 */
static unsigned int obstacles(const struct m_pool *pool, const struct m_buffer **sorted,
			      bool first)
{
	const struct m_buffer *buffer;
	unsigned int nr = 0, i;

	m_for_each_buffer(buffer, pool) {
		if ((!buffer->refs && !first && m_loose(pool, buffer)) || nr == FZ_MAX_PAGES)
			continue;
		for (i = nr++; i && sorted[i - 1]->offset > buffer->offset; i--)
			sorted[i] = sorted[i - 1];
		sorted[i] = buffer;
	}
	return nr;
}

static const struct m_buffer *sorted[FZ_MAX_PAGES];

/* The next run that is free, if need be at a second look, from *@at on */
static bool next_run(const struct m_pool *pool, unsigned int nr, unsigned int *i, uint64_t *at,
		     uint64_t *offset, uint64_t *length)
{
	uint64_t end;

	for (; *i <= nr; (*i)++) {
		end = *i < nr ? sorted[*i]->offset : pool->capacity;
		*offset = *at;
		*length = end - *at;
		*at = *i < nr ? end + sorted[*i]->extent : end;
		if (*length) {
			(*i)++;
			return true;
		}
	}
	return false;
}

static bool fits(uint64_t offset, uint64_t size, uint64_t length, uint64_t align)
{
	uint64_t skip = align ? -offset & (align - 1) : 0;

	return skip < size && size - skip >= length;
}

static bool fits_somewhere(const struct m_pool *pool, bool first, uint64_t length,
			   uint64_t align)
{
	unsigned int nr = obstacles(pool, sorted, first), i = 0;
	uint64_t at = 0, offset, size;

	while (next_run(pool, nr, &i, &at, &offset, &size))
		if (fits(offset, size, length, align))
			return true;
	return false;
}

/* Is there room for sure? */
bool m_must_fit(const struct m_pool *pool, const struct m_client *client, uint64_t length,
		uint64_t align)
{
	const struct m_buffer *buffer;

	length = m_extent(pool, length);
	if (fits_somewhere(pool, false, length, align))
		return true;
	m_for_each_buffer(buffer, pool)
		if (!buffer->refs && client && buffer->freed_by == client &&
		    align <= pool->granule && buffer->extent >= length)
			return true;
	return false;
}

/* Is there room in one run for sure, without a second look? */
bool m_must_fit_at_once(const struct m_pool *pool, uint64_t length)
{
	return fits_somewhere(pool, true, length, 0);
}

/* What there is for sure in @max runs */
uint64_t m_must_scatter(const struct m_pool *pool, unsigned int max)
{
	unsigned int nr = obstacles(pool, sorted, false), i = 0, j, got = 0;
	uint64_t sizes[FZ_ARRAY], at = 0, offset, size, sum = 0;

	while (next_run(pool, nr, &i, &at, &offset, &size)) {
		if (got < max)
			sizes[got++] = 0;
		else if (sizes[got - 1] >= size)
			continue;
		for (j = got - 1; j && sizes[j - 1] < size; j--)
			sizes[j] = sizes[j - 1];
		sizes[j] = size;
	}
	for (i = 0; i < got; i++)
		sum += sizes[i];
	return sum;
}

bool m_must_be_free(const struct m_pool *pool, uint64_t offset, uint64_t length)
{
	const struct m_buffer *buffer;

	m_for_each_buffer(buffer, pool)
		if (overlap(buffer, offset, length) && (buffer->refs || !m_loose(pool, buffer)))
			return false;
	return true;
}

/* The free runs of a pool with nothing in quarantine */
void m_runs(const struct m_pool *pool, uint64_t *largest, uint64_t *nr_runs)
{
	unsigned int nr = obstacles(pool, sorted, false), i = 0;
	uint64_t at = 0, offset, size;

	*largest = 0;
	*nr_runs = 0;
	while (next_run(pool, nr, &i, &at, &offset, &size)) {
		++*nr_runs;
		if (size > *largest)
			*largest = size;
	}
}

/* What was in quarantine there is no longer. */
void m_clear(struct fz_model *model, struct m_pool *pool, uint64_t offset, uint64_t length)
{
	struct m_buffer **link = &pool->buffers;
	uint64_t end = offset + length;
	struct m_buffer *run, *rest;

	while ((run = *link)) {
		if (run->refs || !overlap(run, offset, length)) {
			link = &run->next;
			continue;
		}
		if (run->offset + run->extent > end) {
			rest = m_new(model, sizeof(*rest));
			*rest = *run;
			rest->offset = end;
			rest->extent = run->offset + run->extent - end;
			run->next = rest;
		}
		if (run->offset < offset) {
			run->extent = offset - run->offset;
			link = &run->next;
			continue;
		}
		*link = run->next;
		run->next = pool->gone;
		pool->gone = run;
	}
}

void m_quota_used(const struct m_pool *pool, const struct m_client *client, uint64_t *bytes,
		  uint64_t *buffers)
{
	const struct m_hold *hold;

	for (hold = client->holds; hold; hold = hold->next) {
		*bytes += m_extent(pool, hold->buffer->length);
		++*buffers;
	}
}

static uint64_t left(uint64_t limit, uint64_t used)
{
	return !limit ? ~0ULL : limit > used ? limit - used : 0;
}

static void quota(const struct m_client *client, uint64_t *bytes, uint64_t *buffers)
{
	const struct m_pool *pool = client->pool;
	uint64_t used = 0, nr = 0, all = 0, nr_all = 0;
	const struct m_client *other;

	m_quota_used(pool, client, &used, &nr);
	/* All are of one user. */
	for (other = pool->model->clients; other; other = other->next)
		if (other->pool == pool)
			m_quota_used(pool, other, &all, &nr_all);
	*bytes = left(pool->limits[0], used);
	*buffers = left(pool->limits[1], nr);
	if (left(pool->limits[2], all) < *bytes)
		*bytes = left(pool->limits[2], all);
	if (left(pool->limits[3], nr_all) < *buffers)
		*buffers = left(pool->limits[3], nr_all);
}

bool m_quota_bytes(const struct m_client *client, uint64_t bytes)
{
	uint64_t left_bytes, left_buffers;

	quota(client, &left_bytes, &left_buffers);
	return left_bytes >= bytes;
}

/* How many buffers more it may have, or 0: none of so many bytes */
uint64_t m_quota_left(const struct m_client *client, uint64_t bytes)
{
	uint64_t left_bytes, left_buffers;

	quota(client, &left_bytes, &left_buffers);
	return left_bytes < bytes ? 0 : left_buffers;
}
