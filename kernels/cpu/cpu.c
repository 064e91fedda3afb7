/* SPDX-License-Identifier: MIT
 *
 * The CPU backend's table: who computes which op. What is missing here, the backward ops, falls
 * through to ref, which reads weights in their plain layout. The load pass gives a weight packed to
 * linear and conv2d and plain to every other op, so one that a backward op reads is held twice. A
 * step that changes plain weights does not reach the packed ones. How to test: cpu_test.c.
 */
#include "cpu.h"

#include <stdlib.h>

#include "group_norm.h"
#include "move.h"
#include "simd.h"

static void run_simd(const struct backend *self, struct ctx *c, const struct op_call *call)
{
	(void)c;
	cpu_of(self)->simd->run[call->op](call);
}

static void run_move(const struct backend *self, struct ctx *c, const struct op_call *call)
{
	(void)self;
	(void)c;
	move_run[call->op](call);
}

static size_t workspace(const struct backend *self, const struct op_call *call)
{
	if (call->op == OP_ATTENTION)
		return cpu_attention_workspace(self, call);
	if (call->op == OP_LINEAR || call->op == OP_CONV2D)
		return dnnl_workspace(self, call);
	return group_norm_workspace(call);
}

static size_t scratch_bytes(const struct backend *self, const struct op_call *call)
{
	return call->op == OP_ATTENTION ? cpu_attention_scratch(self, call) :
					  dnnl_scratch(self, call);
}

static void load(const struct backend *self, struct ctx *c, const struct op_call *call)
{
	scratch_want(&cpu_of(self)->scratch, scratch_bytes(self, call));
	dnnl_load(self, c, call);
}

static void loaded(const struct backend *self)
{
	dnnl_loaded(cpu_of(self)->dnnl);
}

static void fill_table(struct backend *b)
{
	const struct simd_kernels *simd = cpu_of(b)->simd;

	for (int op = 0; op < OP_COUNT; op++)
		if (simd->run[op])
			b->run[op] = run_simd;
		else if (move_run[op])
			b->run[op] = run_move;
	b->run[OP_LINEAR] = dnnl_run_linear;
	b->run[OP_CONV2D] = dnnl_run_conv2d;
	b->run[OP_ATTENTION] = cpu_run_attention;
	b->workspace = workspace;
	b->load = load;
	b->loaded = loaded;
	b->scratch_bytes = scratch_bytes;
	b->weight_bytes = dnnl_weight_bytes;
	b->generates = dnnl_generates;
}

struct backend *backend_cpu_new(enum isa level)
{
	struct backend *b = calloc(1, sizeof *b);
	struct cpu *cpu = calloc(1, sizeof *cpu);

	die_if(!b || !cpu, "out of memory");
	die_if(level > isa_machine(), "level %s on a machine with %s", isa_name(level),
	       isa_name(isa_machine()));
	*cpu = (struct cpu){ .level = level, .simd = simd_kernels_at(level),
			     .dnnl = dnnl_new(level) };
	*b = (struct backend){ .name = "cpu", .next = &backend_ref, .state = cpu };
	scratch_init(&cpu->scratch);
	fill_table(b);
	return b;
}

void backend_cpu_free(struct backend *b)
{
	if (!b)
		return;
	dnnl_free(cpu_of(b)->dnnl);
	scratch_clear(&cpu_of(b)->scratch);
	free(b->state);
	free(b);
}

enum isa backend_cpu_level(const struct backend *b)
{
	return cpu_of(b)->level;
}
