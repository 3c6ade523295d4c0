// SPDX-License-Identifier: GPL-2.0
/*
 * Windows: what a client reaches in them, what it doesn't, and that the kernel
 * takes their memory for ordinary memory
 *
 * Also built as a 32-bit program: the mappings are the same.
 */
#define _FILE_OFFSET_BITS 64
#include "pinpool_test.h"

#include <pthread.h>
#include <sys/personality.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <sys/wait.h>

#include "kselftest_harness.h"

#define RW	(PROT_READ | PROT_WRITE)

FIXTURE(window)
{
	int fd;
	struct pinpool_info info;
	size_t page;
	size_t granule;
	size_t capacity;
	char *window;		/* on all of the pool */
};

FIXTURE_SETUP(window)
{
	self->fd = open(pp_node(), O_RDWR | O_CLOEXEC);
	ASSERT_LE(0, self->fd);
	ASSERT_EQ(0, pp_info(self->fd, &self->info));
	self->page = sysconf(_SC_PAGESIZE);
	self->granule = self->info.granule;
	self->capacity = self->info.capacity;
	self->window = pp_window(self->fd, RW);
	ASSERT_TRUE(self->window != MAP_FAILED);
}

static void free_all(int fd)
{
	struct pinpool_query query;

	while (!pp_find(fd, 0, PINPOOL_QUERY_NEXT, &query))
		if (pp_free(fd, query.handle))
			return;
}

FIXTURE_TEARDOWN(window)
{
	free_all(self->fd);
	munmap(self->window, self->capacity);
	EXPECT_TRUE(pp_pool_is_whole(self->fd, 1));
	close(self->fd);
}

/* As pp_probe_write(), which looks before it writes */
static int probe_store(volatile char *address, char value)
{
	struct sigaction action = { .sa_sigaction = pp_trap, .sa_flags = SA_SIGINFO };
	struct sigaction old_bus, old_segv;
	int sig;

	sigaction(SIGBUS, &action, &old_bus);
	sigaction(SIGSEGV, &action, &old_segv);
	sig = sigsetjmp(pp_trap_env, 1);
	if (!sig)
		*address = value;
	sigaction(SIGBUS, &old_bus, NULL);
	sigaction(SIGSEGV, &old_segv, NULL);
	return sig;
}

/* Whether each page from @start on is SIGBUS, for reading and writing */
static bool is_gone(const FIXTURE_DATA(window) *self, char *start, size_t length)
{
	size_t at;

	for (at = 0; at < length; at += self->page) {
		if (probe_store(start + at, 1) == SIGBUS && pp_probe_read(start + at) == SIGBUS)
			continue;
		fprintf(stderr, "# no SIGBUS %zu bytes from the start\n", at);
		return false;
	}
	return true;
}

/* A window on a part of the pool */
static char *map_part(int fd, int prot, uint64_t offset, size_t length)
{
	return mmap(NULL, length, prot, MAP_SHARED, fd, offset);
}

/* The error that a mapping, or a change of one, gives; 0 if there is none */
static int map_error(int fd, int prot, int flags, uint64_t offset, size_t length)
{
	void *mem = mmap(NULL, length, prot, flags, fd, offset);

	if (mem == MAP_FAILED)
		return errno;
	munmap(mem, length);
	return 0;
}

static int protect_error(void *start, size_t length, int prot)
{
	return mprotect(start, length, prot) ? errno : 0;
}

static size_t extent_of(const FIXTURE_DATA(window) *self, size_t length)
{
	return (length + self->granule - 1) / self->granule * self->granule;
}

/* Take all that is left, so that what is freed next is the only free place. */
static int take_the_rest(int fd)
{
	struct pinpool_stats stats;
	struct pinpool_buf buf;
	int err;

	while (!(err = pp_stats(fd, &stats)) && stats.largest_free) {
		err = pp_alloc(fd, stats.largest_free, 0, &buf);
		if (err)
			return err;
	}
	return err;
}

TEST_F(window, buffer_is_reachable_up_to_its_ends)
{
	const size_t lengths[] = {
		1, self->granule, self->granule + 1, 7 * self->granule - 1, 3 * MIB + 5,
	};
	struct pinpool_query query;
	struct pinpool_buf buf;
	unsigned int i;
	char *mem;

	for (i = 0; i < ARRAY_LEN(lengths); i++) {
		ASSERT_EQ(0, pp_alloc(self->fd, lengths[i], 0, &buf));
		ASSERT_EQ(0, pp_query(self->fd, buf.handle, &query));
		EXPECT_EQ(extent_of(self, lengths[i]), query.extent);
		mem = self->window + buf.offset;
		/* The last byte first, so that it isn't there by the way */
		EXPECT_EQ(0, probe_store(mem + query.extent - 1, 'z'));
		EXPECT_EQ(0, probe_store(mem, 'a'));
		EXPECT_EQ('a', mem[0]);
		EXPECT_EQ('z', mem[query.extent - 1]);
		pp_fill(mem, query.extent, i);
		EXPECT_TRUE(pp_matches(mem, query.extent, i));
	}
}

TEST_F(window, windows_of_a_client_are_coherent)
{
	size_t length = 5 * self->granule;
	struct pinpool_buf buf;
	char *second;

	second = pp_window(self->fd, RW);
	ASSERT_TRUE(second != MAP_FAILED);
	ASSERT_EQ(0, pp_alloc(self->fd, length, 0, &buf));
	pp_fill(self->window + buf.offset, length, 1);
	EXPECT_TRUE(pp_matches(second + buf.offset, length, 1));
	pp_fill(second + buf.offset, length, 2);
	EXPECT_TRUE(pp_matches(self->window + buf.offset, length, 2));
	munmap(second, self->capacity);
}

TEST_F(window, partial_window_shows_the_same_bytes)
{
	size_t length = 40 * self->page;
	struct pinpool_buf buf;
	size_t from, pages;
	char *mem, *part;

	ASSERT_EQ(0, pp_alloc(self->fd, length, 0, &buf));
	mem = self->window + buf.offset;
	pp_fill(mem, length, 3);
	for (from = 0; from < 40; from += 13) {
		for (pages = 1; pages <= 40 - from; pages += 9) {
			part = map_part(self->fd, RW, buf.offset + from * self->page,
					pages * self->page);
			ASSERT_TRUE(part != MAP_FAILED);
			EXPECT_EQ(0, memcmp(part, mem + from * self->page, pages * self->page));
			part[pages * self->page - 1] ^= 0x55;
			EXPECT_EQ(part[pages * self->page - 1],
				  mem[(from + pages) * self->page - 1]);
			munmap(part, pages * self->page);
		}
	}
	/* The last page of the pool can be had alone. */
	part = map_part(self->fd, RW, self->capacity - self->page, self->page);
	EXPECT_TRUE(part != MAP_FAILED);
	munmap(part, self->page);
}

