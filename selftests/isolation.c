// SPDX-License-Identifier: GPL-2.0
/*
 * Isolation: no client gets at another's memory, not while it is another's, not
 * after it was, and not while somebody else still has it pinned
 */
#define _FILE_OFFSET_BITS 64
#include "pinpool_test.h"

#include <sys/uio.h>
#include <sys/wait.h>

#include "kselftest_harness.h"

/* An open file of the pool, and its window on all of it */
struct client {
	int fd;
	char *window;
	size_t capacity;
};

static bool client_open(struct client *client)
{
	struct pinpool_info info;

	client->window = MAP_FAILED;
	client->fd = open(pp_node(), O_RDWR | O_CLOEXEC);
	if (client->fd < 0 || pp_info(client->fd, &info))
		return false;
	client->capacity = info.capacity;
	client->window = pp_window(client->fd, PROT_READ | PROT_WRITE);
	return client->window != MAP_FAILED;
}

static void client_close(struct client *client)
{
	munmap(client->window, client->capacity);
	close(client->fd);
}

static int free_all(const struct client *client)
{
	struct pinpool_query query;
	int err = 0;

	while (!err && !pp_find(client->fd, 0, PINPOOL_QUERY_NEXT, &query))
		err = pp_free(client->fd, query.handle);
	return err;
}

/* Allocate until the pool is full, in sizes of so many granules in turn. */
static int alloc_all(const struct client *client, size_t granule, const unsigned int *sizes,
		     unsigned int nr)
{
	struct pinpool_stats stats;
	struct pinpool_buf buf;
	unsigned int i;
	size_t length;
	int err;

	for (i = 0;; i++) {
		err = pp_stats(client->fd, &stats);
		if (err || !stats.largest_free)
			return err;
		length = sizes[i % nr] * granule;
		if (length > stats.largest_free)
			length = stats.largest_free;
		err = pp_alloc(client->fd, length, 0, &buf);
		if (err)
			return err;
	}
}

typedef bool (*buffer_fn)(const struct client *client, const struct pinpool_query *query,
			  uint64_t arg);

/* Call a function for each of a client's buffers, until it gives false. */
static bool each_buffer(const struct client *client, buffer_fn call, uint64_t arg)
{
	struct pinpool_query query;
	uint64_t offset = 0;

	while (!pp_find(client->fd, offset, PINPOOL_QUERY_NEXT, &query)) {
		if (!call(client, &query, arg))
			return false;
		offset = query.offset + query.extent;
	}
	return true;
}

static bool fill_buffer(const struct client *client, const struct pinpool_query *query,
			uint64_t seed)
{
	pp_fill(client->window + query->offset, query->extent, seed + query->offset);
	return true;
}

static bool match_buffer(const struct client *client, const struct pinpool_query *query,
			 uint64_t seed)
{
	return pp_matches(client->window + query->offset, query->extent, seed + query->offset);
}

static bool zero_buffer(const struct client *client, const struct pinpool_query *query,
			uint64_t arg)
{
	if (pp_is_zero(client->window + query->offset, query->extent))
		return true;
	fprintf(stderr, "# the buffer at %#llx, %llu bytes, isn't zero\n", query->offset,
		query->extent);
	return false;
}

static const unsigned int small_sizes[] = { 1, 1, 3, 64, 1, 7, 129, 512, 2, 513, 31, 1000 };
static const unsigned int other_sizes[] = { 700, 5, 256, 17, 1, 1, 96, 2 };

FIXTURE(isolation)
{
	struct client observer;		/* holds nothing */
	struct client a;
	struct client b;
	struct pinpool_info info;
	size_t page;
	size_t granule;
	size_t capacity;
};

FIXTURE_SETUP(isolation)
{
	ASSERT_TRUE(client_open(&self->observer));
	ASSERT_TRUE(client_open(&self->a));
	ASSERT_TRUE(client_open(&self->b));
	ASSERT_EQ(0, pp_info(self->observer.fd, &self->info));
	self->page = sysconf(_SC_PAGESIZE);
	self->granule = self->info.granule;
	self->capacity = self->info.capacity;
}

