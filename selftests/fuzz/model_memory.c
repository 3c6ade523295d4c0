// SPDX-License-Identifier: GPL-2.0
/*
 * The reference model: what workers find where they have something mapped
 */
#include "model.h"

struct m_map *m_map_of(struct m_worker *worker, unsigned int window, uint64_t page)
{
	struct m_map *map;
	unsigned int i;

	for (i = 0; i < FZ_MAPS; i++) {
		map = &worker->maps[window][i];
		if (page >= map->start && page - map->start < map->nr)
			return map;
	}
	return NULL;
}

static enum m_access reach_window(const struct m_map *map, uint64_t offset, struct m_place *place)
{
	struct m_client *client = map->file.client;
	struct m_hold *hold = m_find_at(client, offset, false);

	if (!hold || (hold->readonly && map->may_write))
		return M_BUS;
	place->client = client;
	place->pool = client->pool;
	place->number = offset / FZ_PAGE;
	return M_OK;
}

static enum m_access reach_share(const struct m_map *map, uint64_t offset, struct m_place *place)
{
	const struct m_share *share = map->file.share;

	if (share->pool->dead || offset >= share->buffer->length)
		return M_BUS;
	place->client = NULL;
	place->pool = share->pool;
	place->number = (share->buffer->offset + offset) / FZ_PAGE;
	return M_OK;
}

/* What a touch gets, and which page of which pool that is */
enum m_access m_reach(struct m_worker *worker, unsigned int window, uint64_t page, bool write,
		      struct m_place *place)
{
	struct m_map *map = m_map_of(worker, window, page);
	enum m_access access;
	uint64_t offset;

	if (!map || !map->prot || (write && !(map->prot & PROT_WRITE)))
		return M_SEGV;
	offset = (map->pgoff + page - map->start) * FZ_PAGE;
	access = map->file.client ? reach_window(map, offset, place) :
				    reach_share(map, offset, place);
	if (access == M_OK)
		place->page = &place->pool->pages[place->number];
	return access;
}

/* A page was seen to hold this. */
void m_see(struct fz_model *model, struct m_page *page, uint64_t tag, const char *how)
{
	if (page->tag == FZ_MIXED) {
		page->tag = tag;
		return;
	}
	if (page->maybe_zero && !tag)
		page->writer = NULL;
	else if (tag != page->tag)
		m_wrong(model, "%s %#llx where %s%#llx is", how, (unsigned long long)tag,
			page->maybe_zero ? "nothing or " : "", (unsigned long long)page->tag);
	page->tag = tag;
	page->maybe_zero = false;
}

void m_wrote(struct m_place *place, uint64_t tag)
{
	struct m_page *page = place->page;
	bool first = !page->tag || !page->writer || page->writer == place->client;

	/* All of it is the client's, or what others wrote stays the reason to zero it. */
	page->writer = place->client && first ? place->client : M_MANY;
	page->tag = tag;
	page->maybe_zero = false;
}
