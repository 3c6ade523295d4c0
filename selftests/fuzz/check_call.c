// SPDX-License-Identifier: GPL-2.0
/*
 * Judging all other ioctls
 */
#include "model.h"

static long free_one(struct fz_model *model, const struct m_file *file, uint64_t handle)
{
	struct m_hold *hold = m_find(file->client, handle);

	if (!hold)
		return file->client->can_write ? -ENOENT : -EBADF;
	m_let_go(model, file->client, hold, false);
	return 0;
}

static void check_frees(struct fz_model *model, const struct fz_mailbox *box,
			const struct m_file *file)
{
	unsigned int i, count = box->op.arg[2] % (FZ_ARRAY + 1);
	long err = count ? 0 : -EINVAL;

	for (i = 0; i < count && !err; i += !err)
		err = free_one(model, file, box->handles[i]);
	m_expect(model, box->ret, err);
	if (count && box->done != i)
		m_wrong(model, "freed %u in place of %u", box->done, i);
}

static long resize_error(struct m_client *client, const struct m_hold *hold, uint64_t length)
{
	uint64_t extent = m_extent(client->pool, length);

	if (!length || length > client->pool->capacity)
		return -EINVAL;
	if (!hold)
		return -ENOENT;
	if (hold->readonly)
		return -EACCES;
	if (hold->buffer->refs != 1)
		return -EBUSY;
	if (extent > hold->buffer->extent &&
	    !m_quota_bytes(client, extent - hold->buffer->extent))
		return -EDQUOT;
	return 0;
}

static void check_resize(struct fz_model *model, const struct fz_mailbox *box,
			 struct m_client *client)
{
	struct m_hold *hold = m_find(client, box->handles[0]);
	struct m_pool *pool = client->pool;
	uint64_t length = box->op.arg[2];
	uint64_t extent = m_extent(pool, length);
	struct m_buffer *buffer;
	uint64_t end, more;
	long err;

	err = resize_error(client, hold, length);
	if (err) {
		m_expect(model, box->ret, err);
		return;
	}
	buffer = hold->buffer;
	end = buffer->offset + buffer->extent;
	more = extent > buffer->extent ? extent - buffer->extent : 0;
	if (more && box->ret == -ENOSPC &&
	    (more > pool->capacity - end || !m_must_be_free(pool, end, more)))
		return;
	if (!m_expect(model, box->ret, 0))
		return;
	if (more && (more > pool->capacity - end || !m_may_be_free(pool, NULL, end, more)))
		m_wrong(model, "made a buffer longer where it isn't free");
	if (more) {
		m_clear(model, pool, end, more);
		m_own(pool, client, end, more);
		buffer->extent = extent;
	} else if (extent < buffer->extent) {
		m_cut(model, client, buffer, extent);
	}
	buffer->length = length;
}

static void check_found(struct fz_model *model, const struct fz_mailbox *box,
			const struct m_hold *hold)
{
	const struct pinpool_query *query = &box->query;

	if (!m_expect(model, box->ret, hold ? 0 : -ENOENT) || !hold)
		return;
	if (query->handle != hold->buffer->handle || query->offset != hold->buffer->offset ||
	    query->length != hold->buffer->length || query->extent != hold->buffer->extent)
		m_wrong(model, "told of %#llx bytes at %#llx in place of %#llx at %#llx",
			query->length, query->offset, (unsigned long long)hold->buffer->length,
			(unsigned long long)hold->buffer->offset);
}

static void check_query(struct fz_model *model, const struct fz_mailbox *box,
			const struct m_client *client)
{
	unsigned int kind = box->op.arg[2] % 3;

	check_found(model, box, kind ? m_find_at(client, box->op.arg[3], kind == 2) :
				       m_find(client, box->handles[0]));
}

/* Of what is in quarantine, what is there for sure, and what there may be */
static void quarantine(const struct m_pool *pool, uint64_t *least, uint64_t *most)
{
	const struct m_buffer *run;
	uint64_t at;

	*least = 0;
	*most = 0;
	m_for_each_buffer(run, pool) {
		if (run->refs)
			continue;
		*most += run->extent;
		for (at = run->offset; at < run->offset + run->extent; at += pool->granule)
			if (m_pinned(pool, at, pool->granule))
				*least += pool->granule;
	}
}

static void wrong_stat(struct fz_model *model, const char *what, uint64_t got, uint64_t expected)
{
	if (got != expected)
		m_wrong(model, "%s is %llu in place of %llu", what, (unsigned long long)got,
			(unsigned long long)expected);
}