FIXTURE_TEARDOWN(isolation)
{
	client_close(&self->a);
	client_close(&self->b);
	EXPECT_TRUE(pp_pool_is_whole(self->observer.fd, 1));
	client_close(&self->observer);
}

/* What a test of zeroing says where it can't hold */
static bool never_zeroed(const struct pinpool_info *info)
{
	return info->zero == PINPOOL_ZERO_NEVER;
}

#define NEVER_ZEROED	"the pool was told not to zero memory"

static bool unreachable_buffer(const struct client *client, const struct pinpool_query *query,
			       uint64_t intruder)
{
	const struct client *other = (const struct client *)(uintptr_t)intruder;
	long page = sysconf(_SC_PAGESIZE);
	uint64_t at;

	for (at = query->offset; at < query->offset + query->extent; at += page)
		if (pp_probe_read(other->window + at) != SIGBUS ||
		    pp_probe_write(other->window + at + page - 1) != SIGBUS)
			return false;
	return true;
}

TEST_F(isolation, another_clients_buffers_are_out_of_reach)
{
	static const unsigned int sizes[] = { 1, 3, 5, 2, 20 };
	struct pinpool_buf buf;
	unsigned int i;

	/* Theirs and ours side by side, all of them mapped */
	for (i = 0; i < 4 * ARRAY_LEN(sizes); i++) {
		ASSERT_EQ(0, pp_alloc(self->a.fd, sizes[i % ARRAY_LEN(sizes)] * self->granule, 0,
				      &buf));
		ASSERT_EQ(0, pp_alloc(self->b.fd, sizes[i / 4] * self->granule, 0, &buf));
	}
	each_buffer(&self->a, fill_buffer, 1);
	each_buffer(&self->b, fill_buffer, 2);
	EXPECT_TRUE(each_buffer(&self->a, unreachable_buffer, (uintptr_t)&self->b));
	EXPECT_TRUE(each_buffer(&self->b, unreachable_buffer, (uintptr_t)&self->a));
	EXPECT_TRUE(each_buffer(&self->a, match_buffer, 1));
	EXPECT_TRUE(each_buffer(&self->b, match_buffer, 2));
}

TEST_F(isolation, another_clients_buffers_are_efault_to_the_kernel)
{
	struct iovec iov;
	struct pinpool_buf buf;
	char byte = 'b';
	char *theirs;
	int p[2];

	ASSERT_EQ(0, pipe2(p, O_CLOEXEC));
	ASSERT_EQ(0, pp_alloc(self->a.fd, self->granule, 0, &buf));
	memset(self->a.window + buf.offset, 'a', self->granule);
	theirs = self->b.window + buf.offset;
	iov = (struct iovec){ theirs, self->page };

	EXPECT_EQ(-1, write(p[1], theirs, 1));
	EXPECT_EQ(EFAULT, errno);
	errno = 0;
	EXPECT_EQ(-1, vmsplice(p[1], &iov, 1, 0));
	EXPECT_EQ(EFAULT, errno);
	ASSERT_EQ(1, write(p[1], &byte, 1));
	errno = 0;
	EXPECT_EQ(-1, read(p[0], theirs, 1));
	EXPECT_EQ(EFAULT, errno);
	EXPECT_EQ('a', self->a.window[buf.offset]);
	close(p[0]);
	close(p[1]);
}

