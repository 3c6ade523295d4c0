// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * The offset allocator's state as bytes, to go on with after a restart
 *
 * Fixed fields are little-endian, all others are variable-length numbers: seven
 * bits a byte, the lowest first, the top bit set in all but the last byte, and
 * no longer than needed.
 *
 *	u64	IMAGE_MAGIC
 *	u32	IMAGE_VERSION
 *	u32	align_scan
 *	u64	capacity, max_capacity, bound, least_free, generation,
 *		first_generation, frees, failures
 *
 *	number of chunks; for each, how many slots are free before it
 *	number of nodes at hand; the index of each
 *	number of extents; for each in the order of their offsets
 *		size
 *		index * 2 + (1 if it is used)
 *		used: how many allocations came after it, by the lower 32 bits
 *	for each bin that has one, the nodes of its tree, a parent before its
 *	children and the left child's before the right one's, or the first of its
 *	list
 *		index * 8 + (1: it has a left child) + (2: a right one) + (4: tree)
 *		number of extents chained to it; the index of each
 *
 *	u32	CRC-32 of all before
 *
 * So an image is as many bytes as extents, times five to ten. Two allocators have
 * the same image if and only if they will answer all calls alike.
 */
#include "offset_alloc_internal.h"

#define IMAGE_MAGIC	0x434f4c4c4146464fULL	/* "OFFALLOC" */
#define IMAGE_VERSION	2

/* In an image nodes are numbered: their indexes are multiples of their size. */
#define MAX_NUMBER	(U32_MAX / OFFSET_ALLOC_NODE_SIZE)

/* Four bits at a time: the table is small, and images are read but once. */
static u32 crc32_add(u32 crc, unsigned char byte)
{
	static const u32 table[16] = {
		0x00000000, 0x1db71064, 0x3b6e20c8, 0x26d930ac,
		0x76dc4190, 0x6b6b51f4, 0x4db26158, 0x5005713c,
		0xedb88320, 0xf00f9344, 0xd6d6a3e8, 0xcb61b38c,
		0x9b64c2b0, 0x86d3d2d4, 0xa00ae278, 0xbdbdf21c,
	};

	crc ^= byte;
	crc = crc >> 4 ^ table[crc & 15];
	return crc >> 4 ^ table[crc & 15];
}

/* Save */

struct writer {
	unsigned char *image;
	size_t size;		/* room there is */
	size_t length;		/* room that it takes */
	u32 crc;
};

static void put_byte(struct writer *w, unsigned char byte)
{
	if (w->length < w->size)
		w->image[w->length] = byte;
	w->length++;
	w->crc = crc32_add(w->crc, byte);
}

static void put_fixed(struct writer *w, u64 value, unsigned int bytes)
{
	for (; bytes; bytes--, value >>= 8)
		put_byte(w, value);
}

static void put_number(struct writer *w, u64 value)
{
	for (; value >= 0x80; value >>= 7)
		put_byte(w, value | 0x80);
	put_byte(w, value);
}

static void put_header(struct writer *w, const struct offset_alloc *oa)
{
	put_fixed(w, IMAGE_MAGIC, 8);
	put_fixed(w, IMAGE_VERSION, 4);
	put_fixed(w, oa->align_scan, 4);
	put_fixed(w, oa->capacity, 8);
	put_fixed(w, oa->max_capacity, 8);
	put_fixed(w, oa->bound, 8);
	put_fixed(w, oa->least_free, 8);
	put_fixed(w, oa->generation, 8);
	put_fixed(w, oa->first_generation, 8);
	put_fixed(w, oa->frees, 8);
	put_fixed(w, oa->failures, 8);
}

static void put_chunks(struct writer *w, const struct offset_alloc *oa)
{
	u32 slot, absent = 0;
	u32 left = oa->nr_chunks;
	u32 i;

	put_number(w, oa->nr_chunks);
	for (slot = 0; left; slot++) {
		if (!oa->chunks[slot]) {
			absent++;
			continue;
		}
		put_number(w, absent);
		absent = 0;
		left--;
	}
	put_number(w, oa->nr_hot);
	for (i = 0; i < oa->nr_hot; i++)
		put_number(w, oa->hot[i] / OFFSET_ALLOC_NODE_SIZE);
}

