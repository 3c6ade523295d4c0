// SPDX-License-Identifier: GPL-2.0
/*
 * Pools of memory that was kept from the kernel at boot: what may be one, what is in
 * it, and that nobody else gets it while a page is pinned
 *
 * Looks for memmap=<size>$<start> and reserve_mem=<size>:<align>:pinpool-test on the
 * kernel's command line.
 */
#include "pinpool_test.h"
#include "netlink.h"

#include <stdlib.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>

#include "kselftest_harness.h"

#define NAME	"reserved-test"
#define NODE	"/dev/pinpool/" NAME
#define OTHER	"reserved-other"
#define REGION	"pinpool-test"
#define REGION_SIZE	(16 * MIB)

#define GIB	(1024 * MIB)

static uint64_t size_of(const char *text, char **end)
{
	static const char suffixes[] = "KMG";
	uint64_t size = strtoull(text, end, 0);
	const char *suffix = strchr(suffixes, **end);

	if (!**end || !suffix)
		return size;
	++*end;
	return size << (10 * (suffix - suffixes + 1));
}

/* The kernel's command line */
static void read_command_line(char *line, int size)
{
	FILE *file = fopen("/proc/cmdline", "re");

	if (!file || !fgets(line, size, file))
		line[0] = '\0';
	if (file)
		fclose(file);
}

/* The largest range of the command line; false if there is none */
static bool find_range(uint64_t *base, uint64_t *size)
{
	static const char spaces[] = { ' ', '\n', '\0' };
	char line[4096], *word, *end;
	uint64_t length;

	read_command_line(line, sizeof(line));
	*size = 0;
	for (word = strtok(line, spaces); word; word = strtok(NULL, spaces)) {
		if (strncmp(word, "memmap=", 7))
			continue;
		length = size_of(word + 7, &end);
		if (*end != '$' || length <= *size)
			continue;
		*size = length;
		*base = size_of(end + 1, &end);
	}
	return *size;
}

FIXTURE(reserved)
{
	struct nl nl;
	uint64_t base;
	uint64_t size;
};

FIXTURE_SETUP(reserved)
{
	if (!find_range(&self->base, &self->size))
		PP_SKIP_SETUP("no memmap=<size>$<start> on the kernel's command line");
	ASSERT_EQ(0, nl_open(&self->nl));
	nl_pool_del(&self->nl, NAME, true);
	nl_pool_del(&self->nl, OTHER, true);
}

FIXTURE_TEARDOWN(reserved)
{
	nl_pool_del(&self->nl, NAME, true);
	nl_pool_del(&self->nl, OTHER, true);
	nl_close(&self->nl);
}

static int make(struct nl *nl, const char *name, uint64_t base, uint64_t size, bool keep)
{
	struct nlmsghdr *msg = nl_request(nl, PINPOOL_NL_CMD_POOL_NEW);

	mnl_attr_put_strz(msg, PINPOOL_A_POOL_NAME, name);
	mnl_attr_put_u64(msg, PINPOOL_A_POOL_CAPACITY, size);
	mnl_attr_put_u32(msg, PINPOOL_A_POOL_BACKING, PINPOOL_BACKING_RESERVED);
	if (base)
		mnl_attr_put_u64(msg, PINPOOL_A_POOL_BASE, base);
	if (keep)
		mnl_attr_put(msg, PINPOOL_A_POOL_KEEP, 0, NULL);
	return nl_talk(nl, msg, NULL, NULL);
}

static int make_region(struct nl *nl, const char *name, const char *region, uint64_t size,
		       bool keep)
{
	struct nlmsghdr *msg = nl_request(nl, PINPOOL_NL_CMD_POOL_NEW);

	mnl_attr_put_strz(msg, PINPOOL_A_POOL_NAME, name);
	mnl_attr_put_u64(msg, PINPOOL_A_POOL_CAPACITY, size);
	mnl_attr_put_u32(msg, PINPOOL_A_POOL_BACKING, PINPOOL_BACKING_RESERVED);
	mnl_attr_put_strz(msg, PINPOOL_A_POOL_REGION, region);
	if (keep)
		mnl_attr_put(msg, PINPOOL_A_POOL_KEEP, 0, NULL);
	return nl_talk(nl, msg, NULL, NULL);
}

