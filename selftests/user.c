// SPDX-License-Identifier: GPL-2.0
/*
 * Pools of registered memory: whose memory it is, of each kind there is, and what
 * becomes of it
 *
 * Needs root. What can't be registered, and who may register how much, is tested in
 * user_limits.c.
 */
#define _FILE_OFFSET_BITS 64
#include "user.h"
#include "netlink.h"

#include <sys/stat.h>
#include <sys/resource.h>
#include <sys/uio.h>
#include <sys/wait.h>

#include "kselftest_harness.h"

#define LENGTH	(4 * MIB)

FIXTURE(user)
{
	struct nl nl;
	int control;
	int file;		/* that is mapped, or -1 */
	size_t pinned;		/* before */
	char *memory;
	size_t page;
};

enum kind { ANONYMOUS, HUGE, SHARED, MEMFD, HUGETLB, PRIVATE };

/* The memory of the process that becomes a pool */
FIXTURE_VARIANT(user)
{
	enum kind kind;
	bool copied;		/* a child of fork() has a copy */
};

FIXTURE_VARIANT_ADD(user, anonymous)
{
	.kind = ANONYMOUS,
	.copied = true,
};

FIXTURE_VARIANT_ADD(user, huge_pages)
{
	.kind = HUGE,
	.copied = true,
};

FIXTURE_VARIANT_ADD(user, shared_anonymous)
{
	.kind = SHARED,
};

FIXTURE_VARIANT_ADD(user, memfd)
{
	.kind = MEMFD,
};

FIXTURE_VARIANT_ADD(user, hugetlb)
{
	.kind = HUGETLB,
};

/* Of a file on a disk: what is written is the process's own */
FIXTURE_VARIANT_ADD(user, private_file)
{
	.kind = PRIVATE,
	.copied = true,
};

static bool reserve_huge_pages(unsigned int nr)
{
	FILE *file = fopen("/proc/sys/vm/nr_hugepages", "r+e");
	unsigned int got = 0;

	if (!file)
		return false;
	fprintf(file, "%u\n", nr);
	rewind(file);
	if (fscanf(file, "%u", &got) != 1)
		got = 0;
	fclose(file);
	return got >= nr;
}

static int file_new(enum kind kind)
{
	char path[4096];
	int fd;

	if (kind == MEMFD || kind == HUGETLB) {
		fd = memfd_create("user", MFD_CLOEXEC | (kind == HUGETLB ? MFD_HUGETLB : 0));
	} else {
		snprintf(path, sizeof(path), "%s/pinpool.XXXXXX", getenv("TMPDIR") ?: ".");
		fd = mkostemp(path, O_CLOEXEC);
		unlink(path);
	}
	if (fd >= 0 && ftruncate(fd, LENGTH)) {
		close(fd);
		fd = -1;
	}
	return fd;
}

/* Memory of a kind; that of huge pages begins where one does. */
static char *memory_new(enum kind kind, int fd)
{
	int flags = kind == SHARED || kind == MEMFD || kind == HUGETLB ? MAP_SHARED : MAP_PRIVATE;
	char *memory;

	if (fd < 0)
		flags |= MAP_ANONYMOUS;
	if (kind != HUGE)
		return mmap(NULL, LENGTH, PROT_READ | PROT_WRITE, flags, fd, 0);
	memory = mmap(NULL, LENGTH + 2 * MIB, PROT_READ | PROT_WRITE, flags, -1, 0);
	if (memory == MAP_FAILED)
		return memory;
	memory = (char *)(((uintptr_t)memory + 2 * MIB - 1) & ~(2 * MIB - 1));
	madvise(memory, LENGTH, MADV_HUGEPAGE);
	return memory;
}

