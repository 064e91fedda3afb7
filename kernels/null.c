/* SPDX-License-Identifier: MIT
 *
 * The null backend computes nothing and its tensors have no bytes: what remains is the harness
 * itself, so a run on it measures op_run(), and a dry pass with it counts.
 */
#include "backend.h"

static void nothing(const struct backend *self, struct ctx *c, const struct op_call *call)
{
	(void)self;
	(void)c;
	(void)call;
}


const struct backend backend_null = {
	.name = "null",
	.is_virtual = true,
	.run = { [0 ... OP_COUNT - 1] = nothing },
	.load = nothing,
};
