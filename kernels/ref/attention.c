/* SPDX-License-Identifier: MIT
 *
 * y_i = sum_j p_ij v_j with p_i = softmax_j(scale q_i . k_j), per head and sample; with `causal`
 * only keys j <= i count. Head h owns columns [h*dh, (h+1)*dh). (Vaswani et al. 2017)
 */
#include <math.h>
#include <stdlib.h>

#include "ref.h"

/* p[0..keys) = exp(s - max s) / sum */
static void softmax(double *p, int64_t keys)
{
	double most = -INFINITY, sum = 0;

	for (int64_t j = 0; j < keys; j++)
		most = fmax(most, p[j]);
	for (int64_t j = 0; j < keys; j++)
		sum += p[j] = exp(p[j] - most);
	for (int64_t j = 0; j < keys; j++)
		p[j] /= sum;
}

void ref_probabilities(const float *q, const float *k, int64_t stride, int64_t width, int64_t keys,
		       double scale, double *p)
{
	for (int64_t j = 0; j < keys; j++) {
		double dot = 0;
		for (int64_t d = 0; d < width; d++)
			dot += (double)q[d] * k[j * stride + d];
		p[j] = scale * dot;
	}
	softmax(p, keys);
}

REF_RUN(attention)
{
	const struct tensor *q = call->in[0], *k = call->in[1];
	int64_t queries = q->dim[1], all_keys = k->dim[1], stride = q->dim[2];
	int64_t heads = call->attr.attn.heads, width = stride / heads;
	float *qf = ref_copy_f32(q), *kf = ref_copy_f32(k), *vf = ref_copy_f32(call->in[2]);
	double *p = ref_doubles(all_keys);

	(void)self, (void)c;
	for (int64_t r = 0; r < q->dim[0] * heads * queries; r++) {
		int64_t n = r / (heads * queries), head = r / queries % heads, i = r % queries;
		int64_t keys = call->attr.attn.causal && i + 1 < all_keys ? i + 1 : all_keys;
		int64_t first_q = (n * queries + i) * stride + head * width;
		int64_t first_k = n * all_keys * stride + head * width;

		ref_probabilities(qf + first_q, kf + first_k, stride, width, keys,
				  call->attr.attn.scale, p);
		for (int64_t d = 0; d < width; d++) {
			double sum = 0;
			for (int64_t j = 0; j < keys; j++)
				sum += p[j] * vf[first_k + j * stride + d];
			put(call->out[0], first_q + d, sum);
		}
	}
	free(p);
	free(vf);
	free(kf);
	free(qf);
}

REF_RUN(softmax)
{
	const struct tensor *x = call->in[0];
	int64_t cols = tensor_cols(x);
	double *p = ref_doubles(cols);

	(void)self, (void)c;
	for (int64_t row = 0; row < tensor_rows(x); row++) {
		for (int64_t j = 0; j < cols; j++)
			p[j] = get(x, row * cols + j);
		softmax(p, cols);
		for (int64_t j = 0; j < cols; j++)
			put(call->out[0], row * cols + j, p[j]);
	}
	free(p);
}
