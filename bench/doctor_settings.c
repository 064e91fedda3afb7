/* SPDX-License-Identifier: MIT */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "doctor.h"
#include "machine.h"
#include "units.h"

#define CPU           "/sys/devices/system/cpu"
#define HOT_C         85
#define SWAP_BYTES    (64 << 20)
#define LITTLE_MEMORY 2e9

struct finding *finding_add(struct findings *f, const char *name, const char *why)
{
	struct finding *x = &f->at[f->n];

	die_if(f->n == FINDINGS_MAX, "more than %d findings", FINDINGS_MAX);
	f->n++;
	*x = (struct finding){ .name = name, .why = why };
	return x;
}

/* First line of root/path; "" when there is none. */
static const char *line_of(const char *root, const char *path)
{
	static char line[256];
	char full[512];

	snprintf(full, sizeof full, "%s%s", root, path);
	read_line(full, line, sizeof line);
	return line;
}

static void say(struct finding *x, enum finding_level level, const char *value, const char *mend)
{
	x->level = level;
	snprintf(x->value, sizeof x->value, "%s", value);
	snprintf(x->mend, sizeof x->mend, "%s", mend);
}

/* The same where a shell can mend it. */
static void say_command(struct finding *x, enum finding_level level, const char *value,
			const char *command)
{
	say(x, level, value, command);
	x->is_command = true;
}

void doctor_hints(const struct findings *f, FILE *to)
{
	for (int i = 0; i < f->n; i++) {
		const struct finding *x = &f->at[i];
		if (x->level != FINDING_OK && x->is_command)
			fprintf(to, "%s  # %s: %s\n", x->mend, x->name, x->value);
	}
}

/* ---- the processor -----------------------------------------------------------------------------
 */

static void governor(struct findings *f, const char *root)
{
	struct finding *x = finding_add(f, "governor", "The clock follows the load with a delay, "
						       "so short runs are slower.");
	const char *now = line_of(root, CPU "/cpu0/cpufreq/scaling_governor");

	if (!*now)
		say(x, FINDING_OK, "not ours to choose (no cpufreq)", "");
	else if (strcmp(now, "performance") == 0)
		say(x, FINDING_OK, now, "");
	else
		say_command(x, FINDING_WARN, now, "sudo cpupower frequency-set -g performance");
}

static void turbo(struct findings *f, const char *root)
{
	struct finding *x = finding_add(f, "turbo", "The clock depends on heat and on what the "
						    "other cores do.");
	const char *off = line_of(root, CPU "/intel_pstate/no_turbo");

	if (*off) {
		say_command(x, *off == '0' ? FINDING_WARN : FINDING_OK, *off == '0' ? "on" : "off",
			    "echo 1 | sudo tee " CPU "/intel_pstate/no_turbo");
		return;
	}
	off = line_of(root, CPU "/cpufreq/boost");
	if (!*off)
		say(x, FINDING_OK, "not told", "");
	else
		say_command(x, *off == '1' ? FINDING_WARN : FINDING_OK, *off == '1' ? "on" : "off",
			    "echo 0 | sudo tee " CPU "/cpufreq/boost");
}

static void siblings(struct findings *f, const char *root)
{
	struct finding *x = finding_add(f, "SMT", "Two threads of one core share it: whatever runs "
						  "on the other one slows this.");
	const char *active = line_of(root, CPU "/smt/active");

	if (*active == '1')
		say_command(x, FINDING_WARN, "on; bench uses one thread of each core",
			    "echo off | sudo tee " CPU "/smt/control");
	else
		say(x, FINDING_OK, *active ? "off" : "not told", "");
}

static void heat(struct findings *f, const char *root)
{
	struct finding *x = finding_add(f, "heat", "A hot processor lowers its clock.");
	char path[128], text[64];
	int hottest = 0;
	long throttled = atol(line_of(root, CPU "/cpu0/thermal_throttle/core_throttle_count"));

	for (int i = 0; i < 64; i++) {
		int t;
		snprintf(path, sizeof path, "/sys/class/thermal/thermal_zone%d/temp", i);
		t = atoi(line_of(root, path)) / 1000;
		hottest = t > hottest ? t : hottest;
	}
	snprintf(text, sizeof text, "%d C, throttled %ld times since the start", hottest,
		 throttled);
	say(x, hottest > HOT_C ? FINDING_BAD : throttled ? FINDING_WARN : FINDING_OK,
	    hottest || throttled ? text : "not told; throttled samples cannot be marked",
	    "let it cool down; look at the fans");
}

