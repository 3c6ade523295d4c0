// SPDX-License-Identifier: GPL-2.0
/*
 * The ioctl ABI: every error that the uapi header documents, each with input
 * that is otherwise valid, and nothing changed by it
 *
 * Also built as a 32-bit program: the calls are the same.
 */
#include "pinpool_test.h"

#include <stddef.h>

#include "kselftest_harness.h"

/* What was once a struct's layout is its layout for ever, on every machine. */
#define LAYOUT(type, member, offset)	\
	_Static_assert(offsetof(struct type, member) == (offset), #type "." #member)

LAYOUT(pinpool_info, capacity, 8);
LAYOUT(pinpool_info, backing, 32);
LAYOUT(pinpool_info, name, 48);
LAYOUT(pinpool_info, base, 80);
LAYOUT(pinpool_info, longterm, 120);
_Static_assert(sizeof(struct pinpool_info) == 128, "pinpool_info");
_Static_assert(sizeof(struct pinpool_buf) == 32, "pinpool_buf");
LAYOUT(pinpool_alloc, bufs, 8);
LAYOUT(pinpool_alloc, count, 16);
LAYOUT(pinpool_alloc, length, 24);
LAYOUT(pinpool_alloc, handle, 48);
LAYOUT(pinpool_alloc, done, 56);
LAYOUT(pinpool_alloc, deadline_ns, 64);
_Static_assert(sizeof(struct pinpool_alloc) == 80, "pinpool_alloc");
LAYOUT(pinpool_free, handles, 8);
LAYOUT(pinpool_free, count, 16);
LAYOUT(pinpool_free, handle, 24);
_Static_assert(sizeof(struct pinpool_free) == 32, "pinpool_free");
_Static_assert(sizeof(struct pinpool_query) == 40, "pinpool_query");
LAYOUT(pinpool_stats, capacity, 8);
LAYOUT(pinpool_stats, client_buffers, 136);
LAYOUT(pinpool_stats, client_quarantined, 144);
_Static_assert(sizeof(struct pinpool_stats) == 168, "pinpool_stats");
LAYOUT(pinpool_export, fd, 16);
_Static_assert(sizeof(struct pinpool_export) == 24, "pinpool_export");
LAYOUT(pinpool_import, handle, 16);
_Static_assert(sizeof(struct pinpool_import) == 40, "pinpool_import");
LAYOUT(pinpool_resize, length, 16);
_Static_assert(sizeof(struct pinpool_resize) == 24, "pinpool_resize");
LAYOUT(pinpool_register, name, 8);
LAYOUT(pinpool_register, address, 40);
LAYOUT(pinpool_register, mode, 64);
_Static_assert(sizeof(struct pinpool_register) == 72, "pinpool_register");
_Static_assert(PINPOOL_IOC_REGISTER == 0xbe07 && PINPOOL_IOC_RESIZE == 0xbe08,
	       "command numbers");
_Static_assert(PINPOOL_IOC_INFO == 0xbe00 && PINPOOL_IOC_STATS == 0xbe04 &&
	       PINPOOL_IOC_EXPORT == 0xbe05 && PINPOOL_IOC_IMPORT == 0xbe06, "command numbers");

/* Any of the structs, with room behind it */
union arg {
	__u32 size;
	struct pinpool_info info;
	struct pinpool_alloc alloc;
	struct pinpool_free free;
	struct pinpool_query query;
	struct pinpool_stats stats;
	struct pinpool_export export;
	struct pinpool_import import;
	struct pinpool_resize resize;
	char bytes[16384];
};

enum { INFO, ALLOC, FREE, QUERY, STATS, EXPORT, IMPORT, RESIZE, NR_COMMANDS };

/* With the size that the struct had in its first version */
static const struct {
	unsigned int cmd;
	__u32 size;
	__u32 first_size;
} commands[] = {
	[INFO] = { PINPOOL_IOC_INFO, sizeof(struct pinpool_info), 80 },
	[ALLOC] = { PINPOOL_IOC_ALLOC, sizeof(struct pinpool_alloc), 64 },
	[FREE] = { PINPOOL_IOC_FREE, sizeof(struct pinpool_free), 32 },
	[QUERY] = { PINPOOL_IOC_QUERY, sizeof(struct pinpool_query), 40 },
	[STATS] = { PINPOOL_IOC_STATS, sizeof(struct pinpool_stats), 144 },
	[EXPORT] = { PINPOOL_IOC_EXPORT, sizeof(struct pinpool_export), 24 },
	[IMPORT] = { PINPOOL_IOC_IMPORT, sizeof(struct pinpool_import), 40 },
	[RESIZE] = { PINPOOL_IOC_RESIZE, sizeof(struct pinpool_resize), 24 },
};

FIXTURE(abi)
{
	int fd;
	struct pinpool_info info;
	struct pinpool_buf buf;		/* a live buffer of one granule */
	int share;			/* of another one, which the client doesn't hold */
	__u64 shared;			/* its handle */
	char *guard;			/* a page, and one without access behind it */
};

FIXTURE_SETUP(abi)
{
	long page = sysconf(_SC_PAGESIZE);
	struct pinpool_buf buf;

	self->fd = open(pp_node(), O_RDWR | O_CLOEXEC);
	ASSERT_LE(0, self->fd);
	ASSERT_EQ(0, pp_info(self->fd, &self->info));
	ASSERT_EQ(0, pp_alloc(self->fd, self->info.granule, 0, &self->buf));
	ASSERT_EQ(0, pp_alloc(self->fd, 1, 0, &buf));
	self->shared = buf.handle;
	self->share = pp_export(self->fd, buf.handle, 0);
	ASSERT_LE(0, self->share);
	ASSERT_EQ(0, pp_free(self->fd, buf.handle));
	self->guard = mmap(NULL, 2 * page, PROT_READ | PROT_WRITE,
			   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	ASSERT_TRUE(self->guard != MAP_FAILED);
	ASSERT_EQ(0, mprotect(self->guard + page, page, PROT_NONE));
}

/* Whatever a test did, the one buffer and the share are all there is. */
FIXTURE_TEARDOWN(abi)
{
	EXPECT_EQ(0, pp_free(self->fd, self->buf.handle));
	EXPECT_EQ(0, close(self->share));
	EXPECT_TRUE(pp_pool_is_whole(self->fd, 1));
	close(self->fd);
}

/* The end of the accessible page, less @size */
static void *at_guard(const FIXTURE_DATA(abi) *self, size_t size)
{
	return self->guard + sysconf(_SC_PAGESIZE) - size;
}

/* A call that is right, and has an effect that undo() can take back */
static void fill(const FIXTURE_DATA(abi) *self, int command, union arg *arg)
{
	memset(arg, 0, sizeof(*arg));
	arg->size = commands[command].size;
	if (command == ALLOC)
		arg->alloc.length = 1;
	if (command == QUERY)
		arg->query.handle = self->buf.handle;
	if (command == EXPORT)
		arg->export.handle = self->buf.handle;
	if (command == IMPORT)
		arg->import.fd = self->share;
	if (command == RESIZE) {
		arg->resize.handle = self->buf.handle;
		arg->resize.length = 1;
	}
	if (command == FREE) {
		struct pinpool_buf buf;

		arg->free.handle = pp_alloc(self->fd, 1, 0, &buf) ? 0 : buf.handle;
	}
}

static int call(const FIXTURE_DATA(abi) *self, int command, void *arg)
{
	return pp_ioctl(self->fd, commands[command].cmd, arg);
}

/* True if the buffer has the length, and gets its old one again */
static bool undo_resize(const FIXTURE_DATA(abi) *self, __u64 length)
{
	struct pinpool_resize back = {
		.size = sizeof(back), .handle = self->buf.handle, .length = self->info.granule,
	};
	struct pinpool_query query;

	return !pp_query(self->fd, self->buf.handle, &query) && query.length == length &&
	       !pp_ioctl(self->fd, PINPOOL_IOC_RESIZE, &back);
}

/* True if the call did its job where it gave no error, and else nothing */
static bool undo(const FIXTURE_DATA(abi) *self, int command, const union arg *arg, int err)
{
	if (command == ALLOC && !err)
		return !pp_free(self->fd, arg->alloc.handle);
	if (command == FREE)
		return pp_free(self->fd, arg->free.handle) == (err ? 0 : -ENOENT);
	if (command == EXPORT && !err)
		return !close(arg->export.fd);
	if (command == RESIZE)
		return undo_resize(self, err ? self->info.granule : 1);
	if (command == IMPORT)
		return pp_free(self->fd, self->shared) == (err ? -ENOENT : 0);
	return true;
}

TEST_F(abi, every_command_works)
{
	union arg arg;
	int i;

	for (i = 0; i < NR_COMMANDS; i++) {
		fill(self, i, &arg);
		EXPECT_EQ(0, call(self, i, &arg)) TH_LOG("command %d", i);
		EXPECT_EQ(commands[i].size, arg.size);
		EXPECT_TRUE(undo(self, i, &arg, 0));
	}
}

TEST_F(abi, enotty_unknown_command)
{
	union arg arg = { .size = sizeof(struct pinpool_info) };

	EXPECT_EQ(-ENOTTY, pp_ioctl(self->fd, PINPOOL_IOC_REGISTER, &arg));
	EXPECT_EQ(-ENOTTY, pp_ioctl(self->fd, _IO(PINPOOL_IOC_TYPE, PINPOOL_CMD_RESIZE + 1),
				    &arg));
	EXPECT_EQ(-ENOTTY, pp_ioctl(self->fd, _IO(PINPOOL_IOC_TYPE, 0xff), &arg));
	EXPECT_EQ(-ENOTTY, pp_ioctl(self->fd, _IO(PINPOOL_IOC_TYPE + 1, 0), &arg));
	/* The right number, but with a direction and a size encoded */
	EXPECT_EQ(-ENOTTY, pp_ioctl(self->fd, _IOWR(PINPOOL_IOC_TYPE, 0, struct pinpool_info),
				    &arg));
}

TEST_F(abi, einval_struct_too_short)
{
	union arg arg;
	__u32 size;
	int i;

	for (i = 0; i < NR_COMMANDS; i++) {
		for (size = 0; size < commands[i].first_size; size++) {
			fill(self, i, &arg);
			arg.size = size;
			EXPECT_EQ(-EINVAL, call(self, i, &arg))
				TH_LOG("command %d, size %u", i, size);
			EXPECT_TRUE(undo(self, i, &arg, -EINVAL));
		}
	}
}

TEST_F(abi, struct_of_an_older_version_works)
{
	union arg arg;
	__u32 size;
	int i, err;

	for (i = 0; i < NR_COMMANDS; i++) {
		for (size = commands[i].first_size; size < commands[i].size; size++) {
			fill(self, i, &arg);
			memset(arg.bytes + size, 0xa5, 512);
			arg.size = size;
			err = call(self, i, &arg);
			EXPECT_EQ(0, err) TH_LOG("command %d, size %u", i, size);
			EXPECT_EQ(0xa5, (unsigned char)arg.bytes[size]);
			EXPECT_TRUE(undo(self, i, &arg, err));
		}
	}
}

TEST_F(abi, longer_struct_with_zero_tail_works)
{
	long page = sysconf(_SC_PAGESIZE);
	union arg arg;
	__u32 size;
	int i, err;

	for (i = 0; i < NR_COMMANDS; i++) {
		for (size = commands[i].size; size <= page; size += size / 8 + 1) {
			fill(self, i, &arg);
			arg.size = size;
			err = call(self, i, &arg);
			EXPECT_EQ(0, err) TH_LOG("command %d, size %u", i, size);
			EXPECT_EQ(size, arg.size);
			EXPECT_TRUE(undo(self, i, &arg, err));
		}
	}
}

TEST_F(abi, e2big_unknown_tail)
{
	union arg arg;
	__u32 size;
	int i, err;

	for (i = 0; i < NR_COMMANDS; i++) {
		for (size = commands[i].size + 1; size < 1000; size += 37) {
			fill(self, i, &arg);
			arg.size = size;
			arg.bytes[size - 1] = 1;
			err = call(self, i, &arg);
			EXPECT_EQ(-E2BIG, err) TH_LOG("command %d, size %u", i, size);
			EXPECT_TRUE(undo(self, i, &arg, err));
		}
	}
}

TEST_F(abi, e2big_struct_of_more_than_a_page)
{
	static const __u32 sizes[] = { 0x7fffffff, 0x80000000, 0xffffffff };
	union arg arg;
	unsigned int j;
	int i, err;

	for (i = 0; i < NR_COMMANDS; i++) {
		for (j = 0; j < ARRAY_LEN(sizes); j++) {
			fill(self, i, &arg);
			arg.size = sizes[j];
			err = call(self, i, &arg);
			EXPECT_EQ(-E2BIG, err) TH_LOG("command %d, size %u", i, sizes[j]);
			EXPECT_TRUE(undo(self, i, &arg, err));
		}
		fill(self, i, &arg);
		arg.size = sysconf(_SC_PAGESIZE) + 8;
		err = call(self, i, &arg);
		EXPECT_EQ(-E2BIG, err);
		EXPECT_TRUE(undo(self, i, &arg, err));
	}
}

TEST_F(abi, no_byte_is_written_beyond_the_struct)
{
	union arg arg;
	size_t at;
	int i, err;

	for (i = 0; i < NR_COMMANDS; i++) {
		fill(self, i, &arg);
		memset(arg.bytes + commands[i].size, 0xa5, 512);
		err = call(self, i, &arg);
		EXPECT_EQ(0, err);
		for (at = commands[i].size; at < commands[i].size + 512; at++)
			EXPECT_EQ(0xa5, (unsigned char)arg.bytes[at]);
		EXPECT_TRUE(undo(self, i, &arg, err));
	}
}

TEST_F(abi, eopnotsupp_unknown_flag)
{
	/* The flags that do exist */
	static const __u32 known[NR_COMMANDS] = {
		[ALLOC] = PINPOOL_ALLOC_PARTIAL | PINPOOL_ALLOC_POPULATE |
			  PINPOOL_ALLOC_SCATTER | PINPOOL_ALLOC_AT,
		[QUERY] = PINPOOL_QUERY_OFFSET | PINPOOL_QUERY_NEXT,
		[EXPORT] = PINPOOL_SHARE_RDONLY,
		[IMPORT] = PINPOOL_SHARE_RDONLY,
	};
	union arg arg;
	int i, bit, err;

	for (i = 0; i < NR_COMMANDS; i++) {
		for (bit = 0; bit < 32; bit++) {
			if (known[i] & (1U << bit))
				continue;
			fill(self, i, &arg);
			/* All structs have their flags behind the size. */
			arg.info.flags = 1U << bit;
			err = call(self, i, &arg);
			EXPECT_EQ(-EOPNOTSUPP, err) TH_LOG("command %d, bit %d", i, bit);
			EXPECT_TRUE(undo(self, i, &arg, err));
		}
	}
}

TEST_F(abi, einval_reserved_field)
{
	union arg arg;

	fill(self, ALLOC, &arg);
	arg.alloc.__reserved = 1;
	EXPECT_EQ(-EINVAL, call(self, ALLOC, &arg));
	fill(self, EXPORT, &arg);
	arg.export.__reserved = 1;
	EXPECT_EQ(-EINVAL, call(self, EXPORT, &arg));
	fill(self, IMPORT, &arg);
	arg.import.__reserved = 1;
	EXPECT_EQ(-EINVAL, call(self, IMPORT, &arg));
}

TEST_F(abi, einval_window)
{
	union arg arg;

	fill(self, ALLOC, &arg);
	arg.alloc.window = sysconf(_SC_PAGESIZE);
	EXPECT_EQ(-EINVAL, call(self, ALLOC, &arg));
	arg.alloc.window = 0;
	arg.alloc.flags = PINPOOL_ALLOC_POPULATE;
	EXPECT_EQ(-EINVAL, call(self, ALLOC, &arg));
	arg.alloc.window = sysconf(_SC_PAGESIZE) + 1;
	EXPECT_EQ(-EINVAL, call(self, ALLOC, &arg));

	/* One that leads nowhere doesn't matter: nothing is mapped. */
	arg.alloc.window = (uintptr_t)self->guard;
	EXPECT_EQ(0, call(self, ALLOC, &arg));
	EXPECT_EQ(0, pp_free(self->fd, arg.alloc.handle));
	arg.alloc.window = -4096ULL;
	EXPECT_EQ(0, call(self, ALLOC, &arg));
	EXPECT_EQ(0, pp_free(self->fd, arg.alloc.handle));
}

TEST_F(abi, einval_fields_of_the_other_form)
{
	struct pinpool_buf bufs[2] = { { .length = 1 }, { .length = 1 } };
	union arg arg;

	/* One buffer, with something of an array */
	fill(self, ALLOC, &arg);
	arg.alloc.count = 1;
	EXPECT_EQ(-EINVAL, call(self, ALLOC, &arg));
	fill(self, ALLOC, &arg);
	arg.alloc.buf_size = sizeof(bufs[0]);
	EXPECT_EQ(-EINVAL, call(self, ALLOC, &arg));
	fill(self, ALLOC, &arg);
	arg.alloc.flags = PINPOOL_ALLOC_PARTIAL;
	EXPECT_EQ(-EINVAL, call(self, ALLOC, &arg));
	arg.free = (struct pinpool_free){
		.size = sizeof(arg.free), .count = 1, .handle = self->buf.handle,
	};
	EXPECT_EQ(-EINVAL, call(self, FREE, &arg));

	/* An array, with something of one buffer */
	memset(&arg, 0, sizeof(arg));
	arg.alloc = (struct pinpool_alloc){
		.size = sizeof(arg.alloc), .bufs = (uintptr_t)bufs, .count = 2,
		.buf_size = sizeof(bufs[0]), .length = 1,
	};
	EXPECT_EQ(-EINVAL, call(self, ALLOC, &arg));
	arg.alloc.length = 0;
	arg.alloc.align = 1;
	EXPECT_EQ(-EINVAL, call(self, ALLOC, &arg));
	arg.free = (struct pinpool_free){
		.size = sizeof(arg.free), .handles = (uintptr_t)&self->buf.handle, .count = 1,
		.handle = self->buf.handle,
	};
	EXPECT_EQ(-EINVAL, call(self, FREE, &arg));

	/* A scattered one, without an array, with more than there can be, or aligned */
	fill(self, ALLOC, &arg);
	arg.alloc.flags = PINPOOL_ALLOC_SCATTER;
	arg.alloc.count = 2;
	arg.alloc.buf_size = sizeof(bufs[0]);
	EXPECT_EQ(-EINVAL, call(self, ALLOC, &arg));
	arg.alloc.bufs = (uintptr_t)bufs;
	arg.alloc.align = 1;
	EXPECT_EQ(-EINVAL, call(self, ALLOC, &arg));
	arg.alloc.align = 0;
	arg.alloc.count = PINPOOL_MAX_SCATTER + 1;
	EXPECT_EQ(-EINVAL, call(self, ALLOC, &arg));
	arg.alloc.count = 0;
	EXPECT_EQ(-EINVAL, call(self, ALLOC, &arg));
	arg.alloc.count = 2;
	arg.alloc.flags |= PINPOOL_ALLOC_PARTIAL;
	EXPECT_EQ(-EINVAL, call(self, ALLOC, &arg));

	/* QUERY by handle, with an offset or a flag that needs one, and the reverse */
	fill(self, QUERY, &arg);
	arg.query.offset = self->buf.offset + 1;
	EXPECT_EQ(-EINVAL, call(self, QUERY, &arg));
	fill(self, QUERY, &arg);
	arg.query.flags = PINPOOL_QUERY_NEXT;
	EXPECT_EQ(-EINVAL, call(self, QUERY, &arg));
	fill(self, QUERY, &arg);
	arg.query.flags = PINPOOL_QUERY_OFFSET;
	EXPECT_EQ(-EINVAL, call(self, QUERY, &arg));
}

TEST_F(abi, einval_length)
{
	const __u64 lengths[] = {
		0, self->info.capacity + 1, 2 * self->info.capacity, 1ULL << 62, 1ULL << 63,
		-self->info.granule, -self->info.granule + 1, ~0ULL,
	};
	struct pinpool_buf buf;
	unsigned int i;

	for (i = 0; i < ARRAY_LEN(lengths); i++) {
		EXPECT_EQ(-EINVAL, pp_alloc(self->fd, lengths[i], 0, &buf))
			TH_LOG("length %#llx", lengths[i]);
		buf = (struct pinpool_buf){ .length = lengths[i] };
		EXPECT_EQ(-EINVAL, pp_alloc_array(self->fd, &buf, 1, 0, NULL));
	}
}

TEST_F(abi, einval_alignment)
{
	const __u64 aligns[] = { 3, 6, 4097, (1ULL << 63) + 1, ~0ULL };
	struct pinpool_buf buf;
	unsigned int i;

	for (i = 0; i < ARRAY_LEN(aligns); i++) {
		EXPECT_EQ(-EINVAL, pp_alloc(self->fd, 1, aligns[i], &buf))
			TH_LOG("align %#llx", aligns[i]);
		buf = (struct pinpool_buf){ .length = 1, .align = aligns[i] };
		EXPECT_EQ(-EINVAL, pp_alloc_array(self->fd, &buf, 1, 0, NULL));
	}
}

TEST_F(abi, einval_array_count)
{
	const __u32 counts[] = { 0, self->info.max_array + 1, 0x80000000, 0xffffffff };
	struct pinpool_buf buf = { .length = 1 };
	unsigned int i;

	EXPECT_EQ(PINPOOL_MAX_ARRAY, self->info.max_array);
	for (i = 0; i < ARRAY_LEN(counts); i++) {
		EXPECT_EQ(-EINVAL, pp_alloc_array(self->fd, &buf, counts[i], 0, NULL))
			TH_LOG("count %u", counts[i]);
		EXPECT_EQ(-EINVAL, pp_free_array(self->fd, &self->buf.handle, counts[i], NULL))
			TH_LOG("count %u", counts[i]);
	}
}

TEST_F(abi, array_entries_are_versioned_as_structs_are)
{
	char entries[2][64] = { { 0 } };
	struct pinpool_buf *bufs[] = { (void *)entries[0], (void *)entries[1] };
	struct pinpool_alloc alloc = {
		.size = sizeof(alloc), .bufs = (uintptr_t)entries, .count = 2,
	};
	__u64 handles[2];

	bufs[0]->length = 1;
	bufs[1]->length = 1;
	alloc.buf_size = sizeof(struct pinpool_buf) - 1;
	EXPECT_EQ(-EINVAL, call(self, ALLOC, &alloc));
	alloc.buf_size = 0;
	EXPECT_EQ(-EINVAL, call(self, ALLOC, &alloc));
	alloc.buf_size = 1U << 31;
	EXPECT_EQ(-E2BIG, call(self, ALLOC, &alloc));

	alloc.buf_size = sizeof(entries[0]);
	entries[1][sizeof(struct pinpool_buf)] = 1;
	EXPECT_EQ(-E2BIG, call(self, ALLOC, &alloc));

	entries[1][sizeof(struct pinpool_buf)] = 0;
	ASSERT_EQ(0, call(self, ALLOC, &alloc));
	EXPECT_EQ(2, alloc.done);
	handles[0] = bufs[0]->handle;
	handles[1] = bufs[1]->handle;
	EXPECT_EQ(0, pp_free_array(self->fd, handles, 2, NULL));
}

TEST_F(abi, fields_marked_out_are_ignored_on_input)
{
	struct pinpool_buf buf = { .length = 1, .offset = ~0ULL, .handle = ~0ULL };
	union arg arg;

	fill(self, ALLOC, &arg);
	arg.alloc.offset = ~0ULL;
	arg.alloc.handle = ~0ULL;
	arg.alloc.done = ~0U;
	ASSERT_EQ(0, call(self, ALLOC, &arg));
	EXPECT_EQ(1, arg.alloc.done);
	EXPECT_EQ(0, pp_free(self->fd, arg.alloc.handle));
	ASSERT_EQ(0, pp_alloc_array(self->fd, &buf, 1, 0, NULL));

	memset(&arg, 0, sizeof(arg));
	arg.free = (struct pinpool_free){
		.size = sizeof(arg.free), .done = ~0U, .handle = buf.handle,
	};
	EXPECT_EQ(0, call(self, FREE, &arg));
	EXPECT_EQ(1, arg.free.done);

	memset(&arg, 0xff, sizeof(arg.info));
	arg.info.size = sizeof(arg.info);
	arg.info.flags = 0;
	EXPECT_EQ(0, call(self, INFO, &arg));
	EXPECT_EQ(0, memcmp(&arg.info, &self->info, sizeof(self->info)));
}

TEST_F(abi, efault_argument)
{
	int i;

	for (i = 0; i < NR_COMMANDS; i++) {
		EXPECT_EQ(-EFAULT, call(self, i, NULL)) TH_LOG("command %d", i);
		EXPECT_EQ(-EFAULT, call(self, i, at_guard(self, 0)));
		EXPECT_EQ(-EFAULT, call(self, i, (void *)-4096L));
	}
}

TEST_F(abi, efault_struct_across_a_guard_page)
{
	union arg arg;
	size_t cut;
	void *at;
	int i, err;

	for (i = 0; i < NR_COMMANDS; i++) {
		for (cut = 4; cut < commands[i].size; cut += 4) {
			fill(self, i, &arg);
			at = at_guard(self, commands[i].size - cut);
			memcpy(at, &arg, commands[i].size - cut);
			err = call(self, i, at);
			EXPECT_EQ(-EFAULT, err) TH_LOG("command %d, cut %zu", i, cut);
			EXPECT_TRUE(undo(self, i, &arg, err));
		}
	}
}

TEST_F(abi, efault_answer_that_cannot_be_written)
{
	long page = sysconf(_SC_PAGESIZE);
	struct pinpool_buf *buf = (void *)self->guard;
	union arg arg;
	int i, err;

	for (i = 0; i < NR_COMMANDS; i++) {
		/* Has none */
		if (i == RESIZE)
			continue;
		fill(self, i, &arg);
		memcpy(self->guard, &arg, commands[i].size);
		ASSERT_EQ(0, mprotect(self->guard, page, PROT_READ));
		err = call(self, i, self->guard);
		EXPECT_EQ(-EFAULT, err) TH_LOG("command %d", i);
		ASSERT_EQ(0, mprotect(self->guard, page, PROT_READ | PROT_WRITE));
		/* For FREE: the buffer must still be there. */
		EXPECT_TRUE(undo(self, i, &arg, err));
	}

	*buf = (struct pinpool_buf){ .length = 1 };
	ASSERT_EQ(0, mprotect(self->guard, page, PROT_READ));
	EXPECT_EQ(-EFAULT, pp_alloc_array(self->fd, buf, 1, 0, NULL));
	ASSERT_EQ(0, mprotect(self->guard, page, PROT_READ | PROT_WRITE));
}

TEST_F(abi, efault_in_the_middle_of_an_array)
{
	struct pinpool_buf *bufs = at_guard(self, 3 * sizeof(*bufs));
	__u64 *handles = at_guard(self, 3 * sizeof(*handles));
	struct pinpool_stats before, after;
	uint32_t done;
	int i;

	for (i = 0; i < 3; i++)
		bufs[i] = (struct pinpool_buf){ .length = 1 };
	ASSERT_EQ(0, pp_stats(self->fd, &before));
	EXPECT_EQ(-EFAULT, pp_alloc_array(self->fd, bufs, 4, 0, NULL));
	ASSERT_EQ(0, pp_stats(self->fd, &after));
	EXPECT_EQ(0, memcmp(&before.used, &after.used, 2 * sizeof(before.used)));
	EXPECT_EQ(before.buffers, after.buffers);
	EXPECT_EQ(before.allocs, after.allocs);

	/* Partial: the three before it are made. */
	EXPECT_EQ(0, pp_alloc_array(self->fd, bufs, 4, PINPOOL_ALLOC_PARTIAL, &done));
	ASSERT_EQ(3, done);

	/* FREE reads the array before it frees anything. */
	for (i = 2; i >= 0; i--)
		handles[i] = bufs[i].handle;
	EXPECT_EQ(-EFAULT, pp_free_array(self->fd, handles, 4, &done));
	EXPECT_EQ(0, done);
	EXPECT_EQ(0, pp_free_array(self->fd, handles, 3, &done));
	EXPECT_EQ(3, done);
}

TEST_F(abi, ebadf_not_open_for_writing)
{
	int fd = open(pp_node(), O_RDONLY | O_CLOEXEC);
	struct pinpool_stats stats;
	struct pinpool_query query;
	struct pinpool_info info;
	struct pinpool_buf buf;

	ASSERT_LE(0, fd);
	EXPECT_EQ(-EBADF, pp_alloc(fd, 1, 0, &buf));
	EXPECT_EQ(-EBADF, pp_free(fd, self->buf.handle));
	EXPECT_EQ(0, pp_info(fd, &info));
	EXPECT_EQ(0, pp_stats(fd, &stats));
	EXPECT_EQ(2, stats.buffers);
	EXPECT_EQ(0, stats.client_buffers);
	EXPECT_EQ(-ENOENT, pp_find(fd, 0, PINPOOL_QUERY_NEXT, &query));
	close(fd);
}

TEST_F(abi, enoent_stale_double_and_forged_handles)
{
	struct pinpool_query query;
	struct pinpool_buf buf, again;
	__u64 handles[64 + 4];
	unsigned int i, nr = 0;

	ASSERT_EQ(0, pp_alloc(self->fd, 1, 0, &buf));
	ASSERT_EQ(0, pp_free(self->fd, buf.handle));
	EXPECT_EQ(-ENOENT, pp_free(self->fd, buf.handle));
	EXPECT_EQ(-ENOENT, pp_query(self->fd, buf.handle, &query));
	/* The place is in use again, but the old handle doesn't name it. */
	ASSERT_EQ(0, pp_alloc(self->fd, 1, 0, &again));
	EXPECT_EQ(buf.offset, again.offset);
	EXPECT_NE(buf.handle, again.handle);
	EXPECT_EQ(-ENOENT, pp_free(self->fd, buf.handle));
	EXPECT_EQ(-ENOENT, pp_query(self->fd, buf.handle, &query));

	for (; nr < 64; nr++)
		handles[nr] = again.handle ^ (1ULL << nr);
	handles[nr++] = 0;
	handles[nr++] = ~0ULL;
	handles[nr++] = 0xffffffff;
	handles[nr++] = 1ULL << 32;
	for (i = 0; i < nr; i++) {
		if (handles[i] == self->buf.handle)
			continue;
		EXPECT_EQ(-ENOENT, pp_free(self->fd, handles[i]))
			TH_LOG("handle %#llx", handles[i]);
		EXPECT_EQ(-ENOENT, pp_query(self->fd, handles[i], &query));
	}
	EXPECT_EQ(0, pp_query(self->fd, again.handle, &query));
	EXPECT_EQ(0, pp_free(self->fd, again.handle));
}

TEST_F(abi, enoent_handle_of_another_client)
{
	int fd = open(pp_node(), O_RDWR | O_CLOEXEC);
	struct pinpool_query query;

	ASSERT_LE(0, fd);
	EXPECT_EQ(-ENOENT, pp_free(fd, self->buf.handle));
	EXPECT_EQ(-ENOENT, pp_query(fd, self->buf.handle, &query));
	EXPECT_EQ(-ENOENT, pp_find(fd, self->buf.offset, 0, &query));
	EXPECT_EQ(-ENOENT, pp_find(fd, 0, PINPOOL_QUERY_NEXT, &query));
	close(fd);
	EXPECT_EQ(0, pp_query(self->fd, self->buf.handle, &query));
	EXPECT_EQ(self->buf.offset, query.offset);
}

TEST_F(abi, enospc_full_pool)
{
	struct pinpool_stats before, after;
	struct pinpool_buf rest, buf;

	ASSERT_EQ(0, pp_stats(self->fd, &before));
	ASSERT_EQ(0, pp_alloc(self->fd, before.largest_free, 0, &rest));
	EXPECT_EQ(-ENOSPC, pp_alloc(self->fd, before.free, 0, &buf));
	/* Never possible beside the buffer that is there, but not nonsense */
	EXPECT_EQ(-ENOSPC, pp_alloc(self->fd, self->info.capacity, 0, &buf));
	ASSERT_EQ(0, pp_stats(self->fd, &after));
	EXPECT_EQ(before.failures + 2, after.failures);
	EXPECT_EQ(0, pp_free(self->fd, rest.handle));
	ASSERT_EQ(0, pp_alloc(self->fd, before.largest_free, 0, &rest));
	EXPECT_EQ(0, pp_free(self->fd, rest.handle));
}

TEST_F(abi, free_of_an_array_tells_where_it_stopped)
{
	struct pinpool_buf bufs[5];
	struct pinpool_query query;
	__u64 handles[5];
	uint32_t done;
	int i;

	for (i = 0; i < 5; i++) {
		ASSERT_EQ(0, pp_alloc(self->fd, 1, 0, &bufs[i]));
		handles[i] = bufs[i].handle;
	}
	handles[2] = handles[0];
	EXPECT_EQ(-ENOENT, pp_free_array(self->fd, handles, 5, &done));
	EXPECT_EQ(2, done);
	EXPECT_EQ(-ENOENT, pp_query(self->fd, bufs[1].handle, &query));
	for (i = 2; i < 5; i++)
		EXPECT_EQ(0, pp_free(self->fd, bufs[i].handle));
}

TEST_F(abi, arguments_may_lie_in_the_window)
{
	char *window = pp_window(self->fd, PROT_READ | PROT_WRITE);
	struct pinpool_alloc *alloc;
	struct pinpool_free *free;
	struct pinpool_buf home;
	uint32_t done;
	__u64 *handles;

	ASSERT_TRUE(window != MAP_FAILED);
	ASSERT_EQ(0, pp_alloc(self->fd, self->info.granule, 0, &home));
	alloc = (void *)(window + home.offset);
	*alloc = (struct pinpool_alloc){ .size = sizeof(*alloc), .length = 1 };
	ASSERT_EQ(0, call(self, ALLOC, alloc));

	/* An array that lies in the first of the buffers it names */
	handles = (void *)(window + home.offset + 1024);
	handles[0] = home.handle;
	handles[1] = alloc->handle;
	EXPECT_EQ(0, pp_free_array(self->fd, handles, 2, &done));
	EXPECT_EQ(2, done);

	/* The buffer goes, and with it the place for the answer. */
	ASSERT_EQ(0, pp_alloc(self->fd, self->info.granule, 0, &home));
	free = (void *)(window + home.offset);
	*free = (struct pinpool_free){ .size = sizeof(*free), .handle = home.handle };
	EXPECT_EQ(0, call(self, FREE, free));
	EXPECT_EQ(SIGBUS, pp_probe_read(free));
	munmap(window, self->info.capacity);
}

TEST_F(abi, info_tells_what_the_pool_is)
{
	const struct pinpool_info *info = &self->info;
	unsigned long page = sysconf(_SC_PAGESIZE);
	const char *slash = strrchr(pp_node(), '/');

	EXPECT_STREQ(slash ? slash + 1 : pp_node(), info->name);
	EXPECT_EQ(0, info->granule & (info->granule - 1));
	EXPECT_LE(page, info->granule);
	EXPECT_LE(info->granule, info->capacity);
	EXPECT_EQ(0, info->capacity % info->granule);
	EXPECT_EQ(PINPOOL_BACKING_PAGES, info->backing);
	EXPECT_GE(PINPOOL_ZERO_NEVER, info->zero);
	EXPECT_EQ(PINPOOL_FEATURE_WAIT | PINPOOL_FEATURE_POPULATE | PINPOOL_FEATURE_SHARE |
		  PINPOOL_FEATURE_SCATTER | PINPOOL_FEATURE_AT |
		  PINPOOL_FEATURE_RESIZE,
		  info->features & ~PINPOOL_FEATURE_HUGE);
	EXPECT_LE(-1, info->node);
}

/* Of the control node; user_limits.c has its errors. */
TEST_F(abi, memory_is_registered)
{
	struct pinpool_register reg = {
		.size = sizeof(reg), .name = "abi-test", .length = 64 * 1024,
	};
	int fd = open("/dev/pinpool-control", O_RDWR | O_CLOEXEC);
	struct pinpool_info info;
	char *memory;
	int node;

	if (fd < 0)
		SKIP(return, "no right to open /dev/pinpool-control");
	memory = mmap(NULL, reg.length, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
		      -1, 0);
	ASSERT_TRUE(memory != MAP_FAILED);
	reg.address = (uintptr_t)memory;
	ASSERT_EQ(0, pp_ioctl(fd, PINPOOL_IOC_REGISTER, &reg));
	node = open("/dev/pinpool/abi-test", O_RDWR | O_CLOEXEC);
	ASSERT_LE(0, node);
	ASSERT_EQ(0, pp_info(node, &info));
	EXPECT_EQ(reg.length, info.capacity);
	EXPECT_EQ(PINPOOL_BACKING_USER, info.backing);
	close(node);
	close(fd);
	EXPECT_EQ(-1, access("/dev/pinpool/abi-test", F_OK));
}

PP_HARNESS_MAIN
