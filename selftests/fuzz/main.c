// SPDX-License-Identifier: GPL-2.0
/*
 * The API fuzzer of pinpool
 */
#include "fuzz.h"
#include "../netlink.h"

#include <getopt.h>
#include <inttypes.h>
#include <stdarg.h>
#include <sys/wait.h>
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
"  -j NUMBER   how many at the same time, each with pools of its own (1)\n"
"  -c STORE    a file or disk that keeps the programs which reached something new, and\n"
"              at its beginning those that run, 16 KiB each\n"
"  -v          tell of each call\n"
"  -h          this text\n";

static struct {
	uint64_t seed;
	unsigned int seconds;
	uint64_t number;
	unsigned int sessions;
	bool verbose;
} options = { .seconds = 60, .number = ~0ULL, .sessions = 1 };

/* What each session did, for the first one to tell of */
struct tally {
	uint64_t programs;
	uint64_t ops;
	bool good;
	char why[512];	/* it is not */
};

static struct fz_session *session;
static struct tally *tallies;
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

static void *shared_memory(size_t size)
{
	void *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	if (memory == MAP_FAILED) {
		perror("fuzz: mmap");
		exit(1);
	}
	return memory;
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
	fz_shrink(session, &shorter, 30);
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

static struct tally sum(void)
{
	struct tally all_of_them = { .good = true };
	unsigned int i;

	for (i = 0; i < options.sessions; i++) {
		all_of_them.programs += tallies[i].programs;
		all_of_them.ops += tallies[i].ops;
		all_of_them.good &= tallies[i].good;
	}
	return all_of_them;
}

static void progress(void)
{
	struct tally now = sum();

	printf("# %" PRIu64 " programs, %" PRIu64 " operations, %u PCs, %u kept\n", now.programs,
	       now.ops, fz_cov_pcs(&all), fz_store_nr());
	fflush(stdout);
}

/* The first session is the one that tells how far it is, and keeps what is new. */
static void fuzz(unsigned int number)
{
	time_t start = time(NULL), told = start;
	struct tally *tally = &tallies[number];
	static struct fz_prog prog;
	struct fz_random random;
	const char *why = NULL;
	uint64_t i;

	for (i = number; i < options.number && time(NULL) < start + options.seconds;
	     i += options.sessions) {
		fz_seed(&random, options.seed, i);
		make(&random, &prog);
		fz_store_running(number, &prog);
		why = run(&prog);
		tally->ops = fz_session_ops(session);
		if (why)
			break;
		tally->programs++;
		if (number)
			continue;
		if (fz_cov_merge(&all, cov))
			fz_store_add(&prog);
		if (time(NULL) >= told + 10) {
			told = time(NULL);
			progress();
		}
	}
	tally->good = !why;
	if (!why)
		return;
	snprintf(tally->why, sizeof(tally->why), "%s", why);
	failed(&prog, why);
}

static void start_session(unsigned int number)
{
	char prefix[16];

	cov = shared_memory(sizeof(*cov));
	snprintf(prefix, sizeof(prefix), "fuzz%u-", number);
	session = fz_session_new(prefix, cov, options.sessions == 1, options.verbose);
}

static bool fuzz_all(void)
{
	struct tally done;
	unsigned int i;

	fflush(NULL);
	for (i = 1; i < options.sessions; i++) {
		if (fork())
			continue;
		start_session(i);
		fuzz(i);
		exit(0);
	}
	fuzz(0);
	while (wait(NULL) > 0)
		;
	done = sum();
	/* Again, at the end of what a failure prints */
	for (i = 0; i < options.sessions; i++)
		if (tallies[i].why[0])
			printf("# session %u: %s\n", i, tallies[i].why);
	return ok(done.good, "%" PRIu64 " programs, %" PRIu64 " operations, seed %" PRIu64 ", %u PCs, %u programs kept",
		  done.programs, done.ops, options.seed, fz_cov_pcs(&all), fz_store_nr());
}

static void parse_options(int argc, char **argv)
{
	int option;

	while ((option = getopt(argc, argv, "s:t:n:j:c:vh")) != -1) {
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
		case 'j':
			options.sessions = strtoul(optarg, NULL, 0);
			if (options.sessions && options.sessions <= FZ_SESSIONS)
				break;
			fprintf(stderr, "fuzz: -j takes 1 to %u\n", FZ_SESSIONS);
			exit(2);
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

/* A pool that the races of all sessions are in; small, for them to get in each other's way */
static bool make_common(struct nl *nl)
{
	nl_pool_del(nl, FZ_COMMON, true);
	return !nl_pool_new(nl, FZ_COMMON, 128 * FZ_PAGE, 0600);
}

static bool check_common(struct nl *nl)
{
	int fd = open("/dev/pinpool/" FZ_COMMON, O_RDONLY | O_CLOEXEC);
	bool whole = fd >= 0 && pp_pool_is_whole(fd, 1);

	close(fd);
	return !nl_pool_del(nl, FZ_COMMON, false) && whole;
}

int main(int argc, char **argv)
{
	static struct nl nl;
	bool good = true;
	int i;

	options.seed = time(NULL);
	parse_options(argc, argv);
	if (nl_open(&nl) || !make_common(&nl)) {
		fprintf(stderr, "fuzz: no pool can be made: is the module loaded?\n");
		return 1;
	}
	printf("TAP version 13\n");
	if (!fz_cov_available())
		printf("# no KCOV: unguided, but for what calls come to\n");
	tallies = shared_memory(options.sessions * sizeof(*tallies));
	start_session(0);
	for (i = optind; i < argc; i++)
		good &= run_file(argv[i]);
	if (options.seconds && options.number)
		good &= fuzz_all();
	good &= ok(check_common(&nl), "the pool of all races is whole");
	printf("1..%u\n", results);
	return !good;
}
