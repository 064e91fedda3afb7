/* SPDX-License-Identifier: MIT
 *
 * Between the files of the attention kernels: what attention.c (threads, memory) and the kernel of
 * each instruction-set level know of each other.
 *
 * The tensors are cut into heads, query blocks and key blocks. A kernel first packs the keys and
 * values of some heads into panels that its inner loops read in a straight line, then attends
 * one query block at a time (attention_flash.h). Operands are made of 4-byte words: one fp32 value,
 * or a pair of bf16 values that are neighbours in the summed dimension.
 */
#ifndef BENCH_ATTENTION_H
#define BENCH_ATTENTION_H

#include "cpu.h"
#include "op.h"

/* One call, and how its packed copies are laid out. Sizes in elements unless named otherwise. */
struct attention {
	const void *q, *k, *v;
	void *out;
	enum dtype dtype;
	int64_t batch, heads, lq, lk, dh,
		width; /* width = heads * dh: the step from token to token */
	bool causal;
	float scale;

	int64_t block_rows;   /* queries that are attended at a time */
	int64_t block_keys;   /* keys that are scored at a time; a multiple of 32 */
	int64_t dh_words;     /* words of one packed query or key */
	int64_t dh_cols;      /* columns of the packed values: dh, padded to whole vectors */
	int64_t head_k_words, head_v_words; /* packed keys and values of one head */
	int64_t scratch_words;              /* of one thread */
	int64_t round_heads;                /* heads packed at a time */
	float *packed_k, *packed_v;         /* of these: head % round_heads */
};

/* The kernel of one level. `head` counts through the batch: sample * heads + head. */
struct attention_kernel {
	int lanes;      /* fp32 values of a vector */
	int pair;       /* elements of a word: fp32 1, bf16 2 */
	int rows;       /* queries of a tile */
	int word_align; /* dh_words is a multiple of this */
	void (*pack)(const struct attention *a, int64_t head, int64_t first_key);
	void (*attend)(const struct attention *a, int64_t head, int64_t first_row, float *scratch);
};

extern const struct attention_kernel attention_c, attention_avx2, attention_avx512, attention_bf16,
	attention_amx, attention_amx_emulated;

/* Scores of a tile row lie this many words apart; not a power of two, which would map all rows of
 * the tile to the same lines of the cache. */
#define ATTENTION_MAX_KEYS 512
#define ATTENTION_SCORE_STRIDE (ATTENTION_MAX_KEYS + 16)

/* Minimax polynomial of 2^x on [-1/2, 1/2] with constant term 1, relative error 1e-7; below
 * EXP2_MIN the result would be subnormal. */
#define EXP2_C1 0.693147004f
#define EXP2_C2 0.240222424f
#define EXP2_C3 0.0555073358f
#define EXP2_C4 0.00967151299f
#define EXP2_C5 0.00132647203f
#define EXP2_MIN (-126.0f)

/* The kernel that a backend of this level has for tensors of this type. */
const struct attention_kernel *attention_kernel_at(enum isa level, enum dtype dtype);

/* Bytes of the packed keys and values: by shapes alone. */
size_t attention_workspace(const struct attention_kernel *k, const struct op_call *call);

/* Bytes of scratch of one thread, a multiple of 64. */
size_t attention_scratch(const struct attention_kernel *k, const struct op_call *call);

/* On `threads` threads, with the scratch of each of them. */
void attention_run(const struct attention_kernel *k, const struct op_call *call, int threads,
		   float *scratch);

#endif