FIXTURE_SETUP(user)
{
	self->page = sysconf(_SC_PAGESIZE);
	ASSERT_EQ(0, nl_open(&self->nl));
	/* Of a test that died */
	nl_pool_del(&self->nl, NAME, true);
	self->control = -1;
	self->file = -1;
	if (variant->kind == HUGETLB && !reserve_huge_pages(LENGTH / (2 * MIB)))
		PP_SKIP_SETUP("no huge pages of 2 MiB to be had");
	if (variant->kind == MEMFD || variant->kind == HUGETLB || variant->kind == PRIVATE) {
		self->file = file_new(variant->kind);
		ASSERT_LE(0, self->file);
	}
	self->memory = memory_new(variant->kind, self->file);
	ASSERT_TRUE(self->memory != MAP_FAILED);
	pp_fill(self->memory, LENGTH, 99);
	self->pinned = user_pinned();
	self->control = user_control();
	ASSERT_LE(0, self->control);
	ASSERT_EQ(0, user_register(self->control, NAME, self->memory, LENGTH));
}

FIXTURE_TEARDOWN(user)
{
	if (self->control >= 0) {
		close(self->control);
		EXPECT_EQ(-1, access(NODE, F_OK));
		EXPECT_EQ(self->pinned, user_pinned());
	}
	if (variant->kind == HUGETLB) {
		munmap(self->memory, LENGTH);
		close(self->file);
		reserve_huge_pages(0);
	}
	nl_close(&self->nl);
}

TEST_F(user, tells_what_it_is)
{
	struct pp_client client;
	struct pinpool_info info;
	struct stat st;

	ASSERT_TRUE(pp_client_open_at(&client, NODE));
	ASSERT_EQ(0, pp_info(client.fd, &info));
	EXPECT_EQ(PINPOOL_BACKING_USER, info.backing);
	EXPECT_EQ(PINPOOL_LONGTERM_NO_FOREIGN, info.longterm);
	EXPECT_EQ(PINPOOL_ZERO_OWNER, info.zero);
	EXPECT_EQ(LENGTH, info.capacity);
	EXPECT_EQ(self->page, info.granule);
	EXPECT_LE(1, info.chunks);
	EXPECT_LE(self->page, info.chunk_min);
	EXPECT_GE(LENGTH, info.chunk_max);
	EXPECT_STREQ(NAME, info.name);
	if (variant->kind == HUGETLB)
		EXPECT_LE(2 * MIB, info.chunk_min);
	EXPECT_EQ(LENGTH, user_pinned() - self->pinned);
	ASSERT_EQ(0, stat(NODE, &st));
	EXPECT_EQ(0600, st.st_mode & 07777);
	EXPECT_TRUE(pp_pool_is_whole(client.fd, 1));
	pp_client_close(&client);
}

TEST_F(user, clients_get_zeroes_and_the_creator_sees_all)
{
	struct pp_client client;
	struct pinpool_buf a, b;

	ASSERT_TRUE(pp_client_open_at(&client, NODE));
	EXPECT_EQ(SIGBUS, pp_probe_read(client.window));
	ASSERT_EQ(0, pp_alloc(client.fd, MIB, 0, &a));
	ASSERT_EQ(0, pp_alloc(client.fd, MIB, MIB, &b));
	EXPECT_TRUE(pp_is_zero(client.window + a.offset, MIB));
	EXPECT_TRUE(pp_is_zero(client.window + b.offset, MIB));
	EXPECT_TRUE(pp_is_zero(self->memory + a.offset, MIB));
	pp_fill(client.window + a.offset, MIB, 1);
	EXPECT_TRUE(pp_matches(self->memory + a.offset, MIB, 1));
	pp_fill(self->memory + b.offset, MIB, 2);
	EXPECT_TRUE(pp_matches(client.window + b.offset, MIB, 2));

	EXPECT_EQ(0, pp_free(client.fd, a.handle));
	EXPECT_EQ(SIGBUS, pp_probe_read(client.window + a.offset));
	EXPECT_EQ(SIGBUS, pp_probe_write(client.window + a.offset + MIB - 1));
	EXPECT_TRUE(pp_matches(client.window + b.offset, MIB, 2));
	EXPECT_EQ(0, pp_free(client.fd, b.handle));
	EXPECT_TRUE(pp_pool_is_whole(client.fd, 1));
	pp_client_close(&client);
}