TEST_F(window, enxio_beyond_the_pool)
{
	const struct {
		uint64_t offset;
		size_t length;
	} windows[] = {
		{ 0, self->capacity + self->page },
		{ self->page, self->capacity },
		{ self->capacity - self->page, 2 * self->page },
		{ self->capacity, self->page },
		{ self->capacity + self->page, self->page },
		{ 1ULL << 43, self->page },
	};
	unsigned int i;

	for (i = 0; i < ARRAY_LEN(windows); i++) {
		EXPECT_EQ(ENXIO, map_error(self->fd, RW, MAP_SHARED, windows[i].offset,
					   windows[i].length))
			TH_LOG("window %u", i);
	}
}

TEST_F(window, einval_private)
{
	static const int prots[] = { PROT_NONE, PROT_READ, RW };
	unsigned int i;

	for (i = 0; i < ARRAY_LEN(prots); i++) {
		EXPECT_EQ(EINVAL, map_error(self->fd, prots[i], MAP_PRIVATE, 0, self->page))
			TH_LOG("protection %#x", prots[i]);
	}
}

TEST_F(window, eperm_executable)
{
	static const int prots[] = { PROT_EXEC, PROT_READ | PROT_EXEC, RW | PROT_EXEC };
	unsigned int i;

	if (personality(0xffffffff) & READ_IMPLIES_EXEC)
		SKIP(return, "all that is readable is executable here");
	for (i = 0; i < ARRAY_LEN(prots); i++) {
		EXPECT_EQ(EPERM, map_error(self->fd, prots[i], MAP_SHARED, 0, self->page))
			TH_LOG("protection %#x", prots[i]);
	}
}

TEST_F(window, eacces_writable_on_a_read_only_file)
{
	int fd = open(pp_node(), O_RDONLY | O_CLOEXEC);

	ASSERT_LE(0, fd);
	EXPECT_EQ(EACCES, map_error(fd, RW, MAP_SHARED, 0, self->page));
	EXPECT_EQ(EACCES, map_error(fd, PROT_WRITE, MAP_SHARED, 0, self->page));
	close(fd);
}

TEST_F(window, read_only_client_has_a_window)
{
	int fd = open(pp_node(), O_RDONLY | O_CLOEXEC);
	struct pinpool_buf buf;
	char *window;

	ASSERT_LE(0, fd);
	window = pp_window(fd, PROT_READ);
	ASSERT_TRUE(window != MAP_FAILED);
	/* It has no buffers, and doesn't see anybody else's. */
	ASSERT_EQ(0, pp_alloc(self->fd, 1, 0, &buf));
	EXPECT_EQ(0, probe_store(self->window + buf.offset, 1));
	EXPECT_EQ(SIGBUS, pp_probe_read(window + buf.offset));
	EXPECT_EQ(SIGSEGV, probe_store(window + buf.offset, 1));
	EXPECT_EQ(EACCES, protect_error(window, self->capacity, RW));
	munmap(window, self->capacity);
	close(fd);
}

TEST_F(window, read_only_window_stays_read_only)
{
	struct pinpool_buf buf;
	char *mem, *window;

	window = pp_window(self->fd, PROT_READ);
	ASSERT_TRUE(window != MAP_FAILED);
	ASSERT_EQ(0, pp_alloc(self->fd, self->granule, 0, &buf));
	mem = self->window + buf.offset;
	mem[0] = 'x';
	EXPECT_EQ('x', window[buf.offset]);
	EXPECT_EQ(SIGSEGV, probe_store(window + buf.offset, 'y'));
	EXPECT_EQ(EACCES, protect_error(window, self->capacity, RW));
	EXPECT_EQ(EACCES, protect_error(window + buf.offset, self->page, PROT_WRITE));
	EXPECT_EQ(SIGSEGV, probe_store(window + buf.offset, 'y'));
	EXPECT_EQ('x', mem[0]);
	munmap(window, self->capacity);
}

TEST_F(window, no_window_becomes_executable)
{
	static const int prots[] = { PROT_READ, RW };
	char *window;
	int i;

	for (i = 0; i < 2; i++) {
		window = pp_window(self->fd, prots[i]);
		ASSERT_TRUE(window != MAP_FAILED);
		EXPECT_EQ(EACCES, protect_error(window, self->page, PROT_READ | PROT_EXEC));
		EXPECT_EQ(EACCES, protect_error(window, self->capacity, prots[i] | PROT_EXEC));
		munmap(window, self->capacity);
	}
}

TEST_F(window, mprotect_to_and_fro_keeps_the_content)
{
	size_t length = 20 * self->page;
	struct pinpool_buf buf;
	char *mem;

	ASSERT_EQ(0, pp_alloc(self->fd, length, 0, &buf));
	mem = self->window + buf.offset;
	pp_fill(mem, length, 4);
	ASSERT_EQ(0, mprotect(self->window, self->capacity, PROT_READ));
	EXPECT_TRUE(pp_matches(mem, length, 4));
	EXPECT_EQ(SIGSEGV, probe_store(mem, 1));
	ASSERT_EQ(0, mprotect(mem, length, PROT_NONE));
	EXPECT_EQ(SIGSEGV, pp_probe_read(mem));
	ASSERT_EQ(0, mprotect(self->window, self->capacity, RW));
	EXPECT_TRUE(pp_matches(mem, length, 4));
	EXPECT_EQ(0, probe_store(mem, 1));
	/* FREE reaches what is protected, too. */
	ASSERT_EQ(0, mprotect(mem, length, PROT_NONE));
	ASSERT_EQ(0, pp_free(self->fd, buf.handle));
	ASSERT_EQ(0, mprotect(mem, length, RW));
	EXPECT_TRUE(is_gone(self, mem, length));
}

TEST_F(window, not_owned_is_sigbus)
{
	const size_t offsets[] = {
		0, 1, self->page, self->capacity / 2 + 12345, self->capacity - 1,
	};
	unsigned int i;
	char *address;

	for (i = 0; i < ARRAY_LEN(offsets); i++) {
		address = self->window + offsets[i];
		EXPECT_EQ(SIGBUS, pp_probe_read(address));
		EXPECT_EQ(BUS_ADRERR, pp_trap_info.si_code);
		EXPECT_TRUE(address == pp_trap_info.si_addr);
		memset(&pp_trap_info, 0, sizeof(pp_trap_info));
		EXPECT_EQ(SIGBUS, probe_store(address, 1));
		EXPECT_EQ(BUS_ADRERR, pp_trap_info.si_code);
		EXPECT_TRUE(address == pp_trap_info.si_addr);
	}
}

TEST_F(window, sigbus_begins_where_the_buffer_ends)
{
	const size_t lengths[] = { 1, self->granule + 1, 15 * self->granule, 2 * MIB + 1 };
	struct pinpool_buf before, buf;
	unsigned int i;
	size_t extent;
	char *mem;

	for (i = 0; i < ARRAY_LEN(lengths); i++) {
		/* Something goes ahead, so that there is a place before the buffer. */
		ASSERT_EQ(0, pp_alloc(self->fd, self->granule, 0, &before));
		ASSERT_EQ(0, pp_alloc(self->fd, lengths[i], 0, &buf));
		ASSERT_EQ(0, pp_free(self->fd, before.handle));
		extent = extent_of(self, lengths[i]);
		mem = self->window + buf.offset;
		memset(mem, 1, extent);
		if (buf.offset)
			EXPECT_TRUE(is_gone(self, mem - self->granule, self->granule));
		if (buf.offset + extent < self->capacity)
			EXPECT_TRUE(is_gone(self, mem + extent, self->granule));
		ASSERT_EQ(0, pp_free(self->fd, buf.handle));
	}
}

