// SPDX-License-Identifier: GPL-2.0
/*
 * The API fuzzer of pinpool
 */
#include "fuzz.h"

#include <getopt.h>
#include <inttypes.h>
#include <stdarg.h>
#include <time.h>

static const char usage[] =
"Usage: fuzz [OPTION...] [PROGRAM...]\n"
"\n"
"Runs programs of calls to the pinpool module and checks what comes of each call by a\n"
"model. First those of the files PROGRAM, then random ones, each drawn from the seed,\n"
"or made of those that reached something new. Needs root, and the module loaded.\n"
"Prints TAP; a program that fails is made as short as it will, and printed.\n"
"\n"
"  -s SEED     for the random ones (by the clock)\n"
"  -t SECONDS  for how long (60)\n"
"  -n NUMBER   how many random ones at most\n"
"  -c STORE    a file or disk that keeps the programs which reached something new, and\n"
"              in its first 16 KiB the one that runs\n"
"  -v          tell of each call\n"
"  -h          this text\n";

static struct {
	uint64_t seed;
	unsigned int seconds;
	uint64_t number;
	bool verbose;
} options = { .seconds = 60, .number = ~0ULL };

static struct fz_session *session;
static struct fz_cov *cov;
static struct fz_cov all;
static unsigned int results;

static bool ok(bool good, const char *format, ...) __attribute__((format(printf, 2, 3)));

static bool ok(bool good, const char *format, ...)
{
	va_list args;

	printf("%sok %u - ", good ? "" : "not ", ++results);
	va_start(args, format);
	vprintf(format, args);
	va_end(args);
	printf("\n");
	fflush(stdout);
	return good;
}

static void print_prog(const struct fz_prog *prog)
{
	static char text[16384];
	char *line, *next;

	fz_print(prog, text, sizeof(text));
	for (line = strtok_r(text, "\n", &next); line; line = strtok_r(NULL, "\n", &next))
		printf("#   %s\n", line);
}

static const char *run(const struct fz_prog *prog)
{
	memset(cov, 0, sizeof(*cov));
	return fz_session_run(session, prog);
}

static void failed(const struct fz_prog *prog, const char *why)
{
	struct fz_prog shorter = *prog;

	printf("# %s\n# It was:\n", why);
	print_prog(prog);
	fflush(stdout);
	fz_shrink(session, &shorter, 60);
	why = fz_session_run(session, &shorter);
	printf("# Shorter: %s\n", why ?: "now it works");
	print_prog(&shorter);
}

static bool run_file(const char *path)
{
	static char text[65536];
	static struct fz_prog prog;
	const char *why = NULL;
	FILE *file = fopen(path, "re");
	size_t length;

	if (!file)
		return ok(false, "%s: %s", path, strerror(errno));
	length = fread(text, 1, sizeof(text) - 1, file);
	fclose(file);
	text[length] = '\0';
	if (!fz_parse(&prog, text))
		return ok(false, "%s: operation %u can't be understood", path, prog.nr);
	why = run(&prog);
	fz_cov_merge(&all, cov);
	if (why)
		printf("# %s\n", why);
	return ok(!why, "%s", strrchr(path, '/') ? strrchr(path, '/') + 1 : path);
}

static void make(struct fz_random *random, struct fz_prog *prog)
{
	unsigned int nr = fz_store_nr();

	if (!nr || !fz_below(random, 4)) {
		fz_draw(random, prog);
		return;
	}
	/* The newest are the most promising. */
	if (fz_below(random, 2))
		*prog = *fz_store_get(nr - 1 - fz_below(random, nr < 16 ? nr : 16));
	else
		*prog = *fz_store_get(fz_below(random, nr));
	fz_mutate(random, prog, fz_store_get(fz_below(random, nr)));
}

static void progress(uint64_t programs)
{
	printf("# %" PRIu64 " programs, %" PRIu64 " operations, %u PCs, %u kept\n", programs,
	       fz_session_ops(session), fz_cov_pcs(&all), fz_store_nr());
	fflush(stdout);
}

static bool fuzz(void)
{
	time_t start = time(NULL), told = start;
	static struct fz_prog prog;
	struct fz_random random;
	const char *why = NULL;
	uint64_t i;

	for (i = 0; i < options.number && time(NULL) < start + options.seconds; i++) {
		fz_seed(&random, options.seed, i);
		make(&random, &prog);
		fz_store_running(&prog);
		why = run(&prog);
		if (why)
			break;
		if (fz_cov_merge(&all, cov))
			fz_store_add(&prog);
		if (time(NULL) >= told + 10) {
			told = time(NULL);
			progress(i);
		}
	}
	if (why)
		failed(&prog, why);
	return ok(!why, "%" PRIu64 " programs, %" PRIu64 " operations, seed %" PRIu64 ", %u PCs, %u programs kept",
		  i, fz_session_ops(session), options.seed, fz_cov_pcs(&all), fz_store_nr());
}

static void parse_options(int argc, char **argv)
{
	int option;

	while ((option = getopt(argc, argv, "s:t:n:c:vh")) != -1) {
		switch (option) {
		case 's':
			options.seed = strtoull(optarg, NULL, 0);
			break;
		case 't':
			options.seconds = strtoul(optarg, NULL, 0);
			break;
		case 'n':
			options.number = strtoull(optarg, NULL, 0);
			break;
		case 'c':
			if (!fz_store_open(optarg)) {
				fprintf(stderr, "fuzz: %s: %s\n", optarg, strerror(errno));
				exit(1);
			}
			break;
		case 'v':
			options.verbose = true;
			break;
		case 'h':
			fputs(usage, stdout);
			exit(0);
		default:
			fputs(usage, stderr);
			exit(2);
		}
	}
}

int main(int argc, char **argv)
{
	bool good = true;
	int i;

	options.seed = time(NULL);
	parse_options(argc, argv);
	cov = mmap(NULL, sizeof(*cov), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (cov == MAP_FAILED)
		return 1;
	printf("TAP version 13\n");
	if (!fz_cov_available())
		printf("# no KCOV: unguided, but for what calls come to\n");
	session = fz_session_new("fuzz", cov, options.verbose);
	for (i = optind; i < argc; i++)
		good &= run_file(argv[i]);
	if (options.seconds && options.number)
		good &= fuzz();
	printf("1..%u\n", results);
	return !good;
}
