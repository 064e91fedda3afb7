/* SPDX-License-Identifier: MIT
 *
 * How often the processor lowered its clock for heat or power, as Linux counts it on Intel (below
 * /sys/devices/system/cpu/cpuN/thermal_throttle): once per core and once per package. Siblings of a
 * core show the same counter, as do all cores of a package, so each is read in one place.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "err.h"
#include "machine.h"
#include "probe.h"

#define CPUS_MAX     4096
#define COUNTERS_MAX 512 /* open files */
#define PACKAGES_MAX 64

const char *probe_throttle_root = "/sys/devices/system/cpu";

struct throttle {
	int counter[COUNTERS_MAX]; /* descriptors, kept open */
	int n;
	int package[PACKAGES_MAX]; /* whose counter is among them */
	int packages;
};

/* Number in cpuN/file; `missing` when there is none. */
static int number_in(int cpu, const char *file, int missing)
{
	char path[512], line[256];

	snprintf(path, sizeof path, "%s/cpu%d/%s", probe_throttle_root, cpu, file);
	return read_line(path, line, sizeof line) ? missing : atoi(line);
}

static void add_counter(struct throttle *t, int cpu, const char *name)
{
	char path[512];
	int fd;

	snprintf(path, sizeof path, "%s/cpu%d/thermal_throttle/%s", probe_throttle_root, cpu, name);
	fd = t->n < COUNTERS_MAX ? open(path, O_RDONLY | O_CLOEXEC) : -1;
	if (fd >= 0)
		t->counter[t->n++] = fd;
}

static bool is_new_package(struct throttle *t, int package)
{
	for (int i = 0; i < t->packages; i++)
		if (t->package[i] == package)
			return false;
	if (t->packages < PACKAGES_MAX)
		t->package[t->packages++] = package;
	return true;
}

static void add_cpu(struct throttle *t, int cpu)
{
	if (is_new_package(t, number_in(cpu, "topology/physical_package_id", 0)))
		add_counter(t, cpu, "package_throttle_count");
	/* the list begins with the first of the siblings: "0,64" */
	if (number_in(cpu, "topology/thread_siblings_list", cpu) == cpu)
		add_counter(t, cpu, "core_throttle_count");
}

static int open_throttle(void **state, char *why, size_t len)
{
	struct throttle *t = calloc(1, sizeof *t);
	char path[512];

	die_if(!t, "out of memory");
	for (int cpu = 0; cpu < CPUS_MAX; cpu++) {
		snprintf(path, sizeof path, "%s/cpu%d/thermal_throttle", probe_throttle_root, cpu);
		if (access(path, X_OK) == 0)
			add_cpu(t, cpu);
		else if (cpu >= sysconf(_SC_NPROCESSORS_CONF))
			break;
	}
	if (t->n) {
		*state = t;
		return 0;
	}
	free(t);
	snprintf(why, len, "no thermal_throttle in %s/cpu* (a virtual machine, or not Intel): "
		 "throttled samples cannot be told", probe_throttle_root);
	return -1;
}

static void read_throttle(void *state, double *v)
{
	const struct throttle *t = state;

	v[0] = 0;
	for (int i = 0; i < t->n; i++) {
		char text[32] = "";
		if (pread(t->counter[i], text, sizeof text - 1, 0) > 0)
			v[0] += strtod(text, NULL);
	}
}

static void close_throttle(void *state)
{
	struct throttle *t = state;

	for (int i = 0; i < t->n; i++)
		close(t->counter[i]);
	free(t);
}

static const struct probe throttle[] = {
	{ PROBE_THROTTLE, "1", "cores and packages that began to slow down for heat or power",
	  .kind = PROBE_SUM },
};
const struct probe_source probe_throttle = { "thermal_throttle", throttle, 1,
					     .open = open_throttle, .read = read_throttle,
					     .close = close_throttle };
