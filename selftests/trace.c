// SPDX-License-Identifier: GPL-2.0
/*
 * Tracepoints: each fires when it should, once, with the documented fields
 *
 * Needs root, and tracefs, which it mounts where it isn't. What other traces run on
 * the machine is of no concern: it has an instance of its own.
 */
#include "pinpool_test.h"
#include "netlink.h"

#include <dirent.h>
#include <signal.h>
#include <stdarg.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <sys/wait.h>

#include "kselftest_harness.h"

#define TRACEFS		"/sys/kernel/tracing"
#define INSTANCE	TRACEFS "/instances/pinpool_test"

static bool trace_write(const char *dir, const char *file, const char *value)
{
	char path[256];
	ssize_t done;
	int fd;

	snprintf(path, sizeof(path), "%s/%s", dir, file);
	fd = open(path, O_WRONLY | O_TRUNC | O_CLOEXEC);
	done = write(fd, value, strlen(value));
	close(fd);
	return done == strlen(value);
}

static unsigned long long client_id(int fd)
{
	unsigned long long id = 0;
	char path[64], line[128];
	FILE *file;

	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", fd);
	file = fopen(path, "re");
	while (file && fgets(line, sizeof(line), file))
		if (sscanf(line, "pinpool-client-id:\t%llu", &id) == 1)
			break;
	if (file)
		fclose(file);
	return id;
}

FIXTURE(trace)
{
	struct pp_client a;
	struct pp_client b;
	struct pinpool_info info;
	unsigned long long a_id;
	unsigned long long b_id;
};

FIXTURE_SETUP(trace)
{
	if (access(TRACEFS "/instances", F_OK))
		mount("tracefs", TRACEFS, "tracefs", 0, NULL);
	if (access(TRACEFS "/instances", F_OK))
		SKIP(exit(KSFT_SKIP), "needs root and a kernel with tracefs");
	ASSERT_TRUE(pp_client_open(&self->a));
	ASSERT_TRUE(pp_client_open(&self->b));
	ASSERT_EQ(0, pp_info(self->a.fd, &self->info));
	self->a_id = client_id(self->a.fd);
	self->b_id = client_id(self->b.fd);
	rmdir(INSTANCE);
	/*
	 * Instances inherit this. The names of commands would need a probe in the
	 * scheduler, and emulators have trouble with code that is patched while it runs.
	 */
	ASSERT_TRUE(trace_write(TRACEFS, "options/record-cmd", "0"));
	ASSERT_EQ(0, mkdir(INSTANCE, 0700));
	ASSERT_TRUE(trace_write(TRACEFS, "options/record-cmd", "1"));
	ASSERT_TRUE(trace_write(INSTANCE, "events/pinpool/enable", "1"));
}

FIXTURE_TEARDOWN(trace)
{
	EXPECT_EQ(0, rmdir(INSTANCE));
	pp_client_close(&self->b);
	EXPECT_TRUE(pp_pool_is_whole(self->a.fd, 1));
	pp_client_close(&self->a);
}

/* How many events were traced that are, but for the time and the process, @text */
static int traced(const char *text)
{
	FILE *file = fopen(INSTANCE "/trace", "re");
	char line[1024];
	char *event;
	int n = 0;

	while (file && fgets(line, sizeof(line), file)) {
		line[strcspn(line, "\n")] = '\0';
		event = line[0] == '#' ? NULL : strstr(line, ": pinpool_");
		n += event && !strcmp(event + 2, text);
	}
	if (file)
		fclose(file);
	return n;
}

/* How many events @name were traced */
static int traced_all(const char *name)
{
	FILE *file = fopen(INSTANCE "/trace", "re");
	char line[1024], what[64];
	int n = 0;

	snprintf(what, sizeof(what), ": pinpool_%s:", name);
	while (file && fgets(line, sizeof(line), file))
		n += line[0] != '#' && strstr(line, what);
	if (file)
		fclose(file);
	return n;
}

