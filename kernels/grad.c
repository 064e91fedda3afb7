/* SPDX-License-Identifier: MIT */
#include "grad.h"

#include <stdlib.h>

void tape_append(struct tape *t, const struct op_call *call)
{
	(void)t;
	(void)call;
}
