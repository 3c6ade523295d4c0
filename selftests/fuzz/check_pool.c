// SPDX-License-Identifier: GPL-2.0
/*
 * Judging the control plane: pools, and what dumps tell of them
 */
#include "model.h"

#include <linux/pinpool_netlink.h>

static bool power_of_2(uint64_t x)
{
	return x && !(x & (x - 1));
}

static void check_new(struct fz_model *model, const struct fz_mailbox *box, unsigned int slot)
{
	uint64_t capacity = box->op.arg[1], granule = box->op.arg[2];
	uint32_t zero = box->op.arg[3], backing = box->op.arg[4];
	struct m_pool *pool;
	bool good;

	good = power_of_2(granule) && granule >= FZ_PAGE && capacity && !(capacity % granule) &&
	       zero <= PINPOOL_ZERO_NEVER &&
	       (backing <= PINPOOL_BACKING_CONTIG || backing == PINPOOL_BACKING_NONE);
	if (!good) {
		if (box->ret >= 0)
			m_wrong(model, "made a pool that can't be");
		return;
	}
	/* What is asked for is looked at before whether the name is free. */
	if (backing == PINPOOL_BACKING_NONE && capacity > 1ULL << 62) {
		m_expect(model, box->ret, -EINVAL);
		return;
	}
	if (model->slots[slot]) {
		m_expect(model, box->ret, -EEXIST);
		return;
	}
	if (box->ret == -ENOMEM || box->ret == -EBUSY)
		return;
	if (!m_expect(model, box->ret, 0))
		return;
	pool = m_new(model, sizeof(*pool));
	pool->model = model;
	pool->slot = slot;
	pool->capacity = capacity;
	pool->granule = granule;
	pool->zero = zero;
	pool->backing = backing;
	pool->memory = backing != PINPOOL_BACKING_NONE;
	if (pool->memory)
		pool->pages = m_new(model, FZ_MAX_PAGES * sizeof(*pool->pages));
	pool->next = model->pools;
	model->pools = pool;
	model->slots[slot] = pool;
}

static void set_capacity(struct m_pool *pool, uint64_t capacity)
{
	uint64_t page;

	/* What comes is new memory. */
	for (page = pool->capacity / FZ_PAGE; pool->memory && page < capacity / FZ_PAGE; page++)
		pool->pages[page] = (struct m_page) { };
	pool->capacity = capacity;
	if (pool->peak > capacity)
		pool->peak = capacity;
}

static void check_set(struct fz_model *model, const struct fz_mailbox *box,
		      struct m_pool *pool)
{
	uint64_t capacity = box->op.arg[1];
	uint64_t cut = capacity < pool->capacity ? pool->capacity - capacity : 0;

	if (!capacity || capacity % pool->granule || pool->high > capacity) {
		m_expect(model, box->ret, -EINVAL);
		return;
	}
	if (capacity != pool->capacity && pool->backing == PINPOOL_BACKING_CONTIG) {
		m_expect(model, box->ret, -EOPNOTSUPP);
		return;
	}
	if (capacity > pool->capacity && (box->ret == -ENOMEM || box->ret == -ERANGE))
		return;
	if (cut && box->ret == -EBUSY && !m_must_be_free(pool, capacity, cut))
		return;
	if (!m_expect(model, box->ret, 0))
		return;
	if (cut && !m_may_be_free(pool, NULL, capacity, cut))
		m_wrong(model, "cut off what is in use");
	if (cut)
		m_clear(model, pool, capacity, cut);
	set_capacity(pool, capacity);
}

static void check_marks(struct fz_model *model, const struct fz_mailbox *box,
			struct m_pool *pool)
{
	uint64_t low = box->op.arg[1], high = box->op.arg[2];

	if (high > pool->capacity || low > high) {
		m_expect(model, box->ret, -EINVAL);
	} else if (m_expect(model, box->ret, 0)) {
		pool->low = low;
		pool->high = high;
	}
}

static void check_del(struct fz_model *model, const struct fz_mailbox *box,
		      struct m_pool *pool)
{
	bool force = box->op.arg[1] % 2;

	if (!force && (pool->clients || pool->shares))
		m_expect(model, box->ret, -EBUSY);
	else if (m_expect(model, box->ret, 0))
		m_kill_pool(model, pool);
}

