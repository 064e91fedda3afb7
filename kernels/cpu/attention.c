/* SPDX-License-Identifier: MIT
 *
 * Attention: choice of the kernel, memory and threads. The kernels are in attention_flash.h.
 *
 * Work is cut by shapes alone, each query block belongs to one thread, and no sum crosses blocks:
 * results do not depend on the number of threads. Packed keys and values are workspace of the call;
 * what each thread works in is scratch of the backend.
 */
#include "attention.h"

#include <omp.h>

#include "cpu.h"

#define LINE_WORDS 16

/* Heads are packed in rounds of about so many words, which the caches keep until they are used, in
 * part the second-level one; the memory is then overwritten by the next round. */
#define ROUND_WORDS (1 << 19)

static int64_t round_up(int64_t n, int64_t to)
{
	return (n + to - 1) / to * to;
}

static int64_t ceil_div(int64_t n, int64_t by)
{
	return (n + by - 1) / by;
}

/* A block of keys and values should stay in the second-level cache while the query block passes. */
static int64_t choose_block_keys(int64_t dh)
{
	return dh <= 128 ? 512 : dh <= 256 ? 256 : 128;
}

/* Rounds of equal size. */
static int64_t choose_round_heads(const struct attention *a)
{
	int64_t heads = a->batch * a->heads, words = heads * (a->head_k_words + a->head_v_words);
	int64_t rounds = ceil_div(words, ROUND_WORDS);

	return ceil_div(heads, rounds < heads ? rounds : heads);
}

static struct attention plan(const struct attention_kernel *k, const struct op_call *call)
{
	const struct tensor *q = call->in[0], *key = call->in[1];
	struct attention a = {
		.q = q->data, .k = key->data, .v = call->in[2]->data, .out = call->out[0]->data,
		.dtype = q->dtype, .batch = q->dim[0], .heads = call->attr.attn.heads,
		.lq = q->dim[1], .lk = key->dim[1], .dh = q->dim[2] / call->attr.attn.heads,
		.width = q->dim[2], .causal = call->attr.attn.causal,
		.scale = call->attr.attn.scale,
	};
	int64_t padded_keys = round_up(a.lk, 32);

	/* more words a key, more queries to pay for them */
	a.block_rows = round_up(a.dh <= 128 ? 96 : 192, k->rows);
	a.block_keys = choose_block_keys(a.dh);
	a.dh_words = round_up(ceil_div(a.dh, k->pair), k->word_align);
	a.dh_cols = round_up(a.dh, k->lanes);
	/* and a word for each block of keys */
	a.head_k_words = round_up(padded_keys * a.dh_words + ceil_div(a.lk, a.block_keys),
				  LINE_WORDS);
	a.head_v_words = round_up(padded_keys / k->pair * a.dh_cols, LINE_WORDS);
	/* of each query: its words, result, sum of weights and (one vector per tile) maximum */
	a.scratch_words = a.block_rows * (a.dh_words + a.dh_cols + 2 * k->lanes) +
			  (int64_t)k->rows * ATTENTION_SCORE_STRIDE;
	a.scratch_words = round_up(a.scratch_words, LINE_WORDS);
	a.round_heads = choose_round_heads(&a);
	a.packed_k = call->workspace;
	if (a.packed_k)
		a.packed_v = a.packed_k + a.round_heads * a.head_k_words;
	return a;
}

static size_t packed_words(const struct attention *a)
{
	return (size_t)(a->round_heads * (a->head_k_words + a->head_v_words));
}

size_t attention_workspace(const struct attention_kernel *k, const struct op_call *call)
{
	struct attention a = plan(k, call);

	return sizeof(float) * packed_words(&a);
}

size_t attention_scratch(const struct attention_kernel *k, const struct op_call *call)
{
	return sizeof(float) * (size_t)plan(k, call).scratch_words;
}

void attention_run(const struct attention_kernel *k, const struct op_call *call, int threads,
		   float *scratch)
{
	const struct attention a = plan(k, call);
	int64_t heads = a.batch * a.heads;
	int64_t key_blocks = ceil_div(a.lk, a.block_keys),
		row_blocks = ceil_div(a.lq, a.block_rows);

	die_if(call->workspace_bytes < sizeof(float) * packed_words(&a),
	       "attention: workspace of %zu bytes is too small", call->workspace_bytes);
#pragma omp parallel num_threads(threads)
	for (int64_t first = 0; first < heads; first += a.round_heads) {
		int64_t n = heads - first < a.round_heads ? heads - first : a.round_heads;

#pragma omp for schedule(static)
		for (int64_t i = 0; i < n * key_blocks; i++)
			k->pack(&a, first + i / key_blocks, i % key_blocks * a.block_keys);
#pragma omp for schedule(static)
		for (int64_t i = 0; i < n * row_blocks; i++)
			k->attend(&a, first + i / row_blocks, i % row_blocks * a.block_rows,
				  scratch + omp_get_thread_num() * a.scratch_words);
	}
}

const struct attention_kernel *attention_kernel_at(enum isa level, enum dtype dtype)
{
	static const struct attention_kernel *const kernel[ISA_COUNT] = {
		[ISA_C] = &attention_c, [ISA_AVX2] = &attention_avx2,
		[ISA_AVX512] = &attention_avx512, [ISA_BF16] = &attention_bf16,
		[ISA_AMX] = &attention_amx,
	};

	if (dtype == DT_F32 && level > ISA_AVX512)
		level = ISA_AVX512;
	return kernel[level];
}

static const struct attention_kernel *kernel_for(const struct backend *b,
						 const struct op_call *call)
{
	return attention_kernel_at(cpu_of(b)->level, call->in[0]->dtype);
}

void cpu_run_attention(const struct backend *b, struct ctx *c, const struct op_call *call)
{
	struct scratch *s = scratch_take(&cpu_of(b)->scratch, cpu_attention_scratch(b, call));

	(void)c;
	die_if(!s, "no memory for the scratch of attention");
	attention_run(kernel_for(b, call), call, omp_get_max_threads(), (float *)s->data);
	scratch_put(&cpu_of(b)->scratch, s);
}

size_t cpu_attention_scratch(const struct backend *b, const struct op_call *call)
{
	return (size_t)omp_get_max_threads() * attention_scratch(kernel_for(b, call), call);
}

size_t cpu_attention_workspace(const struct backend *b, const struct op_call *call)
{
	return attention_workspace(kernel_for(b, call), call);
}
