/* SPDX-License-Identifier: MIT
 *
 * Findings from made-up systems, and that watching the real one gives numbers.
 */
#include "doctor.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "test.h"

#define BURNERS 2 /* so many are named */
#define CPU "/sys/devices/system/cpu"

static char root[] = "/tmp/bench-doctor-XXXXXX";

static void put(const char *path, const char *text)
{
	char command[512];
	FILE *f;

	snprintf(command, sizeof command, "mkdir -p \"$(dirname %s%s)\"", root, path);
	CHECK_INT(system(command), 0);
	snprintf(command, sizeof command, "%s%s", root, path);
	f = fopen(command, "w");
	CHECK(f && fputs(text, f) >= 0 && !fclose(f), "%s", path);
}

static const struct finding *find(const struct findings *f, const char *name)
{
	static const struct finding none;

	for (int i = 0; i < f->n; i++)
		if (strcmp(f->at[i].name, name) == 0)
			return &f->at[i];
	CHECK(0, "no finding %s", name);
	return &none;
}

static void check(const char *name, enum finding_level level, const char *value)
{
	struct findings f = { .n = 0 };
	const struct finding *x;

	doctor_settings(&f, root);
	x = find(&f, name);
	CHECK(x->level == level && strstr(x->value, value), "%s: level %d, %s", name, (int)x->level,
	      x->value);
	CHECK(level == FINDING_OK || *x->mend, "%s: no way out", name);
}

/* Path, text, finding, level, value: a bad state and a good one of each. */
static void test_settings(void)
{
	static const struct {
		const char *path, *text, *name;
		enum finding_level level;
		const char *value;
	} row[] = {
		{ CPU "/cpu0/cpufreq/scaling_governor", "powersave\n", "governor", FINDING_WARN,
		  "powersave" },
		{ CPU "/cpu0/cpufreq/scaling_governor", "performance\n", "governor", FINDING_OK,
		  "performance" },
		{ CPU "/cpufreq/boost", "1\n", "turbo", FINDING_WARN, "on" },
		{ CPU "/cpufreq/boost", "0\n", "turbo", FINDING_OK, "off" },
		{ CPU "/intel_pstate/no_turbo", "0\n", "turbo", FINDING_WARN, "on" },
		{ CPU "/intel_pstate/no_turbo", "1\n", "turbo", FINDING_OK, "off" },
		{ CPU "/smt/active", "1\n", "SMT", FINDING_WARN, "on" },
		{ CPU "/smt/active", "0\n", "SMT", FINDING_OK, "off" },
		{ "/sys/class/thermal/thermal_zone3/temp", "91000\n", "heat", FINDING_BAD, "91 C" },
		{ "/sys/class/thermal/thermal_zone3/temp", "50000\n", "heat", FINDING_OK, "50 C" },
		{ CPU "/cpu0/thermal_throttle/core_throttle_count", "7\n", "heat", FINDING_WARN,
		  "7 times" },
		{ "/proc/cpuinfo", "flags\t: fpu hypervisor sse\n", "virtual", FINDING_WARN,
		  "yes" },
		{ "/proc/cpuinfo", "flags\t: fpu sse\n", "virtual", FINDING_OK, "no" },
		{ "/sys/devices/system/clocksource/clocksource0/current_clocksource", "hpet\n",
		  "clock source", FINDING_BAD, "hpet" },
		{ "/sys/devices/system/clocksource/clocksource0/current_clocksource", "jiffies\n",
		  "clock source", FINDING_BAD, "jiffies" },
		{ "/sys/devices/system/clocksource/clocksource0/current_clocksource", "tsc\n",
		  "clock source", FINDING_OK, "tsc" },
		{ "/sys/kernel/mm/transparent_hugepage/enabled", "always madvise [never]\n",
		  "huge pages", FINDING_WARN, "never" },
		{ "/sys/kernel/mm/transparent_hugepage/enabled", "always [madvise] never\n",
		  "huge pages", FINDING_OK, "[madvise]" },
		{ "/proc/meminfo",
		  "MemAvailable: 1000000 kB\nSwapTotal: 900000 kB\n"
		  "SwapFree: 100000 kB\n",
		  "swap", FINDING_WARN, "MiB" },
		{ "/proc/meminfo", "MemAvailable: 1000000 kB\n", "memory", FINDING_BAD, "976" },
		{ "/proc/meminfo", "MemAvailable: 9000000 kB\n", "memory", FINDING_OK, "8.58" },
		{ "/proc/meminfo", "MemAvailable: 9000000 kB\n", "swap", FINDING_OK, "none" },
		{ "/sys/devices/system/node/online", "0-1\n", "NUMA", FINDING_WARN, "0-1" },
		{ "/sys/devices/system/node/online", "0,2\n", "NUMA", FINDING_WARN, "0,2" },
		{ "/sys/devices/system/node/online", "0\n", "NUMA", FINDING_OK, "0" },
		{ "/proc/sys/kernel/perf_event_paranoid", "4\n", "counters", FINDING_WARN, "4" },
		{ "/proc/sys/kernel/perf_event_paranoid", "3\n", "counters", FINDING_WARN, "3" },
		{ "/proc/sys/kernel/perf_event_paranoid", "2\n", "counters", FINDING_OK, "2" },
		{ "/proc/sys/kernel/perf_event_paranoid", "1\n", "counters", FINDING_OK, "1" },
		{ "/proc/sys/kernel/randomize_va_space", "0\n", "ASLR", FINDING_WARN, "off" },
		{ "/proc/sys/kernel/randomize_va_space", "2\n", "ASLR", FINDING_OK, "on" },
	};

	check("governor", FINDING_OK, "no cpufreq"); /* nothing is there yet */
	for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
		put(row[i].path, row[i].text);
		check(row[i].name, row[i].level, row[i].value);
	}
}

