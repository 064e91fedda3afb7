/* SPDX-License-Identifier: MIT */
#include "noise.h"

#include <math.h>

#include "weights.h"

/* Two words give two independent normal numbers. */
static void box_muller(const uint32_t word[2], double out[2])
{
	double u = (word[0] + 0.5) / 4294967296.0, v = (word[1] + 0.5) / 4294967296.0;
	double radius = sqrt(-2 * log(u)), angle = 2 * M_PI * v;

	out[0] = radius * cos(angle);
	out[1] = radius * sin(angle);
}

void noise_fill(uint64_t seed, int64_t n, float *out)
{
	uint64_t stream = random_key("latents");
	uint32_t word[4];
	double normal[4];

	for (int64_t i = 0; i < n; i++) {
		if (i % 4 == 0) {
			philox4x32((uint64_t)i / 4, stream, seed, word);
			box_muller(word, normal);
			box_muller(word + 2, normal + 2);
		}
		out[i] = (float)normal[i % 4];
	}
}

void nchw_to_nhwc(const float *src, int64_t n, int64_t c, int64_t h, int64_t w, float *dst)
{
	for (int64_t b = 0; b < n; b++)
		for (int64_t i = 0; i < h * w; i++)
			for (int64_t k = 0; k < c; k++)
				*dst++ = src[(b * c + k) * h * w + i];
}

void nhwc_to_nchw(const float *src, int64_t n, int64_t c, int64_t h, int64_t w, float *dst)
{
	for (int64_t b = 0; b < n; b++)
		for (int64_t k = 0; k < c; k++)
			for (int64_t i = 0; i < h * w; i++)
				*dst++ = src[(b * h * w + i) * c + k];
}
