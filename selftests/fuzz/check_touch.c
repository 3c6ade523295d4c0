// SPDX-License-Identifier: GPL-2.0
/*
 * Judging touches of mappings, by the processor and by the kernel
 */
#include "model.h"

static struct m_worker *worker_of(struct fz_model *model, const struct fz_mailbox *box)
{
	return &model->workers[box->op.kind == FZ_PEEK ? box->op.arg[0] % FZ_WORKERS :
							 box->op.worker];
}

/* How many pages can be reached, and what stops at the next */
static unsigned int reach(struct fz_model *model, const struct fz_mailbox *box, bool write,
			  struct m_place *places, enum m_access *access)
{
	unsigned int i;

	*access = M_OK;
	for (i = 0; i < box->nr; i++) {
		*access = m_reach(worker_of(model, box), box->window, box->page + i, write,
				  &places[i]);
		if (*access != M_OK)
			break;
	}
	return i;
}

static void check_touch(struct fz_model *model, const struct fz_mailbox *box)
{
	static const int signals[] = { [M_OK] = 0, [M_SEGV] = SIGSEGV, [M_BUS] = SIGBUS };
	bool write = box->op.kind == FZ_WRITE;
	struct m_place places[FZ_TOUCH];
	enum m_access access;
	unsigned int i, nr;

	nr = reach(model, box, write, places, &access);
	if (box->done != nr || box->sig != signals[access]) {
		m_wrong(model, "reached %u pages, then signal %d, in place of %u, %d", box->done,
			box->sig, nr, signals[access]);
		return;
	}
	for (i = 0; i < nr; i++) {
		if (write)
			m_wrote(&places[i], box->tag + i);
		else
			m_see(model, places[i].page, box->tags[i], "read");
	}
}

/* A transfer by the kernel: how many pages it can be of, and how many it was */
static unsigned int check_transfer(struct fz_model *model, const struct fz_mailbox *box,
				   bool write, struct m_place *places, unsigned int *reached)
{
	enum m_access access;

	*reached = reach(model, box, write, places, &access);
	if (box->ret < 0 ? *reached == box->nr :
	    (uint64_t)box->ret != box->nr * FZ_PAGE && *reached == box->nr)
		m_wrong(model, "gave %ld for %llu pages, all of which are there", box->ret,
			(unsigned long long)box->nr);
	if (box->ret > (long)(*reached * FZ_PAGE))
		m_wrong(model, "gave %ld for %u pages", box->ret, *reached);
	return box->ret < 0 || model->why[0] ? 0 : box->ret / FZ_PAGE;
}

static void check_dio_in(struct fz_model *model, const struct fz_mailbox *box)
{
	struct m_place places[FZ_TOUCH];
	unsigned int i, nr, reached;

	nr = check_transfer(model, box, true, places, &reached);
	for (i = 0; i < reached; i++) {
		places[i].page->dio = true;
		m_wrote(&places[i], i < nr ? FZ_FILE_TAG + box->page % FZ_FILE_PAGES + i :
					     FZ_MIXED);
	}
}

static void check_seen(struct fz_model *model, const struct fz_mailbox *box, const char *how)
{
	struct m_place places[FZ_TOUCH];
	unsigned int i, nr, reached;

	nr = check_transfer(model, box, false, places, &reached);
	for (i = 0; i < reached; i++)
		places[i].page->dio |= box->op.kind == FZ_DIO_OUT;
	for (i = 0; i < nr; i++)
		m_see(model, places[i].page, box->tags[i], how);
}

static void check_splice(struct fz_model *model, const struct fz_mailbox *box)
{
	struct m_pipe *pipe = model->workers[box->op.worker].pipes[box->op.arg[0] % FZ_PIPES];
	unsigned int i, nr, room = FZ_ARRAY - pipe->nr;
	struct m_place places[FZ_TOUCH];
	enum m_access access;

	nr = reach(model, box, false, places, &access);
	if (!room) {
		m_expect(model, box->ret, -EAGAIN);
		return;
	}
	if (!nr) {
		m_expect(model, box->ret, -EFAULT);
		return;
	}
	if (!m_expect(model, box->ret, (nr < room ? nr : room) * FZ_PAGE))
		return;
	for (i = 0; i < box->ret / FZ_PAGE; i++) {
		pipe->pages[pipe->nr].pool = places[i].pool;
		pipe->pages[pipe->nr++].page = places[i].number;
		places[i].page->pins++;
	}
}

static void check_drain(struct fz_model *model, const struct fz_mailbox *box)
{
	struct m_pipe *pipe = model->workers[box->op.worker].pipes[box->op.arg[0] % FZ_PIPES];
	struct m_page *page;
	unsigned int i;

	if (box->done != pipe->nr)
		m_wrong(model, "%u pages were in a pipe in place of %u", box->done, pipe->nr);
	for (i = 0; i < pipe->nr; i++) {
		page = &pipe->pages[i].pool->pages[pipe->pages[i].page];
		m_see(model, page, box->tags[i], "got by a pipe");
		page->pins--;
	}
	pipe->nr = 0;
}

/* Its struct is written first, which is a touch, and then it depends on the page. */
static void check_inplace(struct fz_model *model, const struct fz_mailbox *box)
{
	const struct m_file *file = m_file(model, box, box->op.arg[0]);
	long err = m_check_client(file, false);
	enum m_access access;
	struct m_place place;
	struct m_hold *hold;

	access = m_reach(worker_of(model, box), box->window, box->page, true, &place);
	if (box->sig ? access == M_OK : access != M_OK) {
		m_wrong(model, "signal %d for a page that is %s", box->sig,
			access == M_OK ? "there" : "not there");
		return;
	}
	if (box->sig)
		return;
	m_wrote(&place, FZ_MIXED);
	hold = err ? NULL : m_find(file->client, box->handles[0]);
	if (!err && box->op.arg[1] % 3 != 1 && !hold)
		err = box->op.arg[1] % 3 == 2 && !file->client->can_write ? -EBADF : -ENOENT;
	m_expect(model, box->ret, err);
	if (!err && box->op.arg[1] % 3 == 2)
		m_let_go(model, file->client, hold, false);
}

void m_check_touch(struct fz_model *model, const struct fz_mailbox *box)
{
	switch (box->op.kind) {
	case FZ_WRITE:
	case FZ_READ:
		check_touch(model, box);
		break;
	case FZ_DIO_IN:
		check_dio_in(model, box);
		break;
	case FZ_DIO_OUT:
		check_seen(model, box, "wrote out");
		break;
	case FZ_PEEK:
		check_seen(model, box, "peeked at");
		break;
	case FZ_SPLICE:
		check_splice(model, box);
		break;
	case FZ_DRAIN:
		check_drain(model, box);
		break;
	default:
		check_inplace(model, box);
	}
}
