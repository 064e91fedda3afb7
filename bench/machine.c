/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE
#include "machine.h"

#include <gnu/libc-version.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "cpu/cpu.h"

#define CPU_DIR "/sys/devices/system/cpu"

int read_line(const char *path, char *buf, int len)
{
	FILE *f = fopen(path, "r");
	char *got = f ? fgets(buf, len, f) : NULL;

	if (f)
		fclose(f);
	if (!got) {
		buf[0] = 0;
		return -1;
	}
	buf[strcspn(buf, "\n")] = 0;
	return 0;
}

static int read_int(const char *path, int fallback)
{
	char buf[32];
	return read_line(path, buf, sizeof buf) ? fallback : atoi(buf);
}

/* Copies what follows the separator of "key<separator> value" lines. Returns the lines found. */
static int find_field(const char *path, const char *key, const char *separator, char *buf, int len)
{
	char line[256];
	int found = 0;
	size_t n = strlen(key);
	FILE *f = fopen(path, "r");

	buf[0] = 0;
	while (f && fgets(line, sizeof line, f)) {
		char *value = strstr(line, separator);
		if (strncmp(line, key, n) != 0 || !value || found++)
			continue;
		value += strlen(separator);
		value += strspn(value, " \t\"");
		value[strcspn(value, "\"\n")] = 0;
		snprintf(buf, (size_t)len, "%s", value);
	}
	if (f)
		fclose(f);
	return found;
}

/* Directories PREFIX0, PREFIX1, ... that exist. */
static int count_nodes(const char *prefix)
{
	char path[128];
	int n = 0;

	for (;; n++) {
		snprintf(path, sizeof path, "%s%d", prefix, n);
		if (access(path, F_OK))
			return n;
	}
}

/* Physical cores and sockets from the topology of every processor that is switched on. */
static void read_topology(struct machine *m)
{
	char path[128];
	int sockets = 0, cores = 0, cpus = (int)sysconf(_SC_NPROCESSORS_CONF);

	for (int i = 0; i < cpus; i++) {
		char first[32];
		int package;
		snprintf(path, sizeof path, CPU_DIR "/cpu%d/topology/physical_package_id", i);
		package = read_int(path, 0);
		sockets = package + 1 > sockets ? package + 1 : sockets;
		snprintf(path, sizeof path, CPU_DIR "/cpu%d/topology/thread_siblings_list", i);
		if (read_line(path, first, sizeof first) || atoi(first) == i)
			cores++;
	}
	m->sockets = sockets;
	m->cores = cores;
	m->threads = (int)sysconf(_SC_NPROCESSORS_ONLN);
	m->numa_nodes = count_nodes("/sys/devices/system/node/node");
}

static int read_turbo(void)
{
	int off = read_int(CPU_DIR "/intel_pstate/no_turbo", -1);
	return off >= 0 ? !off : read_int(CPU_DIR "/cpufreq/boost", -1);
}

static void read_isa(struct machine *m)
{
	int n = 0;

	m->isa[0] = 0;
	for (int level = ISA_C; level <= (int)isa_machine(); level++)
		n += snprintf(m->isa + n, sizeof m->isa - (size_t)n, "%s%s", n ? " " : "",
			      isa_name((enum isa)level));
}

void machine_read(struct machine *m)
{
	struct utsname u;

	memset(m, 0, sizeof *m);
	read_line("/etc/machine-id", m->id, sizeof m->id);
	find_field("/proc/cpuinfo", "model name", ":", m->cpu_model, sizeof m->cpu_model);
	find_field("/proc/cpuinfo", "microcode", ":", m->microcode, sizeof m->microcode);
	find_field("/etc/os-release", "PRETTY_NAME", "=", m->os, sizeof m->os);
	if (!*m->cpu_model)
		snprintf(m->cpu_model, sizeof m->cpu_model, "unknown");
	if (uname(&u) == 0)
		snprintf(m->kernel, sizeof m->kernel, "%.32s %.60s", u.sysname, u.release);
	snprintf(m->libc, sizeof m->libc, "glibc %s", gnu_get_libc_version());
	read_line(CPU_DIR "/cpu0/cpufreq/scaling_governor", m->governor, sizeof m->governor);
	read_topology(m);
	m->turbo = read_turbo();
	m->smt = read_int(CPU_DIR "/smt/active", -1);
	m->mem_bytes = (int64_t)sysconf(_SC_PHYS_PAGES) * sysconf(_SC_PAGESIZE);
	read_isa(m);
}

