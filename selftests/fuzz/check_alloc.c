// SPDX-License-Identifier: GPL-2.0
/*
 * Judging ALLOC
 */
#include "model.h"

static bool power_of_2(uint64_t x)
{
	return x && !(x & (x - 1));
}

static long length_error(const struct m_pool *pool, uint64_t length, uint64_t align)
{
	if (!length || length > pool->capacity)
		return -EINVAL;
	return align && !power_of_2(align) ? -EINVAL : 0;
}

static void name(struct fz_model *model, uint64_t slot, const struct m_buffer *buffer)
{
	model->names[slot % FZ_NAMES] = (struct m_name) { buffer->handle, buffer->offset };
}

/* What comes before space is looked for */
static long alloc_error(const struct m_pool *pool, const uint64_t *arg, bool at)
{
	uint64_t flags = (uint32_t)arg[4];
	long err;

	if (flags & ~15ULL)
		return -EOPNOTSUPP;
	if ((flags & PINPOOL_ALLOC_AT) && (flags & PINPOOL_ALLOC_SCATTER))
		return -EINVAL;
	if ((flags & PINPOOL_ALLOC_POPULATE) && !pool->memory)
		return -ENODEV;
	if (flags & (PINPOOL_ALLOC_SCATTER | PINPOOL_ALLOC_PARTIAL))
		return -EINVAL;
	err = length_error(pool, arg[2], arg[3]);
	if (at && (arg[3] || arg[5] % pool->granule))
		err = -EINVAL;
	return err;
}

static void check_at(struct fz_model *model, const struct fz_mailbox *box,
		     struct m_client *client)
{
	struct m_pool *pool = client->pool;
	uint64_t extent = m_extent(pool, box->op.arg[2]);
	uint64_t offset = box->op.arg[5];
	struct m_buffer *buffer;

	if (!m_quota_left(client, extent)) {
		m_expect(model, box->ret, -EDQUOT);
		return;
	}
	if (offset > pool->capacity || extent > pool->capacity - offset) {
		m_expect(model, box->ret, -EINVAL);
		return;
	}
	if (box->ret == -EBUSY && !m_must_be_free(pool, offset, extent))
		return;
	if (!m_expect(model, box->ret, 0))
		return;
	if (box->bufs[0].offset != offset || !m_may_be_free(pool, NULL, offset, extent))
		m_wrong(model, "gave %#llx in place of %#llx, or not all was free there",
			(unsigned long long)box->bufs[0].offset, (unsigned long long)offset);
	buffer = m_grant(model, client, &box->bufs[0], box->op.arg[2]);
	if (buffer)
		name(model, box->op.arg[1], buffer);
}

static void check_one(struct fz_model *model, const struct fz_mailbox *box,
		      struct m_client *client)
{
	long full = box->op.kind == FZ_WAIT ? -ETIMEDOUT : -ENOSPC;
	uint64_t length = box->op.arg[2];
	uint64_t align = box->op.kind == FZ_WAIT ? 0 : box->op.arg[3];
	struct m_pool *pool = client->pool;
	struct m_buffer *buffer;

	if (!m_quota_left(client, m_extent(pool, length))) {
		m_expect(model, box->ret, -EDQUOT);
		return;
	}
	if (box->ret == full && !m_must_fit(pool, client, length, align)) {
		pool->failures++;
		return;
	}
	if (!m_expect(model, box->ret, 0))
		return;
	if (align && box->bufs[0].offset % align)
		m_wrong(model, "gave %#llx, which is not aligned",
			(unsigned long long)box->bufs[0].offset);
	buffer = m_grant(model, client, &box->bufs[0], length);
	if (buffer)
		name(model, box->op.arg[1], buffer);
}

static uint64_t array_length(const struct fz_mailbox *box, unsigned int i)
{
	return box->op.arg[3] + i % 2;
}

/* What becomes of an array that is not served wholly: which entry, and why */
static long array_error(const struct m_client *client, const struct fz_mailbox *box,
			unsigned int count)
{
	struct m_pool *pool = client->pool;
	uint64_t bytes = 0;
	unsigned int i;

	for (i = 0; i < count; i++) {
		if (length_error(pool, array_length(box, i), 0))
			return -EINVAL;
		bytes += m_extent(pool, array_length(box, i));
		if (m_quota_left(client, bytes) < i + 1)
			return -EDQUOT;
	}
	return 0;
}