/* As traced(), for an event that is about a buffer; @rest follows its length */
static int traced_buffer(FIXTURE_DATA(trace) *self, const char *name,
			 unsigned long long client, const struct pinpool_buf *buf,
			 const char *rest)
{
	char text[512];

	snprintf(text, sizeof(text),
		 "pinpool_%s: pool=%s client=%llu handle=0x%llx offset=0x%llx length=%llu%s",
		 name, self->info.name, client, buf->handle, buf->offset, buf->length, rest);
	return traced(text);
}

static __attribute__((format(printf, 4, 5)))
int traced_place(FIXTURE_DATA(trace) *self, const char *name, unsigned long long client,
		 const char *rest, ...)
{
	char text[512], more[128];
	va_list args;

	va_start(args, rest);
	vsnprintf(more, sizeof(more), rest, args);
	va_end(args);
	snprintf(text, sizeof(text), "pinpool_%s: pool=%s client=%llu %s", name, self->info.name,
		 client, more);
	return traced(text);
}

static int traced_quarantine(FIXTURE_DATA(trace) *self, const char *state,
			     unsigned long long client, uint64_t offset, uint64_t length)
{
	char text[512];

	snprintf(text, sizeof(text),
		 "pinpool_quarantine: pool=%s state=%s client=%llu offset=0x%llx length=%llu",
		 self->info.name, state, client, (unsigned long long)offset,
		 (unsigned long long)length);
	return traced(text);
}

TEST_F(trace, alloc_and_free)
{
	struct pinpool_buf bufs[3] = {};
	uint64_t handles[2];
	int i;

	ASSERT_EQ(0, pp_alloc(self->a.fd, 5000, 0, &bufs[0]));
	bufs[1].length = self->a.granule;
	bufs[2].length = 1;
	ASSERT_EQ(0, pp_alloc_array(self->b.fd, &bufs[1], 2, 0, NULL));
	EXPECT_EQ(1, traced_buffer(self, "alloc", self->a_id, &bufs[0], ""));
	EXPECT_EQ(1, traced_buffer(self, "alloc", self->b_id, &bufs[1], ""));
	EXPECT_EQ(1, traced_buffer(self, "alloc", self->b_id, &bufs[2], ""));
	EXPECT_EQ(3, traced_all("alloc"));

	for (i = 0; i < 2; i++)
		handles[i] = bufs[i + 1].handle;
	ASSERT_EQ(0, pp_free(self->a.fd, bufs[0].handle));
	ASSERT_EQ(0, pp_free_array(self->b.fd, handles, 2, NULL));
	EXPECT_EQ(1, traced_buffer(self, "free", self->a_id, &bufs[0], " others=0"));
	EXPECT_EQ(1, traced_buffer(self, "free", self->b_id, &bufs[1], " others=0"));
	EXPECT_EQ(1, traced_buffer(self, "free", self->b_id, &bufs[2], " others=0"));
	EXPECT_EQ(3, traced_all("free"));
	EXPECT_EQ(3, traced_all("alloc"));
}

TEST_F(trace, resizing)
{
	struct pinpool_resize resize = { .size = sizeof(resize), .length = 3 };
	struct pinpool_buf buf;
	char old[64];

	ASSERT_EQ(0, pp_alloc(self->a.fd, 2 * self->a.granule, 0, &buf));
	resize.handle = buf.handle;
	ASSERT_EQ(0, pp_ioctl(self->a.fd, PINPOOL_IOC_RESIZE, &resize));
	resize.handle = 0;
	ASSERT_EQ(-ENOENT, pp_ioctl(self->a.fd, PINPOOL_IOC_RESIZE, &resize));
	EXPECT_EQ(1, traced_all("resize"));
	snprintf(old, sizeof(old), " old_length=%llu", (unsigned long long)buf.length);
	buf.length = 3;
	EXPECT_EQ(1, traced_buffer(self, "resize", self->a_id, &buf, old));
	/* What is cut off was no buffer. */
	EXPECT_EQ(1, traced_all("alloc"));
	EXPECT_EQ(0, traced_all("free"));
	ASSERT_EQ(0, pp_free(self->a.fd, buf.handle));
	EXPECT_EQ(1, traced_buffer(self, "free", self->a_id, &buf, " others=0"));
}

