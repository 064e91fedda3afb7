/* SPDX-License-Identifier: MIT
 *
 * What can only be seen by watching: others on the machine, and whether its speed holds still.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <omp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "clock.h"
#include "db.h"
#include "doctor.h"
#include "machine.h"
#include "stats.h"
#include "units.h"

#define PROCESSES_MAX 4096
#define BUSIEST       2
#define BUSY          0.05 /* of a core: worth naming */
#define ROUNDS_MAX    64
#define BUFFER_BYTES  (64 << 20)
#define BLOCK_S       0.02
#define QUIET_PEAK    0.97 /* median over best */
#define QUIET_MEMORY  0.85

/* ---- other processes ---------------------------------------------------------------------------
 */

struct process {
	int pid;
	long ticks;
	char name[32];
};

struct processes {
	struct process at[PROCESSES_MAX];
	int n;
};

/* pid (name) state ... utime stime: the name may hold anything but ends at the last parenthesis. */
static bool read_process(const char *pid, struct process *p)
{
	char path[300], line[512], *open, *close;
	long user, system;

	snprintf(path, sizeof path, "/proc/%s/stat", pid);
	if (read_line(path, line, sizeof line))
		return false;
	open = strchr(line, '(');
	close = strrchr(line, ')');
	if (!open || !close ||
	    sscanf(close + 1, " %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %ld %ld", &user,
		   &system) != 2)
		return false;
	*close = 0;
	p->pid = atoi(pid);
	p->ticks = user + system;
	snprintf(p->name, sizeof p->name, "%.31s", open + 1);
	return true;
}

static void read_processes(struct processes *all)
{
	DIR *dir = opendir("/proc");

	all->n = 0;
	for (struct dirent *d; dir && (d = readdir(dir));)
		if (d->d_name[0] >= '1' && d->d_name[0] <= '9' && all->n < PROCESSES_MAX)
			all->n += read_process(d->d_name, &all->at[all->n]);
	if (dir)
		closedir(dir);
}

/* Ticks of each since then; this process does not count. */
static void since(struct processes *now, const struct processes *before)
{
	for (int i = 0, k = 0; i < now->n; i++) {
		while (k < before->n && before->at[k].pid < now->at[i].pid)
			k++;
		if (k < before->n && before->at[k].pid == now->at[i].pid)
			now->at[i].ticks -= before->at[k].ticks;
		if (now->at[i].pid == getpid())
			now->at[i].ticks = 0;
	}
}

/* Seconds that the cores of the machine were busy, and of these with this program. */
struct busy {
	double all, own;
};

static struct busy busy_now(void)
{
	struct rusage u = { 0 };
	struct busy b = { 0 };
	long long t[7];
	FILE *f = fopen("/proc/stat", "r");

	if (f && fscanf(f, "cpu %lld %lld %lld %lld %lld %lld %lld", &t[0], &t[1], &t[2], &t[3],
			&t[4], &t[5], &t[6]) == 7) /* user nice system idle iowait irq softirq */
		b.all = (double)(t[0] + t[1] + t[2] + t[5] + t[6]) / (double)sysconf(_SC_CLK_TCK);
	if (f)
		fclose(f);
	getrusage(RUSAGE_SELF, &u);
	b.own = (double)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) +
		1e-6 * (double)(u.ru_utime.tv_usec + u.ru_stime.tv_usec);
	return b;
}

static int busiest_first(const void *a, const void *b)
{
	const struct process *x = a, *y = b;
	return (x->ticks < y->ticks) - (x->ticks > y->ticks);
}

static void others(struct findings *f, struct processes *now, double all, double seconds)
{
	struct finding *x = finding_add(f, "others", "They take cores, caches and memory bandwidth "
						     "while a run is measured.");
	double per_tick = 1 / (double)sysconf(_SC_CLK_TCK) / seconds, load[3] = { 0 };
	size_t used;

	all = all > 0 ? all : 0;
	if (getloadavg(load, 1) < 1)
		load[0] = 0;
	qsort(now->at, (size_t)now->n, sizeof *now->at, busiest_first);
	used = (size_t)snprintf(x->value, sizeof x->value, "%.1f cores, load %.1f", all,
				load[0]);
	for (int i = 0; i < now->n && i < BUSIEST && used < sizeof x->value; i++)
		if (per_tick * (double)now->at[i].ticks > BUSY)
			used += (size_t)snprintf(x->value + used, sizeof x->value - used,
						 "; %s (%d) %.1f", now->at[i].name, now->at[i].pid,
						 per_tick * (double)now->at[i].ticks);
	x->level = all > 0.5 ? FINDING_BAD : all > 0.1 ? FINDING_WARN : FINDING_OK;
	snprintf(x->mend, sizeof x->mend, "end them, or measure when they are done");
}

/* ---- speed over two seconds --------------------------------------------------------------------
 */

static void steadiness(struct findings *f, const char *name, double *v, int n, double quiet,
		       const char *unit)
{
	struct finding *x = finding_add(f, name, "Speed measured now holds only as a ratio to "
						 "something measured in between.");
	struct stats s = stats_of(v, n);

	x->level = s.median >= quiet * s.max ? FINDING_OK :
		   s.median >= (2 * quiet - 1) * s.max ? FINDING_WARN : FINDING_BAD;
	snprintf(x->value, sizeof x->value, "%s, best %s, median %s, worst %s",
		 x->level == FINDING_OK ? "quiet" : "disturbed", text_si(s.max, unit).s,
		 text_percent(s.median / s.max).s, text_percent(s.min / s.max).s);
	snprintf(x->mend, sizeof x->mend, "see `others` and `stolen`; `bench compare` measures in "
		 "pairs");
}

