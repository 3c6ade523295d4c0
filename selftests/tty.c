// SPDX-License-Identifier: GPL-2.0
/*
 * Run a command on a terminal of its own, and act as somebody who sits there
 *
 * What the command writes to the terminal goes to standard output as it is. Ends with
 * the command's exit status, or 128 and the signal that killed it; with 120 when
 * something that was waited for didn't come, or the end didn't; and with 121 when the
 * command left the terminal's settings other than they were.
 */
#define _GNU_SOURCE

#include <poll.h>
#include <pty.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>
#include <utmp.h>

#define MAX_ACTIONS	64

/* How long a text is waited for, unless -t tells otherwise */
#define PATIENCE	30

static struct {
	char kind;
	const char *argument;
} actions[MAX_ACTIONS];

static int nr_actions;
static int patience = PATIENCE;
static struct winsize size = { .ws_row = 24, .ws_col = 80 };

/* All that came since the last text that was waited for */
static char *seen;
static size_t seen_length;

static void usage(void)
{
	fputs("Usage: tty [-c COLUMNS] [-r ROWS] [-t SECONDS] [ACTION...] -- COMMAND...\n"
	      "\n"
	      "Actions, one after the other, and then the end is waited for:\n"
	      "  -e TEXT          wait until TEXT was written since the last -e\n"
	      "  -s KEYS          type them\n"
	      "  -k SIGNAL        send this signal, a number\n"
	      "  -z ROWSxCOLUMNS  change the size\n", stderr);
	exit(2);
}

static int number(const char *text)
{
	int n = atoi(text);

	if (n <= 0 || n > 10000)
		usage();
	return n;
}

static void options_read(int argc, char **argv)
{
	int opt;

	while ((opt = getopt(argc, argv, "+c:r:t:e:s:k:z:")) != -1) {
		switch (opt) {
		case 'c':
			size.ws_col = number(optarg);
			break;
		case 'r':
			size.ws_row = number(optarg);
			break;
		case 't':
			patience = number(optarg);
			break;
		case '?':
			usage();
			break;
		default:
			if (nr_actions == MAX_ACTIONS)
				usage();
			actions[nr_actions].kind = opt;
			actions[nr_actions++].argument = optarg;
		}
	}
	if (optind == argc)
		usage();
}

static void die(const char *what)
{
	perror(what);
	exit(1);
}

/* Pass on what was written. Returns whether there may be more */
static bool pass(int terminal, int milliseconds)
{
	struct pollfd fd = { .fd = terminal, .events = POLLIN };
	char buf[4096];
	ssize_t n;

	if (poll(&fd, 1, milliseconds) <= 0)
		return true;
	/* When the last one has closed its end, this is EIO. */
	n = read(terminal, buf, sizeof(buf));
	if (n <= 0)
		return false;
	fwrite(buf, 1, n, stdout);
	fflush(stdout);
	seen = realloc(seen, seen_length + n);
	if (!seen)
		die("realloc");
	memcpy(seen + seen_length, buf, n);
	seen_length += n;
	return true;
}

static bool saw(const char *text)
{
	char *found = memmem(seen, seen_length, text, strlen(text));

	if (!found)
		return false;
	seen_length -= found + strlen(text) - seen;
	memmove(seen, found + strlen(text), seen_length);
	return true;
}

static void await(int terminal, const char *text)
{
	time_t end = time(NULL) + patience;

	while (!saw(text)) {
		if (time(NULL) <= end && pass(terminal, 1000))
			continue;
		fprintf(stderr, "tty: \"%s\" did not come\n", text);
		exit(120);
	}
}

static void resize(int terminal, const char *text)
{
	if (sscanf(text, "%hux%hu", &size.ws_row, &size.ws_col) != 2)
		usage();
	if (ioctl(terminal, TIOCSWINSZ, &size))
		die("TIOCSWINSZ");
}

static void act(int terminal, pid_t child)
{
	int i;

	for (i = 0; i < nr_actions; i++) {
		const char *argument = actions[i].argument;

		switch (actions[i].kind) {
		case 'e':
			await(terminal, argument);
			break;
		case 's':
			if (write(terminal, argument, strlen(argument)) < 0)
				die("write");
			break;
		case 'k':
			kill(child, number(argument));
			break;
		case 'z':
			resize(terminal, argument);
			break;
		}
	}
}

int main(int argc, char **argv)
{
	struct termios before, after;
	int terminal, end, status;
	time_t limit;
	pid_t child;

	options_read(argc, argv);
	/* This end stays open, so that the settings outlive the command. */
	if (openpty(&terminal, &end, NULL, NULL, &size) || tcgetattr(end, &before))
		die("openpty");
	child = fork();
	if (child < 0)
		die("fork");
	if (!child) {
		close(terminal);
		login_tty(end);
		execvp(argv[optind], argv + optind);
		die(argv[optind]);
	}

	act(terminal, child);
	limit = time(NULL) + patience;
	while (waitpid(child, &status, WNOHANG) == 0) {
		if (time(NULL) > limit) {
			fputs("tty: the command did not end\n", stderr);
			return 120;
		}
		pass(terminal, 100);
	}
	while (pass(terminal, 0) && poll(&(struct pollfd){ terminal, POLLIN, 0 }, 1, 0) > 0)
		;
	if (tcgetattr(end, &after))
		die("tcgetattr");
	if (memcmp(&before, &after, sizeof(before))) {
		fputs("tty: the terminal is not as it was\n", stderr);
		return 121;
	}
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}