TEST_F(trace, a_close_frees)
{
	struct pinpool_buf buf;

	ASSERT_EQ(0, pp_alloc(self->b.fd, self->b.granule, 0, &buf));
	pp_client_close(&self->b);
	EXPECT_EQ(1, traced_buffer(self, "free", self->b_id, &buf, " others=0"));
	ASSERT_TRUE(pp_client_open(&self->b));
}

/* What nobody was told of, or is refused, is no event. */
TEST_F(trace, failures_are_silent)
{
	struct pinpool_buf buf = { .length = self->a.granule };
	struct pinpool_buf *readonly;

	readonly = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	ASSERT_TRUE(readonly != MAP_FAILED);
	*readonly = buf;
	ASSERT_EQ(0, mprotect(readonly, 4096, PROT_READ));
	EXPECT_EQ(-EFAULT, pp_alloc_array(self->a.fd, readonly, 1, 0, NULL));
	munmap(readonly, 4096);
	EXPECT_EQ(-EINVAL, pp_alloc(self->a.fd, 0, 0, &buf));
	EXPECT_EQ(-ENOENT, pp_free(self->a.fd, 12345));
	EXPECT_EQ(-ENOENT, pp_export(self->a.fd, 12345, 0));
	EXPECT_EQ(0, traced_all("alloc"));
	EXPECT_EQ(0, traced_all("free"));
	EXPECT_EQ(0, traced_all("export"));
}

TEST_F(trace, faults)
{
	bool huge = self->info.features & PINPOOL_FEATURE_HUGE;
	struct pinpool_buf buf;

	ASSERT_EQ(0, pp_alloc(self->a.fd, 8192, 8192, &buf));
	ASSERT_EQ(0, pp_probe_write(self->a.window + buf.offset));
	/* Mapped, at least so much: the second touch is no fault. */
	ASSERT_EQ(0, pp_probe_write(self->a.window + buf.offset));
	EXPECT_EQ(1, traced_all("fault"));
	EXPECT_EQ(1, traced_place(self, "fault", self->a_id, "offset=0x%llx length=%llu error=0",
				  buf.offset,
				  huge ? 4096 : self->a.granule < 65536 ? 8192 : 65536ULL));

	EXPECT_EQ(SIGBUS, pp_probe_read(self->b.window + buf.offset));
	EXPECT_EQ(1, traced_place(self, "fault", self->b_id, "offset=0x%llx length=0 error=%d",
				  buf.offset, -EFAULT));
	EXPECT_EQ(2, traced_all("fault"));
	ASSERT_EQ(0, pp_free(self->a.fd, buf.handle));
}

TEST_F(trace, zeroing)
{
	struct pinpool_buf buf;
	char zeroed[64];

	if (self->info.zero == PINPOOL_ZERO_NEVER)
		SKIP(return, "this pool zeroes nothing");
	/* All that the pool has is the client's. */
	ASSERT_EQ(0, pp_alloc(self->a.fd, self->a.capacity, 0, &buf));
	memset(self->a.window, 'a', self->a.capacity);
	ASSERT_EQ(0, pp_free(self->a.fd, buf.handle));
	ASSERT_TRUE(trace_write(INSTANCE, "trace", "\n"));

	ASSERT_EQ(0, pp_alloc(self->b.fd, self->b.granule - 9, 0, &buf));
	snprintf(zeroed, sizeof(zeroed), " zeroed=%zu", self->b.granule);
	EXPECT_EQ(1, traced_buffer(self, "zero", self->b_id, &buf, zeroed));
	ASSERT_EQ(0, pp_free(self->b.fd, buf.handle));
	/* Clean memory is not zeroed again. */
	ASSERT_EQ(0, pp_alloc(self->b.fd, self->b.granule - 9, 0, &buf));
	EXPECT_EQ(1, traced_all("zero"));
	ASSERT_EQ(0, pp_free(self->b.fd, buf.handle));
}

