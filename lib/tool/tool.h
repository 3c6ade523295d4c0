/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the commands share: the table of commands, options, and errors
 */
#ifndef PINPOOL_TOOL_H
#define PINPOOL_TOOL_H

#include <getopt.h>
#include <stdbool.h>

#define ARRAY_SIZE(array)	(sizeof(array) / sizeof((array)[0]))

/* Exit codes */
enum {
	TOOL_OK = 0,
	TOOL_FAILED = 1,
	TOOL_USAGE = 2,
};

/**
 * struct command - One of the tool's commands
 * @name: What the user types
 * @args: What comes behind it, as the usage line shows it
 * @summary: One line for the table of commands
 * @help: What --help tells of it, or NULL
 * @run: Does it; gets what stands behind the name and returns an exit code
 */
struct command {
	const char *name;
	const char *args;
	const char *summary;
	const char *help;
	int (*run)(int argc, char **argv);
};

extern const struct command cmd_add;
extern const struct command cmd_alloc_test;
extern const struct command cmd_buffers;
extern const struct command cmd_clients;
extern const struct command cmd_del;
extern const struct command cmd_info;
extern const struct command cmd_list;
extern const struct command cmd_map;
extern const struct command cmd_monitor;
extern const struct command cmd_set;
extern const struct command cmd_show;
extern const struct command cmd_stat;
extern const struct command cmd_top;

/* Set by --json, before or behind the command */
extern bool json_output;

/* The options that every command takes, for its getopt_long() */
#define TOOL_SHORT_OPTIONS	":jhV"
#define TOOL_LONG_OPTIONS			\
	{ "json", no_argument, NULL, 'j' },	\
	{ "help", no_argument, NULL, 'h' },	\
	{ "version", no_argument, NULL, 'V' }

/* main.c */
int tool_option(int opt, char **argv);
int tool_args(int argc, char **argv, int min, int max);
int tool_parse(int argc, char **argv, int min, int max);
int usage_error(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* error.c */
void error(const char *format, ...) __attribute__((format(printf, 1, 2)));
void error_open(const char *pool, int err);
const char *error_open_reason(int err);

#endif /* PINPOOL_TOOL_H */
