/* SPDX-License-Identifier: MIT
 *
 * Errors that a user or the machine causes. A function that can fail returns 0 or the negative
 * code and writes one sentence into `struct err`: what is wrong, why, and the way out. The first
 * error wins; only bench/main.c turns it into an exit status. A caller's bug aborts (die_if).
 */
#ifndef BENCH_ERR_H
#define BENCH_ERR_H

/* The codes are the exit statuses of the program (README, "Exit status"). */
enum err_code {
	ERR_NONE = 0,
	ERR_REGRESSION = 1,
	ERR_USAGE = 2,        /* unknown name, bad value, bad configuration */
	ERR_INCONCLUSIVE = 3, /* where the policy of a gate fails on it */
	ERR_FAILED = 4,       /* the workload failed: bad file, no memory, not finite */
	ERR_INCOMPARABLE = 5,
	ERR_PARITY = 6,       /* results differ from the reference */
	ERR_DB = 7,           /* the database cannot be opened, read or written */
	ERR_SKIPPED = 77,
	ERR_INTERRUPTED = 130,
};

struct err {
	enum err_code code;
	char msg[1024];
};

/* Keeps the first error; returns -code, so that `return err_set(...)` reads well. `e` may be NULL.
 */
int err_set(struct err *e, enum err_code code, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/* A caller's bug: prints the sentence and aborts, in release builds too. */
#define die_if(cond, ...)                                      \
	do {                                                   \
		if (__builtin_expect(!!(cond), 0))             \
			die_at(__FILE__, __LINE__, __VA_ARGS__); \
	} while (0)
void die_at(const char *file, int line, const char *fmt, ...)
	__attribute__((noreturn, format(printf, 3, 4)));

/* The entry of names[0..n) nearest to `word` by edit distance, or NULL if none is near. */
const char *nearest_name(const char *word, const char *const *names, int n);

#endif
