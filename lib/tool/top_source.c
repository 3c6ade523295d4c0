// SPDX-License-Identifier: GPL-2.0
/*
 * Where samples and events come from
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "control.h"
#include "text.h"
#include "tool.h"
#include "top.h"

struct top_source {
	struct pinpool_ctl *ctl;
};

/* Returns an exit code, after it has told why */
int top_source_open(struct top_source **source)
{
	struct pinpool_ctl *ctl = control_open();
	int ret;

	if (!ctl)
		return TOOL_FAILED;
	ret = pinpool_ctl_subscribe(ctl, PINPOOL_CTL_EVENTS | PINPOOL_CTL_CLIENTS);
	if (ret == -EPERM)
		ret = pinpool_ctl_subscribe(ctl, PINPOOL_CTL_EVENTS);
	*source = ret ? NULL : malloc(sizeof(**source));
	if (*source) {
		(*source)->ctl = ctl;
		return 0;
	}
	if (ret)
		control_error(ctl, NULL, ret);
	else
		error("out of memory");
	pinpool_ctl_close(ctl);
	return TOOL_FAILED;
}

void top_source_close(struct top_source *source)
{
	pinpool_ctl_close(source->ctl);
	free(source);
}

/* Tell why there was no sample */
void top_source_error(const struct top_source *source, int err)
{
	if (err == -ENOMEM)
		error("top: out of memory");
	else
		control_error(source->ctl, NULL, err);
}

/* Readable when there are events */
int top_source_fd(const struct top_source *source)
{
	return pinpool_ctl_fd(source->ctl);
}

static int by_name(const void *a, const void *b)
{
	const struct top_pool *x = a, *y = b;

	return strcmp(x->name, y->name);
}

static int pools_sample(struct pinpool_ctl *ctl, struct top_sample *sample)
{
	struct pinpool_ctl_pool *pools;
	ssize_t i, count;

	count = pinpool_ctl_pools(ctl, &pools, sizeof(*pools));
	if (count < 0)
		return count;
	sample->pools = calloc(count + 1, sizeof(*sample->pools));
	for (i = 0; sample->pools && i < count; i++) {
		const struct pinpool_ctl_stats *stats = &pools[i].stats;
		struct top_pool *pool = &sample->pools[i];

		memcpy(pool->name, pools[i].name, sizeof(pool->name));
		pool->id = pools[i].id;
		pool->capacity = pools[i].capacity;
		pool->used = stats->used;
		pool->quarantined = stats->quarantined;
		pool->free = stats->free;
		pool->largest_free = stats->largest_free;
		pool->low = pools[i].watermarks.low;
		pool->high = pools[i].watermarks.high;
		pool->buffers = stats->buffers;
		pool->clients = stats->clients;
		pool->waiters = stats->waiters;
		pool->allocs = stats->allocs;
		pool->frees = stats->frees;
		pool->failures = stats->failures + stats->refusals;
	}
	free(pools);
	if (!sample->pools)
		return -ENOMEM;
	sample->nr_pools = count;
	qsort(sample->pools, count, sizeof(*sample->pools), by_name);
	return 0;
}

static int clients_sample(struct pinpool_ctl *ctl, struct top_sample *sample)
{
	struct pinpool_ctl_client *clients;
	ssize_t i, count;

	count = pinpool_ctl_clients(ctl, NULL, &clients, sizeof(*clients));
	sample->denied = count == -EPERM;
	if (count < 0)
		return sample->denied ? 0 : count;
	sample->clients = calloc(count + 1, sizeof(*sample->clients));
	for (i = 0; sample->clients && i < count; i++) {
		struct top_client *client = &sample->clients[i];

		memcpy(client->pool, clients[i].pool, sizeof(client->pool));
		memcpy(client->comm, clients[i].comm, sizeof(clients[i].comm));
		client->id = clients[i].id;
		client->pid = clients[i].pid;
		client->uid = clients[i].uid;
		client->bytes = clients[i].used;
		client->buffers = clients[i].buffers;
		client->shares = clients[i].shares;
		client->quarantined = clients[i].quarantined;
	}
	free(clients);
	if (!sample->clients)
		return -ENOMEM;
	sample->nr_clients = count;
	return 0;
}

/* Fill @sample, whose time is there already. Returns 0 or a negative errno */
int top_source_sample(struct top_source *source, struct top_sample *sample)
{
	int ret = pools_sample(source->ctl, sample);

	return ret ? ret : clients_sample(source->ctl, sample);
}

static void event_tell(const struct pinpool_ctl_event *e, char *text, size_t size)
{
	switch (e->type) {
	case PINPOOL_NL_CMD_POOL_NEW_NTF:
		snprintf(text, size, "%s: a new pool of %s", e->pool, text_size(e->capacity).s);
		break;
	case PINPOOL_NL_CMD_POOL_SET_NTF:
		snprintf(text, size, "%s: changed, %s now", e->pool, text_size(e->capacity).s);
		break;
	case PINPOOL_NL_CMD_POOL_DEL_NTF:
		snprintf(text, size, "%s: deleted", e->pool);
		break;
	case PINPOOL_NL_CMD_WATERMARK_NTF:
		snprintf(text, size, "%s: %s watermark, %s free", e->pool,
			 e->level == PINPOOL_LEVEL_HIGH ? "above the high" : "below the low",
			 text_size(e->free).s);
		break;
	case PINPOOL_NL_CMD_EXHAUSTED_NTF:
		snprintf(text, size, "%s: no space for %s; %s free, at most %s in a piece", e->pool,
			 text_size(e->wanted).s, text_size(e->free).s,
			 text_size(e->largest_free).s);
		break;
	case PINPOOL_NL_CMD_QUARANTINE_NTF:
		snprintf(text, size, "%s: %s in quarantine", e->pool,
			 text_size(e->quarantined).s);
		break;
	case PINPOOL_NL_CMD_CLIENT_DIED_NTF:
		snprintf(text, size, "%s: client %llu died, %.*s [%u]; %s came back", e->pool,
			 (unsigned long long)e->client, (int)sizeof(e->comm), e->comm, e->pid,
			 text_size(e->bytes).s);
		break;
	case PINPOOL_NL_CMD_PROGRESS_NTF:
		snprintf(text, size, "%s: %s of %s ready", e->pool, text_size(e->done).s,
			 text_size(e->capacity).s);
		break;
	default:
		snprintf(text, size, "%s: event %u", e->pool, e->type);
	}
}

/* Take what events there are */
void top_source_events(struct top_source *source, struct top *top)
{
	struct pinpool_ctl_event event;
	struct top_event *told;
	int ret;

	for (;;) {
		ret = pinpool_ctl_event(source->ctl, &event, sizeof(event), 0);
		if (ret && ret != -ENOBUFS)
			return;
		told = top_event_add(top, ret ? 0 : (uint64_t)event.type << 32 | event.pool_id);
		if (ret)
			snprintf(told->text, sizeof(told->text), "events were lost");
		else
			event_tell(&event, told->text, sizeof(told->text));
	}
}
