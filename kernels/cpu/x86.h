/* SPDX-License-Identifier: MIT
 *
 * What CPUID and XGETBV say, and which instruction-set level follows from it. Split from the
 * reading, so that a test can describe any machine. Inside cpu/ only.
 */
#ifndef BENCH_X86_H
#define BENCH_X86_H

#include "cpu.h"

/* All zero where the architecture is not x86-64. */
struct x86_state {
	uint32_t leaf1_ecx, leaf7_ebx, leaf7_edx; /* CPUID.1 and CPUID.(7,0) */
	uint32_t leaf7_1_eax;                     /* CPUID.(7,1) */
	uint32_t xcr0;                            /* register states that the system saves */
	uint32_t tiles_permitted;                 /* 1: Linux lets this process use tiles */
};

struct x86_state x86_read(void); /* asks Linux for the tiles where the processor has them */

/* The best level that this state allows; *missing names the first thing that `wanted` lacks, NULL
 * if it lacks nothing. */
enum isa x86_best(const struct x86_state *s, enum isa wanted, const char **missing);

#endif