TEST_F(trace, shares)
{
	struct pinpool_buf buf, import;
	char *map;
	int share;

	ASSERT_EQ(0, pp_alloc(self->a.fd, 4096, 0, &buf));
	share = pp_export(self->a.fd, buf.handle, PINPOOL_SHARE_RDONLY);
	ASSERT_LE(0, share);
	buf.length = 4096;
	EXPECT_EQ(1, traced_buffer(self, "export", self->a_id, &buf, " readonly=1"));
	EXPECT_EQ(-EACCES, pp_import(self->b.fd, share, 0, &import));
	EXPECT_EQ(-EEXIST, pp_import(self->a.fd, share, PINPOOL_SHARE_RDONLY, &import));
	EXPECT_EQ(0, traced_all("import"));
	ASSERT_EQ(0, pp_import(self->b.fd, share, PINPOOL_SHARE_RDONLY, &import));
	EXPECT_EQ(1, traced_buffer(self, "import", self->b_id, &buf, " readonly=1"));

	/* The mapping of a share has no client. */
	map = mmap(NULL, 4096, PROT_READ, MAP_SHARED, share, 0);
	ASSERT_TRUE(map != MAP_FAILED);
	ASSERT_EQ(0, pp_probe_read(map));
	EXPECT_EQ(1, traced_place(self, "fault", 0, "offset=0x%llx length=4096 error=0",
				  buf.offset));
	munmap(map, 4096);

	ASSERT_EQ(0, pp_free(self->a.fd, buf.handle));
	EXPECT_EQ(1, traced_buffer(self, "free", self->a_id, &buf, " others=2"));
	close(share);
	EXPECT_EQ(1, traced_buffer(self, "free", 0, &buf, " others=1"));
	ASSERT_EQ(0, pp_free(self->b.fd, buf.handle));
	EXPECT_EQ(1, traced_buffer(self, "free", self->b_id, &buf, " others=0"));
	EXPECT_EQ(3, traced_all("free"));
}

TEST_F(trace, quarantine)
{
	struct pinpool_alloc all = {
		.size = sizeof(all), .length = self->a.capacity, .deadline_ns = ~0ULL,
	};
	uint64_t granule = self->a.granule;
	struct pinpool_buf buf, again;
	struct iovec iov;
	int pins[2];

	ASSERT_EQ(0, pp_alloc(self->a.fd, 2 * granule, 0, &buf));
	ASSERT_EQ(0, pp_probe_write(self->a.window + buf.offset));
	ASSERT_EQ(0, pipe(pins));
	iov = (struct iovec){ .iov_base = self->a.window + buf.offset, .iov_len = 4096 };
	ASSERT_EQ(4096, vmsplice(pins[1], &iov, 1, 0));
	ASSERT_EQ(0, pp_free(self->a.fd, buf.handle));
	EXPECT_EQ(1, traced_quarantine(self, "enter", self->a_id, buf.offset, 2 * granule));

	/* The client may have it again, or a part. */
	ASSERT_EQ(0, pp_alloc(self->a.fd, granule, 0, &again));
	EXPECT_EQ(buf.offset, again.offset);
	EXPECT_EQ(1, traced_quarantine(self, "leave", self->a_id, buf.offset, granule));
	ASSERT_EQ(0, pp_free(self->a.fd, again.handle));
	EXPECT_EQ(1, traced_quarantine(self, "enter", self->a_id, buf.offset, granule));
	/* The part that is no more pinned may have left by itself. */
	EXPECT_LE(3, traced_all("quarantine"));

	close(pins[0]);
	close(pins[1]);
	/* Who wants all of the pool waits for the last of it. */
	ASSERT_EQ(0, pp_ioctl(self->b.fd, PINPOOL_IOC_ALLOC, &all));
	ASSERT_EQ(0, pp_free(self->b.fd, all.handle));
	EXPECT_EQ(2, traced_quarantine(self, "leave", self->a_id, buf.offset, granule));
	EXPECT_EQ(1, traced_quarantine(self, "leave", self->a_id, buf.offset + granule, granule));
	EXPECT_EQ(5, traced_all("quarantine"));
}

