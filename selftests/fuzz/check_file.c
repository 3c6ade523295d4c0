// SPDX-License-Identifier: GPL-2.0
/*
 * Judging what is done to descriptors
 */
#include "model.h"

#include <poll.h>

long m_check_client(const struct m_file *file, bool write)
{
	if (file->share)
		return -ENOTTY;
	if (!file->client || (write && !file->client->can_write))
		return -EBADF;
	return file->client->pool->dead ? -ENODEV : 0;
}

static void check_open(struct fz_model *model, const struct fz_mailbox *box)
{
	struct m_pool *pool = model->slots[box->op.arg[1] % FZ_POOLS];
	unsigned int mode = box->op.arg[2] % 3;
	struct m_client *client;

	if (!m_expect(model, box->ret, pool ? 0 : -ENOENT) || !pool)
		return;
	client = m_new(model, sizeof(*client));
	client->pool = pool;
	client->can_read = mode != 2;
	client->can_write = mode != 1;
	client->next = model->clients;
	model->clients = client;
	pool->clients++;
	*m_file(model, box, box->op.arg[0]) = (struct m_file) { .client = client };
}

static void check_dup(struct fz_model *model, const struct fz_mailbox *box)
{
	struct m_file file = *m_file(model, box, box->op.arg[0]);
	bool there = file.client || file.share;

	if (m_expect(model, box->ret, there ? 0 : -EBADF) && there)
		*m_file(model, box, box->op.arg[1]) = file;
}

static void check_pass(struct fz_model *model, const struct fz_mailbox *box)
{
	struct m_worker *to = &model->workers[box->op.arg[1] % FZ_WORKERS];

	if (m_expect(model, box->ret, 1))
		to->files[box->op.arg[2] % FZ_FILES] = *m_file(model, box, box->op.arg[0]);
}

static uint64_t number(const char *text, const char *key)
{
	const char *found = strstr(text, key);

	return found ? strtoull(found + strlen(key), NULL, 10) : ~0ULL;
}

static void check_fdinfo(struct fz_model *model, const struct fz_mailbox *box)
{
	const struct m_file *file = m_file(model, box, box->op.arg[0]);
	uint64_t used = 0, nr = 0, told_used, told_nr, told_shares;
	const struct m_client *client = file->client;

	m_expect(model, box->ret, client || file->share ? 0 : -ENOENT);
	if (!client)
		return;
	m_quota_used(client->pool, client, &used, &nr);
	told_used = number(box->text, "pinpool-used:");
	told_nr = number(box->text, "pinpool-buffers:");
	told_shares = number(box->text, "pinpool-shares:");
	if (told_used != used || told_nr != nr || told_shares != client->shares)
		m_wrong(model, "fdinfo tells of %lld bytes, %lld buffers, %lld shares in place of %lld, %lld, %u",
			(long long)told_used, (long long)told_nr, (long long)told_shares,
			(long long)used, (long long)nr, client->shares);
}

static void check_poll(struct fz_model *model, const struct fz_mailbox *box)
{
	const struct m_client *client = m_file(model, box, box->op.arg[0])->client;

	if (!client)
		return;
	if (client->pool->dead)
		m_expect(model, box->ret, POLLERR | POLLHUP);
	else if (!client->can_write)
		m_expect(model, box->ret, 0);
	else if (box->ret)
		m_expect(model, box->ret, POLLOUT);
}

void m_check_file(struct fz_model *model, const struct fz_mailbox *box)
{
	struct m_file *file = m_file(model, box, box->op.arg[0]);

	switch (box->op.kind) {
	case FZ_OPEN:
		check_open(model, box);
		break;
	case FZ_CLOSE:
		m_expect(model, box->ret, file->client || file->share ? 0 : -EBADF);
		*file = (struct m_file) { };
		break;
	case FZ_DUP:
		check_dup(model, box);
		break;
	case FZ_PASS:
		check_pass(model, box);
		break;
	case FZ_FDINFO:
		check_fdinfo(model, box);
		break;
	default:
		check_poll(model, box);
	}
}