/* Only commands, only for what is wrong; a shell can read them. */
static void test_hints(void)
{
	struct findings f = { .n = 0 };
	char *text = NULL, command[1200];
	size_t len;
	FILE *to = open_memstream(&text, &len);

	put(CPU "/cpu0/cpufreq/scaling_governor", "powersave\n");
	put(CPU "/intel_pstate/no_turbo", "1\n");
	put("/sys/kernel/mm/transparent_hugepage/enabled", "always madvise [never]\n");
	put("/sys/devices/system/node/online", "0-1\n");
	doctor_settings(&f, root);
	doctor_hints(&f, to);
	fclose(to);
	CHECK_STR(text, "sudo cpupower frequency-set -g performance  # governor: powersave\n"
			"echo madvise | sudo tee /sys/kernel/mm/transparent_hugepage/enabled  # "
			"huge pages: always madvise [never]\n");
	snprintf(command, sizeof command, "sh -n <<'end'\n%send\n", text);
	CHECK_INT(system(command), 0);
	free(text);
}

/* One line of each part, and an error when a run could not use the directory. */
static void test_weights(void)
{
	struct findings f = { .n = 0 };
	struct err e = { 0 };

	CHECK(!doctor_weights(&f, "workloads/golden/pipeline-sdxl", &e), "%s", e.msg);
	CHECK(find(&f, "unet")->level == FINDING_OK && strstr(find(&f, "unet")->value, "tensors"),
	      "%s", find(&f, "unet")->value);
	f.n = 0;
	CHECK(doctor_weights(&f, root, &e) == -ERR_FAILED && strstr(e.msg, "6 of 8"), "%s", e.msg);
	CHECK_INT(find(&f, "vae")->level, FINDING_BAD);
	CHECK_INT(find(&f, "tokenizer")->level, FINDING_WARN);
}

/* "quiet, best 3.925 GB/s, ..." */
static double best_of(const struct finding *x)
{
	const char *at = strstr(x->value, "best ");

	return at ? strtod(at + 5, NULL) : 0;
}

static void test_live(void)
{
	struct device d = { .isa = ISA_C, .threads = 100000, .backend = &backend_ref };
	struct findings f = { .n = 0 };

	doctor_resources(&f, &d, "/none/there/bench.db");
	CHECK_INT(find(&f, "threads")->level, FINDING_BAD);
	CHECK_INT(find(&f, "database")->level, FINDING_BAD);
	f.n = 0;
	d.threads = 1;
	doctor_resources(&f, &d, "bench.db");
	CHECK_INT(find(&f, "threads")->level, FINDING_OK);
	doctor_watch(&f, &d, 0.1);
	CHECK(strstr(find(&f, "arithmetic")->value, "FLOP/s"), "%s", find(&f, "arithmetic")->value);
	CHECK(strstr(find(&f, "bandwidth")->value, "B/s"), "%s", find(&f, "bandwidth")->value);
	CHECK(best_of(find(&f, "bandwidth")) > 0 && best_of(find(&f, "arithmetic")) > 0, "%s",
	      find(&f, "bandwidth")->value);
	CHECK(strstr(find(&f, "others")->value, " cores, load "), "%s", find(&f, "others")->value);
	CHECK(!strstr(find(&f, "others")->value, "doctor_test"), "this program disturbs itself: %s",
	      find(&f, "others")->value);
}

/* Processes that take the cores are named; those that took them before are not. */
static void test_others(void)
{
	struct device d = { .isa = ISA_C, .threads = 1, .backend = &backend_ref };
	struct findings f = { .n = 0 };
	pid_t pid[BURNERS];
	bool named = false;

	for (int i = 0; i < BURNERS; i++) {
		pid[i] = fork();
		if (pid[i] == 0) {
			alarm(20);
			prctl(PR_SET_NAME, "burner");
			for (;;)
				;
		}
	}
	for (int i = 0; i < 5 && !named; i++) {
		f.n = 0;
		doctor_watch(&f, &d, 0.1);
		named = strstr(find(&f, "others")->value, "burner");
	}
	CHECK(named, "%s", find(&f, "others")->value);
	for (int i = 0; i < BURNERS; i++)
		kill(pid[i], SIGSTOP);
	f.n = 0;
	doctor_watch(&f, &d, 0.1);
	CHECK(!strstr(find(&f, "others")->value, "burner"), "%s", find(&f, "others")->value);
	for (int i = 0; i < BURNERS; i++) {
		kill(pid[i], SIGKILL);
		waitpid(pid[i], NULL, 0);
	}
}

int main(void)
{
	char command[64];

	if (!mkdtemp(root))
		return test_skip("no temporary directory");
	test_settings();
	test_hints();
	test_weights();
	test_live();
	test_others();
	snprintf(command, sizeof command, "rm -r %s", root);
	CHECK_INT(system(command), 0);
	return test_end();
}