static const char *or_null(const char *s)
{
	return *s ? s : NULL;
}

struct db_host machine_host(const struct machine *m)
{
	return (struct db_host){
		.machine = or_null(m->id),
		.cpu_model = m->cpu_model,
		.isa = m->isa,
		.microcode = or_null(m->microcode),
		.kernel = or_null(m->kernel),
		.os = or_null(m->os),
		.libc = m->libc,
		.governor = or_null(m->governor),
		.sockets = m->sockets,
		.cores = m->cores,
		.threads = m->threads,
		.numa_nodes = m->numa_nodes,
		.turbo = m->turbo,
		.smt = m->smt,
		.mem_bytes = m->mem_bytes,
	};
}

struct contention machine_contention(void)
{
	struct contention c = { -1, -1 };
	char text[256];
	long long ran, waited, t[8];

	if (!read_line("/proc/thread-self/schedstat", text, sizeof text) &&
	    sscanf(text, "%lld %lld", &ran, &waited) == 2)
		c.waited_s = 1e-9 * (double)waited;
	if (find_field("/proc/stat", "cpu ", " ", text, sizeof text) &&
	    sscanf(text, "%lld %lld %lld %lld %lld %lld %lld %lld", &t[0], &t[1], &t[2], &t[3],
		   &t[4], &t[5], &t[6], &t[7]) == 8)
		c.stolen_s = (double)t[7] / (double)sysconf(_SC_CLK_TCK);
	return c;
}

/* What kind of container this is, as its maker names it; "" outside. */
static void read_container(char *name, int len)
{
	const char *set = getenv("container");

	snprintf(name, (size_t)len, "%s", set ? set :
					  access("/.dockerenv", F_OK) == 0 ? "docker" :
					  access("/run/.containerenv", F_OK) == 0 ? "podman" : "");
	for (char *p = name; *p; p++)
		if (*p == '"' || *p == '\\' || (unsigned char)*p < ' ')
			*p = '_';
}

/* Of the hottest sensor, degrees Celsius; -1: none can be read. */
static double temperature(void)
{
	double hottest = -1;

	for (int i = 0;; i++) {
		char path[64], text[32];
		double t;
		snprintf(path, sizeof path, "/sys/class/thermal/thermal_zone%d/temp", i);
		if (read_line(path, text, sizeof text))
			return hottest;
		t = 1e-3 * atof(text);
		hottest = t > hottest ? t : hottest;
	}
}

void machine_environment(char *json, int len)
{
	double load[3] = { 0 }, hottest = temperature();
	char uptime[64], container[64], degrees[32] = "null";

	if (getloadavg(load, 3) < 0)
		load[0] = 0;
	read_line("/proc/uptime", uptime, sizeof uptime);
	read_container(container, sizeof container);
	if (hottest > 0)
		snprintf(degrees, sizeof degrees, "%.1f", hottest);
	snprintf(json, (size_t)len,
		 "{\"load_1min\":%.2f,\"available_bytes\":%lld,\"flush_to_zero\":true,"
		 "\"uptime_s\":%.0f,\"container\":\"%s\",\"temperature_c\":%s}",
		 load[0], (long long)memory_available(), atof(uptime), container, degrees);
}

int machine_cores(int *cpu, int max)
{
	cpu_set_t mask, taken;
	int n = 0;

	CPU_ZERO(&taken);
	if (sched_getaffinity(0, sizeof mask, &mask))
		CPU_SET(0, &mask);
	for (int i = 0; i < CPU_SETSIZE && n < max; i++) {
		char path[128], first[32];
		int core = i;
		if (!CPU_ISSET(i, &mask))
			continue;
		snprintf(path, sizeof path, CPU_DIR "/cpu%d/topology/thread_siblings_list", i);
		if (!read_line(path, first, sizeof first))
			core = atoi(first);
		if (core < 0 || core >= CPU_SETSIZE || CPU_ISSET(core, &taken))
			continue;
		CPU_SET(core, &taken);
		cpu[n++] = i;
	}
	return n;
}