/* Of a client that is gone it is nobody's. */
TEST_F(trace, quarantine_of_nobody)
{
	struct pinpool_buf buf;
	struct iovec iov;
	int pins[2];

	ASSERT_EQ(0, pp_alloc(self->b.fd, self->b.granule, 0, &buf));
	ASSERT_EQ(0, pp_probe_write(self->b.window + buf.offset));
	ASSERT_EQ(0, pipe(pins));
	iov = (struct iovec){ .iov_base = self->b.window + buf.offset, .iov_len = 4096 };
	ASSERT_EQ(4096, vmsplice(pins[1], &iov, 1, 0));
	pp_client_close(&self->b);
	EXPECT_EQ(1, traced_quarantine(self, "enter", 0, buf.offset, self->a.granule));
	close(pins[0]);
	close(pins[1]);
	ASSERT_TRUE(pp_client_open(&self->b));
}

/* Reads events as they come: 0 if @text is among them before a line with @end */
static int read_pipe(const char *text, const char *end)
{
	FILE *file = fopen(INSTANCE "/trace_pipe", "re");
	char line[1024];

	while (file && fgets(line, sizeof(line), file)) {
		if (strstr(line, text))
			return 0;
		if (strstr(line, end))
			break;
	}
	return 1;
}

/*
 * Events of a module go with it, so a reader must be quick: there may be several
 * tries. A kernel that knows of modules to come (6.14) also traces what they do first.
 */
TEST_F(trace, pools_come_and_go)
{
	int status = 1, tries = 20;
	char gone[256], new[256];
	bool enabled = false;
	pid_t pid;

	if (!getenv("PINPOOL_KO"))
		SKIP(return, "needs PINPOOL_KO");
	snprintf(gone, sizeof(gone), "pinpool_pool: pool=%s state=gone capacity=%llu granule=%llu\n",
		 self->info.name, self->info.capacity, self->info.granule);
	snprintf(new, sizeof(new), "pinpool_pool: pool=default state=new capacity=%llu granule=4096",
		 64 * MIB);
	pp_client_close(&self->a);
	pp_client_close(&self->b);
	while (status && tries--) {
		ASSERT_TRUE(trace_write(INSTANCE, "events/pinpool/enable", "1"));
		pid = fork();
		if (!pid)
			_exit(read_pipe(gone, "module is gone"));
		ASSERT_EQ(0, pp_unload());
		ASSERT_TRUE(trace_write(INSTANCE, "trace_marker", "module is gone"));
		ASSERT_EQ(pid, waitpid(pid, &status, 0));
		enabled = trace_write(INSTANCE, "set_event", ":mod:pinpool");
		ASSERT_EQ(0, pp_load());
	}
	EXPECT_EQ(0, status);
	if (enabled)
		EXPECT_EQ(1, traced(new));
	ASSERT_TRUE(pp_client_open(&self->a));
	ASSERT_TRUE(pp_client_open(&self->b));
}