TEST_F(user, clients_see_nothing_of_each_other)
{
	struct pp_client a, b;
	struct pinpool_buf buf;

	ASSERT_TRUE(pp_client_open_at(&a, NODE));
	ASSERT_TRUE(pp_client_open_at(&b, NODE));
	ASSERT_EQ(0, pp_alloc(a.fd, LENGTH, 0, &buf));
	pp_fill(a.window, LENGTH, 3);
	EXPECT_EQ(SIGBUS, pp_probe_read(b.window));
	EXPECT_EQ(0, pp_free(a.fd, buf.handle));

	/* What it alone has had it gets again as it is. */
	ASSERT_EQ(0, pp_alloc(a.fd, MIB, 0, &buf));
	EXPECT_TRUE(pp_matches(a.window, MIB, 3));
	EXPECT_EQ(0, pp_free(a.fd, buf.handle));
	ASSERT_EQ(0, pp_alloc(b.fd, LENGTH, 0, &buf));
	EXPECT_TRUE(pp_is_zero(b.window, LENGTH));
	EXPECT_EQ(SIGBUS, pp_probe_read(a.window));
	pp_client_close(&a);
	pp_client_close(&b);
}

TEST_F(user, windows_cannot_be_pinned)
{
	char path[] = "/data/pinpool.XXXXXX";
	struct pp_client client;
	struct pinpool_buf buf;
	struct iovec iov;
	int fds[2], disk;

	if (getenv("TMPDIR"))
		snprintf(path, sizeof(path), "%s/pp.XXXXXX", getenv("TMPDIR"));
	disk = mkostemp(path, O_CLOEXEC | O_DIRECT);
	ASSERT_LE(0, disk);
	unlink(path);
	ASSERT_TRUE(pp_client_open_at(&client, NODE));
	ASSERT_EQ(0, pp_alloc(client.fd, MIB, 0, &buf));
	pp_fill(client.window, MIB, 4);
	EXPECT_EQ(-1, write(disk, client.window, MIB));
	EXPECT_EQ(EFAULT, errno);
	/* Of memory that can be pinned it is written. */
	pp_fill(self->memory + MIB, MIB, 5);
	EXPECT_EQ(MIB, write(disk, self->memory + MIB, MIB));
	ASSERT_EQ(0, lseek(disk, 0, SEEK_SET));
	EXPECT_EQ(-1, read(disk, client.window, MIB));
	EXPECT_EQ(EFAULT, errno);
	EXPECT_TRUE(pp_matches(client.window, MIB, 4));
	/* The processor copies as from any memory. */
	ASSERT_EQ(0, pipe2(fds, O_CLOEXEC | O_NONBLOCK));
	EXPECT_EQ(4096, write(fds[1], client.window, 4096));
	iov = (struct iovec){ client.window, 4096 };
	EXPECT_EQ(-1, vmsplice(fds[1], &iov, 1, 0));
	EXPECT_EQ(EFAULT, errno);
	EXPECT_EQ(0, pp_free(client.fd, buf.handle));
	EXPECT_TRUE(pp_pool_is_whole(client.fd, 1));
	pp_client_close(&client);
	close(fds[0]);
	close(fds[1]);
	close(disk);
}

/*
 * How many page faults it takes to read each page. Pages without owners in a window are
 * not told of anywhere else.
 */
static long faults_to_read(const char *address, size_t length, size_t page)
{
	struct rusage before, after;
	size_t i;

	getrusage(RUSAGE_THREAD, &before);
	for (i = 0; i < length; i += page)
		(void)*(const volatile char *)(address + i);
	getrusage(RUSAGE_THREAD, &after);
	return after.ru_minflt - before.ru_minflt;
}

