// SPDX-License-Identifier: GPL-2.0
/*
 * Mapping much at once: huge pages in windows, and populate
 */
#define _FILE_OFFSET_BITS 64
#include "pinpool_test.h"

#include <sys/resource.h>
#include <sys/uio.h>
#include <sys/wait.h>

#include "kselftest_harness.h"

#define HUGE	(2 * MIB)

static long minor_faults(void)
{
	struct rusage usage;

	getrusage(RUSAGE_SELF, &usage);
	return usage.ru_minflt;
}

/* Page faults that it takes to reach every page of @length bytes */
static long faults_to(bool write, volatile char *memory, size_t length)
{
	long page = sysconf(_SC_PAGESIZE);
	long before = minor_faults();
	size_t i;

	for (i = 0; i < length; i += page) {
		if (write)
			memory[i] = 1;
		else
			(void)memory[i];
	}
	return minor_faults() - before;
}

static long faults_to_touch(char *memory, size_t length)
{
	return faults_to(true, memory, length);
}

/* A number, in KiB, that smaps tells of the mapping at an address; or -1 */
static long smaps_of(const void *address, const char *key)
{
	FILE *file = fopen("/proc/self/smaps", "re");
	unsigned long start, end;
	bool here = false;
	char line[256];
	long value = -1;

	while (file && value < 0 && fgets(line, sizeof(line), file)) {
		if (sscanf(line, "%lx-%lx ", &start, &end) == 2)
			here = (uintptr_t)address >= start && (uintptr_t)address < end;
		else if (here && !strncmp(line, key, strlen(key)))
			value = atol(line + strlen(key) + 1);
	}
	if (file)
		fclose(file);
	return value;
}

static int alloc_populated(const struct pp_client *client, uint64_t length, const void *window,
			   struct pinpool_buf *buf)
{
	struct pinpool_alloc alloc = {
		.size = sizeof(alloc), .flags = PINPOOL_ALLOC_POPULATE, .length = length,
		.window = (uintptr_t)window,
	};
	int err = pp_ioctl(client->fd, PINPOOL_IOC_ALLOC, &alloc);

	*buf = (struct pinpool_buf){
		.length = length, .offset = alloc.offset, .handle = alloc.handle,
	};
	return err;
}

FIXTURE(huge)
{
	struct pp_client a;
	bool huge;		/* the pool is of huge pages */
};

FIXTURE_SETUP(huge)
{
	struct pinpool_info info;

	ASSERT_TRUE(pp_client_open(&self->a));
	ASSERT_EQ(0, pp_info(self->a.fd, &info));
	self->huge = info.features & PINPOOL_FEATURE_HUGE;
	EXPECT_EQ(self->huge, info.granule >= HUGE);
}

FIXTURE_TEARDOWN(huge)
{
	struct pinpool_query query;

	while (!pp_find(self->a.fd, 0, PINPOOL_QUERY_NEXT, &query))
		pp_free(self->a.fd, query.handle);
	EXPECT_TRUE(pp_pool_is_whole(self->a.fd, 1));
	pp_client_close(&self->a);
}

/* Whoever maps it, and wherever it begins in the pool */
TEST_F(huge, windows_are_congruent_to_the_pool)
{
	size_t offsets[] = { 0, HUGE, 3 * HUGE, HUGE + self->a.granule };
	size_t i, length;
	char *window;

	if (sizeof(long) < 8)
		SKIP(return, "the kernel leaves 32-bit address spaces alone");
	EXPECT_EQ(0, (uintptr_t)self->a.window % HUGE);
	for (i = 0; i < ARRAY_LEN(offsets); i++) {
		length = 4 * HUGE;
		window = mmap(NULL, length, PROT_READ, MAP_SHARED, self->a.fd, offsets[i]);
		ASSERT_TRUE(window != MAP_FAILED);
		EXPECT_EQ(offsets[i] % HUGE, (uintptr_t)window % HUGE);
		munmap(window, length);
	}
}

TEST_F(huge, populate_leaves_no_fault_to_a_touch)
{
	struct pinpool_buf buf;

	ASSERT_EQ(0, alloc_populated(&self->a, 9 * MIB + 5000, self->a.window, &buf));
	EXPECT_EQ(0, faults_to_touch(self->a.window + buf.offset, buf.length));
	/* Without, there are some. */
	EXPECT_EQ(0, pp_free(self->a.fd, buf.handle));
	ASSERT_EQ(0, pp_alloc(self->a.fd, 9 * MIB, 0, &buf));
	EXPECT_LT(0, faults_to_touch(self->a.window + buf.offset, buf.length));
}