static void share(struct findings *f, const char *name, const char *why, double part)
{
	struct finding *x = finding_add(f, name, why);

	x->level = part > 0.05 ? FINDING_BAD : part > 0.01 ? FINDING_WARN : FINDING_OK;
	snprintf(x->value, sizeof x->value, "%s of the time", text_percent(part > 0 ? part : 0).s);
}

static int measure(const struct device *d, double seconds, double *peak, double *memory)
{
	char *buffer = aligned_alloc(4096, BUFFER_BYTES);
	double end = clock_s() + seconds;
	int n = 0;

	die_if(!buffer, "out of memory");
	memset(buffer, 1, BUFFER_BYTES);
	while (n < ROUNDS_MAX && (n < 3 || clock_s() < end)) {
		struct peak_block block = device_peak(d, DT_F32, BLOCK_S);
		peak[n] = block.mean;
		memory[n++] = stream_read(buffer, BUFFER_BYTES, 1);
	}
	free(buffer);
	return n;
}

void doctor_watch(struct findings *f, const struct device *d, double seconds)
{
	struct processes *before = malloc(sizeof *before), *now = malloc(sizeof *now);
	struct contention start, end;
	struct busy busy[2];
	double peak[ROUNDS_MAX], memory[ROUNDS_MAX], began = clock_s();
	int n;

	die_if(!before || !now, "out of memory");
	read_processes(before);
	start = machine_contention();
	busy[0] = busy_now();
	n = measure(d, seconds, peak, memory);
	busy[1] = busy_now();
	end = machine_contention();
	read_processes(now);
	seconds = clock_s() - began;
	since(now, before);
	others(f, now, (busy[1].all - busy[0].all - busy[1].own + busy[0].own) / seconds, seconds);
	share(f, "stolen", "The host gave the cores to other guests.",
	      (end.stolen_s - start.stolen_s) / seconds / d->threads);
	share(f, "queue", "This program was ready to run and had no core.",
	      (end.waited_s - start.waited_s) / seconds);
	steadiness(f, "arithmetic", peak, n, QUIET_PEAK, "FLOP/s");
	steadiness(f, "bandwidth", memory, n, QUIET_MEMORY, "B/s");
	free(before);
	free(now);
}

/* ---- threads, disk, GPU ------------------------------------------------------------------------
 */

static void threads(struct findings *f, const struct device *d)
{
	struct finding *x = finding_add(f, "threads", "More threads than cores, or than the quota "
						      "pays for, wait for each other.");
	int cpu[1024], cores = omp_get_num_places(), quota = machine_quota();

	if (cores < 1) /* no places: this thread is not tied to one core of many */
		cores = machine_cores(cpu, 1024);

	if (quota < cores)
		snprintf(x->value, sizeof x->value, "%d on %d cores, quota of %d", d->threads,
			 cores, quota);
	else
		snprintf(x->value, sizeof x->value, "%d on %d cores", d->threads, cores);
	x->level = d->threads > cores || d->threads > quota ? FINDING_BAD : FINDING_OK;
	snprintf(x->mend, sizeof x->mend, "--threads %d", quota < cores ? quota : cores);
}

static void disk(struct findings *f, const char *db_path)
{
	struct finding *x = finding_add(f, "database",
					"SQLite needs locks that network file systems "
					"do not keep, and space.");
	const char *slash = strrchr(db_path, '/'), *shared;
	char dir[1024];
	struct statfs s;
	double bytes;

	snprintf(dir, sizeof dir, "%.*s", slash ? (int)(slash - db_path + 1) : 1,
		 slash ? db_path : ".");
	if (statfs(dir, &s)) {
		x->level = FINDING_BAD;
		snprintf(x->value, sizeof x->value, "%.120s is not there", dir);
		snprintf(x->mend, sizeof x->mend, "--db FILE in a directory that exists");
		return;
	}
	bytes = (double)s.f_bavail * (double)s.f_bsize;
	shared = db_fs_is_shared((unsigned long)s.f_type);
	x->level = shared ? FINDING_WARN : FINDING_OK;
	x->level = bytes < 1e9 ? FINDING_BAD : x->level;
	snprintf(x->value, sizeof x->value, "%s, %s free", shared ? shared : "local disk",
		 text_bytes(bytes).s);
	snprintf(x->mend, sizeof x->mend, "--db FILE on a local disk with space");
}

/* Only where the driver's tool is installed. */
static void gpu(struct findings *f)
{
	FILE *tool = popen("command -v nvidia-smi >/dev/null && nvidia-smi "
			   "--query-compute-apps=pid,process_name --format=csv,noheader "
			   "2>/dev/null && echo end", "r");
	struct finding *x;
	char line[128], first[100] = "";
	int n = 0;
	bool ended = false;

	while (tool && fgets(line, sizeof line, tool)) {
		line[strcspn(line, "\n")] = 0;
		ended = strcmp(line, "end") == 0;
		if (!ended && !n++)
			snprintf(first, sizeof first, "%.99s", line);
	}
	if (tool)
		pclose(tool);
	if (!ended)
		return;
	x = finding_add(f, "GPU", "Another program on the device shares its clock, memory and "
				  "power.");
	x->level = n ? FINDING_BAD : FINDING_OK;
	snprintf(x->value, sizeof x->value, n ? "%d programs: %s" : "%d programs", n, first);
	snprintf(x->mend, sizeof x->mend, "end them: nvidia-smi lists them");
}

void doctor_resources(struct findings *f, const struct device *d, const char *db_path)
{
	threads(f, d);
	disk(f, db_path);
	gpu(f);
}
