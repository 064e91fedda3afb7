/* SPDX-License-Identifier: MIT
 *
 * What this process may use: memory and processor time, limited by control groups of both versions
 * (each group on the way to the root counts), by the kernel's own estimate, and by ulimit.
 */
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "machine.h"

#define CGROUP "/sys/fs/cgroup"

/* One line "KEY: N kB" of a /proc file in bytes; -1 when it is missing. */
static int64_t proc_kib(const char *path, const char *key)
{
	char line[256];
	int64_t kib = -1;
	size_t n = strlen(key);
	FILE *f = fopen(path, "r");

	while (f && kib < 0 && fgets(line, sizeof line, f))
		if (strncmp(line, key, n) == 0 && line[n] == ':')
			kib = atoll(line + n + 1);
	if (f)
		fclose(f);
	return kib < 0 ? -1 : kib * 1024;
}

/* The group of this process below CGROUP[/controller]: "/" or "/a/b". */
static void own_group(const char *controller, char *buf, int len)
{
	char line[512];
	FILE *f = fopen("/proc/self/cgroup", "r");

	snprintf(buf, (size_t)len, "/");
	while (f && fgets(line, sizeof line, f)) {
		char *names = strchr(line, ':'), *path = names ? strchr(names + 1, ':') : NULL;
		if (!path)
			continue;
		*path = 0;
		path[1 + strcspn(path + 1, "\n")] = 0;
		if (strcmp(names + 1, controller) == 0)
			snprintf(buf, (size_t)len, "%s", path + 1);
	}
	if (f)
		fclose(f);
}

static int64_t group_value(const char *base, const char *group, const char *file)
{
	char path[1024], text[64];

	snprintf(path, sizeof path, "%s%s/%s", base, strcmp(group, "/") ? group : "", file);
	if (read_line(path, text, sizeof text) || strcmp(text, "max") == 0)
		return -1;
	return atoll(text);
}

/* Cached file pages of the group can be dropped, so they are not in the way. */
static int64_t group_cache(const char *base, const char *group)
{
	char path[1024], key[64];
	long long value, cache = 0;
	FILE *f;

	snprintf(path, sizeof path, "%s%s/memory.stat", base, strcmp(group, "/") ? group : "");
	f = fopen(path, "r");
	while (f && fscanf(f, "%63s %lld", key, &value) == 2)
		if (strcmp(key, "inactive_file") == 0 || strcmp(key, "active_file") == 0)
			cache += value;
	if (f)
		fclose(f);
	return cache;
}

/* Drops the last component; false at the root. */
static int parent_group(char *group)
{
	char *slash = strrchr(group, '/');

	if (!slash || strcmp(group, "/") == 0)
		return 0;
	if (slash == group)
		strcpy(group, "/");
	else
		*slash = 0;
	return 1;
}

static int64_t least(int64_t a, int64_t b)
{
	return b >= 0 && b < a ? b : a;
}

static int64_t group_available(const char *base, const char *controller, const char *limit_file,
			       const char *used_file)
{
	char group[512];
	int64_t available = INT64_MAX;

	own_group(controller, group, sizeof group);
	do {
		int64_t limit = group_value(base, group, limit_file);
		int64_t used = group_value(base, group, used_file);
		if (limit >= 0 && limit < INT64_MAX / 2 && used >= 0) {
			int64_t left = limit - used + group_cache(base, group);
			available = least(available, left > 0 ? left : 0);
		}
	} while (parent_group(group));
	return available;
}

int64_t memory_available(void)
{
	int64_t available = INT64_MAX;
	struct rlimit limit;

	available = least(available, proc_kib("/proc/meminfo", "MemAvailable"));
	available = least(available, group_available(CGROUP, "", "memory.max", "memory.current"));
	available = least(available,
			  group_available(CGROUP "/memory", "memory", "memory.limit_in_bytes",
					  "memory.usage_in_bytes"));
	if (getrlimit(RLIMIT_AS, &limit) == 0 && limit.rlim_cur != RLIM_INFINITY)
		available = least(available, (int64_t)limit.rlim_cur -
						     proc_kib("/proc/self/status", "VmSize"));
	return available;
}

int64_t memory_resident(void)
{
	return proc_kib("/proc/self/status", "VmRSS");
}

int64_t memory_peak(void)
{
	return proc_kib("/proc/self/status", "VmHWM");
}

int machine_quota(void)
{
	char group[512], path[1024], text[64];
	double cores = INT_MAX;
	long long quota, period;

	own_group("", group, sizeof group);
	do {
		snprintf(path, sizeof path, CGROUP "%s/cpu.max", strcmp(group, "/") ? group : "");
		if (!read_line(path, text, sizeof text) &&
		    sscanf(text, "%lld %lld", &quota, &period) == 2 && period > 0 &&
		    (double)quota / (double)period < cores)
			cores = (double)quota / (double)period;
	} while (parent_group(group));
	own_group("cpu,cpuacct", group, sizeof group);
	quota = group_value(CGROUP "/cpu", group, "cpu.cfs_quota_us");
	period = group_value(CGROUP "/cpu", group, "cpu.cfs_period_us");
	if (quota > 0 && period > 0 && (double)quota / (double)period < cores)
		cores = (double)quota / (double)period;
	return cores >= INT_MAX ? INT_MAX : cores < 1 ? 1 : (int)cores;
}
