// SPDX-License-Identifier: GPL-2.0
/*
 * Run a command while holding buffers of a pool
 *
 * Usage: hold NODE [KIND:]SIZE... -- COMMAND...
 *
 * Buffers are allocated in this order; SIZE is in KiB. The kind tells what becomes of
 * each: h, it is held, s, it is shared, too, q, it is freed while it is pinned, g, it
 * is freed, and leaves a gap. Ends with the exit status of the command.
 */
#include "pinpool_test.h"

#include <sys/uio.h>
#include <sys/wait.h>

#define MAX_BUFFERS	4096

static struct pinpool_buf bufs[MAX_BUFFERS];
static char kinds[MAX_BUFFERS];
static int nr_bufs;

static void die(const char *what)
{
	perror(what);
	exit(120);
}

static void usage(void)
{
	fputs("Usage: hold NODE [KIND:]SIZE... -- COMMAND...\n", stderr);
	exit(2);
}

static void add(int fd, const char *word)
{
	char kind = 'h';
	uint64_t size;
	char *end;

	if (word[0] && word[1] == ':') {
		kind = word[0];
		word += 2;
	}
	size = strtoull(word, &end, 10) * KIB;
	if (!size || *end || !strchr("hsqg", kind) || nr_bufs == MAX_BUFFERS)
		usage();
	if (pp_alloc(fd, size, 0, &bufs[nr_bufs]))
		die("ALLOC");
	kinds[nr_bufs++] = kind;
}

/* Pages in a pipe are pinned. */
static void pin(char *window, const struct pinpool_buf *buf)
{
	struct iovec iov = { window + buf->offset, buf->length };
	int ends[2];

	if (pipe2(ends, O_CLOEXEC) || fcntl(ends[1], F_SETPIPE_SZ, (int)buf->length) < 0)
		die("pipe");
	memset(iov.iov_base, 1, buf->length);
	if (vmsplice(ends[1], &iov, 1, 0) != (ssize_t)buf->length)
		die("vmsplice");
}

static void handle(int fd, char *window, int i)
{
	if (kinds[i] == 's' && pp_export(fd, bufs[i].handle, 0) < 0)
		die("EXPORT");
	if (kinds[i] == 'q')
		pin(window, &bufs[i]);
	if ((kinds[i] == 'q' || kinds[i] == 'g') && pp_free(fd, bufs[i].handle))
		die("FREE");
}

static int run(char **argv)
{
	pid_t child = fork();
	int status;

	if (child < 0)
		die("fork");
	if (!child) {
		execvp(argv[0], argv);
		die(argv[0]);
	}
	waitpid(child, &status, 0);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

int main(int argc, char **argv)
{
	char *window;
	int fd, i;

	if (argc < 2)
		usage();
	/* The command is none of the clients. */
	fd = open(argv[1], O_RDWR | O_CLOEXEC);
	if (fd < 0)
		die(argv[1]);
	window = pp_window(fd, PROT_READ | PROT_WRITE);
	if (window == MAP_FAILED)
		die("mmap");
	for (i = 2; i < argc && strcmp(argv[i], "--"); i++)
		add(fd, argv[i]);
	if (i + 1 >= argc)
		usage();
	argv += i + 1;
	for (i = 0; i < nr_bufs; i++)
		handle(fd, window, i);
	return run(argv);
}