TEST_F(isolation, another_clients_handles_are_unknown)
{
	struct pinpool_query query;
	struct pinpool_buf buf, own;
	__u64 handles[2];
	uint32_t done;

	ASSERT_EQ(0, pp_alloc(self->a.fd, 5 * self->granule, 0, &buf));
	pp_fill(self->a.window + buf.offset, 5 * self->granule, 1);

	EXPECT_EQ(-ENOENT, pp_free(self->b.fd, buf.handle));
	EXPECT_EQ(-ENOENT, pp_query(self->b.fd, buf.handle, &query));
	EXPECT_EQ(-ENOENT, pp_find(self->b.fd, buf.offset, 0, &query));
	EXPECT_EQ(-ENOENT, pp_find(self->b.fd, 0, PINPOOL_QUERY_NEXT, &query));
	ASSERT_EQ(0, pp_alloc(self->b.fd, 1, 0, &own));
	handles[0] = own.handle;
	handles[1] = buf.handle;
	EXPECT_EQ(-ENOENT, pp_free_array(self->b.fd, handles, 2, &done));
	EXPECT_EQ(1, done);

	EXPECT_EQ(0, pp_query(self->a.fd, buf.handle, &query));
	EXPECT_TRUE(pp_matches(self->a.window + buf.offset, 5 * self->granule, 1));
	EXPECT_EQ(0, pp_free(self->a.fd, buf.handle));
}

TEST_F(isolation, new_client_finds_zeroes_in_the_whole_pool)
{
	struct pinpool_buf buf;

	if (never_zeroed(&self->info))
		SKIP(return, NEVER_ZEROED);
	ASSERT_EQ(0, pp_alloc(self->a.fd, self->capacity, 0, &buf));
	EXPECT_TRUE(pp_is_zero(self->a.window, self->capacity));
}

/* How memory comes to change its owner */
enum handover { BY_FREE, BY_CLOSE, BY_KILL };

FIXTURE(handover)
{
	struct client observer;
	struct client b;
	struct pinpool_info info;
	size_t granule;
	size_t capacity;
};

FIXTURE_SETUP(handover)
{
	ASSERT_TRUE(client_open(&self->observer));
	ASSERT_TRUE(client_open(&self->b));
	ASSERT_EQ(0, pp_info(self->observer.fd, &self->info));
	self->granule = self->info.granule;
	self->capacity = self->info.capacity;
}

FIXTURE_TEARDOWN(handover)
{
	client_close(&self->b);
	EXPECT_TRUE(pp_pool_is_whole(self->observer.fd, 1));
	client_close(&self->observer);
}

FIXTURE_VARIANT(handover)
{
	enum handover how;
};

FIXTURE_VARIANT_ADD(handover, by_free) { .how = BY_FREE };
FIXTURE_VARIANT_ADD(handover, by_close) { .how = BY_CLOSE };
FIXTURE_VARIANT_ADD(handover, by_kill) { .how = BY_KILL };

/* What the process of a former owner tells: how it went, and what is pinned where */
struct report {
	int err;
	uint64_t offset;
	uint64_t extent;
};

/* The former owner, in a process of its own */
struct owner {
	pid_t pid;
	int reports;
	int orders;		/* closed to end it */
};

/*
 * Fork a process that does @work with a client of its own, reports, and then
 * holds still until it is ended.
 */
static bool owner_start(struct owner *owner, int (*work)(struct client *client, void *arg,
							 struct report *report), void *arg)
{
	struct report report = { 0 };
	struct client client;
	int up[2], down[2];
	char byte;

	if (pipe2(up, O_CLOEXEC) || pipe2(down, O_CLOEXEC))
		return false;
	owner->pid = fork();
	if (owner->pid < 0)
		return false;
	if (!owner->pid) {
		close(up[0]);
		close(down[1]);
		if (!client_open(&client))
			report.err = -errno;
		else
			report.err = work(&client, arg, &report);
		if (write(up[1], &report, sizeof(report)) != sizeof(report))
			_exit(1);
		_exit(read(down[0], &byte, 1) != 0);
	}
	close(up[1]);
	close(down[0]);
	owner->reports = up[0];
	owner->orders = down[1];
	return true;
}

static bool owner_report(const struct owner *owner, struct report *report)
{
	if (read(owner->reports, report, sizeof(*report)) != sizeof(*report))
		return false;
	if (report->err)
		fprintf(stderr, "# the owner failed: %s\n", strerror(-report->err));
	return !report->err;
}

static bool owner_end(struct owner *owner, bool by_signal)
{
	int status;

	if (by_signal)
		kill(owner->pid, SIGKILL);
	close(owner->orders);
	close(owner->reports);
	if (waitpid(owner->pid, &status, 0) != owner->pid)
		return false;
	return by_signal ? WIFSIGNALED(status) : !status;
}

