/* SPDX-License-Identifier: MIT
 *
 * The one table of all ops: name, inputs, shape rule, cost rule, gradient rule.
 */
#include "grad.h"
#include "op_rules.h"

const struct op_info op_table[OP_COUNT] = {
	/* op                      name  required outputs  inputs  shape  cost  grad */
	[OP_LINEAR] = { "linear", 2, 1, "x, weight, bias, residual", shape_linear, cost_linear, 0 },
	[OP_CONV2D] = { "conv2d", 2, 1, "x, weight, bias, channel_bias, residual", shape_conv2d,
			cost_conv2d, 0 },
	[OP_GROUP_NORM] = { "group_norm", 1, 1, "x, scale, shift", shape_group_norm, cost_norm, 0 },
	[OP_GROUP_NORM_MOMENTS] = { "group_norm_moments", 1, 1, "x", shape_group_norm_moments, 0,
				    0 },
	[OP_GROUP_NORM_APPLY] = { "group_norm_apply", 4, 1, "x, scale, shift, moments",
				  shape_group_norm_apply, cost_norm, 0 },
	[OP_LAYER_NORM] = { "layer_norm", 1, 1, "x, scale, shift", shape_layer_norm, cost_norm, 0 },
	[OP_ATTENTION] = { "attention", 3, 1, "q, k, v", shape_attention, cost_attention, 0 },
	[OP_SOFTMAX] = { "softmax", 1, 1, "x", shape_same, cost_softmax, 0 },
	[OP_ACTIVATION] = { "activation", 1, 1, "x", shape_same, 0, 0 },
	[OP_GEGLU] = { "geglu", 1, 1, "x", shape_geglu, cost_geglu, 0 },
	[OP_ADD] = { "add", 2, 1, "x, y", shape_add, 0, 0 },
	[OP_ADD_CHANNEL] = { "add_channel", 2, 1, "x, y", shape_add_channel, 0, 0 },
	[OP_ADD_ROWS] = { "add_rows", 2, 1, "x, y", shape_add_rows, 0, 0 },
	[OP_AXPBY] = { "axpby", 2, 1, "x, y", shape_axpby, 0, 0 },
	[OP_CLAMP] = { "clamp", 1, 1, "x", shape_same, 0, 0 },
	[OP_CAST] = { "cast", 1, 1, "x", shape_cast, 0, 0 },
	[OP_CONCAT] = { "concat", 2, 1, "x, y", shape_concat, 0, 0 },
	[OP_SLICE] = { "slice", 1, 1, "x", shape_slice, 0, 0 },
	[OP_UPSAMPLE] = { "upsample", 1, 1, "x", shape_upsample, 0, 0 },
	[OP_EMBED] = { "embed", 2, 1, "ids, table", shape_embed, 0, 0 },
	[OP_TIMESTEP_EMBED] = { "timestep_embed", 1, 1, "t", shape_timestep_embed, 0, 0 },
	[OP_GATHER_ROWS] = { "gather_rows", 2, 1, "x, index", shape_gather_rows, 0, 0 },
	[OP_VIEW] = { "view", 1, 1, "x", shape_view, 0, 0 },
};