/* A client of NAME with a window */
static bool join(struct pp_client *client)
{
	struct pinpool_info info;

	client->fd = open(NODE, O_RDWR | O_CLOEXEC);
	if (client->fd < 0 || pp_info(client->fd, &info))
		return false;
	client->capacity = info.capacity;
	client->granule = info.granule;
	client->window = pp_window(client->fd, PROT_READ | PROT_WRITE);
	return client->window != MAP_FAILED;
}

TEST_F(reserved, the_whole_range)
{
	struct pp_client client;
	struct pinpool_info info;
	struct pinpool_buf buf;

	ASSERT_EQ(0, make(&self->nl, NAME, self->base, self->size, false)) {
		TH_LOG("%s", self->nl.error);
	}
	ASSERT_TRUE(join(&client));
	ASSERT_EQ(0, pp_info(client.fd, &info));
	EXPECT_EQ(PINPOOL_BACKING_RESERVED, info.backing);
	EXPECT_EQ(1, info.chunks);
	EXPECT_EQ(self->size, info.chunk_max);
	EXPECT_EQ(PINPOOL_LONGTERM_YES, info.longterm);
	/* Its place is nobody's business. */
	EXPECT_EQ(0, info.base);
	ASSERT_EQ(0, pp_alloc(client.fd, self->size, 0, &buf));
	EXPECT_TRUE(pp_is_zero(client.window, 8 * MIB));
	pp_fill(client.window + self->size - 8 * MIB, 8 * MIB, 1);
	EXPECT_TRUE(pp_matches(client.window + self->size - 8 * MIB, 8 * MIB, 1));
	EXPECT_EQ(0, pp_free(client.fd, buf.handle));
	pp_client_close(&client);
	EXPECT_EQ(-EOPNOTSUPP, nl_set_capacity(&self->nl, NAME, self->size / 2));
	EXPECT_NE(NULL, strstr(self->nl.error, "boot"));
}

/* A single buffer of almost all of 4 GiB */
TEST_F(reserved, a_very_large_buffer)
{
	uint64_t length = 39 * GIB / 10, i;
	struct pp_client client;
	struct pinpool_buf buf;

	if (self->size < 4 * GIB)
		SKIP(return, "less than 4 GiB were reserved");
	ASSERT_EQ(0, make(&self->nl, NAME, self->base, 4 * GIB, false)) {
		TH_LOG("%s", self->nl.error);
	}
	ASSERT_TRUE(join(&client));
	ASSERT_EQ(0, pp_alloc(client.fd, length, 0, &buf));
	for (i = 0; i + 4096 <= length; i += 16 * MIB) {
		EXPECT_TRUE(pp_is_zero(client.window + i, 4096));
		pp_fill(client.window + i, 4096, i);
	}
	pp_fill(client.window + length - 4096, 4096, length);
	for (i = 0; i + 4096 <= length; i += 16 * MIB)
		EXPECT_TRUE(pp_matches(client.window + i, 4096, i));
	EXPECT_TRUE(pp_matches(client.window + length - 4096, 4096, length));
	pp_client_close(&client);
}

