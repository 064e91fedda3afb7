/* SPDX-License-Identifier: MIT
 *
 * Level detection: described machines, then this one against what the kernel lists.
 */
#include "x86.h"

#include <stdlib.h>

#include "test.h"

/* A machine that has everything. */
static struct x86_state full_machine(void)
{
	return (struct x86_state){ .leaf1_ecx = 1u << 12 | 1u << 27 | 1u << 28 | 1u << 29,
				   .leaf7_ebx = 1u << 5 | 1u << 16 | 1u << 17 | 1u << 30 | 1u << 31,
				   .leaf7_edx = 1u << 22 | 1u << 24 | 1u << 25,
				   .leaf7_1_eax = 1u << 5,
				   .xcr0 = 0x600e7,
				   .tiles_permitted = 1 };
}

static void check_machine(const char *what, struct x86_state s, enum isa want, const char *lacks)
{
	const char *missing = "unset";
	enum isa got = x86_best(&s, ISA_AMX, &missing);

	CHECK(got == want, "%s: level %s, want %s", what, isa_name(got), isa_name(want));
	CHECK(lacks ? missing && strcmp(missing, lacks) == 0 : !missing, "%s: lacks %s, want %s",
	      what, missing ? missing : "nothing", lacks ? lacks : "nothing");
}

static void test_described_machines(void)
{
	struct x86_state s = full_machine();
	const char *missing;

	check_machine("all", s, ISA_AMX, NULL);
	s.leaf7_edx &= ~(1u << 25); /* a virtual machine may hide it alone; the peak needs it */
	check_machine("no bytes in tiles", s, ISA_BF16, "AMX-INT8");
	s.leaf7_edx |= 1u << 25;
	s.tiles_permitted = 0;
	check_machine("no permission", s, ISA_BF16,
		      "permission of the operating system to use the tile registers");
	CHECK(x86_best(&s, ISA_BF16, &missing) == ISA_BF16 && !missing,
	      "a level below the missing one needs nothing");
	s.xcr0 = 0xe7;
	check_machine("no tile state", s, ISA_BF16,
		      "operating-system support of the tile registers");
	s.leaf7_1_eax = 0; /* tiles without AVX512_BF16: the levels are a chain */
	check_machine("no bf16", s, ISA_AVX512, "AVX512_BF16");
	s.xcr0 = 0x7;
	check_machine("AVX-512 that the system does not save", s, ISA_AVX2,
		      "operating-system support of the ZMM registers");
	s.leaf1_ecx &= ~(1u << 12);
	check_machine("no FMA", s, ISA_C, "FMA");
	check_machine("not x86-64", (struct x86_state){ 0 }, ISA_C, "AVX");
}

/* The kernel's own list of flags, a second opinion on this machine. */
static void test_this_machine(void)
{
	static const char *const flag[] = { "", " avx2 ", " avx512vl ", " avx512_bf16 ",
					    " amx_bf16 " };
	size_t size = 1 << 16;
	char *line = malloc(size);
	FILE *f = fopen("/proc/cpuinfo", "r");
	enum isa want = ISA_C;

	while (f && getline(&line, &size, f) > 0) {
		if (strncmp(line, "flags", 5) != 0)
			continue;
		line[strcspn(line, "\n")] = ' ';
		for (int i = 1; i < ISA_COUNT && (int)want == i - 1; i++)
			if (strstr(line, flag[i]))
				want = (enum isa)i;
		break;
	}
#if defined(__x86_64__)
	if (f)
		CHECK(isa_machine() == want, "found %s, the kernel lists %s",
		      isa_name(isa_machine()), isa_name(want));
#else
	CHECK(isa_machine() == ISA_C, "found %s", isa_name(isa_machine()));
	(void)want;
#endif
	if (f)
		fclose(f);
	free(line);
}

static void test_parse(void)
{
	enum isa level = ISA_AMX;
	struct err e = { 0 };

	CHECK_INT(isa_parse("c", &level, &e), 0);
	CHECK_INT(level, ISA_C);
	CHECK_INT(isa_parse("avx51", &level, &e), -ERR_USAGE);
	CHECK(strstr(e.msg, "did you mean avx512"), "%s", e.msg);
	CHECK_INT(level, ISA_C);
	for (enum isa i = ISA_C; i < ISA_COUNT; i++) {
		struct err why = { 0 };
		int code = isa_parse(isa_name(i), &level, &why);

		CHECK_INT(code, i <= isa_machine() ? 0 : -ERR_USAGE);
		CHECK((code != 0) == (strstr(why.msg, "it lacks ") != NULL), "%s", why.msg);
	}
}

static void test_limit(void)
{
	isa_limit(ISA_C);
	CHECK_INT(isa_allowed(), ISA_C);
	isa_limit(ISA_AMX);
	CHECK_INT(isa_allowed(), isa_machine());
}

int main(void)
{
	test_described_machines();
	test_this_machine();
	test_parse();
	test_limit();
	return test_end();
}
