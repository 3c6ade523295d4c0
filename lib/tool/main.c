// SPDX-License-Identifier: GPL-2.0
/*
 * pinpool: make pools, look at them, and try them
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "text.h"
#include "tool.h"

static const struct command *const commands[] = {
	&cmd_list,
	&cmd_show,
	&cmd_info,
	&cmd_stat,
	&cmd_clients,
	&cmd_buffers,
	&cmd_map,
	&cmd_top,
	&cmd_monitor,
	&cmd_add,
	&cmd_set,
	&cmd_del,
	&cmd_alloc_test,
};

bool json_output;

/* The command in hand, NULL before it is known */
static const struct command *current;

static void print_usage(FILE *file)
{
	if (current)
		fprintf(file, "pinpool %s [--json]%s%s", current->name,
			*current->args ? " " : "", current->args);
	else
		fprintf(file, "pinpool [--json] <command> [<args>]");
}

/* One line: what is wrong, and how it is right. Returns the exit code */
int usage_error(const char *format, ...)
{
	va_list args;

	fputs("pinpool: ", stderr);
	if (current)
		fprintf(stderr, "%s: ", current->name);
	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fputs("; usage: ", stderr);
	print_usage(stderr);
	fputc('\n', stderr);
	return TOOL_USAGE;
}

/* Output that didn't arrive is a failure, whatever the command says */
static int finish(int code)
{
	if (!fflush(stdout) && !ferror(stdout))
		return code;
	error("standard output: %m");
	return code ? code : TOOL_FAILED;
}

static void print_help(void)
{
	size_t i;

	fputs("Usage: ", stdout);
	print_usage(stdout);
	fputs("\n\n", stdout);
	if (current) {
		printf("%s.\n", current->summary);
		if (current->help)
			printf("\n%s", current->help);
	} else {
		puts("Make pinned memory pools, look at them, and try them.\n\nCommands:");
		for (i = 0; i < ARRAY_SIZE(commands); i++)
			printf("  %-12s%s\n", commands[i]->name,
			       commands[i]->summary);
		puts("\n`pinpool <command> --help` tells more of each.");
	}
	puts("\nOptions everywhere:\n"
	     "  -j, --json      Print JSON: sizes in bytes, keys that stay\n"
	     "  -h, --help      Print this\n"
	     "  -V, --version   Print the version");
}

/* Handle an option that every command takes. Returns 0 or an exit code */
int tool_option(int opt, char **argv)
{
	switch (opt) {
	case 'j':
		json_output = true;
		return 0;
	case 'h':
		print_help();
		exit(finish(TOOL_OK));
	case 'V':
		puts("pinpool " PINPOOL_VERSION);
		exit(finish(TOOL_OK));
	case ':':
		return usage_error("%s needs a value", argv[optind - 1]);
	default:
		/* For a short option optind may not have moved on yet */
		if (optopt && strncmp(argv[optind - 1], "--", 2))
			return usage_error("unknown option -%c", optopt);
		return usage_error("unknown option %s", argv[optind - 1]);
	}
}

/*
 * Check that there are @min to @max arguments behind the options; they start at
 * argv[optind]. Returns 0 or an exit code.
 */
int tool_args(int argc, char **argv, int min, int max)
{
	if (argc - optind < min)
		return usage_error("which pool?");
	if (argc - optind > max)
		return usage_error("one argument too many: %s",
				   argv[optind + max]);
	return 0;
}

/*
 * Read the options of a command that has none of its own, in any place among
 * the arguments, and check the latter. Returns 0 or an exit code.
 */
int tool_parse(int argc, char **argv, int min, int max)
{
	static const struct option options[] = { TOOL_LONG_OPTIONS, { } };
	int opt, ret;

	optind = 0;
	while ((opt = getopt_long(argc, argv, TOOL_SHORT_OPTIONS, options,
				  NULL)) != -1) {
		ret = tool_option(opt, argv);
		if (ret)
			return ret;
	}
	return tool_args(argc, argv, min, max);
}

/* What there is, for somebody who asked for something else */
static const char *command_names(void)
{
	static char names[256];
	size_t i, length = 0;

	for (i = 0; i < ARRAY_SIZE(commands) && length < sizeof(names); i++)
		length += snprintf(names + length, sizeof(names) - length, "%s%s",
				   !i ? "" : i + 1 < ARRAY_SIZE(commands) ? ", " : " and ",
				   commands[i]->name);
	return names;
}

static const struct command *find_command(const char *name)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(commands); i++)
		if (!strcmp(commands[i]->name, name))
			return commands[i];
	return NULL;
}

int main(int argc, char **argv)
{
	static const struct option options[] = { TOOL_LONG_OPTIONS, { } };
	int opt, ret;
	bool help;

	opterr = 0;
	while ((opt = getopt_long(argc, argv, "+" TOOL_SHORT_OPTIONS,
				  options, NULL)) != -1) {
		ret = tool_option(opt, argv);
		if (ret)
			return ret;
	}
	if (optind == argc)
		return usage_error("which command? There are %s", command_names());

	/* `pinpool help add` is `pinpool add --help`. */
	help = !strcmp(argv[optind], "help");
	if (help && ++optind == argc) {
		print_help();
		return finish(TOOL_OK);
	}
	current = find_command(argv[optind]);
	if (!current)
		return usage_error("%s: no such command; there are %s", argv[optind],
				   command_names());
	if (!help)
		return finish(current->run(argc - optind, argv + optind));
	print_help();
	return finish(TOOL_OK);
}