/* What is in it comes back only if the pool asks for that, module reload or not. */
TEST_F(reserved, what_is_in_it)
{
	struct pp_client client;
	struct pinpool_buf buf;
	int i;

	for (i = 0; i < 4; i++) {
		ASSERT_EQ(0, make(&self->nl, NAME, self->base, 4 * MIB, i % 2));
		ASSERT_TRUE(join(&client));
		ASSERT_EQ(0, pp_alloc(client.fd, 4 * MIB, 0, &buf));
		EXPECT_TRUE(i % 2 ? pp_matches(client.window, 2 * MIB, i - 1) :
				    pp_is_zero(client.window, 4 * MIB));
		pp_fill(client.window, 4 * MIB, i);
		pp_client_close(&client);
		/* The next client of the same pool gets zeroes even so. */
		ASSERT_TRUE(join(&client));
		ASSERT_EQ(0, pp_alloc(client.fd, 2 * MIB, 0, &buf));
		EXPECT_TRUE(pp_is_zero(client.window + buf.offset, 2 * MIB));
		pp_fill(client.window, 2 * MIB, i);
		pp_client_close(&client);
		ASSERT_EQ(0, nl_pool_del(&self->nl, NAME, false));
		if (i != 2 || !getenv("PINPOOL_KO"))
			continue;
		nl_close(&self->nl);
		ASSERT_EQ(0, pp_unload());
		ASSERT_EQ(0, pp_load());
		ASSERT_EQ(0, nl_open(&self->nl));
	}
}

TEST_F(reserved, what_is_refused)
{
	struct nl *nl = &self->nl;
	uint64_t base = self->base;

	EXPECT_EQ(-EBUSY, make(nl, NAME, 16 * MIB, 4 * MIB, false));
	EXPECT_NE(NULL, strstr(nl->error, "kernel uses"));
	EXPECT_EQ(-EBUSY, make(nl, NAME, base - 2 * MIB, 4 * MIB, false));
	EXPECT_EQ(-EBUSY, make(nl, NAME, base + self->size - 2 * MIB, 4 * MIB, false));
	/* Where there is nothing, and where devices are */
	EXPECT_EQ(-EBUSY, make(nl, NAME, 1ULL << 45, 4 * MIB, false));
	EXPECT_NE(NULL, strstr(nl->error, "not reserved"));
	EXPECT_EQ(-EBUSY, make(nl, NAME, 0xfec00000, 2 * MIB, false));
	EXPECT_EQ(-EINVAL, make(nl, NAME, -2 * MIB, 4 * MIB, false));
	EXPECT_EQ(-EINVAL, make(nl, NAME, base + 4096, 4 * MIB, false));
	EXPECT_EQ(-EINVAL, make(nl, NAME, base, 4 * MIB + 4096, false));
	EXPECT_EQ(-EINVAL, make(nl, NAME, 0, 4 * MIB, false));

	ASSERT_EQ(0, make(nl, NAME, base, 4 * MIB, false));
	EXPECT_EQ(-EBUSY, make(nl, OTHER, base, 4 * MIB, false));
	EXPECT_NE(NULL, strstr(nl->error, "nother pool"));
	EXPECT_EQ(-EBUSY, make(nl, OTHER, base + 2 * MIB, 4 * MIB, false));
	EXPECT_EQ(0, make(nl, OTHER, base + 4 * MIB, 4 * MIB, false));
	ASSERT_EQ(0, nl_pool_del(nl, NAME, false));
	EXPECT_EQ(0, make(nl, NAME, base, 4 * MIB, false));
}

/* Whether a driver says that it has memory somewhere */
static bool claimed(const char *driver)
{
	FILE *file = fopen("/proc/iomem", "re");
	bool found = false;
	char line[256];

	while (file && fgets(line, sizeof(line), file))
		found |= !!strstr(line, driver);
	if (file)
		fclose(file);
	return found;
}

/* That driver keeps the log over a crash, at an address that it is given. */
#define DRIVER		"ramoops"
#define DRIVER_FILE	"/lib/modules/" DRIVER ".ko"