TEST_F(window, neighbours_are_not_mapped_along)
{
	enum { NR = 128 };
	int other = open(pp_node(), O_RDWR | O_CLOEXEC);
	struct pinpool_buf bufs[NR], buf;
	size_t start;
	char *window;
	int i;

	ASSERT_LE(0, other);
	window = pp_window(other, RW);
	ASSERT_TRUE(window != MAP_FAILED);

	/* Cut one run of granules, and give every second one to the other. */
	ASSERT_EQ(0, pp_alloc(self->fd, NR * self->granule, 0, &buf));
	start = buf.offset;
	ASSERT_EQ(0, take_the_rest(self->fd));
	ASSERT_EQ(0, pp_free(self->fd, buf.handle));
	for (i = 0; i < NR; i++)
		ASSERT_EQ(0, pp_alloc(self->fd, self->granule, 0, &bufs[i]));
	for (i = 0; i < NR; i++)
		if ((bufs[i].offset - start) / self->granule % 2)
			ASSERT_EQ(0, pp_free(self->fd, bufs[i].handle));
	for (i = 0; i < NR / 2; i++) {
		ASSERT_EQ(0, pp_alloc(other, self->granule, 0, &buf));
		ASSERT_EQ(1, (buf.offset - start) / self->granule % 2);
	}

	for (i = 0; i < NR; i++)
		memset((i % 2 ? window : self->window) + start + i * self->granule, i + 1,
		       self->granule);
	for (i = 0; i < NR; i++)
		EXPECT_TRUE(is_gone(self, (i % 2 ? self->window : window) + start +
				    i * self->granule, self->granule));
	for (i = 0; i < NR; i++)
		EXPECT_EQ((char)(i + 1),
			  (i % 2 ? window : self->window)[start + (i + 1) * self->granule - 1]);

	munmap(window, self->capacity);
	close(other);
}

TEST_F(window, free_revokes_in_all_windows)
{
	size_t length = 33 * self->page;
	char *untouched, *part, *readonly;
	struct pinpool_buf buf, kept;

	ASSERT_EQ(0, pp_alloc(self->fd, length, 0, &buf));
	length = extent_of(self, length);
	ASSERT_EQ(0, pp_alloc(self->fd, self->granule, 0, &kept));
	untouched = pp_window(self->fd, RW);
	ASSERT_TRUE(untouched != MAP_FAILED);
	readonly = pp_window(self->fd, PROT_READ);
	ASSERT_TRUE(readonly != MAP_FAILED);
	part = map_part(self->fd, RW, buf.offset + 3 * self->page, 9 * self->page);
	ASSERT_TRUE(part != MAP_FAILED);

	pp_fill(self->window + buf.offset, length, 5);
	pp_fill(self->window + kept.offset, self->granule, 6);
	EXPECT_TRUE(pp_matches(readonly + buf.offset, length, 5));
	EXPECT_EQ(0, memcmp(part, readonly + buf.offset + 3 * self->page, 9 * self->page));

	ASSERT_EQ(0, pp_free(self->fd, buf.handle));
	EXPECT_TRUE(is_gone(self, self->window + buf.offset, length));
	EXPECT_TRUE(is_gone(self, untouched + buf.offset, length));
	EXPECT_TRUE(is_gone(self, part, 9 * self->page));
	EXPECT_EQ(SIGBUS, pp_probe_read(readonly + buf.offset));
	EXPECT_EQ(SIGBUS, pp_probe_read(readonly + buf.offset + length - 1));
	/* And nothing else */
	EXPECT_TRUE(pp_matches(self->window + kept.offset, self->granule, 6));

	munmap(part, 9 * self->page);
	munmap(readonly, self->capacity);
	munmap(untouched, self->capacity);
}

TEST_F(window, place_allocated_again_needs_no_new_window)
{
	size_t length = 20 * self->page;
	struct pinpool_buf buf;
	size_t place;
	char *part;
	int i;

	ASSERT_EQ(0, pp_alloc(self->fd, length, 0, &buf));
	ASSERT_EQ(0, take_the_rest(self->fd));
	place = buf.offset;
	part = map_part(self->fd, RW, place, length);
	ASSERT_TRUE(part != MAP_FAILED);
	for (i = 0; i < 10; i++) {
		pp_fill(self->window + place, length, i);
		EXPECT_TRUE(pp_matches(part, length, i));
		ASSERT_EQ(0, pp_free(self->fd, buf.handle));
		EXPECT_TRUE(is_gone(self, part, length));
		ASSERT_EQ(0, pp_alloc(self->fd, length, 0, &buf));
		ASSERT_EQ(place, buf.offset);
	}
	munmap(part, length);
}

/* Threads that use a buffer until it is taken from them */
struct hammer {
	pthread_barrier_t barrier;
	volatile uint64_t *words;
	size_t nr;
	size_t step;		/* from one word that is used to the next */
	bool drop;		/* unmap the pages again all the time */
	int rounds;
	uint64_t seed;
	bool quit;
};

struct hammer_thread {
	struct hammer *hammer;
	pthread_t thread;
	bool write;
	int sig;		/* what ended the last round */
	uint64_t strange;	/* what it saw that wasn't its own */
};

static __thread sigjmp_buf hammer_env;

static void hammer_trap(int sig)
{
	siglongjmp(hammer_env, sig);
}

static void hammer_pass(struct hammer_thread *self)
{
	struct hammer *hammer = self->hammer;
	uint64_t want, seen;
	size_t i;

	for (i = 0; i < hammer->nr; i += hammer->step) {
		want = pp_pattern(hammer->seed, i);
		if (self->write) {
			hammer->words[i] = want;
			continue;
		}
		seen = hammer->words[i];
		if (seen != want)
			self->strange = seen;
	}
	if (hammer->drop)
		madvise((void *)hammer->words, hammer->nr * sizeof(*hammer->words),
			MADV_DONTNEED);
}

static void *hammer_main(void *arg)
{
	struct hammer_thread *self = arg;

	for (;;) {
		pthread_barrier_wait(&self->hammer->barrier);
		if (self->hammer->quit)
			return NULL;
		self->sig = sigsetjmp(hammer_env, 0);
		if (!self->sig) {
			hammer_pass(self);
			pthread_barrier_wait(&self->hammer->barrier);
			for (;;)
				hammer_pass(self);
		}
		pthread_barrier_wait(&self->hammer->barrier);
	}
}

static void hammer_rounds(struct __test_metadata *_metadata, const FIXTURE_DATA(window) *self,
			  struct hammer *hammer)
{
	struct sigaction action = { .sa_handler = hammer_trap, .sa_flags = SA_NODEFER };
	size_t length = 8 * self->granule;
	struct hammer_thread threads[2] = {
		{ .hammer = hammer, .write = false }, { .hammer = hammer, .write = true },
	};
	int other = open(pp_node(), O_RDWR | O_CLOEXEC);
	struct pinpool_buf buf, theirs;
	char *window;
	int i, j, err;

