/* SPDX-License-Identifier: MIT
 *
 * The table of one instruction-set level.
 */
#include "simd.h"

const struct simd_kernels SIMD(kernels) = {
	.run = {
		[OP_ACTIVATION] = SIMD(activation),
		[OP_GEGLU] = SIMD(geglu),
		[OP_ADD] = SIMD(add),
		[OP_ADD_CHANNEL] = SIMD(add_channel),
		[OP_ADD_ROWS] = SIMD(add_rows),
		[OP_AXPBY] = SIMD(axpby),
		[OP_CLAMP] = SIMD(clamp),
		[OP_CAST] = SIMD(cast),
		[OP_GROUP_NORM] = SIMD(group_norm),
		[OP_GROUP_NORM_MOMENTS] = SIMD(group_norm_moments),
		[OP_GROUP_NORM_APPLY] = SIMD(group_norm_apply),
		[OP_LAYER_NORM] = SIMD(layer_norm),
		[OP_SOFTMAX] = SIMD(softmax),
	},
	.random = SIMD(random),
};