struct fill_args {
	size_t granule;
	enum handover how;
};

static int fill_and_let_go(struct client *client, void *arg, struct report *report)
{
	const struct fill_args *args = arg;
	int err;

	err = alloc_all(client, args->granule, small_sizes, ARRAY_LEN(small_sizes));
	if (err)
		return err;
	each_buffer(client, fill_buffer, 1);
	if (!each_buffer(client, match_buffer, 1))
		return -EIO;
	if (args->how == BY_FREE)
		return free_all(client);
	if (args->how == BY_CLOSE)
		client_close(client);
	return 0;
}

TEST_F(handover, new_owner_finds_zeroes)
{
	struct fill_args args = { .granule = self->granule, .how = variant->how };
	struct pinpool_stats stats;
	struct report report;
	struct owner owner;

	if (never_zeroed(&self->info))
		SKIP(return, NEVER_ZEROED);
	ASSERT_TRUE(owner_start(&owner, fill_and_let_go, &args));
	ASSERT_TRUE(owner_report(&owner, &report));
	if (variant->how == BY_KILL) {
		ASSERT_EQ(0, pp_stats(self->b.fd, &stats));
		EXPECT_EQ(0, stats.free);
		ASSERT_TRUE(owner_end(&owner, true));
	}
	ASSERT_EQ(0, alloc_all(&self->b, self->granule, other_sizes, ARRAY_LEN(other_sizes)));
	ASSERT_EQ(0, pp_stats(self->b.fd, &stats));
	EXPECT_EQ(self->capacity, stats.client_used);
	EXPECT_TRUE(each_buffer(&self->b, zero_buffer, 0));
	if (variant->how != BY_KILL)
		EXPECT_TRUE(owner_end(&owner, false));
}

TEST_F(isolation, place_of_two_former_owners_reads_as_zero)
{
	const struct client *clients[] = { &self->a, &self->b };
	size_t quarter = self->capacity / 4 / self->granule * self->granule;
	struct pinpool_buf bufs[4], buf;
	struct client c;
	int i;

	if (never_zeroed(&self->info))
		SKIP(return, NEVER_ZEROED);
	ASSERT_TRUE(client_open(&c));
	for (i = 0; i < 4; i++) {
		ASSERT_EQ(0, pp_alloc(clients[i % 2]->fd, quarter, 0, &bufs[i]));
		if (i)
			ASSERT_EQ(bufs[i - 1].offset + quarter, bufs[i].offset);
		memset(clients[i % 2]->window + bufs[i].offset, i + 1, quarter);
	}
	/* Whatever the division left over */
	pp_alloc(self->a.fd, self->capacity - 4 * quarter, 0, &buf);
	for (i = 1; i < 3; i++)
		ASSERT_EQ(0, pp_free(clients[i % 2]->fd, bufs[i].handle));
	ASSERT_EQ(0, pp_alloc(c.fd, 2 * quarter, 0, &buf));
	EXPECT_EQ(bufs[1].offset, buf.offset);
	EXPECT_TRUE(pp_is_zero(c.window + buf.offset, 2 * quarter));
	client_close(&c);
}

TEST_F(isolation, place_touched_in_parts_reads_as_zero)
{
	struct pinpool_buf buf;
	size_t at;

	if (never_zeroed(&self->info))
		SKIP(return, NEVER_ZEROED);
	ASSERT_EQ(0, pp_alloc(self->a.fd, self->capacity, 0, &buf));
	/* Far apart, and each in a way that leaves others near it untouched */
	for (at = 0; at < self->capacity; at += 37 * self->page)
		self->a.window[at + at % self->page] = 1;
	self->a.window[self->capacity - 1] = 1;
	ASSERT_EQ(0, pp_free(self->a.fd, buf.handle));
	ASSERT_EQ(0, pp_alloc(self->b.fd, self->capacity, 0, &buf));
	EXPECT_TRUE(pp_is_zero(self->b.window, self->capacity));
}

