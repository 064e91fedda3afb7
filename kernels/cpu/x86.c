/* SPDX-License-Identifier: MIT
 *
 * Which instructions this process may use: the processor must have them (CPUID), the operating
 * system must save their registers (XGETBV), and Linux must grant the AMX tiles (arch_prctl). Bit
 * positions: Intel SDM vol. 2A, CPUID, and vol. 1, 13.3. How to test: x86_test.c.
 */
#include "x86.h"

#include <stdatomic.h>
#include <stddef.h>
#include <string.h>

#if defined(__x86_64__)
#include <cpuid.h>
#include <sys/syscall.h>
#include <unistd.h>
#endif

#define YMM_STATE 0x6u      /* SSE and AVX */
#define ZMM_STATE 0xe0u     /* opmask, upper halves, upper sixteen */
#define TILE_STATE 0x60000u /* tile configuration and data */

struct need {
	enum isa level;
	size_t word; /* offset in struct x86_state */
	uint32_t mask;
	const char *name;
};

/* In the order of the levels; each level needs all rows up to its own. */
static const struct need needs[] = {
	{ ISA_AVX2, offsetof(struct x86_state, leaf1_ecx), 1u << 28, "AVX" },
	{ ISA_AVX2, offsetof(struct x86_state, leaf1_ecx), 1u << 12, "FMA" },
	{ ISA_AVX2, offsetof(struct x86_state, leaf1_ecx), 1u << 29, "F16C" },
	{ ISA_AVX2, offsetof(struct x86_state, leaf7_ebx), 1u << 5, "AVX2" },
	{ ISA_AVX2, offsetof(struct x86_state, xcr0), YMM_STATE,
	  "operating-system support of the YMM registers" },
	{ ISA_AVX512, offsetof(struct x86_state, leaf7_ebx), 1u << 16, "AVX512F" },
	{ ISA_AVX512, offsetof(struct x86_state, leaf7_ebx), 1u << 30, "AVX512BW" },
	{ ISA_AVX512, offsetof(struct x86_state, leaf7_ebx), 1u << 17, "AVX512DQ" },
	{ ISA_AVX512, offsetof(struct x86_state, leaf7_ebx), 1u << 31, "AVX512VL" },
	{ ISA_AVX512, offsetof(struct x86_state, xcr0), ZMM_STATE,
	  "operating-system support of the ZMM registers" },
	{ ISA_BF16, offsetof(struct x86_state, leaf7_1_eax), 1u << 5, "AVX512_BF16" },
	{ ISA_AMX, offsetof(struct x86_state, leaf7_edx), 1u << 24, "AMX-TILE" },
	{ ISA_AMX, offsetof(struct x86_state, leaf7_edx), 1u << 22, "AMX-BF16" },
	{ ISA_AMX, offsetof(struct x86_state, leaf7_edx), 1u << 25, "AMX-INT8" },
	{ ISA_AMX, offsetof(struct x86_state, xcr0), TILE_STATE,
	  "operating-system support of the tile registers" },
	{ ISA_AMX, offsetof(struct x86_state, tiles_permitted), 1,
	  "permission of the operating system to use the tile registers" },
};

static const char *const names[ISA_COUNT] = { "c", "avx2", "avx512", "bf16", "amx" };

#if defined(__x86_64__)

static uint32_t read_xcr0(void)
{
	uint32_t low, high;

	__asm__ volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
	return low;
}

/* Tiles are off until a process asks for them (Linux 5.16). */
static uint32_t ask_for_tiles(void)
{
	enum { ARCH_REQ_XCOMP_PERM = 0x1023, XFEATURE_XTILEDATA = 18 };

#if defined(__linux__)
	return syscall(SYS_arch_prctl, ARCH_REQ_XCOMP_PERM, XFEATURE_XTILEDATA) == 0;
#else
	return 0;
#endif
}

struct x86_state x86_read(void)
{
	struct x86_state s = { 0 };
	uint32_t eax, ebx, ecx, edx;

	if (!__get_cpuid(1, &eax, &ebx, &ecx, &edx))
		return s;
	s.leaf1_ecx = ecx;
	if (ecx & bit_OSXSAVE)
		s.xcr0 = read_xcr0();
	if (!__get_cpuid_count(7, 0, &eax, &ebx, &ecx, &edx))
		return s;
	s.leaf7_ebx = ebx;
	s.leaf7_edx = edx;
	if (eax >= 1 && __get_cpuid_count(7, 1, &eax, &ebx, &ecx, &edx))
		s.leaf7_1_eax = eax;
	if ((s.xcr0 & TILE_STATE) == TILE_STATE)
		s.tiles_permitted = ask_for_tiles();
	return s;
}

#else

struct x86_state x86_read(void)
{
	return (struct x86_state){ 0 };
}

#endif

enum isa x86_best(const struct x86_state *s, enum isa wanted, const char **missing)
{
	*missing = NULL;
	for (size_t i = 0; i < sizeof needs / sizeof needs[0]; i++) {
		uint32_t word;

		memcpy(&word, (const char *)s + needs[i].word, sizeof word);
		if ((word & needs[i].mask) == needs[i].mask)
			continue;
		if (wanted >= needs[i].level)
			*missing = needs[i].name;
		return needs[i].level - 1;
	}
	return ISA_COUNT - 1;
}

const char *isa_name(enum isa level)
{
	return names[level];
}

/* The state is read once; threads that race here find the same. */
enum isa isa_machine(void)
{
	static atomic_int known; /* level + 1 */
	int level = atomic_load_explicit(&known, memory_order_relaxed) - 1;

	if (level < 0) {
		struct x86_state s = x86_read();
		const char *missing;

		level = (int)x86_best(&s, ISA_C, &missing);
		atomic_store_explicit(&known, level + 1, memory_order_relaxed);
	}
	return (enum isa)level;
}

static atomic_int highest = ISA_COUNT - 1;

void isa_limit(enum isa level)
{
	atomic_store_explicit(&highest, level, memory_order_relaxed);
}

enum isa isa_allowed(void)
{
	enum isa limit = (enum isa)atomic_load_explicit(&highest, memory_order_relaxed);
	enum isa machine = isa_machine();

	return machine < limit ? machine : limit;
}

int isa_parse(const char *name, enum isa *level, struct err *e)
{
	const char *near, *missing;
	struct x86_state s;

	for (int i = 0; i < ISA_COUNT; i++) {
		if (strcmp(name, names[i]) != 0)
			continue;
		s = x86_read();
		if (x86_best(&s, (enum isa)i, &missing) < (enum isa)i)
			return err_set(e, ERR_USAGE,
				       "instruction set %s is not available on this machine: it "
				       "lacks %s; the best that works is %s",
				       name, missing, names[isa_machine()]);
		*level = (enum isa)i;
		return 0;
	}
	near = nearest_name(name, names, ISA_COUNT);
	return err_set(e, ERR_USAGE,
		       "unknown instruction set \"%s\"%s%s%s; there are c, avx2, avx512, bf16 "
		       "and amx",
		       name, near ? ", did you mean " : "", near ? near : "", near ? "?" : "");
}