	ASSERT_LE(0, other);
	window = pp_window(other, RW);
	ASSERT_TRUE(window != MAP_FAILED);
	sigaction(SIGBUS, &action, NULL);
	ASSERT_EQ(0, pp_alloc(self->fd, length, 0, &buf));
	ASSERT_EQ(0, take_the_rest(self->fd));
	hammer->words = (void *)(self->window + buf.offset);
	hammer->nr = length / sizeof(hammer->words[0]);
	pthread_barrier_init(&hammer->barrier, NULL, 3);
	for (i = 0; i < 2; i++)
		ASSERT_EQ(0, pthread_create(&threads[i].thread, NULL, hammer_main, &threads[i]));

	for (i = 0; i < hammer->rounds; i++) {
		hammer->seed = 2 * i;
		pp_fill(self->window + buf.offset, length, hammer->seed);
		pthread_barrier_wait(&hammer->barrier);
		/* Both have been through it once. */
		pthread_barrier_wait(&hammer->barrier);
		ASSERT_EQ(0, pp_free(self->fd, buf.handle));
		/*
		 * Who is in the middle of unmapping pages has them for a moment more,
		 * and so the extent is in quarantine as long.
		 */
		do {
			err = pp_alloc(other, length, 0, &theirs);
		} while (err == -ENOSPC && hammer->drop);
		ASSERT_EQ(0, err);
		ASSERT_EQ(buf.offset, theirs.offset);
		pp_fill(window + theirs.offset, length, 2 * i + 1);
		pthread_barrier_wait(&hammer->barrier);
		for (j = 0; j < 2; j++) {
			EXPECT_EQ(SIGBUS, threads[j].sig);
			EXPECT_EQ(0, threads[j].strange) TH_LOG("round %d", i);
		}
		EXPECT_TRUE(pp_matches(window + theirs.offset, length, 2 * i + 1))
			TH_LOG("written to after FREE, round %d", i);
		ASSERT_EQ(0, pp_free(other, theirs.handle));
		ASSERT_EQ(0, pp_alloc(self->fd, length, 0, &buf));
	}

	hammer->quit = true;
	pthread_barrier_wait(&hammer->barrier);
	for (i = 0; i < 2; i++)
		pthread_join(threads[i].thread, NULL);
	signal(SIGBUS, SIG_DFL);
	munmap(window, self->capacity);
	close(other);
}

TEST_F(window, free_under_threads_that_use_the_buffer)
{
	struct hammer hammer = { .step = 37, .rounds = 200 };

	hammer_rounds(_metadata, self, &hammer);
}

TEST_F(window, free_under_threads_that_fault_the_buffer_in)
{
	struct hammer hammer = {
		.step = self->page / sizeof(uint64_t), .drop = true, .rounds = 300,
	};

	hammer_rounds(_metadata, self, &hammer);
}

TEST_F(window, large_buffers_page_by_page)
{
	const size_t lengths[] = { 2 * MIB, 3 * MIB + self->page, 5 * MIB };
	struct pinpool_buf bufs[ARRAY_LEN(lengths)];
	size_t pages, at;
	unsigned int i;
	char *second;

	second = pp_window(self->fd, RW);
	ASSERT_TRUE(second != MAP_FAILED);
	for (i = 0; i < ARRAY_LEN(lengths); i++) {
		ASSERT_EQ(0, pp_alloc(self->fd, lengths[i], 0, &bufs[i]));
		pages = lengths[i] / self->page;
		/* Backwards, so that no page comes along with the one before it. */
		for (at = pages; at-- > 0;)
			*(uint64_t *)(self->window + bufs[i].offset + at * self->page) =
				pp_pattern(i, at);
	}
	for (i = 0; i < ARRAY_LEN(lengths); i++) {
		pages = lengths[i] / self->page;
		for (at = 0; at < pages; at++)
			EXPECT_EQ(pp_pattern(i, at),
				  *(uint64_t *)(second + bufs[i].offset + at * self->page));
	}
	munmap(second, self->capacity);
}

TEST_F(window, part_can_be_unmapped)
{
	size_t length = 24 * self->page;
	struct pinpool_buf buf;
	char *mem;

	ASSERT_EQ(0, pp_alloc(self->fd, length, 0, &buf));
	mem = map_part(self->fd, RW, buf.offset, length);
	ASSERT_TRUE(mem != MAP_FAILED);
	pp_fill(mem, length, 7);
	ASSERT_EQ(0, munmap(mem + 8 * self->page, 8 * self->page));
	EXPECT_EQ(SIGSEGV, pp_probe_read(mem + 8 * self->page));
	EXPECT_EQ(SIGSEGV, pp_probe_read(mem + 16 * self->page - 1));
	EXPECT_EQ(0, memcmp(mem, self->window + buf.offset, 8 * self->page));
	EXPECT_EQ(0, memcmp(mem + 16 * self->page, self->window + buf.offset + 16 * self->page,
			    8 * self->page));
	EXPECT_TRUE(pp_matches(self->window + buf.offset, length, 7));
	ASSERT_EQ(0, pp_free(self->fd, buf.handle));
	EXPECT_TRUE(is_gone(self, mem, 8 * self->page));
	EXPECT_TRUE(is_gone(self, mem + 16 * self->page, 8 * self->page));
	munmap(mem, 8 * self->page);
	munmap(mem + 16 * self->page, 8 * self->page);
}