TEST_F(user, buffers_are_populated)
{
	size_t length = 3 * MIB + 4 * self->page;
	struct pinpool_alloc alloc = {
		.size = sizeof(alloc), .flags = PINPOOL_ALLOC_POPULATE, .length = length,
	};
	struct pp_client client;
	struct pinpool_buf buf;

	ASSERT_TRUE(pp_client_open_at(&client, NODE));
	ASSERT_EQ(0, pp_alloc(client.fd, 5 * self->page, 0, &buf));
	alloc.window = (uintptr_t)client.window;
	ASSERT_EQ(0, pp_ioctl(client.fd, PINPOOL_IOC_ALLOC, &alloc));
	EXPECT_EQ(0, faults_to_read(client.window + alloc.offset, length, self->page));
	/* That, and nothing of the other one */
	EXPECT_LE(1, faults_to_read(client.window + buf.offset, buf.length, self->page));
	EXPECT_TRUE(pp_is_zero(client.window + alloc.offset, length));
	EXPECT_EQ(0, pp_free(client.fd, alloc.handle));
	EXPECT_EQ(SIGBUS, pp_probe_read(client.window + alloc.offset));
	EXPECT_EQ(SIGBUS, pp_probe_read(client.window + alloc.offset + length - 1));
	pp_client_close(&client);
}

TEST_F(user, shares)
{
	struct pp_client a, b;
	struct pinpool_buf buf, got;
	int share, readonly;
	char *map;

	ASSERT_TRUE(pp_client_open_at(&a, NODE));
	ASSERT_TRUE(pp_client_open_at(&b, NODE));
	ASSERT_EQ(0, pp_alloc(a.fd, MIB, MIB, &buf));
	pp_fill(a.window + buf.offset, MIB, 6);
	share = pp_export(a.fd, buf.handle, 0);
	ASSERT_LE(0, share);
	readonly = pp_export(a.fd, buf.handle, PINPOOL_SHARE_RDONLY);
	ASSERT_LE(0, readonly);

	ASSERT_EQ(0, pp_import(b.fd, share, 0, &got));
	EXPECT_TRUE(pp_matches(b.window + got.offset, MIB, 6));
	EXPECT_EQ(0, pp_free(b.fd, got.handle));
	EXPECT_EQ(SIGBUS, pp_probe_read(b.window + got.offset));
	EXPECT_EQ(-EACCES, pp_import(b.fd, readonly, 0, &got));
	ASSERT_EQ(0, pp_import(b.fd, readonly, PINPOOL_SHARE_RDONLY, &got));
	/* Through a window that can be written it isn't even seen. */
	EXPECT_EQ(SIGBUS, pp_probe_read(b.window + got.offset));
	map = pp_window(b.fd, PROT_READ);
	ASSERT_TRUE(map != MAP_FAILED);
	EXPECT_TRUE(pp_matches(map + got.offset, MIB, 6));
	EXPECT_EQ(SIGSEGV, pp_probe_write(map + got.offset));
	EXPECT_EQ(-1, mprotect(map, LENGTH, PROT_READ | PROT_WRITE));
	munmap(map, LENGTH);

	map = mmap(NULL, MIB, PROT_READ | PROT_WRITE, MAP_SHARED, readonly, 0);
	EXPECT_TRUE(map == MAP_FAILED);
	map = mmap(NULL, MIB, PROT_READ | PROT_WRITE, MAP_SHARED, share, 0);
	ASSERT_TRUE(map != MAP_FAILED);
	pp_fill(map, MIB, 7);
	EXPECT_TRUE(pp_matches(a.window + buf.offset, MIB, 7));
	EXPECT_TRUE(pp_matches(self->memory + buf.offset, MIB, 7));

	/* What others had is zeroed for whoever comes next. */
	EXPECT_EQ(0, pp_free(a.fd, buf.handle));
	EXPECT_EQ(0, pp_free(b.fd, got.handle));
	close(share);
	close(readonly);
	EXPECT_TRUE(pp_matches(map, MIB, 7));
	munmap(map, MIB);
	EXPECT_TRUE(pp_pool_is_whole(a.fd, 2));
	ASSERT_EQ(0, pp_alloc(a.fd, LENGTH, 0, &buf));
	EXPECT_TRUE(pp_is_zero(a.window, LENGTH));
	pp_client_close(&a);
	pp_client_close(&b);
}