static void put_extents(struct writer *w, const struct offset_alloc *oa)
{
	u64 nr = oa_allocs(oa) - oa->frees;
	u32 bin = oa_bin_at_or_above(oa, 0);
	u32 index;

	for (; bin < OFFSET_ALLOC_BINS; bin = oa_bin_at_or_above(oa, bin + 1))
		nr += oa_bin_nr(oa, bin);
	put_number(w, nr);
	for (index = oa_sentinel(oa)->next; index != OA_SENTINEL_NODE;
	     index = oa_node(oa, index)->next) {
		const struct offset_alloc_node *node = oa_node(oa, index);

		put_number(w, node->size);
		put_number(w, index / OFFSET_ALLOC_NODE_SIZE * 2 + !oa_is_free(node));
		if (!oa_is_free(node))
			put_number(w, (u32)(oa->generation - 1 - node->generation));
	}
}

static void put_tree(struct writer *w, const struct offset_alloc *oa, u32 bin)
{
	u32 later[64] = { oa->bins[bin].root };
	bool tree = oa_bin_is_tree(oa, bin);
	u32 nr_later = 1;

	while (nr_later) {
		u32 index = later[--nr_later];
		const struct offset_alloc_node *node = oa_node(oa, index);
		u32 kind = tree ? 4 + !!node->child[0] + 2 * !!node->child[1] : 0;
		u32 chained, nr = 0;

		put_number(w, index / OFFSET_ALLOC_NODE_SIZE * 8 + kind);
		for (chained = node->chain; chained; chained = oa_node(oa, chained)->chain)
			nr++;
		put_number(w, nr);
		for (chained = node->chain; chained; chained = oa_node(oa, chained)->chain)
			put_number(w, chained / OFFSET_ALLOC_NODE_SIZE);
		if (kind & 2)
			later[nr_later++] = node->child[1];
		if (kind & 1)
			later[nr_later++] = node->child[0];
	}
}

/**
 * offset_alloc_save - Write down the state of an allocator
 * @oa: The allocator
 * @image: Where to, or NULL with a size of 0 to ask for the length
 * @size: Room there, in bytes
 *
 * The same state gives the same image on every machine.
 *
 * Context: Any; the caller holds the lock of the allocator. Doesn't sleep. The
 *          number of steps is proportional to the extents.
 * Return: The length of the image in bytes. If that is more than @size, the image
 *         is not complete.
 */
size_t offset_alloc_save(const struct offset_alloc *oa, void *image, size_t size)
{
	struct writer w = { .image = image, .size = size, .crc = ~0U };
	u32 bin = oa_bin_at_or_above(oa, 0);

	put_header(&w, oa);
	put_chunks(&w, oa);
	put_extents(&w, oa);
	for (; bin < OFFSET_ALLOC_BINS; bin = oa_bin_at_or_above(oa, bin + 1))
		put_tree(&w, oa, bin);
	put_fixed(&w, ~w.crc, 4);
	return w.length;
}

/* Load */

struct reader {
	const unsigned char *at;
	const unsigned char *end;
	bool broken;		/* no more bytes, or not as they should be */
};

static unsigned char get_byte(struct reader *r)
{
	if (r->at == r->end) {
		r->broken = true;
		return 0;
	}
	return *r->at++;
}

static u64 get_fixed(struct reader *r, unsigned int bytes)
{
	u64 value = 0;
	unsigned int i;

	for (i = 0; i < bytes; i++)
		value |= (u64)get_byte(r) << (8 * i);
	return value;
}

/* Up to @max, else the image is broken, and 0 */
static u64 get_number(struct reader *r, u64 max)
{
	unsigned int shift = 0;
	unsigned char byte;
	u64 value = 0;

	do {
		byte = get_byte(r);
		value |= (u64)(byte & 0x7f) << shift;
		/* Bits beyond 64, or a last byte that says nothing */
		if ((shift == 63 && byte > 1) || (shift && !byte))
			r->broken = true;
		shift += 7;
	} while (byte & 0x80 && !r->broken);
	if (value > max)
		r->broken = true;
	return r->broken ? 0 : value;
}

static bool image_sound(const unsigned char *image, size_t size)
{
	struct reader r = { .at = image + size - 4, .end = image + size };
	u32 crc = ~0U;
	size_t i;

	for (i = 0; i < size - 4; i++)
		crc = crc32_add(crc, image[i]);
	return get_fixed(&r, 4) == (u32)~crc;
}

