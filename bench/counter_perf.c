/* SPDX-License-Identifier: MIT
 *
 * Counters through perf_event_open(2). Where the kernel forbids counting its own part
 * (perf_event_paranoid >= 2), the part in the program alone is counted.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <linux/perf_event.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "counters.h"
#include "machine.h"

#define CACHE(level, op, result) \
	(PERF_COUNT_HW_CACHE_##level | PERF_COUNT_HW_CACHE_OP_##op << 8 | \
	 PERF_COUNT_HW_CACHE_RESULT_##result << 16)

static const struct {
	const char *name;
	uint32_t type;
	uint64_t config;
} events[] = {
	{ "task-clock", PERF_TYPE_SOFTWARE, PERF_COUNT_SW_TASK_CLOCK },
	{ "context-switches", PERF_TYPE_SOFTWARE, PERF_COUNT_SW_CONTEXT_SWITCHES },
	{ "cpu-migrations", PERF_TYPE_SOFTWARE, PERF_COUNT_SW_CPU_MIGRATIONS },
	{ "page-faults", PERF_TYPE_SOFTWARE, PERF_COUNT_SW_PAGE_FAULTS },
	{ "minor-faults", PERF_TYPE_SOFTWARE, PERF_COUNT_SW_PAGE_FAULTS_MIN },
	{ "major-faults", PERF_TYPE_SOFTWARE, PERF_COUNT_SW_PAGE_FAULTS_MAJ },
	{ "cycles", PERF_TYPE_HARDWARE, PERF_COUNT_HW_CPU_CYCLES },
	{ "ref-cycles", PERF_TYPE_HARDWARE, PERF_COUNT_HW_REF_CPU_CYCLES },
	{ "instructions", PERF_TYPE_HARDWARE, PERF_COUNT_HW_INSTRUCTIONS },
	{ "cache-references", PERF_TYPE_HARDWARE, PERF_COUNT_HW_CACHE_REFERENCES },
	{ "cache-misses", PERF_TYPE_HARDWARE, PERF_COUNT_HW_CACHE_MISSES },
	{ "branches", PERF_TYPE_HARDWARE, PERF_COUNT_HW_BRANCH_INSTRUCTIONS },
	{ "branch-misses", PERF_TYPE_HARDWARE, PERF_COUNT_HW_BRANCH_MISSES },
	{ "dTLB-load-misses", PERF_TYPE_HW_CACHE, CACHE(DTLB, READ, MISS) },
};

static const char *reason(void)
{
	static char text[120];
	char level[16];

	switch (errno) {
	case ENOENT:
	case EOPNOTSUPP:
	case ENODEV:
		return "this machine has no such counter (a virtual machine?)";
	case EACCES:
	case EPERM:
		read_line("/proc/sys/kernel/perf_event_paranoid", level, sizeof level);
		snprintf(text, sizeof text, "forbidden, perf_event_paranoid is %s; as root: "
			 "sysctl kernel.perf_event_paranoid=1", *level ? level : "unknown");
		return text;
	case ENOSYS:
		return "the kernel has no perf_event_open";
	default:
		return strerror(errno);
	}
}

static int try_open(uint32_t type, uint64_t config, int without_kernel)
{
	struct perf_event_attr attr = { .type = type, .size = sizeof attr, .config = config,
					.read_format = PERF_FORMAT_TOTAL_TIME_ENABLED |
						       PERF_FORMAT_TOTAL_TIME_RUNNING };

	attr.exclude_kernel = attr.exclude_hv = !!without_kernel;
	return (int)syscall(SYS_perf_event_open, &attr, 0, -1, -1, PERF_FLAG_FD_CLOEXEC);
}

int perf_open(const char *name, char *why, size_t len)
{
	for (size_t i = 0; i < sizeof events / sizeof *events; i++) {
		int fd;
		if (strcmp(events[i].name, name) != 0)
			continue;
		fd = try_open(events[i].type, events[i].config, 0);
		if (fd < 0 && (errno == EACCES || errno == EPERM))
			fd = try_open(events[i].type, events[i].config, 1);
		if (fd < 0)
			snprintf(why, len, "perf:%s: %s", name, reason());
		return fd;
	}
	snprintf(why, len, "perf:%s is not an event that bench knows", name);
	return -1;
}

double perf_read(int fd)
{
	uint64_t v[3];

	if (read(fd, v, sizeof v) != (ssize_t)sizeof v)
		return 0;
	return v[2] && v[2] < v[1] ? (double)v[0] * ((double)v[1] / (double)v[2]) : (double)v[0];
}

void perf_close(int fd)
{
	close(fd);
}