static void virtualisation(struct findings *f, const char *root)
{
	struct finding *x = finding_add(f, "virtual",
					"Other guests of the host share caches, memory "
					"bandwidth and cores.");
	char path[512], line[4096];
	FILE *cpuinfo;
	bool guest = false;

	snprintf(path, sizeof path, "%s/proc/cpuinfo", root);
	cpuinfo = fopen(path, "r");
	while (cpuinfo && !guest && fgets(line, sizeof line, cpuinfo))
		guest = strncmp(line, "flags", 5) == 0 && strstr(line, " hypervisor");
	if (cpuinfo)
		fclose(cpuinfo);
	if (guest)
		say(x, FINDING_WARN, "yes", "compare in pairs (bench compare), or use the machine "
					    "itself");
	else
		say(x, FINDING_OK, "no", "");
}

static void clock_source(struct findings *f, const char *root)
{
	struct finding *x = finding_add(f, "clock source",
					"Reading this clock is a system call of a "
					"microsecond or more.");
	const char *now = line_of(root, "/sys/devices/system/clocksource/clocksource0/"
					"current_clocksource");
	bool slow = strcmp(now, "hpet") == 0 || strcmp(now, "acpi_pm") == 0 ||
		    strcmp(now, "jiffies") == 0;

	say(x, slow ? FINDING_BAD : FINDING_OK, *now ? now : "not told",
	    slow ? "boot with clocksource=tsc" : "");
}

/* ---- memory ------------------------------------------------------------------------------------
 */

static void huge_pages(struct findings *f, const char *root)
{
	struct finding *x = finding_add(f, "huge pages", "Without them every 4 KiB need a "
							 "translation of their own.");
	const char *now = line_of(root, "/sys/kernel/mm/transparent_hugepage/enabled");
	bool never = strstr(now, "[never]") || !*now;

	say_command(x, never ? FINDING_WARN : FINDING_OK, *now ? now : "not told",
		    "echo madvise | sudo tee /sys/kernel/mm/transparent_hugepage/enabled");
}

/* Bytes of a line of /proc/meminfo. */
static double meminfo(const char *root, const char *key)
{
	char path[512], line[128];
	double kib = 0;
	FILE *f;

	snprintf(path, sizeof path, "%s/proc/meminfo", root);
	f = fopen(path, "r");
	while (f && fgets(line, sizeof line, f))
		if (strncmp(line, key, strlen(key)) == 0)
			kib = strtod(line + strlen(key), NULL);
	if (f)
		fclose(f);
	return 1024 * kib;
}

static void swap(struct findings *f, const char *root)
{
	struct finding *x = finding_add(f, "swap",
					"Memory on the disk comes back in the middle of a "
					"run.");
	double used = meminfo(root, "SwapTotal:") - meminfo(root, "SwapFree:");

	say_command(x, used > SWAP_BYTES ? FINDING_WARN : FINDING_OK,
		    used > 0 ? text_bytes(used).s : "none in use", "sudo swapoff -a");
}

static void memory(struct findings *f, const char *root)
{
	struct finding *x = finding_add(f, "memory", "A run that needs more is refused, and file "
						     "caches are thrown out while it runs.");
	double free_bytes = meminfo(root, "MemAvailable:");

	say(x, free_bytes < LITTLE_MEMORY ? FINDING_BAD : FINDING_OK, text_bytes(free_bytes).s,
	    "end what takes it");
}

static void numa(struct findings *f, const char *root)
{
	struct finding *x = finding_add(f, "NUMA",
					"Memory of another node is slower; where it lies "
					"differs from run to run.");
	const char *nodes = line_of(root, "/sys/devices/system/node/online");
	bool several = strpbrk(nodes, "-,") != NULL;

	say(x, several ? FINDING_WARN : FINDING_OK, *nodes ? nodes : "not told",
	    several ? "numactl --cpunodebind=0 --membind=0 bench ..." : "");
}

/* ---- the kernel --------------------------------------------------------------------------------
 */

static void counters(struct findings *f, const char *root)
{
	struct finding *x = finding_add(f, "counters", "Counters of the processor are closed to "
						       "programs (--counters).");
	const char *level = line_of(root, "/proc/sys/kernel/perf_event_paranoid");

	say_command(x, atoi(level) > 2 ? FINDING_WARN : FINDING_OK, *level ? level : "not told",
		    "sudo sysctl kernel.perf_event_paranoid=1");
}

static void layout(struct findings *f, const char *root)
{
	struct finding *x = finding_add(f, "ASLR",
					"The same program lies at the same place in each "
					"run: luck with it is not averaged out.");
	const char *level = line_of(root, "/proc/sys/kernel/randomize_va_space");

	say_command(x, *level == '0' ? FINDING_WARN : FINDING_OK,
		    *level == '0' ? "off" : "on; averaged over processes",
		    "sudo sysctl kernel.randomize_va_space=2");
}

void doctor_settings(struct findings *f, const char *root)
{
	governor(f, root);
	turbo(f, root);
	siblings(f, root);
	heat(f, root);
	virtualisation(f, root);
	clock_source(f, root);
	huge_pages(f, root);
	memory(f, root);
	swap(f, root);
	numa(f, root);
	layout(f, root);
	counters(f, root);
}