TEST_F(isolation, place_that_only_the_kernel_wrote_to_reads_as_zero)
{
	struct pinpool_buf buf;
	size_t length = 8 * self->page;
	char bytes[64];
	int p[2];

	if (never_zeroed(&self->info))
		SKIP(return, NEVER_ZEROED);
	/* The owner never touches the memory itself: read() does. */
	ASSERT_EQ(0, pipe2(p, O_CLOEXEC));
	ASSERT_EQ(0, pp_alloc(self->a.fd, self->capacity, 0, &buf));
	memset(bytes, 'k', sizeof(bytes));
	ASSERT_EQ(sizeof(bytes), write(p[1], bytes, sizeof(bytes)));
	ASSERT_EQ(sizeof(bytes), read(p[0], self->a.window + length, sizeof(bytes)));
	ASSERT_EQ(0, pp_free(self->a.fd, buf.handle));
	ASSERT_EQ(0, pp_alloc(self->b.fd, self->capacity, 0, &buf));
	EXPECT_TRUE(pp_is_zero(self->b.window, self->capacity));
	close(p[0]);
	close(p[1]);
}

/* Tells the client and the page by the content. */
static void fill_pages(const struct client *client, size_t from, size_t to, uint64_t seed)
{
	long page = sysconf(_SC_PAGESIZE);
	size_t at;

	for (at = from; at < to; at += page)
		pp_fill(client->window + at, page, seed + at);
}

/* Under zero=owner what only the client itself had costs nothing, and so stays. */
static bool pages_are_own(const struct client *client, const struct pinpool_info *info,
			  size_t from, size_t to, uint64_t seed)
{
	bool zeroed = info->zero == PINPOOL_ZERO_ALWAYS;
	long page = sysconf(_SC_PAGESIZE);
	size_t at;

	for (at = from; at < to; at += page) {
		if (zeroed ? !pp_is_zero(client->window + at, page) :
			     !pp_matches(client->window + at, page, seed + at)) {
			fprintf(stderr, "# something else at %#zx\n", at);
			return false;
		}
	}
	return true;
}

TEST_F(isolation, own_place_comes_back_as_the_policy_says)
{
	struct pinpool_buf buf, mine;
	size_t third = self->capacity / 3 / self->granule * self->granule;

	ASSERT_EQ(0, alloc_all(&self->a, self->granule, small_sizes, ARRAY_LEN(small_sizes)));
	fill_pages(&self->a, 0, self->capacity, 1);
	ASSERT_EQ(0, free_all(&self->a));
	ASSERT_EQ(0, alloc_all(&self->a, self->granule, other_sizes, ARRAY_LEN(other_sizes)));
	EXPECT_TRUE(pages_are_own(&self->a, &self->info, 0, self->capacity, 1));
	if (never_zeroed(&self->info))
		SKIP(return, NEVER_ZEROED);

	/* Another client had some of it in between. */
	fill_pages(&self->a, 0, self->capacity, 2);
	ASSERT_EQ(0, free_all(&self->a));
	ASSERT_EQ(0, pp_alloc(self->a.fd, third, 0, &mine));
	ASSERT_EQ(0, pp_alloc(self->b.fd, third, 0, &buf));
	fill_pages(&self->b, buf.offset, buf.offset + third, 3);
	ASSERT_EQ(0, pp_free(self->b.fd, buf.handle));
	ASSERT_EQ(0, pp_free(self->a.fd, mine.handle));
	ASSERT_EQ(0, pp_alloc(self->a.fd, self->capacity, 0, &mine));
	EXPECT_TRUE(pages_are_own(&self->a, &self->info, 0, buf.offset, 2));
	EXPECT_TRUE(pages_are_own(&self->a, &self->info, buf.offset + third, self->capacity, 2));
	/* Of what was B's, nothing can be left of A's either. */
	EXPECT_TRUE(pp_is_zero(self->a.window + buf.offset, third));
}

