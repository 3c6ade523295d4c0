// SPDX-License-Identifier: GPL-2.0
/*
 * Judging what is done to mappings, but for touching them
 */
#include "model.h"

static void clear_window(struct m_worker *worker, unsigned int window)
{
	memset(worker->maps[window], 0, sizeof(worker->maps[window]));
}

static long map_error(const struct m_file *file, const struct fz_mailbox *box)
{
	const struct m_client *client = file->client;
	const struct m_share *share = file->share;
	const struct m_pool *pool = client ? client->pool : share ? share->pool : NULL;
	int prot = box->op.arg[4], flags = box->op.arg[5];
	uint64_t size, pgoff = box->op.arg[2] & (~0ULL >> 12);

	if (!pool)
		return -EBADF;
	if (client && !client->can_read)
		return -EACCES;
	if ((flags & MAP_TYPE) == MAP_SHARED && (prot & PROT_WRITE) &&
	    !(client ? client->can_write : !share->readonly))
		return -EACCES;
	if (prot & PROT_EXEC)
		return -EPERM;
	size = share ? (share->buffer->length + FZ_PAGE - 1) / FZ_PAGE : pool->capacity / FZ_PAGE;
	if (share && (pgoff > size || box->nr > size - pgoff))
		return -EINVAL;
	if ((flags & MAP_TYPE) != MAP_SHARED)
		return -EINVAL;
	if (pool->dead || !pool->memory)
		return -ENODEV;
	if (pgoff > size || box->nr > size - pgoff)
		return -ENXIO;
	return 0;
}

static void check_mmap(struct fz_model *model, const struct fz_mailbox *box)
{
	struct m_worker *worker = &model->workers[box->op.worker];
	const struct m_file *file = m_file(model, box, box->op.arg[0]);
	int prot = box->op.arg[4];
	long err;

	clear_window(worker, box->window);
	err = map_error(file, box);
	if (err) {
		/* With more than one thing wrong it is the kernel that chooses. */
		if (box->ret == -EOVERFLOW || ((prot & PROT_EXEC) && box->ret < 0) ||
		    (box->ret == -EINVAL && (box->op.arg[5] & MAP_TYPE) != MAP_SHARED))
			return;
		m_expect(model, box->ret, err);
		return;
	}
	if (!m_expect(model, box->ret, 0))
		return;
	worker->maps[box->window][0] = (struct m_map) {
		.nr = box->nr, .file = *file, .pgoff = box->op.arg[2], .prot = prot,
		.may_write = prot & PROT_WRITE,
	};
}

/* A part of a mapping becomes one by itself, which this returns */
static struct m_map *split(struct m_worker *worker, unsigned int window, uint64_t page,
			   uint64_t nr)
{
	struct m_map *map = m_map_of(worker, window, page), *part;
	uint64_t skip = page - map->start;
	unsigned int i;

	for (i = 0; skip && i < FZ_MAPS; i++) {
		part = &worker->maps[window][i];
		if (part->nr)
			continue;
		*part = *map;
		part->nr = skip;
		map->start += skip;
		map->nr -= skip;
		map->pgoff += skip;
		skip = 0;
	}
	for (i = 0; map->nr > nr && i < FZ_MAPS; i++) {
		part = &worker->maps[window][i];
		if (part->nr)
			continue;
		*part = *map;
		part->start += nr;
		part->nr -= nr;
		part->pgoff += nr;
		map->nr = nr;
	}
	return map;
}

static void check_mprotect(struct fz_model *model, const struct fz_mailbox *box,
			   struct m_map *map)
{
	int prot = box->op.arg[3] & (PROT_READ | PROT_WRITE | PROT_EXEC);
	long err = 0;

	if ((prot & PROT_EXEC) || ((prot & PROT_WRITE) && !map->may_write))
		err = -EACCES;
	if (m_expect(model, box->ret, err) && !err)
		map->prot = prot;
}

static void check_mremap(struct fz_model *model, const struct fz_mailbox *box,
			 struct m_worker *worker, struct m_map *map)
{
	unsigned int to = box->op.arg[4] % FZ_WINDOWS;

	/* They can't grow. */
	clear_window(worker, to);
	if (box->nr_new > box->nr) {
		m_expect(model, box->ret, -EFAULT);
		return;
	}
	if (!m_expect(model, box->ret, 0))
		return;
	worker->maps[to][0] = *map;
	worker->maps[to][0].start = 0;
	worker->maps[to][0].nr = box->nr_new;
	map->nr = 0;
}

static void check_madvise(struct fz_model *model, const struct fz_mailbox *box,
			  struct m_map *map)
{
	switch ((int)box->op.arg[3]) {
	case MADV_DONTFORK:
	case MADV_DOFORK:
		/* Newer kernels don't do the latter to mappings of devices. */
		if ((int)box->op.arg[3] == MADV_DOFORK && box->ret == -EINVAL)
			break;
		if (m_expect(model, box->ret, 0))
			map->dont_fork = (int)box->op.arg[3] == MADV_DONTFORK;
		break;
	case MADV_DONTNEED:
		m_expect(model, box->ret, 0);
		break;
	case MADV_REMOVE:
	case MADV_FREE:
	case MADV_WIPEONFORK:
	case MADV_MERGEABLE:
		if (!box->ret && (int)box->op.arg[3] != MADV_MERGEABLE)
			m_wrong(model, "advice that can't be followed was taken");
		break;
	default:
		break;
	}
}

/* The session lets through only what lies in one mapping. */
void m_check_map(struct fz_model *model, const struct fz_mailbox *box)
{
	struct m_worker *worker = &model->workers[box->op.worker];
	struct m_map *map;

	if (box->op.kind == FZ_MMAP) {
		check_mmap(model, box);
		return;
	}
	map = split(worker, box->window, box->page, box->nr);
	switch (box->op.kind) {
	case FZ_MUNMAP:
		m_expect(model, box->ret, 0);
		map->nr = 0;
		break;
	case FZ_MPROTECT:
		check_mprotect(model, box, map);
		break;
	case FZ_MREMAP:
		check_mremap(model, box, worker, map);
		break;
	case FZ_MADVISE:
		check_madvise(model, box, map);
		break;
	}
}
