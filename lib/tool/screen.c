// SPDX-License-Identifier: GPL-2.0
/*
 * The whole terminal by the sequences that all of them know
 *
 * Signals are blocked and read, so that none comes while the terminal is between
 * its states.
 */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/signalfd.h>
#include <termios.h>
#include <unistd.h>

#include "screen.h"

#define ESCAPE	27

/* The other screen, and no cursor; and back */
#define ENTER	"\033[?1049h\033[?25l\033[2J"
#define LEAVE	"\033[0m\033[?25h\033[?1049l"

static struct {
	struct termios saved;
	sigset_t mask;
	int signals;
	int died;
	bool open;
} screen = { .signals = -1 };

static void put(const char *text, size_t length)
{
	ssize_t n;

	while (length) {
		n = write(STDOUT_FILENO, text, length);
		if (n < 0 && errno != EINTR && errno != EAGAIN)
			return;
		if (n > 0) {
			text += n;
			length -= n;
		}
	}
}

static int enter(void)
{
	struct termios raw;

	if (tcgetattr(STDIN_FILENO, &screen.saved))
		return -errno;
	raw = screen.saved;
	/* Keys at once and unseen; those that make signals still do. */
	raw.c_lflag &= ~(ICANON | ECHO);
	raw.c_cc[VMIN] = 1;
	raw.c_cc[VTIME] = 0;
	if (tcsetattr(STDIN_FILENO, TCSAFLUSH, &raw))
		return -errno;
	put(ENTER, strlen(ENTER));
	screen.open = true;
	return 0;
}

static void leave(void)
{
	if (!screen.open)
		return;
	put(LEAVE, strlen(LEAVE));
	tcsetattr(STDIN_FILENO, TCSAFLUSH, &screen.saved);
	screen.open = false;
}

/* Returns 0 or a negative errno */
int screen_open(void)
{
	static const int signals[] = {
		SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGTSTP, SIGWINCH,
	};
	sigset_t set;
	size_t i;
	int ret;

	sigemptyset(&set);
	for (i = 0; i < sizeof(signals) / sizeof(signals[0]); i++)
		sigaddset(&set, signals[i]);
	sigprocmask(SIG_BLOCK, &set, &screen.mask);
	screen.signals = signalfd(-1, &set, SFD_CLOEXEC);
	if (screen.signals < 0)
		ret = -errno;
	else
		ret = enter();
	if (ret)
		screen_close();
	return ret;
}

void screen_close(void)
{
	leave();
	if (screen.signals >= 0)
		close(screen.signals);
	screen.signals = -1;
	sigprocmask(SIG_SETMASK, &screen.mask, NULL);
}

/* End by the signal that ended the screen, so that whoever waits for us sees it */
void screen_die(void)
{
	if (!screen.died)
		return;
	signal(screen.died, SIG_DFL);
	raise(screen.died);
}

/* What may be drawn on: all but the last column, where terminals differ */
void screen_size(int *rows, int *columns)
{
	struct winsize size;

	if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) || !size.ws_row || size.ws_col < 2) {
		size.ws_row = 24;
		size.ws_col = 80;
	}
	*rows = size.ws_row;
	*columns = size.ws_col - 1;
}

/* Write over what was there, in one go, so that nothing flickers */
void screen_show(const struct grid *grid, bool colours)
{
	char *text = NULL;
	size_t length = 0;
	FILE *file;

	file = open_memstream(&text, &length);
	if (!file)
		return;
	fputs("\033[H", file);
	grid_print(grid, file, colours, "\033[K\n");
	if (!fclose(file)) {
		/* Behind the last row nothing moves on, or the screen would scroll. */
		put(text, grid->rows ? length - 1 : length);
		put("\033[J", 3);
	}
	free(text);
}

static void stop(void)
{
	leave();
	raise(SIGSTOP);
	enter();
}

static int signal_read(void)
{
	struct signalfd_siginfo info;

	if (read(screen.signals, &info, sizeof(info)) != sizeof(info))
		return SCREEN_TIMEOUT;
	switch (info.ssi_signo) {
	case SIGTSTP:
		stop();
		return SCREEN_RESIZED;
	case SIGWINCH:
		return SCREEN_RESIZED;
	default:
		screen.died = info.ssi_signo;
		return SCREEN_ENDED;
	}
}

static bool key_waits(void)
{
	struct pollfd fd = { .fd = STDIN_FILENO, .events = POLLIN };

	return poll(&fd, 1, 0) > 0;
}

static int key_read(void)
{
	char rest[32];
	char key;
	ssize_t n;

	n = read(STDIN_FILENO, &key, 1);
	if (n <= 0)
		return n < 0 && errno == EINTR ? SCREEN_TIMEOUT : SCREEN_ENDED;
	if (key != ESCAPE)
		return key;
	/* Cursor keys and the like, which come as several characters, are none of ours. */
	if (key_waits() && read(STDIN_FILENO, rest, sizeof(rest)) <= 0)
		return SCREEN_ENDED;
	return SCREEN_TIMEOUT;
}

/* Wait for a key, for @fd, which may be -1, or for so long */
int screen_wait(int fd, int milliseconds)
{
	struct pollfd fds[] = {
		{ .fd = screen.signals, .events = POLLIN },
		{ .fd = STDIN_FILENO, .events = POLLIN },
		{ .fd = fd, .events = POLLIN },
	};

	if (poll(fds, 3, milliseconds) <= 0)
		return SCREEN_TIMEOUT;
	if (fds[0].revents)
		return signal_read();
	if (fds[1].revents)
		return key_read();
	return SCREEN_READABLE;
}