TEST_F(window, moved_window_works_and_is_revoked)
{
	size_t length = 24 * self->page;
	struct pinpool_buf buf;
	char *mem, *target;

	ASSERT_EQ(0, pp_alloc(self->fd, length, 0, &buf));
	target = mmap(NULL, length, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	ASSERT_TRUE(target != MAP_FAILED);
	mem = map_part(self->fd, RW, buf.offset, length);
	ASSERT_TRUE(mem != MAP_FAILED);
	/* Half of it has its pages mapped, which move along; half has not. */
	memset(mem, 'm', length / 2);
	ASSERT_TRUE(mremap(mem, length, length, MREMAP_MAYMOVE | MREMAP_FIXED, target) == target);
	EXPECT_EQ(SIGSEGV, pp_probe_read(mem));
	EXPECT_EQ('m', target[length / 2 - 1]);
	pp_fill(target, length, 8);
	EXPECT_TRUE(pp_matches(self->window + buf.offset, length, 8));
	ASSERT_EQ(0, pp_free(self->fd, buf.handle));
	EXPECT_TRUE(is_gone(self, target, length));
	munmap(target, length);
}

TEST_F(window, window_cannot_grow)
{
	struct pinpool_buf buf;
	char *mem;

	ASSERT_EQ(0, pp_alloc(self->fd, 8 * self->granule, 0, &buf));
	mem = map_part(self->fd, RW, buf.offset, 4 * self->page);
	ASSERT_TRUE(mem != MAP_FAILED);
	pp_fill(mem, 4 * self->page, 9);
	EXPECT_TRUE(mremap(mem, 4 * self->page, 8 * self->page, 0) == MAP_FAILED);
	EXPECT_TRUE(mremap(mem, 4 * self->page, 8 * self->page, MREMAP_MAYMOVE) == MAP_FAILED);
	/* No old size: another window on the same */
	EXPECT_TRUE(mremap(mem, 0, 8 * self->page, MREMAP_MAYMOVE) == MAP_FAILED);
	EXPECT_TRUE(pp_matches(mem, 4 * self->page, 9));
	EXPECT_TRUE(mremap(mem, 4 * self->page, 2 * self->page, 0) == mem);
	EXPECT_TRUE(pp_matches(mem, 2 * self->page, 9));
	munmap(mem, 2 * self->page);
}

TEST_F(window, madvise_dontneed_keeps_the_content)
{
	size_t length = 20 * self->page;
	struct pinpool_buf buf;
	char *mem;

	if (!pp_has_pages(self->fd))
		SKIP(return, PP_NO_PAGES);
	ASSERT_EQ(0, pp_alloc(self->fd, length, 0, &buf));
	mem = self->window + buf.offset;
	pp_fill(mem, length, 10);
	ASSERT_EQ(0, madvise(mem, length, MADV_DONTNEED));
	EXPECT_TRUE(pp_matches(mem, length, 10));
	ASSERT_EQ(0, madvise(self->window, self->capacity, MADV_DONTNEED));
	EXPECT_TRUE(pp_matches(mem, length, 10));
}

struct dropper {
	const FIXTURE_DATA(window) *self;
	pthread_t thread;
	bool quit;
};

static void *dropper_main(void *arg)
{
	struct dropper *dropper = arg;

	while (!__atomic_load_n(&dropper->quit, __ATOMIC_RELAXED))
		madvise(dropper->self->window, dropper->self->capacity, MADV_DONTNEED);
	return NULL;
}

#define TOUCHES	20000

/* From Linux 6.14 on that frees page tables which are empty: a fault may lose its own. */
TEST_F(window, madvise_dontneed_of_all_under_a_thread_that_touches)
{
	struct sigaction action = { .sa_handler = hammer_trap, .sa_flags = SA_NODEFER };
	struct dropper dropper = { .self = self };
	int zeroes = open("/dev/zero", O_RDONLY | O_CLOEXEC);
	volatile int i = 0, refused = 0;
	struct pinpool_buf buf;
	volatile char *mem;
	int sig;

	ASSERT_LE(0, zeroes);
	ASSERT_EQ(0, pp_alloc(self->fd, self->granule, 0, &buf));
	mem = self->window + buf.offset;
	sigaction(SIGBUS, &action, NULL);
	ASSERT_EQ(0, pthread_create(&dropper.thread, NULL, dropper_main, &dropper));
	sig = sigsetjmp(hammer_env, 0);
	for (; !sig && i < TOUCHES; i++) {
		*mem = i;
		/* The kernel does it, too. */
		refused += read(zeroes, (char *)mem, 1) != 1;
	}
	__atomic_store_n(&dropper.quit, true, __ATOMIC_RELAXED);
	pthread_join(dropper.thread, NULL);
	signal(SIGBUS, SIG_DFL);
	EXPECT_EQ(0, sig) TH_LOG("the %d. time", i);
	EXPECT_EQ(0, refused);
	close(zeroes);
}

/* Of the mapping that begins at @address: how much is mapped, and its VmFlags */
static bool mapping_of(const void *address, size_t *rss, char flags[256])
{
	FILE *file = fopen("/proc/self/smaps", "re");
	bool inside = false, found = false;
	unsigned long start, end, kib;
	char line[512];

	flags[0] = 0;
	while (file && !found && fgets(line, sizeof(line), file)) {
		if (sscanf(line, "%lx-%lx ", &start, &end) == 2)
			inside = start == (uintptr_t)address;
		else if (inside && sscanf(line, "Rss: %lu kB", &kib) == 1)
			*rss = kib * KIB;
		else if (inside && !strncmp(line, "VmFlags:", 8))
			found = true;
	}
	if (found)
		snprintf(flags, 256, "%s", strtok(line + 8, "\n"));
	if (file)
		fclose(file);
	return found;
}

TEST_F(window, populate_reaches_only_own_buffers)
{
	size_t length = 40 * self->granule, rss = 0;
	struct pinpool_buf mine, theirs;
	char flags[256];
	char *all, *mem;
	int other;

	if (!pp_has_pages(self->fd))
		SKIP(return, PP_NO_PAGES);
	other = open(pp_node(), O_RDWR | O_CLOEXEC);
	ASSERT_LE(0, other);
	ASSERT_EQ(0, pp_alloc(self->fd, length, 0, &mine));
	ASSERT_EQ(0, pp_alloc(other, length, 0, &theirs));

	mem = mmap(NULL, length, RW, MAP_SHARED | MAP_POPULATE, self->fd, mine.offset);
	ASSERT_TRUE(mem != MAP_FAILED);
	ASSERT_TRUE(mapping_of(mem, &rss, flags));
	EXPECT_EQ(length, rss);
	munmap(mem, length);

	all = mmap(NULL, self->capacity, RW, MAP_SHARED | MAP_POPULATE, self->fd, 0);
	ASSERT_TRUE(all != MAP_FAILED);
	ASSERT_TRUE(mapping_of(all, &rss, flags));
	EXPECT_GE(length, rss);
	EXPECT_TRUE(is_gone(self, all + theirs.offset, length));
	EXPECT_EQ(0, probe_store(all + mine.offset + length - 1, 1));
	munmap(all, self->capacity);

	mem = mmap(NULL, length, RW, MAP_SHARED | MAP_POPULATE, self->fd, theirs.offset);
	ASSERT_TRUE(mem != MAP_FAILED);
	EXPECT_TRUE(is_gone(self, mem, length));
	munmap(mem, length);
	close(other);
}

TEST_F(window, mlock_does_no_harm)
{
	size_t length = 4 * self->granule;
	struct pinpool_buf buf;
	char *mem;
	int err;

	if (!pp_has_pages(self->fd))
		SKIP(return, PP_NO_PAGES);
	ASSERT_EQ(0, pp_alloc(self->fd, length, 0, &buf));
	mem = self->window + buf.offset;
	pp_fill(mem, length, 11);
	err = mlock(mem, length) ? errno : 0;
	EXPECT_TRUE(!err || err == ENOMEM || err == EAGAIN || err == EPERM)
		TH_LOG("mlock: %s", strerror(err));
	EXPECT_TRUE(pp_matches(mem, length, 11));
	ASSERT_EQ(0, pp_free(self->fd, buf.handle));
	EXPECT_TRUE(is_gone(self, mem, length));
	/* There is nothing to lock now. */
	EXPECT_EQ(-1, mlock(mem, length));
	EXPECT_EQ(0, munlock(mem, length));
	EXPECT_TRUE(is_gone(self, mem, length));
}

TEST_F(window, window_outlives_its_descriptor)
{
	int fd = open(pp_node(), O_RDWR | O_CLOEXEC);
	size_t length = 20 * self->granule;
	struct pinpool_stats stats;
	struct pinpool_buf buf;
	char *window;

	ASSERT_LE(0, fd);
	window = pp_window(fd, RW);
	ASSERT_TRUE(window != MAP_FAILED);
	ASSERT_EQ(0, pp_alloc(fd, length, 0, &buf));
	close(fd);
	pp_fill(window + buf.offset, length, 12);
	EXPECT_TRUE(pp_matches(window + buf.offset, length, 12));
	ASSERT_EQ(0, pp_stats(self->fd, &stats));
	EXPECT_EQ(2, stats.clients);
	EXPECT_EQ(1, stats.buffers);
	munmap(window, self->capacity);
	ASSERT_EQ(0, pp_stats(self->fd, &stats));
	EXPECT_EQ(1, stats.clients);
	EXPECT_EQ(0, stats.buffers);
}

/*
 * A new file, open for direct I/O and, in *@buffered, the ordinary way. Returns
 * -EINVAL where the file system has no direct I/O.
 */
static int direct_open(int *buffered)
{
	long page = sysconf(_SC_PAGESIZE);
	char path[4096];
	void *memory;
	int fd, err;

	snprintf(path, sizeof(path), "%s/pinpool.XXXXXX", getenv("TMPDIR") ?: ".");
	*buffered = mkostemp(path, O_CLOEXEC);
	if (*buffered < 0)
		return -errno;
	fd = open(path, O_RDWR | O_DIRECT | O_CLOEXEC);
	err = fd < 0 ? -errno : 0;
	unlink(path);
	/* Some only find out when it comes to it. */
	memory = aligned_alloc(page, page);
	if (!err && pwrite(fd, memory, page, 0) < 0)
		err = -errno;
	free(memory);
	if (!err)
		return fd;
	if (fd >= 0)
		close(fd);
	close(*buffered);
	return err;
}

/* Whether that is so, and may be so */
static bool no_direct_io(int fd)
{
	return fd == -EINVAL && !getenv("PINPOOL_REQUIRE");
}

/* Fill a file through the page cache. */
static bool file_fill(int fd, size_t length, uint64_t seed)
{
	void *memory = malloc(length);
	bool done;

	pp_fill(memory, length, seed);
	done = pwrite(fd, memory, length, 0) == length;
	free(memory);
	return done;
}

static bool file_matches(int fd, size_t length, uint64_t seed)
{
	void *memory = malloc(length);
	bool same;

	same = pread(fd, memory, length, 0) == length && pp_matches(memory, length, seed);
	free(memory);
	return same;
}

TEST_F(window, direct_io_reads_into_buffers)
{
	const size_t lengths[] = { self->granule, 17 * self->granule, 2 * MIB + self->granule,
				   5 * MIB };
	struct pinpool_buf buf;
	int direct, buffered;
	unsigned int i;
	int touched;
	char *mem;

	if (!pp_has_pages(self->fd))
		SKIP(return, PP_NO_PAGES);
	direct = direct_open(&buffered);
	if (no_direct_io(direct))
		SKIP(return, "no direct I/O here");
	ASSERT_LE(0, direct);
	for (i = 0; i < ARRAY_LEN(lengths); i++) {
		for (touched = 0; touched < 2; touched++) {
			ASSERT_EQ(0, pp_alloc(self->fd, lengths[i], 0, &buf));
			mem = self->window + buf.offset;
			if (touched)
				memset(mem, 0xee, lengths[i]);
			ASSERT_TRUE(file_fill(buffered, lengths[i], 2 * i + touched));
			EXPECT_EQ(lengths[i], pread(direct, mem, lengths[i], 0));
			EXPECT_TRUE(pp_matches(mem, lengths[i], 2 * i + touched))
				TH_LOG("length %zu, touched %d", lengths[i], touched);
			ASSERT_EQ(0, pp_free(self->fd, buf.handle));
		}
	}
	close(direct);
	close(buffered);
}

TEST_F(window, direct_io_writes_from_buffers)
{
	const size_t lengths[] = { self->granule, 17 * self->granule, 2 * MIB + self->granule,
				   5 * MIB };
	struct pinpool_buf buf;
	int direct, buffered;
	unsigned int i;
	char *mem, *second;

	if (!pp_has_pages(self->fd))
		SKIP(return, PP_NO_PAGES);
	direct = direct_open(&buffered);
	if (no_direct_io(direct))
		SKIP(return, "no direct I/O here");
	ASSERT_LE(0, direct);
	second = pp_window(self->fd, PROT_READ);
	ASSERT_TRUE(second != MAP_FAILED);
	for (i = 0; i < ARRAY_LEN(lengths); i++) {
		ASSERT_EQ(0, pp_alloc(self->fd, lengths[i], 0, &buf));
		mem = self->window + buf.offset;
		pp_fill(mem, lengths[i], i);
		EXPECT_EQ(lengths[i], pwrite(direct, mem, lengths[i], 0));
		EXPECT_TRUE(file_matches(buffered, lengths[i], i));
		/* A window where no page was touched, and that can only be read */
		pp_fill(mem, lengths[i], i + 100);
		EXPECT_EQ(lengths[i], pwrite(direct, second + buf.offset, lengths[i], 0));
		EXPECT_TRUE(file_matches(buffered, lengths[i], i + 100));
		ASSERT_EQ(0, pp_free(self->fd, buf.handle));
	}
	munmap(second, self->capacity);
	close(direct);
	close(buffered);
}

TEST_F(window, direct_io_does_not_read_into_a_read_only_window)
{
	int direct, buffered;
	struct pinpool_buf buf;
	char *window;

	direct = direct_open(&buffered);
	if (no_direct_io(direct))
		SKIP(return, "no direct I/O here");
	ASSERT_LE(0, direct);
	window = pp_window(self->fd, PROT_READ);
	ASSERT_TRUE(window != MAP_FAILED);
	ASSERT_EQ(0, pp_alloc(self->fd, self->granule, 0, &buf));
	pp_fill(self->window + buf.offset, self->granule, 13);
	ASSERT_TRUE(file_fill(buffered, self->granule, 14));
	errno = 0;
	EXPECT_EQ(-1, pread(direct, window + buf.offset, self->granule, 0));
	EXPECT_EQ(EFAULT, errno);
	EXPECT_TRUE(pp_matches(self->window + buf.offset, self->granule, 13));
	munmap(window, self->capacity);
	close(direct);
	close(buffered);
}

TEST_F(window, direct_io_is_efault_where_not_owned)
{
	int other = open(pp_node(), O_RDWR | O_CLOEXEC);
	struct pinpool_buf buf, mine;
	int direct, buffered;
	char *window, *mem;
	ssize_t got;

	direct = direct_open(&buffered);
	if (no_direct_io(direct))
		SKIP(return, "no direct I/O here");
	ASSERT_LE(0, direct);
	ASSERT_LE(0, other);
	window = pp_window(other, RW);
	ASSERT_TRUE(window != MAP_FAILED);
	ASSERT_TRUE(file_fill(buffered, 2 * self->granule, 15));
	mem = self->window;
	errno = 0;
	EXPECT_EQ(-1, pread(direct, mem, self->granule, 0));
	EXPECT_EQ(EFAULT, errno);
	errno = 0;
	EXPECT_EQ(-1, pwrite(direct, mem, self->granule, 0));
	EXPECT_EQ(EFAULT, errno);

	/* Over the end of a buffer into another client's: two halves of one place */
	ASSERT_EQ(0, pp_alloc(self->fd, 2 * self->granule, 0, &buf));
	ASSERT_EQ(0, take_the_rest(self->fd));
	ASSERT_EQ(0, pp_free(self->fd, buf.handle));
	mem = self->window + buf.offset;
	ASSERT_EQ(0, pp_alloc(self->fd, self->granule, 0, &mine));
	if (mine.offset != buf.offset) {
		/* The allocator took the second half: swap. */
		ASSERT_EQ(0, pp_alloc(self->fd, self->granule, 0, &buf));
		ASSERT_EQ(0, pp_free(self->fd, mine.handle));
	}
	ASSERT_EQ(0, pp_alloc(other, self->granule, 0, &buf));
	pp_fill(window + buf.offset, self->granule, 16);
	got = pread(direct, mem, 2 * self->granule, 0);
	EXPECT_TRUE((got < 0 && errno == EFAULT) || (got >= 0 && got <= self->granule));
	EXPECT_TRUE(pp_matches(window + buf.offset, self->granule, 16));
	got = pwrite(direct, mem, 2 * self->granule, 0);
	EXPECT_TRUE((got < 0 && errno == EFAULT) || (got >= 0 && got <= self->granule));

	EXPECT_TRUE(file_fill(buffered, 2 * self->granule, 15));
	munmap(window, self->capacity);
	close(other);
	close(direct);
	close(buffered);
}

/* As much as any pipe takes without anybody reading */
static size_t pipe_length(const FIXTURE_DATA(window) *self)
{
	return 8 * self->page;
}

TEST_F(window, vmsplice_carries_buffers)
{
	size_t length = pipe_length(self);
	struct pinpool_buf buf;
	struct iovec iov;
	char *copy;
	int p[2];

	if (!pp_has_pages(self->fd))
		SKIP(return, PP_NO_PAGES);
	copy = malloc(length);
	ASSERT_EQ(0, pipe2(p, O_CLOEXEC));
	ASSERT_EQ(0, pp_alloc(self->fd, length, 0, &buf));
	pp_fill(self->window + buf.offset, length, 17);
	iov = (struct iovec){ self->window + buf.offset, length };
	ASSERT_EQ(length, vmsplice(p[1], &iov, 1, 0));
	ASSERT_EQ(length, read(p[0], copy, length));
	EXPECT_TRUE(pp_matches(copy, length, 17));

	ASSERT_EQ(0, pp_free(self->fd, buf.handle));
	errno = 0;
	EXPECT_EQ(-1, vmsplice(p[1], &iov, 1, 0));
	EXPECT_EQ(EFAULT, errno);
	close(p[0]);
	close(p[1]);
	free(copy);
}

TEST_F(window, another_process_copies_in_and_out)
{
	size_t length = 20 * self->granule;
	struct pinpool_buf buf;
	struct iovec local, remote, gone;
	int status, failed;
	pid_t pid;
	char *mem;

	if (!pp_has_pages(self->fd))
		SKIP(return, PP_NO_PAGES);
	/* For those who aren't root, under Yama */
	prctl(PR_SET_PTRACER, PR_SET_PTRACER_ANY);
	ASSERT_EQ(0, pp_alloc(self->fd, length, 0, &buf));
	mem = self->window + buf.offset;
	remote = (struct iovec){ mem, length };
	gone = (struct iovec){ self->window + (buf.offset ? 0 : self->capacity - self->page),
			       self->page };
	pp_fill(mem, length, 18);
	/* Nothing mapped: the child's access finds the pages itself. */
	ASSERT_EQ(0, madvise(self->window, self->capacity, MADV_DONTNEED));

	pid = fork();
	ASSERT_LE(0, pid);
	if (!pid) {
		local = (struct iovec){ malloc(length), length };
		failed = process_vm_readv(getppid(), &local, 1, &remote, 1, 0) != length ||
			 !pp_matches(local.iov_base, length, 18);
		pp_fill(local.iov_base, length, 19);
		failed |= (process_vm_writev(getppid(), &local, 1, &remote, 1, 0) != length) << 1;
		failed |= (process_vm_readv(getppid(), &local, 1, &gone, 1, 0) >= 0 ||
			   errno != EFAULT) << 2;
		failed |= (process_vm_writev(getppid(), &local, 1, &gone, 1, 0) >= 0 ||
			   errno != EFAULT) << 3;
		_exit(failed);
	}
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	EXPECT_EQ(0, status);
	EXPECT_TRUE(pp_matches(mem, length, 19));
}

/* Write what @length bytes of a buffer are to one end, read them into another buffer. */
static int pass_through(const FIXTURE_DATA(window) *self, int in, int out, size_t length)
{
	struct pinpool_buf from, to;
	int failed = 0;

	if (pp_alloc(self->fd, length, 0, &from) || pp_alloc(self->fd, length, 0, &to))
		return -1;
	pp_fill(self->window + from.offset, length, 20);
	failed |= write(in, self->window + from.offset, length) != length;
	failed |= (read(out, self->window + to.offset, length) != length) << 1;
	failed |= !pp_matches(self->window + to.offset, length, 20) << 2;

	/* What was freed can't be read from or written to. */
	if (pp_free(self->fd, from.handle))
		return -1;
	failed |= (write(in, self->window + from.offset, length) >= 0 || errno != EFAULT) << 3;
	failed |= (write(in, self->window + to.offset, 1) != 1) << 4;
	failed |= (read(out, self->window + from.offset, 1) >= 0 || errno != EFAULT) << 5;
	return failed;
}

TEST_F(window, pipe_copies_in_and_out)
{
	int p[2];

	ASSERT_EQ(0, pipe2(p, O_CLOEXEC));
	EXPECT_EQ(0, pass_through(self, p[1], p[0], pipe_length(self)));
	close(p[0]);
	close(p[1]);
}

TEST_F(window, socket_copies_in_and_out)
{
	int s[2];

	ASSERT_EQ(0, socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, s));
	EXPECT_EQ(0, pass_through(self, s[0], s[1], pipe_length(self)));
	close(s[0]);
	close(s[1]);
}

