/* SPDX-License-Identifier: MIT
 *
 * Sinusoidal embedding of times (Vaswani et al. 2017; Ho et al. 2020): with half = width/2,
 *   w_i = exp(-ln(10000) i / (half - shift)), i < half,
 * and [sin(t w) | cos(t w)], or the cosines first. Frequency and angle are computed in fp32 in just
 * this order, as in the implementations that trained the models: at t near 1000 one rounding of w
 * moves the sine by 5e-5.
 */
#include <math.h>

#include "ref.h"

float ref_timestep_frequency(int64_t i, int64_t half, float shift)
{
	float exponent = -(float)log(10000) * (float)i;

	return (float)exp(exponent / ((float)half - shift));
}

REF_RUN(timestep_embed)
{
	const struct tensor *t = call->in[0];
	struct tensor *y = call->out[0];
	int64_t width = call->attr.timestep.width, half = width / 2;
	int64_t sin_at = call->attr.timestep.cos_first ? half : 0;

	(void)self, (void)c;
	for (int64_t m = 0; m < t->dim[0]; m++)
		for (int64_t i = 0; i < half; i++) {
			float w = ref_timestep_frequency(i, half, call->attr.timestep.shift);
			float angle = get(t, m) * w;

			put(y, m * width + sin_at + i, sin(angle));
			put(y, m * width + half - sin_at + i, cos(angle));
		}
}
