/* SPDX-License-Identifier: MIT
 *
 * What a call costs, by kind, so that every published number is a sum of these and never a bare
 * "FLOPs". 1 MAC = 2 FLOP. core = conv + linear + attention; noattn = conv + linear.
 */
#ifndef BENCH_COST_H
#define BENCH_COST_H

#include <stdint.h>

struct cost {
	int64_t calls;
	int64_t macs_conv;   /* Cin*Cout*kh*kw*Hout*Wout*N */
	int64_t macs_linear; /* in*out*rows */
	int64_t macs_attn;   /* QK^T + AV = 2*heads*dh*Lq*Lk*N */
	int64_t norm_elems;  /* elements through an affine norm (group_norm, layer_norm) */
	int64_t mul_elems;   /* products of GEGLU */
	int64_t exp_elems;   /* exponentials of softmax (attention: heads*Lq*Lk*N) */
	int64_t bytes_read;  /* inputs and weights, each once, at storage size */
	int64_t bytes_written;
	int64_t bytes_sent;  /* by this rank to others */
};

static inline int64_t cost_core_macs(const struct cost *c)
{
	return c->macs_conv + c->macs_linear + c->macs_attn;
}

static inline int64_t cost_noattn_macs(const struct cost *c)
{
	return c->macs_conv + c->macs_linear;
}

/* What torchprofile prints: core plus affine-norm elements plus GEGLU products. */
static inline int64_t cost_torchprofile_macs(const struct cost *c)
{
	return cost_core_macs(c) + c->norm_elems + c->mul_elems;
}

/* sum += times * c */
static inline void cost_add(struct cost *sum, const struct cost *c, int64_t times)
{
	sum->calls += times * c->calls;
	sum->macs_conv += times * c->macs_conv;
	sum->macs_linear += times * c->macs_linear;
	sum->macs_attn += times * c->macs_attn;
	sum->norm_elems += times * c->norm_elems;
	sum->mul_elems += times * c->mul_elems;
	sum->exp_elems += times * c->exp_elems;
	sum->bytes_read += times * c->bytes_read;
	sum->bytes_written += times * c->bytes_written;
	sum->bytes_sent += times * c->bytes_sent;
}

#endif
