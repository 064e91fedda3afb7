/* SPDX-License-Identifier: MIT
 *
 * What the record says of the machine, and how much memory and how many cores this process may
 * use: limits of the control group and the affinity mask count, not what is built in.
 */
#ifndef BENCH_MACHINE_H
#define BENCH_MACHINE_H

#include <stdint.h>

#include "db.h"

struct machine {
	char id[64], cpu_model[128], isa[64], microcode[32], kernel[96], os[96], libc[32];
	char governor[32];
	int sockets, cores, threads, numa_nodes, turbo, smt;
	int64_t mem_bytes;
};

void machine_read(struct machine *m);
struct db_host machine_host(const struct machine *m); /* points into m */

/* Load average, free memory, time since the start, container, temperature: what may disturb a run,
 * as a JSON object of less than 256 bytes. */
void machine_environment(char *json, int len);

/* What others took: seconds that the calling thread stood in the queue for a core, and seconds that
 * the hypervisor gave to other machines, summed over the cores; -1: the system does not say. */
struct contention {
	double waited_s, stolen_s;
};
struct contention machine_contention(void);

/* ---- memory, bytes -----------------------------------------------------------------------------
 */

/* What may still be allocated without swapping or being killed: the least of MemAvailable, the
 * limits of this control group and those above it, and the address-space limit. */
int64_t memory_available(void);
int64_t memory_resident(void); /* now */
int64_t memory_peak(void);     /* most so far */

/* ---- cores -------------------------------------------------------------------------------------
 */

/* One hardware thread of each physical core in the affinity mask; returns their number. */
int machine_cores(int *cpu, int max);

/* Whole cores that the control group's quota pays for; at least 1, INT_MAX without a quota. */
int machine_quota(void);

/* ---- small files -------------------------------------------------------------------------------
 */

/* First line of a file without its end; "" and -1 when it cannot be read. */
int read_line(const char *path, char *buf, int len);

#endif
