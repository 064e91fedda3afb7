/* SPDX-License-Identifier: MIT
 *
 * Gradients of attention and softmax. With p = softmax(s) and dp = dL/dp,
 *   ds_j = p_j (dp_j - sum_k p_k dp_k);
 * attention per head: dp_ij = dy_i . v_j, dv_j = sum_i p_ij dy_i, dq_i = scale sum_j ds_ij k_j,
 * dk_j = scale sum_i ds_ij q_i (Dao et al. 2022, appendix B).
 */
#include <stdlib.h>

#include "ref.h"

/* ds from p and dp, in place of dp. */
static void softmax_backward(const double *p, double *dp, int64_t n)
{
	double mean = 0;

	for (int64_t j = 0; j < n; j++)
		mean += p[j] * dp[j];
	for (int64_t j = 0; j < n; j++)
		dp[j] = p[j] * (dp[j] - mean);
}

REF_RUN(softmax_bwd)
{
	const struct tensor *y = call->in[0], *dy = call->in[1];
	int64_t cols = tensor_cols(y);
	double *p = ref_doubles(cols), *dp = ref_doubles(cols);

	(void)self, (void)c;
	for (int64_t row = 0; row < tensor_rows(y); row++) {
		for (int64_t j = 0; j < cols; j++) {
			p[j] = get(y, row * cols + j);
			dp[j] = get(dy, row * cols + j);
		}
		softmax_backward(p, dp, cols);
		for (int64_t j = 0; j < cols; j++)
			put(call->out[0], row * cols + j, dp[j]);
	}
	free(dp);
	free(p);
}

/* One query of one head: pointers to its row and to the first key's, `stride` apart. */
struct query {
	const float *q, *k, *v, *dy;
	double *dq, *dk, *dv;
	int64_t stride, width, keys;
	double scale;
};

static void query_backward(const struct query *a, double *p, double *dp)
{
	ref_probabilities(a->q, a->k, a->stride, a->width, a->keys, a->scale, p);
	for (int64_t j = 0; j < a->keys; j++) {
		dp[j] = 0;
		for (int64_t d = 0; d < a->width; d++) {
			dp[j] += (double)a->dy[d] * a->v[j * a->stride + d];
			a->dv[j * a->stride + d] += p[j] * a->dy[d];
		}
	}
	softmax_backward(p, dp, a->keys);
	for (int64_t j = 0; j < a->keys; j++)
		for (int64_t d = 0; d < a->width; d++) {
			a->dq[d] += a->scale * dp[j] * a->k[j * a->stride + d];
			a->dk[j * a->stride + d] += a->scale * dp[j] * a->q[d];
		}
}

static void store_and_free(struct tensor *t, double *value)
{
	for (int64_t i = 0; i < tensor_elems(t); i++)
		put(t, i, value[i]);
	free(value);
}

REF_RUN(attention_bwd)
{
	const struct tensor *q = call->in[0], *k = call->in[1];
	int64_t queries = q->dim[1], keys = k->dim[1], stride = q->dim[2];
	int64_t heads = call->attr.attn.heads, width = stride / heads;
	float *in[4];
	double *sum[3], *p = ref_doubles(keys), *dp = ref_doubles(keys);

	(void)self, (void)c;
	for (int i = 0; i < 4; i++)
		in[i] = ref_copy_f32(call->in[i]);
	for (int i = 0; i < 3; i++)
		sum[i] = ref_doubles(tensor_elems(call->out[i]));
	for (int64_t r = 0; r < q->dim[0] * heads * queries; r++) {
		int64_t n = r / (heads * queries), head = r / queries % heads, i = r % queries;
		int64_t at_q = (n * queries + i) * stride + head * width;
		int64_t at_k = n * keys * stride + head * width;
		bool masked = call->attr.attn.causal && i + 1 < keys;
		struct query one = { in[0] + at_q, in[1] + at_k, in[2] + at_k, in[3] + at_q,
				     sum[0] + at_q, sum[1] + at_k, sum[2] + at_k, stride, width,
				     masked ? i + 1 : keys, call->attr.attn.scale };

		query_backward(&one, p, dp);
	}
	for (int i = 0; i < 3; i++)
		store_and_free(call->out[i], sum[i]);
	for (int i = 0; i < 4; i++)
		free(in[i]);
	free(dp);
	free(p);
}