TEST_F(huge, populate_of_an_array)
{
	struct pinpool_buf bufs[5];
	struct pinpool_alloc alloc = {
		.size = sizeof(alloc), .flags = PINPOOL_ALLOC_POPULATE, .bufs = (uintptr_t)bufs,
		.count = 5, .buf_size = sizeof(bufs[0]), .window = (uintptr_t)self->a.window,
	};
	long faults = 0;
	int i;

	memset(bufs, 0, sizeof(bufs));
	for (i = 0; i < 5; i++)
		bufs[i].length = (1 + 300 * i) * 1000;
	ASSERT_EQ(0, pp_ioctl(self->a.fd, PINPOOL_IOC_ALLOC, &alloc));
	for (i = 0; i < 5; i++)
		faults += faults_to_touch(self->a.window + bufs[i].offset, bufs[i].length);
	EXPECT_EQ(0, faults);
}

TEST_F(huge, populate_in_a_window_for_reading)
{
	char *window = pp_window(self->a.fd, PROT_READ);
	struct pinpool_buf buf;

	ASSERT_TRUE(window != MAP_FAILED);
	ASSERT_EQ(0, alloc_populated(&self->a, MIB, window, &buf));
	EXPECT_EQ(0, faults_to(false, window + buf.offset, MIB));
	munmap(window, self->a.capacity);
}

/* Part of a window, or one that is cut short by the end of the buffer's place */
TEST_F(huge, populate_where_the_window_goes)
{
	struct pinpool_buf buf;
	char *window;

	/* Offset 0 of the pool would be half a buffer before the window. */
	window = mmap(NULL, 2 * HUGE, PROT_READ | PROT_WRITE, MAP_SHARED, self->a.fd, 0);
	ASSERT_TRUE(window != MAP_FAILED);
	ASSERT_EQ(0, alloc_populated(&self->a, 4 * HUGE, window, &buf));
	if (!buf.offset)
		EXPECT_EQ(0, faults_to_touch(window, 2 * HUGE));
	munmap(window, 2 * HUGE);
	EXPECT_EQ(0, pp_probe_write(self->a.window + buf.offset));
}

TEST_F(huge, a_fault_maps_what_is_around)
{
	struct pinpool_buf buf;

	ASSERT_EQ(0, pp_alloc(self->a.fd, 2 * HUGE, HUGE, &buf));
	EXPECT_GE(self->huge ? 2 : 2 * HUGE / (64 * KIB),
		  faults_to_touch(self->a.window + buf.offset, buf.length));
}

TEST_F(huge, is_mapped_as_such)
{
	struct pinpool_buf buf;

	if (!self->huge)
		SKIP(return, "the pool has small pages");
	ASSERT_EQ(0, pp_alloc(self->a.fd, 3 * HUGE, 0, &buf));
	EXPECT_EQ(0, smaps_of(self->a.window, "FilePmdMapped:"));
	self->a.window[buf.offset + HUGE + 5] = 1;
	EXPECT_EQ(HUGE / KIB, smaps_of(self->a.window, "FilePmdMapped:"));
	EXPECT_EQ(2, faults_to_touch(self->a.window + buf.offset, 3 * HUGE));
	EXPECT_EQ(3 * HUGE / KIB, smaps_of(self->a.window, "FilePmdMapped:"));
	EXPECT_EQ(3 * HUGE / KIB, smaps_of(self->a.window, "Rss:"));
	EXPECT_EQ(0, pp_free(self->a.fd, buf.handle));
	EXPECT_EQ(0, smaps_of(self->a.window, "FilePmdMapped:"));
	EXPECT_EQ(0, smaps_of(self->a.window, "Rss:"));
	EXPECT_EQ(SIGBUS, pp_probe_read(self->a.window + buf.offset));
}

TEST_F(huge, can_be_pinned_and_transferred)
{
	struct pinpool_stats stats;
	struct pinpool_buf buf;
	struct iovec iov;
	int pipes[2];
	char copy[8192];

	if (!self->huge)
		SKIP(return, "the pool has small pages");
	ASSERT_EQ(0, pipe2(pipes, O_CLOEXEC));
	ASSERT_EQ(0, pp_alloc(self->a.fd, 2 * HUGE, 0, &buf));
	iov = (struct iovec){ self->a.window + buf.offset + HUGE - 4096, sizeof(copy) };
	pp_fill(iov.iov_base, sizeof(copy), 1);
	ASSERT_EQ(sizeof(copy), vmsplice(pipes[1], &iov, 1, 0));
	EXPECT_EQ(2 * HUGE / KIB, smaps_of(self->a.window, "FilePmdMapped:"));
	EXPECT_EQ(0, pp_free(self->a.fd, buf.handle));
	ASSERT_EQ(0, pp_stats(self->a.fd, &stats));
	EXPECT_EQ(2 * HUGE, stats.quarantined);
	ASSERT_EQ(sizeof(copy), read(pipes[0], copy, sizeof(copy)));
	EXPECT_TRUE(pp_matches(copy, sizeof(copy), 1));
	close(pipes[0]);
	close(pipes[1]);
}