/* What a child does is no business of the pool's, if it has a copy. */
TEST_F(user, fork_leaves_the_pages_to_the_creator)
{
	struct pp_client client;
	struct pinpool_buf buf;
	int go[2], status;
	char byte;
	pid_t pid;

	ASSERT_TRUE(pp_client_open_at(&client, NODE));
	ASSERT_EQ(0, pp_alloc(client.fd, LENGTH, 0, &buf));
	pp_fill(client.window, LENGTH, 8);
	ASSERT_EQ(0, pipe2(go, O_CLOEXEC));
	pid = fork();
	ASSERT_LE(0, pid);
	if (!pid) {
		bool same;

		/* When the parent has written */
		close(go[1]);
		if (read(go[0], &byte, 1) != 1)
			_exit(2);
		same = pp_matches(self->memory, LENGTH, 9);
		/* Here it sees what the parent's client does. */
		if (!pp_matches(client.window, LENGTH, 9))
			_exit(3);
		if (!same)
			memset(self->memory, 'c', LENGTH);
		_exit(same == !variant->copied ? 0 : 4);
	}
	pp_fill(self->memory, LENGTH, 9);
	EXPECT_TRUE(pp_matches(client.window, LENGTH, 9));
	ASSERT_EQ(1, write(go[1], "", 1));
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	EXPECT_EQ(0, status);
	EXPECT_TRUE(pp_matches(client.window, LENGTH, 9));
	EXPECT_TRUE(pp_matches(self->memory, LENGTH, 9));
	pp_client_close(&client);
	close(go[0]);
	close(go[1]);
}

TEST_F(user, the_pool_has_the_pages_not_the_addresses)
{
	struct pp_client client;
	struct pinpool_buf buf;
	char *moved;

	ASSERT_TRUE(pp_client_open_at(&client, NODE));
	ASSERT_EQ(0, pp_alloc(client.fd, LENGTH, 0, &buf));
	pp_fill(client.window, LENGTH, 10);
	moved = mremap(self->memory, LENGTH, LENGTH, MREMAP_MAYMOVE | MREMAP_FIXED,
		       self->memory + 64 * MIB);
	ASSERT_TRUE(moved != MAP_FAILED);
	EXPECT_TRUE(pp_matches(moved, LENGTH, 10));
	pp_fill(moved, LENGTH, 11);
	EXPECT_TRUE(pp_matches(client.window, LENGTH, 11));
	/* Others in their place, for the creator alone, where it was a private copy */
	ASSERT_EQ(0, madvise(moved, 2 * MIB, MADV_DONTNEED));
	EXPECT_EQ(!variant->copied, pp_matches(moved, 2 * MIB, 11));
	EXPECT_TRUE(pp_matches(client.window, LENGTH, 11));
	ASSERT_EQ(0, munmap(moved, LENGTH));
	EXPECT_TRUE(pp_matches(client.window, LENGTH, 11));
	if (self->file >= 0) {
		ASSERT_EQ(0, ftruncate(self->file, 0));
		EXPECT_TRUE(pp_matches(client.window, LENGTH, 11));
	}
	pp_fill(client.window, LENGTH, 12);
	EXPECT_TRUE(pp_matches(client.window, LENGTH, 12));
	EXPECT_EQ(LENGTH, user_pinned() - self->pinned);
	EXPECT_EQ(0, pp_free(client.fd, buf.handle));
	EXPECT_TRUE(pp_pool_is_whole(client.fd, 1));
	pp_client_close(&client);
}

TEST_F(user, closing_takes_it_from_its_clients)
{
	struct pp_client client;
	struct pinpool_buf buf;
	struct pinpool_stats stats;

	ASSERT_TRUE(pp_client_open_at(&client, NODE));
	ASSERT_EQ(0, pp_alloc(client.fd, MIB, 0, &buf));
	pp_fill(client.window, MIB, 13);
	close(self->control);
	self->control = -1;
	EXPECT_EQ(-1, access(NODE, F_OK));
	EXPECT_EQ(SIGBUS, pp_probe_read(client.window));
	EXPECT_EQ(-ENODEV, pp_stats(client.fd, &stats));
	EXPECT_EQ(self->pinned, user_pinned());
	/* It is the creator's as it was. */
	EXPECT_TRUE(pp_matches(self->memory, MIB, 13));
	pp_client_close(&client);
}