static void check_client_stats(struct fz_model *model, const struct m_client *client,
			       const struct pinpool_stats *stats)
{
	uint64_t used = 0, nr = 0, requested = 0;
	const struct m_hold *hold;

	m_quota_used(client->pool, client, &used, &nr);
	for (hold = client->holds; hold; hold = hold->next)
		requested += hold->buffer->length;
	wrong_stat(model, "client_used", stats->client_used, used);
	wrong_stat(model, "client_buffers", stats->client_buffers, nr);
	wrong_stat(model, "client_requested", stats->client_requested, requested);
}

static void check_free_stats(struct fz_model *model, struct m_pool *pool,
			     const struct pinpool_stats *stats)
{
	uint64_t largest, nr;

	pool->fuzzy = false;
	m_clear(model, pool, 0, pool->capacity);
	m_runs(pool, &largest, &nr);
	wrong_stat(model, "largest_free", stats->largest_free, largest);
	wrong_stat(model, "free_extents", stats->free_extents, nr);
	wrong_stat(model, "quarantined_extents", stats->quarantined_extents, 0);
}

void m_check_stats(struct fz_model *model, struct m_pool *pool, struct m_client *client,
		   const struct pinpool_stats *stats)
{
	uint64_t used = 0, requested = 0, nr = 0, least, most;
	const struct m_buffer *buffer;

	m_for_each_buffer(buffer, pool) {
		if (!buffer->refs)
			continue;
		used += buffer->extent;
		requested += buffer->length;
		nr++;
	}
	quarantine(pool, &least, &most);
	if (stats->quarantined < least || (stats->quarantined > most && !pool->fuzzy))
		m_wrong(model, "%llu bytes are in quarantine where %llu to %llu are",
			stats->quarantined, (unsigned long long)least, (unsigned long long)most);
	wrong_stat(model, "capacity", stats->capacity, pool->capacity);
	wrong_stat(model, "used", stats->used, used);
	wrong_stat(model, "free", stats->free, pool->capacity - used - stats->quarantined);
	wrong_stat(model, "requested", stats->requested, requested);
	wrong_stat(model, "buffers", stats->buffers, nr);
	wrong_stat(model, "clients", stats->clients, pool->clients);
	wrong_stat(model, "shares", stats->shares, pool->shares);
	wrong_stat(model, "waiters", stats->waiters, 0);
	if (!pool->uncounted) {
		wrong_stat(model, "allocs", stats->allocs, pool->allocs);
		wrong_stat(model, "frees", stats->frees, pool->frees);
		wrong_stat(model, "failures", stats->failures, pool->failures);
	}
	wrong_stat(model, "allocs less frees", stats->allocs - stats->frees, nr);
	if (stats->peak < pool->peak || stats->peak < used + stats->quarantined)
		m_wrong(model, "the peak was %llu before", (unsigned long long)pool->peak);
	pool->peak = stats->peak;
	if (!stats->quarantined && !model->why[0])
		check_free_stats(model, pool, stats);
	if (client)
		check_client_stats(model, client, stats);
}

static void check_info(struct fz_model *model, const struct fz_mailbox *box,
		       const struct m_pool *pool)
{
	const struct pinpool_info *info = &box->info;

	wrong_stat(model, "capacity", info->capacity, pool->capacity);
	wrong_stat(model, "granule", info->granule, pool->granule);
	wrong_stat(model, "zero", info->zero, pool->zero);
	wrong_stat(model, "backing", info->backing, pool->backing);
}

static void check_export(struct fz_model *model, const struct fz_mailbox *box,
			 struct m_client *client)
{
	bool readonly = box->op.arg[2] & PINPOOL_SHARE_RDONLY;
	uint32_t flags = box->op.arg[2];
	struct m_pool *pool = client->pool;
	struct m_hold *hold = m_find(client, box->handles[0]);
	struct m_share *share;
	long err = 0;

	if (flags & ~PINPOOL_SHARE_RDONLY)
		err = -EOPNOTSUPP;
	else if (!readonly && !client->can_write)
		err = -EACCES;
	else if (!pool->memory)
		err = -ENODEV;
	else if (!hold)
		err = -ENOENT;
	else if (hold->readonly && !readonly)
		err = -EACCES;
	if (!err && pool->limits[4] && client->shares >= pool->limits[4])
		err = -EDQUOT;
	if (!m_expect(model, box->ret, err) || err)
		return;
	share = m_new(model, sizeof(*share));
	share->pool = pool;
	share->buffer = hold->buffer;
	share->buffer->shared = true;
	share->creator = client;
	share->readonly = readonly;
	share->next = model->shares;
	model->shares = share;
	share->buffer->refs++;
	pool->shares++;
	client->shares++;
	*m_file(model, box, box->op.arg[3]) = (struct m_file) { .share = share };
}

