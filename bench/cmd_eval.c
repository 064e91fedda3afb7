/* SPDX-License-Identifier: MIT
 *
 * bench eval: one forward pass of a model, tensors in, tensors out.
 */
#include <string.h>

#include "device.h"
#include "eval.h"
#include "options.h"
#include "output.h"

int cmd_eval(const struct options *o, struct err *e)
{
	enum dtype dtype = strcmp(opt_text(o, OPT_DTYPE), "bf16") == 0 ? DT_BF16 : DT_F32;
	struct device d;

	if (!opt_given(o, OPT_INPUTS) || !opt_given(o, OPT_OUTPUTS))
		return err_set(e, ERR_USAGE, "`bench eval` needs --inputs FILE and --outputs FILE");
	if (output_check_file("outputs", opt_text(o, OPT_OUTPUTS), OUTPUT_REPLACED, e))
		return -(int)e->code;
	if (!device_open(&d, o, e))
		eval_forward(o->arg[0], opt_text(o, OPT_INPUTS), opt_text(o, OPT_OUTPUTS), dtype,
			     d.backend, e);
	device_close(&d);
	return -(int)e->code;
}
