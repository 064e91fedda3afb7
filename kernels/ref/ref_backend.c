/* SPDX-License-Identifier: MIT
 *
 * The table of the ref backend, and the scratch its files share.
 */
#include "ref.h"

#include <stdlib.h>

#include "err.h"

const struct backend backend_ref = {
	.name = "ref",
	.needs_plain = true,
	.run = {
		[OP_LINEAR] = ref_linear,
		[OP_CONV2D] = ref_conv2d,
		[OP_GROUP_NORM] = ref_group_norm,
		[OP_GROUP_NORM_MOMENTS] = ref_group_norm_moments,
		[OP_GROUP_NORM_APPLY] = ref_group_norm_apply,
		[OP_LAYER_NORM] = ref_layer_norm,
		[OP_ATTENTION] = ref_attention,
		[OP_SOFTMAX] = ref_softmax,
		[OP_ACTIVATION] = ref_activation,
		[OP_GEGLU] = ref_geglu,
		[OP_ADD] = ref_add,
		[OP_ADD_CHANNEL] = ref_add_channel,
		[OP_ADD_ROWS] = ref_add_rows,
		[OP_AXPBY] = ref_axpby,
		[OP_CLAMP] = ref_clamp,
		[OP_CAST] = ref_cast,
		[OP_CONCAT] = ref_concat,
		[OP_SLICE] = ref_slice,
		[OP_UPSAMPLE] = ref_upsample,
		[OP_EMBED] = ref_embed,
		[OP_TIMESTEP_EMBED] = ref_timestep_embed,
		[OP_GATHER_ROWS] = ref_gather_rows,
		[OP_LINEAR_DX] = ref_linear_dx,
		[OP_LINEAR_DW] = ref_linear_dw,
		[OP_CONV2D_DX] = ref_conv2d_dx,
		[OP_CONV2D_DW] = ref_conv2d_dw,
		[OP_GROUP_NORM_BWD] = ref_group_norm_bwd,
		[OP_GROUP_NORM_MOMENTS_BWD] = ref_group_norm_moments_bwd,
		[OP_GROUP_NORM_APPLY_BWD] = ref_group_norm_apply_bwd,
		[OP_LAYER_NORM_BWD] = ref_layer_norm_bwd,
		[OP_ATTENTION_BWD] = ref_attention_bwd,
		[OP_SOFTMAX_BWD] = ref_softmax_bwd,
		[OP_ACTIVATION_BWD] = ref_activation_bwd,
		[OP_GEGLU_BWD] = ref_geglu_bwd,
		[OP_CLAMP_BWD] = ref_clamp_bwd,
		[OP_SUM_ROWS] = ref_sum_rows,
		[OP_SUM_SPATIAL] = ref_sum_spatial,
		[OP_SUM_BATCH] = ref_sum_batch,
		[OP_UPSAMPLE_BWD] = ref_upsample_bwd,
		[OP_EMBED_BWD] = ref_embed_bwd,
		[OP_TIMESTEP_EMBED_BWD] = ref_timestep_embed_bwd,
		[OP_SCATTER_ROWS] = ref_scatter_rows,
		[OP_PAD_SLICE] = ref_pad_slice,
	},
};

double *ref_doubles(int64_t n)
{
	double *p = calloc((size_t)n + 1, sizeof *p);
	die_if(!p, "out of memory");
	return p;
}

float *ref_floats(int64_t n)
{
	float *p = malloc((size_t)(n + 1) * sizeof *p);
	die_if(!p, "out of memory");
	return p;
}

float *ref_copy_f32(const struct tensor *t)
{
	float *p = ref_floats(tensor_elems(t));

	tensor_to_f32(t, p);
	return p;
}