static int get_header(struct reader *r, struct offset_alloc *oa)
{
	if (get_fixed(r, 8) != IMAGE_MAGIC)
		return -EINVAL;
	if (get_fixed(r, 4) != IMAGE_VERSION)
		return -EOPNOTSUPP;
	oa->align_scan = get_fixed(r, 4);
	oa->capacity = get_fixed(r, 8);
	oa->free = oa->capacity;
	oa->max_capacity = get_fixed(r, 8);
	oa->bound = get_fixed(r, 8);
	oa->least_free = get_fixed(r, 8);
	oa->generation = get_fixed(r, 8);
	oa->first_generation = get_fixed(r, 8);
	oa->frees = get_fixed(r, 8);
	oa->failures = get_fixed(r, 8);
	if (r->broken || !oa->align_scan || !oa->capacity ||
	    oa->capacity > oa->max_capacity || oa->bound > oa->max_capacity ||
	    oa->max_capacity > OFFSET_ALLOC_MAX_CAPACITY)
		return -EINVAL;
	return 0;
}

static int get_chunks(struct reader *r, struct offset_alloc *oa)
{
	u32 left = get_number(r, oa->max_chunks);
	u32 slot;

	for (slot = 0; left; slot++, left--) {
		struct offset_alloc_chunk *chunk;

		/* As many slots as there are chunks left must remain. */
		slot += get_number(r, oa->max_chunks - left - slot);
		if (r->broken)
			return -EINVAL;
		chunk = offset_alloc_chunk_new();
		if (!chunk)
			return -ENOMEM;
		oa_chunk_install(oa, slot, chunk);
	}
	return oa->chunks[0] ? 0 : -EINVAL;
}

/* Take a spare node by its index, or OA_NIL if that is not one. */
static u32 get_node(struct reader *r, struct offset_alloc *oa, u64 number)
{
	u32 index = number * OFFSET_ALLOC_NODE_SIZE;

	if (r->broken || !oa_has_node(oa, index) ||
	    !oa_chunk_take(oa, index)) {
		r->broken = true;
		return OA_NIL;
	}
	return index;
}

static void get_hot(struct reader *r, struct offset_alloc *oa)
{
	u32 nr = get_number(r, OFFSET_ALLOC_HOT_NODES);

	for (; nr; nr--)
		oa->hot[oa->nr_hot++] = get_node(r, oa, get_number(r, MAX_NUMBER));
}

/* Free extents get their @link from the trees: till then they look spare. */
static u64 get_extents(struct reader *r, struct offset_alloc *oa)
{
	u64 left = get_number(r, oa->max_capacity);
	u32 prev = OA_SENTINEL_NODE;
	u64 offset = 0, nr_free = 0;
	u32 index;

	for (; left; left--) {
		u64 size = get_number(r, oa->capacity - offset);
		u64 word = get_number(r, MAX_NUMBER * 2ULL + 1);
		struct offset_alloc_node *node;

		index = get_node(r, oa, word / 2);
		if (!index || !size)
			break;
		node = oa_node(oa, index);
		node->offset = offset;
		node->size = size;
		node->prev = prev;
		oa_node(oa, prev)->next = index;
		if (word % 2) {
			u64 later = get_number(r, U32_MAX);

			if (later >= oa_allocs(oa))
				break;
			node->link = OA_USED;
			node->generation = oa->generation - 1 - later;
			oa->free -= size;
		} else {
			nr_free++;
		}
		offset += size;
		prev = index;
	}
	if (left)
		r->broken = true;
	oa_node(oa, prev)->next = OA_SENTINEL_NODE;
	oa_sentinel(oa)->prev = prev;
	return nr_free;
}

/* A free extent that is in no bin yet, or OA_NIL */
static u32 get_unlinked(struct reader *r, struct offset_alloc *oa, u64 number)
{
	u32 index = number * OFFSET_ALLOC_NODE_SIZE;

	if (r->broken || !oa_has_node(oa, index) ||
	    oa_node(oa, index)->link != OA_SPARE || !oa_node(oa, index)->size) {
		r->broken = true;
		return OA_NIL;
	}
	return index;
}

