/* SPDX-License-Identifier: MIT
 *
 * The CPU backend: linear and conv2d by our own products or oneDNN, our own kernels for the rest.
 *
 * Instruction sets are chosen at run time: the best level that the processor has, the operating
 * system has enabled, and no mask forbids (--isa, BENCH_ISA). The same mask is given to oneDNN.
 */
#ifndef BENCH_CPU_H
#define BENCH_CPU_H

#include "backend.h"
#include "err.h"
#include "scratch.h"

/* Each level contains the ones before it. */
enum isa {
	ISA_C,      /* plain C for the baseline of the architecture */
	ISA_AVX2,   /* with FMA and F16C */
	ISA_AVX512, /* F, BW, DQ, VL */
	ISA_BF16,   /* AVX-512 with vdpbf16ps */
	ISA_AMX,    /* tiles with tdpbf16ps; permission asked of Linux */
	ISA_COUNT
};

const char *isa_name(enum isa level);         /* "c", "avx2", "avx512", "bf16", "amx" */
enum isa isa_machine(void);                   /* best of processor and operating system */
int isa_parse(const char *name, enum isa *level, struct err *e); /* unknown or not available: -2 */

/* The mask for code that has no backend to ask (random weights), for the whole process; set it once
 * after isa_parse(). isa_allowed(): the best level of the machine under that mask. */
void isa_limit(enum isa highest);
enum isa isa_allowed(void);

/* A CPU backend at this level; several may exist. Owned by the caller. */
struct backend *backend_cpu_new(enum isa level);
void backend_cpu_free(struct backend *b);
enum isa backend_cpu_level(const struct backend *b); /* b: made by backend_cpu_new */

/* ---- between the files of this folder -------------------------------------------------------- */

struct simd_kernels; /* simd.h: the pointwise, norm and layout kernels of one level */
struct dnnl;         /* onednn.c: engine, stream and the cache of primitives */

struct cpu {
	enum isa level;
	const struct simd_kernels *simd;
	struct dnnl *dnnl;
	struct scratch_pool scratch; /* of our own kernels */
};

static inline struct cpu *cpu_of(const struct backend *b)
{
	return b->state;
}

struct dnnl *dnnl_new(enum isa level);
void dnnl_free(struct dnnl *d);
const char *dnnl_describe(void); /* "oneDNN 2.6.3" */
void dnnl_run_linear(const struct backend *b, struct ctx *c, const struct op_call *call);
void dnnl_run_conv2d(const struct backend *b, struct ctx *c, const struct op_call *call);
void dnnl_load(const struct backend *b, struct ctx *c, const struct op_call *call); /* the slot */
void dnnl_loaded(struct dnnl *d);
size_t dnnl_weight_bytes(const struct backend *b, const struct op_call *call, int input);
bool dnnl_generates(const struct backend *b, const struct op_call *call); /* code for its shape */
size_t dnnl_scratch(const struct backend *b, const struct op_call *call); /* all threads */
size_t dnnl_workspace(const struct backend *b, const struct op_call *call);

void cpu_run_attention(const struct backend *b, struct ctx *c, const struct op_call *call);
size_t cpu_attention_workspace(const struct backend *b, const struct op_call *call);
size_t cpu_attention_scratch(const struct backend *b, const struct op_call *call); /* all threads */

#endif