/* The kernel splits such mappings where parts of them go or change. */
TEST_F(huge, parts_can_be_unmapped_and_protected)
{
	struct pinpool_buf buf;
	char *at, *half;
	int i;

	if (!self->huge)
		SKIP(return, "the pool has small pages");
	ASSERT_EQ(0, pp_alloc(self->a.fd, 2 * HUGE, 0, &buf));
	at = self->a.window + buf.offset;
	pp_fill(at, 2 * HUGE, 1);
	for (i = 0; i < 2; i++) {
		half = at + HUGE / 2;
		ASSERT_EQ(0, mprotect(half, 4096, PROT_READ));
		EXPECT_EQ(SIGSEGV, pp_probe_write(half));
		EXPECT_TRUE(pp_matches(at, 2 * HUGE, 1));
		ASSERT_EQ(0, mprotect(half, 4096, PROT_READ | PROT_WRITE));
		EXPECT_TRUE(pp_matches(at, 2 * HUGE, 1));
		ASSERT_EQ(0, madvise(at + 4096, HUGE, MADV_DONTNEED));
		EXPECT_TRUE(pp_matches(at, 2 * HUGE, 1));
	}
	half = mmap(NULL, 2 * HUGE, PROT_READ | PROT_WRITE, MAP_SHARED, self->a.fd, buf.offset);
	ASSERT_TRUE(half != MAP_FAILED);
	EXPECT_TRUE(pp_matches(half, 2 * HUGE, 1));
	EXPECT_EQ(0, munmap(half + 4096, HUGE));
	EXPECT_TRUE(pp_matches(at, 2 * HUGE, 1));
	EXPECT_EQ(0, pp_free(self->a.fd, buf.handle));
	EXPECT_EQ(SIGBUS, pp_probe_read(half));
	EXPECT_EQ(SIGBUS, pp_probe_read(half + HUGE + 8192));
	munmap(half, 2 * HUGE);
}

TEST_F(huge, a_window_that_is_not_congruent_works_in_small_pages)
{
	struct pinpool_buf buf;
	char *place, *window;

	if (!self->huge)
		SKIP(return, "the pool has small pages");
	ASSERT_EQ(0, pp_alloc(self->a.fd, HUGE, 0, &buf));
	pp_fill(self->a.window + buf.offset, HUGE, 3);
	place = mmap(NULL, 4 * HUGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	ASSERT_TRUE(place != MAP_FAILED);
	place += HUGE - (uintptr_t)place % HUGE + 4096;
	window = mmap(place, HUGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, self->a.fd,
		      buf.offset);
	ASSERT_TRUE(window == place);
	EXPECT_TRUE(pp_matches(window, HUGE, 3));
	EXPECT_EQ(0, smaps_of(window, "FilePmdMapped:"));
	EXPECT_EQ(0, pp_free(self->a.fd, buf.handle));
	EXPECT_EQ(SIGBUS, pp_probe_read(window));
	munmap(window, HUGE);
}

TEST_F(huge, memory_of_another_client_is_zeroed)
{
	struct pinpool_info info;
	struct pp_client b;
	struct pinpool_buf buf;

	if (!self->huge)
		SKIP(return, "the pool has small pages");
	ASSERT_EQ(0, pp_info(self->a.fd, &info));
	if (info.zero == PINPOOL_ZERO_NEVER)
		SKIP(return, "this pool zeroes nothing");
	ASSERT_EQ(0, pp_alloc(self->a.fd, 2 * HUGE, 0, &buf));
	self->a.window[buf.offset + HUGE + HUGE / 2] = 'a';
	EXPECT_EQ(0, pp_free(self->a.fd, buf.handle));
	ASSERT_TRUE(pp_client_open(&b));
	ASSERT_EQ(0, pp_alloc(b.fd, 2 * HUGE, 0, &buf));
	EXPECT_TRUE(pp_is_zero(b.window + buf.offset, 2 * HUGE));
	pp_client_close(&b);
}

PP_HARNESS_MAIN