/* One node of a tree and what is chained to it. Tells which children it has. */
static u32 get_tree_node(struct reader *r, struct offset_alloc *oa, u32 bin,
			 u64 *nr_free, u32 *children)
{
	u64 word = get_number(r, MAX_NUMBER * 8ULL + 7);
	u32 index = get_unlinked(r, oa, word / 8);
	struct offset_alloc_node *node;
	u32 at = index;
	u64 nr;

	if (!index)
		return OA_NIL;
	*children = word % 8;
	node = oa_node(oa, index);
	if (*children & 4)
		node->children = 0;
	node->link = OA_HEAD + (bin < OFFSET_ALLOC_BINS ? bin : oa_bin(node->size));
	nr = get_number(r, *nr_free - 1);
	*nr_free -= nr + 1;
	oa->bins[node->link - OA_HEAD].nr += nr + 1;
	for (; nr; nr--) {
		u32 chained = get_unlinked(r, oa, get_number(r, MAX_NUMBER));

		if (!chained)
			return OA_NIL;
		oa_node(oa, at)->chain = chained;
		oa_node(oa, chained)->link = at;
		at = chained;
	}
	return index;
}

/* Where in a tree the next node of the image belongs */
struct place {
	u32 parent;
	u32 child;
};

/* The tree or list of a bin, *@next or a later one */
static void get_tree(struct reader *r, struct offset_alloc *oa, u64 *nr_free, u32 *next)
{
	struct place later[64];
	u32 nr_later = 0;
	u32 bin = OFFSET_ALLOC_BINS;
	struct place place = { 0 };
	u32 tree = 0;

	for (;;) {
		u32 children = 0;
		u32 index = get_tree_node(r, oa, bin, nr_free, &children);

		/* No tree is so deep that more had to wait. */
		if (!index || nr_later + 2 > 64) {
			r->broken = true;
			return;
		}
		if (bin == OFFSET_ALLOC_BINS) {
			bin = oa_node(oa, index)->link - OA_HEAD;
			if (bin < *next)
				r->broken = true;
			*next = bin + 1;
			oa->bins[bin].root = index;
			oa_bin_mark(oa, bin);
			tree = children & 4;
			if (tree)
				oa->bins[bin].nr |= OA_TREE;
		} else {
			oa_node(oa, place.parent)->child[place.child] = index;
		}
		if ((children & 4) != tree)
			r->broken = true;
		if (children & 2)
			later[nr_later++] = (struct place){ index, 1 };
		if (children & 1)
			later[nr_later++] = (struct place){ index, 0 };
		if (!nr_later || !*nr_free)
			break;
		place = later[--nr_later];
	}
	if (nr_later)
		r->broken = true;
}

static int get_state(struct reader *r, struct offset_alloc *oa)
{
	u32 bin = 0;
	u64 nr_free;
	int err;

	err = oa_directory_new(oa);
	if (!err)
		err = get_chunks(r, oa);
	if (err)
		return err;
	if (!oa_chunk_take(oa, OA_SENTINEL_NODE))
		return -EINVAL;
	oa_sentinel_init(oa);
	get_hot(r, oa);
	nr_free = get_extents(r, oa);
	while (nr_free && !r->broken)
		get_tree(r, oa, &nr_free, &bin);
	if (r->broken || r->at != r->end || offset_alloc_check(oa))
		return -EINVAL;
	return 0;
}

/**
 * offset_alloc_load - Set up an allocator as another one was when it was saved
 * @oa: The allocator; what it contains is overwritten
 * @image: From offset_alloc_save(), maybe on another machine; anything is safe
 * @size: Its length in bytes
 *
 * The allocator goes on exactly as the saved one would have: handles remain valid,
 * and the same calls give the same extents and handles.
 *
 * Context: Process context, may sleep. The number of steps is proportional to the
 *          image, and to the memory that the saved allocator had.
 * Return: 0; -EINVAL if this is no image, or a broken one; -EOPNOTSUPP if it is of
 *         a version not known here; -ENOMEM. After an error offset_alloc_destroy()
 *         is allowed but not needed.
 */
int offset_alloc_load(struct offset_alloc *oa, const void *image, size_t size)
{
	struct reader r = { .at = image };
	int err;

	memset(oa, 0, sizeof(*oa));
	if (size < 4 || !image_sound(image, size))
		return -EINVAL;
	r.end = r.at + size - 4;
	err = get_header(&r, oa);
	if (!err)
		err = get_state(&r, oa);
	if (err)
		oa_directory_free(oa);
	return err;
}