TEST_F(window, proc_mem_shows_own_buffers_only)
{
	int fd = open("/proc/self/mem", O_RDWR | O_CLOEXEC);
	size_t length = 20 * self->granule;
	struct pinpool_buf buf;
	uintptr_t at;
	char *copy;

	if (!pp_has_pages(self->fd))
		SKIP(return, PP_NO_PAGES);
	ASSERT_LE(0, fd);
	copy = malloc(length);
	ASSERT_EQ(0, pp_alloc(self->fd, length, 0, &buf));
	at = (uintptr_t)(self->window + buf.offset);
	pp_fill(self->window + buf.offset, length, 21);
	EXPECT_EQ(length, pread(fd, copy, length, at));
	EXPECT_TRUE(pp_matches(copy, length, 21));
	pp_fill(copy, length, 22);
	EXPECT_EQ(length, pwrite(fd, copy, length, at));
	EXPECT_TRUE(pp_matches(self->window + buf.offset, length, 22));
	ASSERT_EQ(0, pp_free(self->fd, buf.handle));
	EXPECT_EQ(-1, pread(fd, copy, length, at));
	EXPECT_EQ(-1, pwrite(fd, copy, length, at));
	free(copy);
	close(fd);
}

TEST_F(window, window_is_ordinary_memory_that_is_not_dumped)
{
	/* Mapped by PFN, device memory, executable or to become it */
	static const char *const wrong[] = { " pf", " io", " ex", " me" };
	unsigned int i;
	char flags[256];
	size_t rss;

	if (!pp_has_pages(self->fd))
		SKIP(return, PP_NO_PAGES);
	ASSERT_TRUE(mapping_of(self->window, &rss, flags));
	EXPECT_TRUE(!!strstr(flags, " dd")) TH_LOG("flags%s", flags);
	for (i = 0; i < ARRAY_LEN(wrong); i++)
		EXPECT_TRUE(!strstr(flags, wrong[i])) TH_LOG("flags%s", flags);
}

