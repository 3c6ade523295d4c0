// SPDX-License-Identifier: GPL-2.0
/*
 * A pool's clients and buffers, as the kernel tells them
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "control.h"
#include "map.h"
#include "tool.h"

static int pool_read(struct pinpool_ctl *ctl, struct map *map, const char *name)
{
	struct pinpool_ctl_pool pool;
	int ret;

	ret = pinpool_ctl_pool_get(ctl, name, &pool, sizeof(pool));
	if (ret)
		return ret;
	memcpy(map->name, pool.name, sizeof(map->name));
	map->capacity = pool.capacity;
	map->granule = pool.granule;
	map->used = pool.stats.used;
	map->free = pool.stats.free;
	map->quarantined = pool.stats.quarantined;
	map->largest_free = pool.stats.largest_free;
	return 0;
}

static int clients_read(struct pinpool_ctl *ctl, struct map *map)
{
	struct pinpool_ctl_client *clients;
	ssize_t i, count;

	count = pinpool_ctl_clients(ctl, map->name, &clients, sizeof(*clients));
	if (count < 0)
		return count;
	map->clients = calloc(count + 1, sizeof(*map->clients));
	for (i = 0; map->clients && i < count; i++) {
		map->clients[i].id = clients[i].id;
		map->clients[i].pid = clients[i].pid;
		memcpy(map->clients[i].comm, clients[i].comm, sizeof(clients[i].comm));
		map->clients[i].bytes = clients[i].used;
		map->clients[i].buffers = clients[i].buffers;
		map->clients[i].quarantined = clients[i].quarantined;
	}
	map->nr_clients = count;
	free(clients);
	return map->clients ? 0 : -ENOMEM;
}

static int buffers_read(struct pinpool_ctl *ctl, struct map *map)
{
	struct pinpool_ctl_buffer *buffers;
	ssize_t i, count;

	count = pinpool_ctl_buffers(ctl, map->name, 0, &buffers, sizeof(*buffers));
	if (count < 0)
		return count;
	map->buffers = calloc(count + 1, sizeof(*map->buffers));
	for (i = 0; map->buffers && i < count; i++) {
		map->buffers[i].offset = buffers[i].offset;
		map->buffers[i].bytes = buffers[i].extent;
		map->buffers[i].client = buffers[i].client;
		map->buffers[i].shared = buffers[i].state & PINPOOL_BUFFER_STATE_SHARED;
		map->buffers[i].quarantined = buffers[i].state & PINPOOL_BUFFER_STATE_QUARANTINED;
	}
	map->nr_buffers = count;
	free(buffers);
	return map->buffers ? 0 : -ENOMEM;
}

/* Read the pool of that name, or tell why it can't be. Returns an exit code */
int map_read(struct map *map, const char *name)
{
	struct pinpool_ctl *ctl;
	int ret;

	ctl = control_open();
	if (!ctl)
		return TOOL_FAILED;
	ret = pool_read(ctl, map, name);
	if (!ret)
		ret = clients_read(ctl, map);
	if (!ret)
		ret = buffers_read(ctl, map);
	if (!ret)
		control_warn_torn(ctl);
	else if (ret == -EPERM)
		error("%s: who has what is for those with CAP_SYS_ADMIN: try as root; `pinpool show` is for everybody",
		      name);
	else
		control_error(ctl, name, ret);
	pinpool_ctl_close(ctl);
	return ret ? TOOL_FAILED : TOOL_OK;
}