/* All of an extent can be reached, whatever was asked for. */
TEST_F(isolation, place_beyond_the_length_reads_as_zero)
{
	struct pinpool_buf buf;

	if (never_zeroed(&self->info))
		SKIP(return, NEVER_ZEROED);
	ASSERT_EQ(0, pp_alloc(self->a.fd, self->capacity, 0, &buf));
	memset(self->a.window, 'a', self->capacity);
	ASSERT_EQ(0, pp_free(self->a.fd, buf.handle));
	ASSERT_EQ(0, pp_alloc(self->b.fd, 1, 0, &buf));
	EXPECT_TRUE(pp_is_zero(self->b.window + buf.offset, self->granule));
}

/* Let a fill the pool, and b have it all, without touching it. */
static int hand_over_untouched(const FIXTURE_DATA(isolation) *self, struct pinpool_buf *buf)
{
	int err = pp_alloc(self->a.fd, self->capacity, 0, buf);

	if (err)
		return err;
	memset(self->a.window, 'a', self->capacity);
	err = pp_free(self->a.fd, buf->handle);
	return err ?: pp_alloc(self->b.fd, self->capacity, 0, buf);
}

TEST_F(isolation, direct_io_from_an_untouched_place_writes_zeroes)
{
	size_t length = 3 * MIB;
	struct pinpool_buf buf;
	char path[4096], *copy;
	int buffered, direct;

	if (!pp_has_pages(self->b.fd))
		SKIP(return, PP_NO_PAGES);
	if (never_zeroed(&self->info))
		SKIP(return, NEVER_ZEROED);
	snprintf(path, sizeof(path), "%s/pinpool.XXXXXX", getenv("TMPDIR") ?: ".");
	buffered = mkostemp(path, O_CLOEXEC);
	ASSERT_LE(0, buffered);
	direct = open(path, O_WRONLY | O_DIRECT | O_CLOEXEC);
	unlink(path);
	ASSERT_EQ(0, hand_over_untouched(self, &buf));
	copy = malloc(length);
	memset(copy, 1, length);
	if (direct < 0 || pwrite(direct, self->b.window + MIB, length, 0) != length) {
		ASSERT_TRUE(!getenv("PINPOOL_REQUIRE"));
		SKIP(return, "no direct I/O here");
	}
	ASSERT_EQ(length, pread(buffered, copy, length, 0));
	EXPECT_TRUE(pp_is_zero(copy, length));
	free(copy);
	close(direct);
	close(buffered);
}

TEST_F(isolation, vmsplice_of_an_untouched_place_carries_zeroes)
{
	size_t length = 8 * self->page;
	struct pinpool_buf buf;
	struct iovec iov;
	char *copy;
	int p[2];

	if (!pp_has_pages(self->b.fd))
		SKIP(return, PP_NO_PAGES);
	if (never_zeroed(&self->info))
		SKIP(return, NEVER_ZEROED);
	ASSERT_EQ(0, pipe2(p, O_CLOEXEC));
	ASSERT_EQ(0, hand_over_untouched(self, &buf));
	copy = malloc(length);
	memset(copy, 1, length);
	iov = (struct iovec){ self->b.window + MIB, length };
	ASSERT_EQ(length, vmsplice(p[1], &iov, 1, 0));
	ASSERT_EQ(length, read(p[0], copy, length));
	EXPECT_TRUE(pp_is_zero(copy, length));
	free(copy);
	close(p[0]);
	close(p[1]);
}

/*
 * A buffer of an owner in another process, one page of which is in a pipe when
 * the owner lets go of it
 */
#define PINNED_GRANULES	5

FIXTURE(quarantine)
{
	struct client observer;
	struct client b;
	struct pinpool_info info;
	size_t page;
	size_t granule;
	size_t capacity;
	int pipe[2];
	struct owner owner;
	struct report pinned;
};

FIXTURE_VARIANT(quarantine)
{
	enum handover how;
};

FIXTURE_VARIANT_ADD(quarantine, by_free) { .how = BY_FREE };
FIXTURE_VARIANT_ADD(quarantine, by_close) { .how = BY_CLOSE };
FIXTURE_VARIANT_ADD(quarantine, by_kill) { .how = BY_KILL };