void m_check_pool(struct fz_model *model, const struct fz_mailbox *box)
{
	unsigned int slot = box->op.arg[0] % FZ_POOLS;
	struct m_pool *pool = model->slots[slot];

	if (box->op.kind == FZ_POOL_NEW) {
		check_new(model, box, slot);
		return;
	}
	if (!pool) {
		m_expect(model, box->ret, -ENOENT);
		return;
	}
	switch (box->op.kind) {
	case FZ_POOL_SET:
		check_set(model, box, pool);
		break;
	case FZ_POOL_LIMIT:
		if (m_expect(model, box->ret, 0))
			/* In the order of their attributes */
			pool->limits[box->op.arg[1] % 5] = box->op.arg[2];
		break;
	case FZ_POOL_MARKS:
		check_marks(model, box, pool);
		break;
	default:
		check_del(model, box, pool);
	}
}

static void check_clients(struct fz_model *model, const struct fz_mailbox *box,
			  const struct m_pool *pool)
{
	uint64_t used = 0, nr = 0, told_used = 0, told_nr = 0, shares = 0, told_shares = 0;
	const struct m_client *client;
	unsigned int i;

	for (client = model->clients; client; client = client->next) {
		if (client->pool != pool || client->closed)
			continue;
		m_quota_used(pool, client, &used, &nr);
		shares += client->shares;
	}
	for (i = 0; i < box->done; i++) {
		told_used += box->told[i].extent;
		told_nr += box->told[i].handle;
		told_shares += box->told[i].state;
	}
	if (box->done != pool->clients || told_used != used || told_nr != nr ||
	    told_shares != shares)
		m_wrong(model, "told of %u clients with %llu bytes in %llu buffers, %llu shares, in place of %u, %llu, %llu, %llu",
			box->done, (unsigned long long)told_used, (unsigned long long)told_nr,
			(unsigned long long)told_shares, pool->clients, (unsigned long long)used,
			(unsigned long long)nr, (unsigned long long)shares);
}

/* Is there a client that has this? */
static bool is_held(const struct fz_model *model, const struct m_pool *pool,
		    const struct fz_told *told)
{
	const struct m_client *client;
	const struct m_hold *hold;

	for (client = model->clients; client; client = client->next) {
		hold = client->pool == pool ? m_find(client, told->handle) : NULL;
		if (hold && hold->buffer->offset == told->offset &&
		    hold->buffer->length == told->length &&
		    hold->buffer->extent == told->extent &&
		    hold->buffer->shared == !!(told->state & PINPOOL_BUFFER_STATE_SHARED) &&
		    hold->readonly == !!(told->state & PINPOOL_BUFFER_STATE_READONLY))
			return true;
	}
	return false;
}

static void check_buffers(struct fz_model *model, const struct fz_mailbox *box,
			  const struct m_pool *pool)
{
	uint64_t used = 0, held = 0, told_held = 0, told_shares = 0;
	const struct m_client *client;
	const struct fz_told *told;
	unsigned int i;

	if (box->done == FZ_TOLD)
		return;
	for (client = model->clients; client; client = client->next)
		if (client->pool == pool)
			m_quota_used(pool, client, &used, &held);
	for (i = 0; i < box->done; i++) {
		told = &box->told[i];
		if (told->state & PINPOOL_BUFFER_STATE_QUARANTINED) {
			if (!m_may_be_free(pool, M_MANY, told->offset, 0))
				m_wrong(model, "told of a buffer as in quarantine");
			continue;
		}
		told_held += !!told->client;
		told_shares += !told->client;
		if (told->client && !is_held(model, pool, told))
			m_wrong(model, "told of a buffer at %#llx that nobody has",
				(unsigned long long)told->offset);
	}
	if (told_held != held || told_shares != pool->shares)
		m_wrong(model, "told of %llu buffers and %llu shares in place of %llu and %u",
			(unsigned long long)told_held, (unsigned long long)told_shares,
			(unsigned long long)held, pool->shares);
}

void m_check_dump(struct fz_model *model, const struct fz_mailbox *box)
{
	const struct m_pool *pool = model->slots[box->op.arg[0] % FZ_POOLS];
	unsigned int kind = box->op.arg[1] % 3;

	if (kind && !pool) {
		m_expect(model, box->ret, -ENOENT);
		return;
	}
	if (!m_expect(model, box->ret, 0))
		return;
	if (kind == 1)
		check_clients(model, box, pool);
	else if (kind == 2)
		check_buffers(model, box, pool);
}