TEST_F(reserved, memory_of_another_driver)
{
	int file = open(DRIVER_FILE, O_RDONLY | O_CLOEXEC);
	struct nl *nl = &self->nl;
	char params[128];

	if (file < 0)
		SKIP(return, "no " DRIVER_FILE);
	syscall(SYS_delete_module, DRIVER, O_NONBLOCK);
	snprintf(params, sizeof(params), "mem_address=%#llx mem_size=0x100000 record_size=0x20000",
		 (unsigned long long)self->base + 4 * MIB);
	ASSERT_EQ(0, syscall(SYS_finit_module, file, params, 0));
	if (!claimed(DRIVER)) {
		syscall(SYS_delete_module, DRIVER, O_NONBLOCK);
		SKIP(return, "the driver doesn't claim memory that the kernel has pages of");
	}
	EXPECT_EQ(-EBUSY, make(nl, NAME, self->base + 4 * MIB, 4 * MIB, false));
	EXPECT_NE(NULL, strstr(nl->error, "nother driver"));
	EXPECT_EQ(-EBUSY, make(nl, NAME, self->base, 8 * MIB, false));
	/* Beside it there is room. */
	EXPECT_EQ(0, make(nl, NAME, self->base, 4 * MIB, false));
	ASSERT_EQ(0, syscall(SYS_delete_module, DRIVER, O_NONBLOCK));
	EXPECT_EQ(0, make(nl, OTHER, self->base + 4 * MIB, 4 * MIB, false));
	ASSERT_EQ(0, nl_pool_del(nl, NAME, false));

	/* And the other way round */
	ASSERT_EQ(0, syscall(SYS_finit_module, file, params, 0));
	EXPECT_FALSE(claimed(DRIVER));
	ASSERT_EQ(0, syscall(SYS_delete_module, DRIVER, O_NONBLOCK));
	close(file);
}

/* Has a page pinned by a pipe, and dies. Returns the pipe's end to read from */
static int pin_and_die(struct __test_metadata *_metadata)
{
	struct pp_client client;
	struct pinpool_buf buf;
	struct iovec iovec;
	int pipes[2], status;
	pid_t pid;

	ASSERT_EQ(0, pipe(pipes));
	pid = fork();
	ASSERT_LE(0, pid);
	if (!pid) {
		if (!join(&client) || pp_alloc(client.fd, 16 * KIB, 0, &buf))
			_exit(1);
		pp_fill(client.window + buf.offset, 16 * KIB, 3);
		iovec.iov_base = client.window + buf.offset;
		iovec.iov_len = 16 * KIB;
		if (vmsplice(pipes[1], &iovec, 1, 0) != 16 * KIB)
			_exit(2);
		kill(getpid(), SIGKILL);
	}
	close(pipes[1]);
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	EXPECT_TRUE(WIFSIGNALED(status));
	return pipes[0];
}

/* Nobody is told when the last pin goes: it takes up to a second or so. */
static bool soon(int (*what)(void *), void *arg, int want)
{
	int tries;

	for (tries = 0; tries < 1000; tries++) {
		if (what(arg) == want)
			return true;
		usleep(10000);
	}
	return false;
}

static int try_make(void *arg)
{
	FIXTURE_DATA(reserved) *self = arg;

	return make(&self->nl, OTHER, self->base, 4 * MIB, false);
}

static void pinned(struct __test_metadata *_metadata, FIXTURE_DATA(reserved) *self)
{
	char text[16 * KIB];
	size_t done;
	int fd;

	fd = pin_and_die(_metadata);
	/* The module stays for as long as its memory does. */
	if (getenv("PINPOOL_KO"))
		EXPECT_EQ(-EWOULDBLOCK, pp_unload());
	ASSERT_EQ(0, nl_pool_del(&self->nl, NAME, false));
	if (getenv("PINPOOL_KO"))
		EXPECT_EQ(-EWOULDBLOCK, pp_unload());
	EXPECT_EQ(-EBUSY, try_make(self));
	for (done = 0; done < sizeof(text);)
		done += read(fd, text + done, sizeof(text) - done);
	EXPECT_TRUE(pp_matches(text, sizeof(text), 3));
	close(fd);
	EXPECT_TRUE(soon(try_make, self, 0));
}

TEST_F(reserved, pinned_pages_keep_the_range)
{
	ASSERT_EQ(0, make(&self->nl, NAME, self->base, 4 * MIB, false));
	pinned(_metadata, self);
}

