// SPDX-License-Identifier: GPL-2.0
/*
 * What standard output can show
 */
#include <langinfo.h>
#include <locale.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "term.h"

#define WIDTH	80

bool term_colours(void)
{
	const char *no_color = getenv("NO_COLOR");
	const char *term = getenv("TERM");

	return isatty(STDOUT_FILENO) && !(no_color && *no_color) && term && strcmp(term, "dumb");
}

/* Whether the user's locale has more characters than ASCII */
bool term_utf8(void)
{
	return setlocale(LC_CTYPE, "") && !strcmp(nl_langinfo(CODESET), "UTF-8");
}

/* Columns of the terminal, or else of $COLUMNS, or as many as all have */
int term_width(void)
{
	const char *columns = getenv("COLUMNS");
	struct winsize size;
	int width;

	if (!ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) && size.ws_col)
		return size.ws_col;
	width = columns ? atoi(columns) : 0;
	return width > 0 ? width : WIDTH;
}