struct pin_args {
	size_t page;
	size_t granule;
	const int *pipe;
	enum handover how;
};

static int pin_and_let_go(struct client *client, void *arg, struct report *report)
{
	const struct pin_args *args = arg;
	struct pinpool_buf before, buf;
	struct iovec iov;
	int err;

	/* Not at the pool's start, so that there is a place on both sides */
	err = pp_alloc(client->fd, 9 * args->granule, 0, &before);
	if (!err)
		err = pp_alloc(client->fd, PINNED_GRANULES * args->granule, 0, &buf);
	if (err)
		return err;
	report->offset = buf.offset;
	report->extent = PINNED_GRANULES * args->granule;
	pp_fill(client->window + buf.offset, report->extent, 1);
	iov = (struct iovec){ client->window + buf.offset + 2 * args->granule, args->page };
	pp_fill(iov.iov_base, args->page, 2);
	if (vmsplice(args->pipe[1], &iov, 1, 0) != args->page)
		return -errno;
	/* The page is now held by those who have the pipe, not by its owner. */
	close(args->pipe[0]);
	close(args->pipe[1]);
	if (args->how == BY_FREE) {
		err = free_all(client);
		if (!err && (pp_probe_read(iov.iov_base) != SIGBUS ||
			     pp_probe_write(iov.iov_base) != SIGBUS))
			err = -EIO;
	} else if (args->how == BY_CLOSE) {
		client_close(client);
	}
	return err;
}

FIXTURE_SETUP(quarantine)
{
	struct pin_args args;

	ASSERT_TRUE(client_open(&self->observer));
	if (!pp_has_pages(self->observer.fd))
		PP_SKIP_SETUP(PP_NO_PAGES);
	ASSERT_TRUE(client_open(&self->b));
	ASSERT_EQ(0, pp_info(self->observer.fd, &self->info));
	self->page = sysconf(_SC_PAGESIZE);
	self->granule = self->info.granule;
	self->capacity = self->info.capacity;
	ASSERT_EQ(0, pipe2(self->pipe, O_CLOEXEC | O_NONBLOCK));
	args = (struct pin_args){
		.page = self->page, .granule = self->granule, .pipe = self->pipe,
		.how = variant->how,
	};
	ASSERT_TRUE(owner_start(&self->owner, pin_and_let_go, &args));
	ASSERT_TRUE(owner_report(&self->owner, &self->pinned));
	if (variant->how == BY_KILL)
		ASSERT_TRUE(owner_end(&self->owner, true));
}

FIXTURE_TEARDOWN(quarantine)
{
	struct pinpool_buf buf;

	close(self->pipe[0]);
	close(self->pipe[1]);
	if (variant->how != BY_KILL)
		EXPECT_TRUE(owner_end(&self->owner, false));
	/* An ALLOC for which there is no room looks for what is no longer pinned. */
	free_all(&self->b);
	EXPECT_EQ(0, pp_alloc(self->b.fd, self->capacity, 0, &buf));
	client_close(&self->b);
	EXPECT_TRUE(pp_pool_is_whole(self->observer.fd, 1));
	client_close(&self->observer);
}

/* Does the page in the pipe still hold what it did? Empties the pipe. */
static bool pipe_is_intact(const FIXTURE_DATA(quarantine) *self)
{
	char *copy = malloc(self->page);
	bool intact;

	intact = read(self->pipe[0], copy, self->page) == self->page &&
		 pp_matches(copy, self->page, 2);
	free(copy);
	return intact;
}

TEST_F(quarantine, stats_tell_of_the_extent)
{
	struct pinpool_stats stats;

	ASSERT_EQ(0, pp_stats(self->observer.fd, &stats));
	EXPECT_EQ(self->pinned.extent, stats.quarantined);
	EXPECT_EQ(1, stats.quarantined_extents);
	EXPECT_EQ(0, stats.used);
	EXPECT_EQ(0, stats.buffers);
	EXPECT_EQ(0, stats.requested);
	EXPECT_EQ(self->capacity - self->pinned.extent, stats.free);
}