static int try_unload(void *arg)
{
	return pp_unload();
}

/* A pool that lives on lets the module go when nothing is pinned any more. */
TEST_F(reserved, pins_that_end_before_the_pool)
{
	int fd;

	if (!getenv("PINPOOL_KO"))
		SKIP(return, "PINPOOL_KO doesn't tell where the module is");
	ASSERT_EQ(0, make(&self->nl, NAME, self->base, 4 * MIB, false));
	fd = pin_and_die(_metadata);
	EXPECT_EQ(-EWOULDBLOCK, pp_unload());
	close(fd);
	EXPECT_TRUE(soon(try_unload, NULL, 0));
	nl_close(&self->nl);
	ASSERT_EQ(0, pp_load());
	ASSERT_EQ(0, nl_open(&self->nl));
	EXPECT_EQ(0, make(&self->nl, NAME, self->base, 4 * MIB, false));
}

TEST_F(reserved, regions)
{
	struct pp_client client;
	struct pinpool_buf buf;
	int err, fd;

	EXPECT_EQ(-ENOENT, make_region(&self->nl, NAME, "no-such-region", MIB, false));
	err = make_region(&self->nl, NAME, REGION, REGION_SIZE, false);
	if (err == -ENOENT || err == -EOPNOTSUPP)
		SKIP(return, "%s", self->nl.error);
	ASSERT_EQ(0, err) {
		TH_LOG("%s", self->nl.error);
	}
	EXPECT_EQ(-EBUSY, make_region(&self->nl, OTHER, REGION, MIB, false));
	ASSERT_TRUE(join(&client));
	ASSERT_EQ(0, pp_alloc(client.fd, REGION_SIZE, 0, &buf));
	EXPECT_TRUE(pp_is_zero(client.window, REGION_SIZE));
	pp_fill(client.window, REGION_SIZE, 9);
	EXPECT_TRUE(pp_matches(client.window, REGION_SIZE, 9));
	pp_client_close(&client);
	/* Its pages are the same ones each time, and have no owner at first. */
	ASSERT_EQ(0, nl_pool_del(&self->nl, NAME, false));
	ASSERT_EQ(0, make_region(&self->nl, NAME, REGION, REGION_SIZE, true));
	ASSERT_TRUE(join(&client));
	ASSERT_EQ(0, pp_alloc(client.fd, REGION_SIZE, 0, &buf));
	EXPECT_TRUE(pp_matches(client.window, REGION_SIZE, 9));
	pp_client_close(&client);
	fd = pin_and_die(_metadata);
	ASSERT_EQ(0, nl_pool_del(&self->nl, NAME, false));
	EXPECT_EQ(-EBUSY, make_region(&self->nl, NAME, REGION, REGION_SIZE, false));
	close(fd);
	while (make_region(&self->nl, NAME, REGION, REGION_SIZE, false) == -EBUSY)
		usleep(10000);
	EXPECT_EQ(0, nl_pool_del(&self->nl, NAME, false));
	EXPECT_EQ(-ERANGE, make_region(&self->nl, NAME, REGION, REGION_SIZE + 4096, false));
	/* Either one or the other */
	EXPECT_EQ(-EINVAL, make_region(&self->nl, NAME, "", MIB, false));
}

/* Pages that could not be pinned for long are none for a pool. */
TEST_F(reserved, regions_of_memory_that_can_move)
{
	char line[4096];

	read_command_line(line, sizeof(line));
	if (!strstr(line, "movablecore=") || !strstr(line, ":" REGION))
		SKIP(return, "no movablecore=<size> and no reserve_mem on the command line");
	EXPECT_EQ(-EOPNOTSUPP, make_region(&self->nl, NAME, REGION, REGION_SIZE, false));
	EXPECT_NE(NULL, strstr(self->nl.error, "moved"));
	EXPECT_NE(0, access(NODE, F_OK));
}

TEST_HARNESS_MAIN