TEST_F(window, what_is_touched_counts_as_resident)
{
	/* Two granules where those are huge pages */
	size_t length = self->granule < 2 * MIB ? 3 * MIB : 2 * self->granule;
	struct pinpool_buf buf;
	char flags[256];
	size_t rss;

	if (!pp_has_pages(self->fd))
		SKIP(return, PP_NO_PAGES);
	ASSERT_EQ(0, pp_alloc(self->fd, length, 0, &buf));
	ASSERT_TRUE(mapping_of(self->window, &rss, flags));
	EXPECT_EQ(0, rss);
	memset(self->window + buf.offset, 1, self->page);
	ASSERT_TRUE(mapping_of(self->window, &rss, flags));
	EXPECT_LE(self->page, rss);
	memset(self->window + buf.offset, 1, length);
	ASSERT_TRUE(mapping_of(self->window, &rss, flags));
	EXPECT_EQ(length, rss);
	ASSERT_EQ(0, pp_free(self->fd, buf.handle));
	ASSERT_TRUE(mapping_of(self->window, &rss, flags));
	EXPECT_EQ(0, rss);
}

TEST_F(window, arguments_may_lie_in_a_buffer)
{
	enum { NR = 3 };
	struct pinpool_alloc *alloc;
	struct pinpool_free *free;
	struct pinpool_query query;
	struct pinpool_buf home, *bufs;
	__u64 *handles;
	int i;

	ASSERT_EQ(0, pp_alloc(self->fd, 4 * self->granule, 0, &home));
	/* Each in a granule of its own, the structs over a page boundary */
	alloc = (void *)(self->window + home.offset + self->page - 16);
	*alloc = (struct pinpool_alloc){ .size = sizeof(*alloc), .length = self->granule };
	ASSERT_EQ(0, pp_ioctl(self->fd, PINPOOL_IOC_ALLOC, alloc));
	EXPECT_EQ(1, alloc->done);
	EXPECT_EQ(0, probe_store(self->window + alloc->offset, 1));

	free = (void *)(self->window + home.offset + 2 * self->granule - 16);
	*free = (struct pinpool_free){ .size = sizeof(*free), .handle = alloc->handle };
	ASSERT_EQ(0, pp_ioctl(self->fd, PINPOOL_IOC_FREE, free));
	EXPECT_EQ(1, free->done);
	EXPECT_EQ(-ENOENT, pp_query(self->fd, free->handle, &query));

	/* Also where the kernel is the first to touch them */
	bufs = (void *)(self->window + home.offset + 3 * self->granule);
	for (i = 0; i < NR; i++)
		bufs[i] = (struct pinpool_buf){ .length = 1 };
	ASSERT_EQ(0, pp_remap(self->fd, self->window, self->capacity));
	ASSERT_EQ(0, pp_alloc_array(self->fd, bufs, NR, 0, NULL));
	handles = (void *)(bufs + NR);
	for (i = 0; i < NR; i++)
		handles[i] = bufs[i].handle;
	ASSERT_EQ(0, pp_remap(self->fd, self->window, self->capacity));
	ASSERT_EQ(0, pp_free_array(self->fd, handles, NR, NULL));
	EXPECT_EQ(-ENOENT, pp_query(self->fd, handles[NR - 1], &query));
}