TEST_F(user, the_administrator_takes_it)
{
	struct pinpool_register again = user_request(NAME, self->memory, LENGTH);
	struct pp_client client;
	struct pinpool_buf buf;

	EXPECT_EQ(-EBUSY, user_register(self->control, NAME "2", self->memory, LENGTH));
	EXPECT_EQ(-EOPNOTSUPP, nl_set_capacity(&self->nl, NAME, LENGTH / 2));
	EXPECT_TRUE(!!strstr(self->nl.error, "registered"));
	ASSERT_TRUE(pp_client_open_at(&client, NODE));
	ASSERT_EQ(0, pp_alloc(client.fd, MIB, 0, &buf));
	pp_fill(client.window, MIB, 13);
	EXPECT_EQ(-EBUSY, nl_pool_del(&self->nl, NAME, false));
	EXPECT_EQ(0, nl_pool_del(&self->nl, NAME, true));
	EXPECT_EQ(SIGBUS, pp_probe_read(client.window));
	EXPECT_EQ(self->pinned, user_pinned());
	EXPECT_EQ(-EBUSY, pp_ioctl(self->control, PINPOOL_IOC_REGISTER, &again));
	pp_client_close(&client);
}

/* As long as somebody may still have it from the pool, it is pinned. */
TEST_F(user, what_a_share_has_stays)
{
	struct pp_client client;
	struct pinpool_buf buf;
	char *map;
	int share;

	ASSERT_TRUE(pp_client_open_at(&client, NODE));
	ASSERT_EQ(0, pp_alloc(client.fd, MIB, 0, &buf));
	share = pp_export(client.fd, buf.handle, 0);
	ASSERT_LE(0, share);
	map = mmap(NULL, MIB, PROT_READ | PROT_WRITE, MAP_SHARED, share, 0);
	ASSERT_TRUE(map != MAP_FAILED);
	pp_fill(map, MIB, 14);
	close(self->control);
	self->control = -1;
	/* No more mappings; a driver could be at work on it. */
	EXPECT_EQ(SIGBUS, pp_probe_read(map));
	EXPECT_EQ(LENGTH, user_pinned() - self->pinned);
	munmap(map, MIB);
	EXPECT_EQ(LENGTH, user_pinned() - self->pinned);
	close(share);
	EXPECT_EQ(self->pinned, user_pinned());
	EXPECT_TRUE(pp_matches(self->memory, MIB, 14));
	pp_client_close(&client);
}

/* What a process that is to die makes, and tells of by a byte */
static void creator_run(enum kind kind, int file, int tell)
{
	int control = user_control();
	char *memory = memory_new(kind, file);

	if (memory == MAP_FAILED || user_register(control, NAME, memory, LENGTH) ||
	    write(tell, "", 1) != 1)
		_exit(1);
	for (;;)
		pause();
}

TEST_F(user, the_creators_death_ends_it)
{
	struct pp_client client;
	struct pinpool_buf buf;
	int tell[2], status;
	char byte;
	pid_t pid;

	close(self->control);
	ASSERT_EQ(0, pipe2(tell, O_CLOEXEC));
	pid = fork();
	ASSERT_LE(0, pid);
	if (!pid)
		creator_run(variant->kind, self->file, tell[1]);
	close(tell[1]);
	ASSERT_EQ(1, read(tell[0], &byte, 1));
	ASSERT_TRUE(pp_client_open_at(&client, NODE));
	ASSERT_EQ(0, pp_alloc(client.fd, MIB, 0, &buf));
	pp_fill(client.window, MIB, 15);
	ASSERT_EQ(0, kill(pid, SIGKILL));
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	EXPECT_EQ(-1, access(NODE, F_OK));
	EXPECT_EQ(SIGBUS, pp_probe_read(client.window));
	pp_client_close(&client);
	close(tell[0]);
	self->control = -1;
}

TEST_HARNESS_MAIN
