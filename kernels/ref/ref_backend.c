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