TEST_F(window, arguments_where_not_owned_are_efault)
{
	struct pinpool_stats before, after;
	unsigned int i;

	/* Of all places, one where the buffer would come to be */
	ASSERT_EQ(0, pp_stats(self->fd, &before));
	for (i = 0; i < 3; i++)
		EXPECT_EQ(-EFAULT, pp_alloc_array(self->fd,
						  (void *)(self->window + i * self->granule),
						  1, 0, NULL));
	EXPECT_EQ(-EFAULT, pp_ioctl(self->fd, PINPOOL_IOC_ALLOC, self->window));
	EXPECT_EQ(-EFAULT, pp_ioctl(self->fd, PINPOOL_IOC_FREE, self->window));
	ASSERT_EQ(0, pp_stats(self->fd, &after));
	EXPECT_EQ(before.allocs, after.allocs);
	EXPECT_EQ(0, after.buffers);
}

TEST_F(window, buffer_with_its_own_free_argument_goes)
{
	struct pinpool_free *free;
	struct pinpool_query query;
	struct pinpool_buf buf;
	__u64 handles[2];
	__u64 *array;
	int err;

	ASSERT_EQ(0, pp_alloc(self->fd, 2 * self->granule, 0, &buf));
	free = (void *)(self->window + buf.offset + self->granule - 8);
	*free = (struct pinpool_free){ .size = sizeof(*free), .handle = buf.handle };
	err = pp_ioctl(self->fd, PINPOOL_IOC_FREE, free);
	EXPECT_TRUE(!err || err == -EFAULT);
	EXPECT_EQ(-ENOENT, pp_query(self->fd, buf.handle, &query));
	EXPECT_TRUE(is_gone(self, self->window + buf.offset, 2 * self->granule));

	/* An array in the first of the buffers that it names */
	ASSERT_EQ(0, pp_alloc(self->fd, self->granule, 0, &buf));
	handles[0] = buf.handle;
	array = (void *)(self->window + buf.offset);
	ASSERT_EQ(0, pp_alloc(self->fd, self->granule, 0, &buf));
	handles[1] = buf.handle;
	memcpy(array, handles, sizeof(handles));
	EXPECT_EQ(0, pp_free_array(self->fd, array, 2, NULL));
	EXPECT_EQ(-ENOENT, pp_query(self->fd, handles[0], &query));
	EXPECT_EQ(-ENOENT, pp_query(self->fd, handles[1], &query));
}

PP_HARNESS_MAIN
