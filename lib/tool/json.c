// SPDX-License-Identifier: GPL-2.0
/*
 * A small JSON writer
 */
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "json.h"

#define MAX_DEPTH	8

/* The brackets that are open, and whether anything was written within them */
static struct {
	char close;
	bool used;
} levels[MAX_DEPTH];

static int depth;

static bool one_line;

/* From now on every value at the top is one line */
void json_on_one_line(void)
{
	one_line = true;
}

/* How many bytes of well-formed UTF-8 start here; 0 for none */
static int utf8_length(const unsigned char *s)
{
	static const struct {
		unsigned char mask;
		unsigned char lead;
		unsigned int min;
	} forms[] = {
		{ 0xe0, 0xc0, 0x80 },
		{ 0xf0, 0xe0, 0x800 },
		{ 0xf8, 0xf0, 0x10000 },
	};
	unsigned int code;
	int form, i;

	if (*s < 0x80)
		return 1;
	for (form = 0; form < 3; form++)
		if ((*s & forms[form].mask) == forms[form].lead)
			break;
	if (form == 3)
		return 0;
	code = *s & ~forms[form].mask;
	for (i = 1; i <= form + 1; i++) {
		if ((s[i] & 0xc0) != 0x80)
			return 0;
		code = code << 6 | (s[i] & 0x3f);
	}
	if (code < forms[form].min || code > 0x10ffff ||
	    (code >= 0xd800 && code < 0xe000))
		return 0;
	return form + 2;
}

static void put_string(const char *string)
{
	const unsigned char *s = (const unsigned char *)string;

	putchar('"');
	while (*s) {
		int length = utf8_length(s);

		if (!length) {
			fputs("\\ufffd", stdout);
			length = 1;
		} else if (*s == '"' || *s == '\\') {
			printf("\\%c", *s);
		} else if (*s < 0x20 || *s == 0x7f) {
			printf("\\u%04x", *s);
		} else {
			fwrite(s, 1, length, stdout);
		}
		s += length;
	}
	putchar('"');
}

static void put_key(const char *key)
{
	if (depth) {
		if (levels[depth - 1].used)
			fputs(one_line ? ", " : ",", stdout);
		levels[depth - 1].used = true;
		if (!one_line)
			printf("\n%*s", 2 * depth, "");
	}
	if (key) {
		put_string(key);
		fputs(": ", stdout);
	}
}

/* Open an object with '{' or an array with '[' */
void json_begin(const char *key, char bracket)
{
	put_key(key);
	putchar(bracket);
	levels[depth].close = bracket == '{' ? '}' : ']';
	levels[depth].used = false;
	depth++;
}

/* Close what was opened last */
void json_end(void)
{
	depth--;
	if (levels[depth].used && !one_line)
		printf("\n%*s", 2 * depth, "");
	putchar(levels[depth].close);
	if (!depth)
		putchar('\n');
}

void json_u64(const char *key, uint64_t value)
{
	put_key(key);
	printf("%llu", (unsigned long long)value);
}

/* JSON has no infinities; nothing here is far from 1 or in need of more digits */
void json_double(const char *key, double value)
{
	put_key(key);
	printf("%.6f", isfinite(value) ? value : 0.0);
}

void json_string(const char *key, const char *value)
{
	put_key(key);
	put_string(value);
}

void json_bool(const char *key, bool value)
{
	put_key(key);
	fputs(value ? "true" : "false", stdout);
}

void json_null(const char *key)
{
	put_key(key);
	fputs("null", stdout);
}