static void check_import(struct fz_model *model, const struct fz_mailbox *box,
			 struct m_client *client)
{
	const struct m_file *from = m_file(model, box, box->op.arg[1]);
	bool readonly = box->op.arg[2] & PINPOOL_SHARE_RDONLY;
	const struct m_share *share = from->share;
	uint32_t flags = box->op.arg[2];
	const struct m_buffer *buffer = share ? share->buffer : NULL;
	long err = 0;

	if (flags & ~PINPOOL_SHARE_RDONLY)
		err = -EOPNOTSUPP;
	else if (!readonly && !client->can_write)
		err = -EACCES;
	else if (!share)
		err = from->client ? -EINVAL : -EBADF;
	else if (share->pool != client->pool)
		err = -EXDEV;
	else if (!readonly && share->readonly)
		err = -EACCES;
	else if (m_find(client, buffer->handle))
		err = -EEXIST;
	else if (!m_quota_left(client, buffer->extent))
		err = -EDQUOT;
	if (!m_expect(model, box->ret, err) || err)
		return;
	if (box->bufs[0].handle != buffer->handle || box->bufs[0].offset != buffer->offset ||
	    box->bufs[0].length != buffer->length)
		m_wrong(model, "imported another buffer");
	m_hold(model, client, share->buffer, readonly);
	model->names[box->op.arg[3] % FZ_NAMES] =
		(struct m_name) { buffer->handle, buffer->offset };
}

/* What a call comes to that has one thing wrong with it; 0: nothing is known */
static long bad_error(struct fz_model *model, const struct fz_mailbox *box)
{
	static const long fetch[] = {
		[0] = -EINVAL, [1] = -E2BIG, [2] = -E2BIG, [4] = -EFAULT, [5] = -EFAULT,
		[9] = -EFAULT,
	};
	const struct m_file *file = m_file(model, box, box->op.arg[0]);
	unsigned int nr = box->op.arg[1] % 8, what = box->op.arg[2] % 10;
	long err;

	if (!file->client && !file->share)
		return -EBADF;
	if (file->share || what == 6 || what == 7)
		return -ENOTTY;
	if (!file->client->can_write && (nr == PINPOOL_CMD_ALLOC || nr == 7))
		return -EBADF;
	if (what < ARRAY_LEN(fetch) && fetch[what])
		return fetch[what];
	err = m_check_client(file, false);
	if (err)
		return err;
	return what == 3 ? -EOPNOTSUPP : 0;
}

static void check_bad(struct fz_model *model, const struct fz_mailbox *box)
{
	struct m_client *client = m_file(model, box, box->op.arg[0])->client;
	long err = bad_error(model, box);

	if (err) {
		m_expect(model, box->ret, err);
		return;
	}
	/* There is no place for the answer: whatever comes of it, nothing has changed. */
	switch (box->op.arg[1] % 8) {
	case 0:
	case 2:
	case 4:
		m_expect(model, box->ret, -EFAULT);
		break;
	case 1:
		if (box->ret == -ENOSPC)
			client->pool->failures++;
		if (!box->ret)
			m_wrong(model, "allocated what nobody was told of");
		break;
	case 7:
		/* The one that has no answer: it was a good call. */
		break;
	default:
		if (!box->ret)
			m_wrong(model, "answered where nothing can be written");
	}
}

static void check_good_resize(struct fz_model *model, const struct fz_mailbox *box)
{
	struct fz_mailbox good = *box;

	good.op = (struct fz_op) {
		FZ_RESIZE, box->op.worker, { box->op.arg[0], box->op.arg[3], FZ_PAGE }
	};
	check_resize(model, &good, m_file(model, box, box->op.arg[0])->client);
}

void m_check_call(struct fz_model *model, const struct fz_mailbox *box)
{
	const struct m_file *file = m_file(model, box, box->op.arg[0]);
	struct m_client *client = file->client;
	long err = m_check_client(file, box->op.kind == FZ_RESIZE);

	if (box->op.kind == FZ_BAD) {
		if (!bad_error(model, box) && box->op.arg[1] % 8 == 7)
			check_good_resize(model, box);
		else
			check_bad(model, box);
		return;
	}
	if (err) {
		m_expect(model, box->ret, err);
		return;
	}
	switch (box->op.kind) {
	case FZ_FREE:
		m_expect(model, box->ret, free_one(model, file, box->handles[0]));
		break;
	case FZ_FREES:
		check_frees(model, box, file);
		break;
	case FZ_RESIZE:
		check_resize(model, box, client);
		break;
	case FZ_QUERY:
		check_query(model, box, client);
		break;
	case FZ_STATS:
		if (m_expect(model, box->ret, 0))
			m_check_stats(model, client->pool, client, &box->stats);
		break;
	case FZ_INFO:
		if (m_expect(model, box->ret, 0))
			check_info(model, box, client->pool);
		break;
	case FZ_EXPORT:
		check_export(model, box, client);
		break;
	default:
		check_import(model, box, client);
	}
}