/*
 * For sure, that is. Each entry is served by itself: what is in quarantine when the first
 * is may be in the way of the last.
 */
static bool array_fits(const struct m_client *client, const struct fz_mailbox *box,
		       unsigned int count)
{
	uint64_t bytes = 0;
	unsigned int i;

	for (i = 0; i < count; i++)
		bytes += m_extent(client->pool, array_length(box, i));
	return m_must_fit_at_once(client->pool, bytes);
}

static void check_array(struct fz_model *model, const struct fz_mailbox *box,
			struct m_client *client)
{
	unsigned int i, count = box->op.arg[2] % (FZ_ARRAY + 1);
	bool partial = box->op.arg[4] & PINPOOL_ALLOC_PARTIAL;
	struct m_pool *pool = client->pool;
	struct m_buffer *buffer;
	long err;

	if (!count) {
		m_expect(model, box->ret, -EINVAL);
		return;
	}
	err = array_error(client, box, count);
	if (box->ret) {
		/* Space may have ended before what else is wrong with it. */
		if (box->ret == -ENOSPC && !array_fits(client, box, count))
			pool->failures++;
		else
			m_expect(model, box->ret, err);
		return;
	}
	if (partial ? !box->done || box->done > count : box->done != count || err) {
		m_wrong(model, "made %u of %u buffers", box->done, count);
		return;
	}
	for (i = 0; i < box->done; i++) {
		buffer = m_grant(model, client, &box->bufs[i], array_length(box, i));
		if (!buffer)
			return;
		name(model, box->op.arg[1] + i, buffer);
	}
	if (i == count || length_error(pool, array_length(box, i), 0) ||
	    !m_quota_left(client, m_extent(pool, array_length(box, i))))
		return;
	pool->failures++;
	if (m_must_fit(pool, client, array_length(box, i), 0))
		m_wrong(model, "made %u of %u buffers though there is space", i, count);
}

static void check_scatter(struct fz_model *model, const struct fz_mailbox *box,
			  struct m_client *client)
{
	unsigned int i, count = box->op.arg[2] % (FZ_ARRAY + 1);
	uint64_t length = box->op.arg[3], left = length;
	struct m_pool *pool = client->pool;
	struct m_buffer *buffer;
	uint64_t most;
	long err;

	err = length_error(pool, length, 0);
	if (!count || err) {
		m_expect(model, box->ret, -EINVAL);
		return;
	}
	most = m_quota_left(client, m_extent(pool, length));
	if (!most) {
		m_expect(model, box->ret, -EDQUOT);
		return;
	}
	if (box->ret == -ENOSPC &&
	    m_must_scatter(pool, most < count ? most : count) < m_extent(pool, length)) {
		pool->failures++;
		return;
	}
	if (!m_expect(model, box->ret, 0))
		return;
	if (box->done > count || box->done > most)
		m_wrong(model, "made %u buffers where %u may be", box->done, count);
	for (i = 0; i < box->done; i++) {
		buffer = m_grant(model, client, &box->bufs[i], box->bufs[i].length);
		if (!buffer)
			return;
		name(model, box->op.arg[1] + i, buffer);
		left -= buffer->length;
		if (i + 1 < box->done && buffer->length % pool->granule)
			m_wrong(model, "one of several buffers ends within a granule");
	}
	if (left)
		m_wrong(model, "made several buffers of another length in all");
}

void m_check_alloc(struct fz_model *model, const struct fz_mailbox *box)
{
	const struct m_file *file = m_file(model, box, box->op.arg[0]);
	struct m_client *client = file->client;
	long err = m_check_client(file, true);

	if (!err && box->op.kind == FZ_ALLOC)
		err = alloc_error(client->pool, box->op.arg,
				  box->op.arg[4] & PINPOOL_ALLOC_AT);
	if (!err && box->op.kind == FZ_WAIT)
		err = length_error(client->pool, box->op.arg[2], 0);
	if (err) {
		m_expect(model, box->ret, err);
		return;
	}
	if (box->op.kind == FZ_ALLOCS)
		check_array(model, box, client);
	else if (box->op.kind == FZ_SCATTER)
		check_scatter(model, box, client);
	else if (box->op.kind == FZ_ALLOC && (box->op.arg[4] & PINPOOL_ALLOC_AT))
		check_at(model, box, client);
	else
		check_one(model, box, client);
}
