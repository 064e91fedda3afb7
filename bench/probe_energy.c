/* SPDX-License-Identifier: MIT
 *
 * Energy from the power zones that Linux shows below /sys/class/powercap (RAPL: running average
 * power limit). A package zone is intel-rapl:N, its parts are intel-rapl:N:M; the driver's name is
 * the same on AMD. Counters are microjoules and wrap at max_energy_range_uj; every reading folds a
 * wrap, so readings must come at least once per round, which lasts minutes.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "err.h"
#include "probe.h"

#define ZONES_MAX 64

struct zone {
	int counter;   /* descriptor of energy_uj, kept open */
	int kind;      /* 0: package, 1: memory */
	double last, range, total;
};

struct energy {
	struct zone zone[ZONES_MAX];
	int n;
};

static FILE *open_in(const char *root, const char *zone, const char *file)
{
	char path[512];

	snprintf(path, sizeof path, "%s/%s/%s", root, zone, file);
	return fopen(path, "r");
}

static double number_in(const char *root, const char *zone, const char *file)
{
	FILE *f = open_in(root, zone, file);
	double v = -1;

	if (f && fscanf(f, "%lf", &v) != 1)
		v = -1;
	if (f)
		fclose(f);
	return v;
}

/* 0 package, 1 memory, -1 something that one of these already contains, or the whole board. */
static int kind_of(const char *root, const char *zone)
{
	FILE *f = open_in(root, zone, "name");
	char name[64] = "";

	if (f && !fgets(name, sizeof name, f))
		*name = 0;
	if (f)
		fclose(f);
	return strncmp(name, "package", 7) == 0 ? 0 : strncmp(name, "dram", 4) == 0 ? 1 : -1;
}

static double read_counter(struct zone *z)
{
	char text[32] = "";

	if (pread(z->counter, text, sizeof text - 1, 0) <= 0)
		return z->last;
	return strtod(text, NULL);
}

/* Returns whether the zone is one that counts but may not be read. */
static int add_zone(struct energy *e, const char *root, const char *name)
{
	struct zone z = { .kind = kind_of(root, name) };
	char path[512];

	if (z.kind < 0 || e->n == ZONES_MAX)
		return 0;
	snprintf(path, sizeof path, "%s/%s/energy_uj", root, name);
	z.counter = open(path, O_RDONLY | O_CLOEXEC);
	if (z.counter < 0)
		return errno == EACCES;
	z.range = number_in(root, name, "max_energy_range_uj");
	z.last = read_counter(&z);
	e->zone[e->n++] = z;
	return 0;
}

struct energy *energy_open(const char *root, char *why, size_t len)
{
	struct energy *e = calloc(1, sizeof *e);
	DIR *dir = opendir(root);
	int forbidden = 0;

	die_if(!e, "out of memory");
	for (struct dirent *d; dir && (d = readdir(dir));)
		if (strncmp(d->d_name, "intel-rapl:", 11) == 0)
			forbidden += add_zone(e, root, d->d_name);
	if (dir)
		closedir(dir);
	if (e->n)
		return e;
	free(e);
	if (forbidden)
		snprintf(why, len, "forbidden; as root: chmod a+r %s/*/energy_uj", root);
	else
		snprintf(why, len, "no intel-rapl zone in %s (a virtual machine?)", root);
	return NULL;
}

void energy_read(struct energy *e, double joules[2])
{
	joules[0] = joules[1] = NAN;
	for (int i = 0; i < e->n; i++) {
		struct zone *z = &e->zone[i];
		double now = read_counter(z);
		z->total += now >= z->last ? now - z->last : now - z->last + z->range;
		z->last = now;
		joules[z->kind] = 1e-6 * z->total +
				  (isnan(joules[z->kind]) ? 0 : joules[z->kind]);
	}
}

void energy_close(struct energy *e)
{
	for (int i = 0; e && i < e->n; i++)
		close(e->zone[i].counter);
	free(e);
}

static int open_energy(void **state, char *why, size_t len)
{
	*state = energy_open("/sys/class/powercap", why, len);
	return *state ? 0 : -1;
}

static void read_energy(void *state, double *v)
{
	energy_read(state, v);
}

static void close_energy(void *state)
{
	energy_close(state);
}

static const struct probe energy[] = {
	{ "energy_package", "J", "all processor packages (RAPL)", .by_stage = true },
	{ "energy_memory", "J", "all memory channels (RAPL)", .by_stage = true },
};
const struct probe_source probe_energy = {
	"RAPL", energy, 2, .open = open_energy, .read = read_energy, .close = close_energy
};
