// SPDX-License-Identifier: GPL-2.0
/*
 * What standard output can show
 */
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "term.h"
#include "tool.h"

#define WIDTH	80

bool term_colours(void)
{
	const char *no_color = getenv("NO_COLOR");
	const char *term = getenv("TERM");

	return isatty(STDOUT_FILENO) && !(no_color && *no_color) && term && strcmp(term, "dumb");
}

/*
 * Whether the user's locale has more characters than ASCII, by its name: the locale
 * itself may not be installed
 */
bool term_utf8(void)
{
	static const char *const variables[] = { "LC_ALL", "LC_CTYPE", "LANG" };
	const char *name = NULL;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(variables) && !(name && *name); i++)
		name = getenv(variables[i]);
	return name && (strcasestr(name, "UTF-8") || strcasestr(name, "utf8"));
}

/* Columns of the terminal, or else of $COLUMNS, or else so many */
int term_width_or(int otherwise)
{
	const char *columns = getenv("COLUMNS");
	struct winsize size;
	int width;

	if (!ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) && size.ws_col)
		return size.ws_col;
	width = columns ? atoi(columns) : 0;
	return width > 0 ? width : otherwise;
}

/* As many as all have, if there is none */
int term_width(void)
{
	return term_width_or(WIDTH);
}