/* At run time, with a client: what is taken from it is told, and each once. */
TEST_F(trace, pools_of_run_time_come_and_go)
{
	static const char made[] =
		"pinpool_pool: pool=trace-test state=new capacity=2097152 granule=4096";
	static const char gone[] =
		"pinpool_pool: pool=trace-test state=gone capacity=4194304 granule=4096";
	static const char name[] = "trace-test";
	struct pp_client client;
	struct pinpool_buf buf;
	unsigned long long id;
	char text[256];
	struct nl nl;

	ASSERT_EQ(0, nl_open(&nl));
	nl_pool_del(&nl, name, true);
	ASSERT_TRUE(trace_write(INSTANCE, "trace", "\n"));
	ASSERT_EQ(0, nl_pool_new(&nl, name, 2 * MIB, 0600));
	EXPECT_EQ(-EEXIST, nl_pool_new(&nl, name, 2 * MIB, 0600));
	EXPECT_EQ(1, traced(made));
	ASSERT_TRUE(pp_client_open_at(&client, "/dev/pinpool/trace-test"));
	id = client_id(client.fd);
	ASSERT_EQ(0, pp_alloc(client.fd, MIB, 0, &buf));
	ASSERT_EQ(0, nl_set_capacity(&nl, name, 4 * MIB));
	EXPECT_EQ(-EBUSY, nl_pool_del(&nl, name, false));
	EXPECT_EQ(1, traced_all("pool"));

	ASSERT_EQ(0, nl_pool_del(&nl, name, true));
	EXPECT_EQ(-ENOENT, nl_pool_del(&nl, name, true));
	EXPECT_EQ(1, traced(gone));
	snprintf(text, sizeof(text),
		 "pinpool_free: pool=%s client=%llu handle=0x%llx offset=0x%llx length=%llu others=0",
		 name, id, buf.handle, buf.offset, buf.length);
	EXPECT_EQ(1, traced(text));
	pp_client_close(&client);
	EXPECT_EQ(1, traced_all("free"));
	EXPECT_EQ(2, traced_all("pool"));
	nl_close(&nl);
}

/* Names, types and order of the fields: what bpftrace and the like build on */
TEST_F(trace, fields_are_as_documented)
{
	static const struct {
		const char *event, *fields;
	} events[] = {
		{ "pool", "char pool[32];u32 state;u64 capacity;u64 granule;" },
		{ "alloc", "char pool[32];u64 client;u64 handle;u64 offset;u64 length;" },
		{ "free",
		  "char pool[32];u64 client;u64 handle;u64 offset;u64 length;u32 others;" },
		{ "resize",
		  "char pool[32];u64 client;u64 handle;u64 offset;u64 length;u64 old_length;" },
		{ "fault", "char pool[32];u64 client;u64 offset;u64 length;int error;" },
		{ "zero",
		  "char pool[32];u64 client;u64 handle;u64 offset;u64 length;u64 zeroed;" },
		{ "export",
		  "char pool[32];u64 client;u64 handle;u64 offset;u64 length;bool readonly;" },
		{ "import",
		  "char pool[32];u64 client;u64 handle;u64 offset;u64 length;bool readonly;" },
		{ "quarantine", "char pool[32];u32 state;u64 client;u64 offset;u64 length;" },
	};
	char path[256], line[1024], field[128], fields[512];
	struct dirent *entry;
	int found = 0;
	FILE *file;
	DIR *dir;
	int i;

	for (i = 0; i < ARRAY_LEN(events); i++) {
		snprintf(path, sizeof(path), INSTANCE "/events/pinpool/pinpool_%s/format",
			 events[i].event);
		file = fopen(path, "re");
		ASSERT_NE(NULL, file);
		fields[0] = '\0';
		while (fgets(line, sizeof(line), file))
			if (sscanf(line, " field:%127[^;];", field) == 1 &&
			    !strstr(field, " common_"))
				strcat(strcat(fields, field), ";");
		fclose(file);
		EXPECT_STREQ(events[i].fields, fields);
	}
	dir = opendir(INSTANCE "/events/pinpool");
	ASSERT_NE(NULL, dir);
	while ((entry = readdir(dir)))
		found += !strncmp(entry->d_name, "pinpool_", strlen("pinpool_"));
	closedir(dir);
	EXPECT_EQ(ARRAY_LEN(events), found);
}

PP_HARNESS_MAIN