static bool overlaps(const struct report *pinned, const struct pinpool_buf *buf)
{
	return buf->offset < pinned->offset + pinned->extent &&
	       pinned->offset < buf->offset + buf->length;
}

TEST_F(quarantine, no_granule_of_it_is_given_out)
{
	size_t nr = self->capacity / self->granule;
	struct pinpool_buf *bufs = calloc(nr, sizeof(*bufs));
	size_t i, made = 0, overlapping = 0;
	struct pinpool_buf buf;
	uint32_t done;
	int err = 0;

	for (i = 0; i < nr; i++)
		bufs[i].length = self->granule;
	while (!err && made < nr) {
		i = nr - made;
		if (i > self->info.max_array)
			i = self->info.max_array;
		err = pp_alloc_array(self->b.fd, bufs + made, i, PINPOOL_ALLOC_PARTIAL, &done);
		if (!err)
			made += done;
	}
	EXPECT_EQ(-ENOSPC, err);
	EXPECT_EQ(-ENOSPC, pp_alloc(self->b.fd, 1, 0, &buf));
	EXPECT_EQ(nr - PINNED_GRANULES, made);
	for (i = 0; i < made; i++) {
		overlapping += overlaps(&self->pinned, &bufs[i]);
		memset(self->b.window + bufs[i].offset, 'b', self->granule);
	}
	EXPECT_EQ(0, overlapping);
	/* Nor does the new owner of all else get at it in its window. */
	for (i = 0; i < PINNED_GRANULES; i++)
		EXPECT_EQ(SIGBUS, pp_probe_write(self->b.window + self->pinned.offset +
						 i * self->granule));
	EXPECT_TRUE(pipe_is_intact(self));
	free(bufs);
}

TEST_F(quarantine, no_large_buffer_covers_it)
{
	struct pinpool_stats stats;
	struct pinpool_buf buf;

	EXPECT_EQ(-ENOSPC, pp_alloc(self->b.fd, self->capacity, 0, &buf));
	for (;;) {
		ASSERT_EQ(0, pp_stats(self->b.fd, &stats));
		if (!stats.largest_free)
			break;
		ASSERT_EQ(0, pp_alloc(self->b.fd, stats.largest_free, 0, &buf));
		EXPECT_FALSE(overlaps(&self->pinned, &buf));
		memset(self->b.window + buf.offset, 'b', buf.length);
	}
	EXPECT_EQ(self->capacity - self->pinned.extent, stats.client_used);
	EXPECT_EQ(self->pinned.extent, stats.quarantined);
	EXPECT_TRUE(pipe_is_intact(self));
}

TEST_F(quarantine, ends_at_once_when_the_pipe_is_read)
{
	struct pinpool_stats stats;
	struct pinpool_buf buf;

	EXPECT_EQ(-ENOSPC, pp_alloc(self->b.fd, self->capacity, 0, &buf));
	EXPECT_TRUE(pipe_is_intact(self));
	ASSERT_EQ(0, pp_alloc(self->b.fd, self->capacity, 0, &buf));
	ASSERT_EQ(0, pp_stats(self->b.fd, &stats));
	EXPECT_EQ(0, stats.quarantined);
	EXPECT_EQ(0, stats.quarantined_extents);
	EXPECT_EQ(self->capacity, stats.used);
	if (!never_zeroed(&self->info))
		EXPECT_TRUE(pp_is_zero(self->b.window, self->capacity));
}

TEST_F(quarantine, ends_at_once_when_the_pipe_is_closed)
{
	struct pinpool_buf buf;

	EXPECT_EQ(-ENOSPC, pp_alloc(self->b.fd, self->capacity, 0, &buf));
	close(self->pipe[0]);
	close(self->pipe[1]);
	self->pipe[0] = -1;
	self->pipe[1] = -1;
	ASSERT_EQ(0, pp_alloc(self->b.fd, self->capacity, 0, &buf));
	if (!never_zeroed(&self->info))
		EXPECT_TRUE(pp_is_zero(self->b.window, self->capacity));
}

PP_HARNESS_MAIN
