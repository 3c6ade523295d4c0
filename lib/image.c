// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
/*
 * What a client has, written down, and had again after a restart
 *
 * An image is a struct image_head and that many struct image_entry, in the order of
 * their offsets, all numbers little-endian. It holds no memory, only where it is.
 */
#include <endian.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "pinpool.h"
#include "private.h"

#define MAGIC	"pinpool\n"
#define VERSION	1

/* How many entries are read or written at a time */
#define BATCH	512

struct image_head {
	char magic[8];
	uint32_t version;
	uint32_t check;		/* CRC-32 of all that follows */
	uint64_t granule;
	uint64_t capacity;
	uint64_t count;
};

struct image_entry {
	uint64_t offset;
	uint64_t length;
};

/* IEEE 802.3, as zlib has it. Images are small: a table would cost more. */
static uint32_t crc32_le(uint32_t crc, const void *data, size_t size)
{
	const unsigned char *byte = data;
	int i;

	crc = ~crc;
	while (size--) {
		crc ^= *byte++;
		for (i = 0; i < 8; i++)
			crc = crc >> 1 ^ (crc & 1 ? 0xedb88320 : 0);
	}
	return ~crc;
}

static uint32_t head_check(const struct image_head *head)
{
	size_t from = offsetof(struct image_head, granule);

	return crc32_le(0, (const char *)head + from, sizeof(*head) - from);
}

static int write_all(int fd, const void *data, size_t size)
{
	ssize_t done;

	for (; size; size -= done, data = (const char *)data + done) {
		done = write(fd, data, size);
		if (done < 0 && errno == EINTR)
			done = 0;
		if (done < 0)
			return -errno;
	}
	return 0;
}

/* Returns -EBADMSG where the file ends too early */
static int read_all(int fd, void *data, size_t size)
{
	ssize_t done;

	for (; size; size -= done, data = (char *)data + done) {
		done = read(fd, data, size);
		if (!done)
			return -EBADMSG;
		if (done < 0 && errno == EINTR)
			done = 0;
		if (done < 0)
			return -errno;
	}
	return 0;
}

/* All buffers of the client, to be freed with free() */
static int collect(struct pinpool *pool, struct image_entry **entries, size_t *count)
{
	struct pinpool_query query = { 0 };
	struct image_entry *more;
	size_t room = 0;
	int ret;

	*entries = NULL;
	*count = 0;
	while (!(ret = pinpool_next(pool, &query, sizeof(query)))) {
		if (*count == room) {
			room = room ? 2 * room : BATCH;
			more = realloc(*entries, room * sizeof(*more));
			if (!more) {
				ret = -ENOMEM;
				break;
			}
			*entries = more;
		}
		(*entries)[*count].offset = htole64(query.offset);
		(*entries)[*count].length = htole64(query.length);
		++*count;
	}
	return ret == -ENOENT ? 0 : ret;
}

int pinpool_save(struct pinpool *pool, int fd)
{
	struct image_head head = {
		.magic = MAGIC,
		.version = htole32(VERSION),
		.granule = htole64(pool->granule),
		.capacity = htole64(pool->capacity),
	};
	struct image_entry *entries;
	size_t count;
	int ret;

	ret = collect(pool, &entries, &count);
	if (!ret) {
		head.count = htole64(count);
		head.check = htole32(crc32_le(head_check(&head), entries,
					      count * sizeof(*entries)));
		ret = write_all(fd, &head, sizeof(head));
	}
	if (!ret)
		ret = write_all(fd, entries, count * sizeof(*entries));
	free(entries);
	return ret;
}

/* Is it one of this kind, and does it go with the pool? */
static int head_valid(const struct pinpool *pool, const struct image_head *head)
{
	if (memcmp(head->magic, MAGIC, sizeof(head->magic)) ||
	    le32toh(head->version) != VERSION)
		return -EBADMSG;
	if (le64toh(head->granule) != pool->granule || le64toh(head->capacity) > pool->capacity)
		return -ERANGE;
	/* No two buffers have a granule in common. */
	if (le64toh(head->count) > le64toh(head->capacity) / pool->granule)
		return -EBADMSG;
	return 0;
}

/* Each begins behind the one before it, at a granule, and ends within the pool. */
static bool entry_valid(const struct pinpool *pool, const struct pinpool_buf *buf,
			uint64_t *end)
{
	uint64_t last;

	if (buf->offset < *end || buf->offset % pool->granule || !buf->length ||
	    buf->offset >= pool->capacity || buf->length > pool->capacity - buf->offset)
		return false;
	last = buf->offset + buf->length - 1;
	*end = last - last % pool->granule + pool->granule;
	return true;
}

/* Room is made as entries come, not as many as a broken image says there are. */
static int read_entries(struct pinpool *pool, int fd, const struct image_head *head,
			struct pinpool_buf **bufs)
{
	uint64_t left = le64toh(head->count), end = 0;
	uint32_t check = head_check(head);
	struct image_entry batch[BATCH];
	struct pinpool_buf *more;
	size_t i, n, have = 0;
	int ret;

	*bufs = NULL;
	for (; left; left -= n, have += n) {
		n = left < BATCH ? left : BATCH;
		ret = read_all(fd, batch, n * sizeof(batch[0]));
		if (ret)
			return ret;
		check = crc32_le(check, batch, n * sizeof(batch[0]));
		more = realloc(*bufs, (have + n) * sizeof(*more));
		if (!more)
			return -ENOMEM;
		*bufs = more;
		memset(more + have, 0, n * sizeof(*more));
		for (i = 0; i < n; i++) {
			more[have + i].offset = le64toh(batch[i].offset);
			more[have + i].length = le64toh(batch[i].length);
			if (!entry_valid(pool, &more[have + i], &end))
				return -EBADMSG;
		}
	}
	return check == le32toh(head->check) ? 0 : -EBADMSG;
}

/* All of them or none */
static int restore(struct pinpool *pool, struct pinpool_buf *bufs, size_t count)
{
	size_t made = 0, i, want;
	ssize_t got = 0;

	while (made < count) {
		want = count - made < pool->max_array ? count - made : pool->max_array;
		got = pinpool_alloc_array(pool, bufs + made, want, sizeof(*bufs),
					  PINPOOL_ALLOC_AT);
		if (got < 0)
			break;
		made += got;
	}
	for (i = 0; got < 0 && i < made; i++)
		pinpool_free(pool, bufs[i].handle);
	return got < 0 ? got : 0;
}

ssize_t pinpool_load(struct pinpool *pool, int fd)
{
	struct pinpool_buf *bufs = NULL;
	struct image_head head;
	int ret;

	ret = read_all(fd, &head, sizeof(head));
	if (!ret)
		ret = head_valid(pool, &head);
	if (!ret)
		ret = read_entries(pool, fd, &head, &bufs);
	if (!ret)
		ret = restore(pool, bufs, le64toh(head.count));
	free(bufs);
	return ret ? ret : (ssize_t)le64toh(head.count);
}
