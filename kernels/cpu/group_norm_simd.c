/* SPDX-License-Identifier: MIT
 *
 * Group norm (Wu & He 2018) over x [N, rows, C], channels last, in two sweeps over memory.
 *
 * Sweep 1, moments. Blocks of rows are summed per channel, in fp32, as s = sum(x - k) and
 * q = sum((x - k)^2), with k the channel's mean over the first rows of the block: then q - s^2/n
 * cancels little, however far the mean is from zero (with k over 8 of 256 rows at worst a factor
 * 33, as (k - mean)^2 * 8 <= sum of squares). Channels, blocks and tiles are merged in fp64
 * (Chan, Golub & LeVeque 1979).
 * Sweep 2, y = act((x - mean) * scale + shift) with factors per channel. The mean is kept as two
 * fp32 numbers; the small one goes into the shift.
 *
 * How to test: norm_test.c.
 */
#include <math.h>

#include "err.h"
#include "group_norm.h"
#include "simd.h"
#include "vec_math.h"

enum { BLOCK_ROWS = 256, STEP_ROWS = 8, NEAR_BYTES = 1024 };

/* ---- sweep 1 --------------------------------------------------------------------------------- */

/* Sums per channel, each `padded` long. */
struct sums {
	float *k, *s, *q;
};

/* Asks for the next rows, from element `at` of them on. Reading several rows side by side defeats
 * the processor's own prefetching, to a third of the bandwidth; this restores the order. Long rows
 * would push each other out of the first-level cache: the second will do. */
INLINE void fetch_ahead(const struct group_norm *g, const void *x, enum dtype t, int64_t row,
			int64_t at, int64_t n)
{
	const char *next = (const char *)x + (size_t)(row * g->channels + at) * dtype_bytes(t);

	for (size_t i = 0; i < (size_t)n * dtype_bytes(t); i += 64)
		if ((size_t)g->channels * dtype_bytes(t) <= NEAR_BYTES)
			__builtin_prefetch(next + i, 0, 3);
		else
			__builtin_prefetch(next + i, 0, 2);
}

/* Adds `rows` (a constant) rows to the sums of n <= VEC channels; the first of a block choose k. */
INLINE void sum_channels(const struct sums *to, const struct group_norm *g, const void *x,
			 enum dtype t, int64_t row, int rows, int64_t ch, int n, bool first)
{
	vf v[STEP_ROWS], k, s = vf_set(0), q = vf_set(0);

	fetch_ahead(g, x, t, row + rows, rows * ch, rows * n);
	for (int j = 0; j < rows; j++) {
		int64_t at = (row + j) * g->channels + ch;
		v[j] = n == VEC ? vf_get(x, t, at) : vf_get_part(x, t, at, n);
	}
	if (first) {
		k = v[0];
		for (int j = 1; j < rows; j++)
			k += v[j];
		k *= 1.0f / (float)rows;
		vf_store(to->k + ch, k);
	} else {
		k = vf_load(to->k + ch);
		s = vf_load(to->s + ch);
		q = vf_load(to->q + ch);
	}
	for (int j = 0; j < rows; j++) {
		v[j] -= k;
		q = vf_fma(v[j], v[j], q);
	}
	for (int step = rows / 2; step; step /= 2)
		for (int j = 0; j < step; j++)
			v[j] += v[j + step];
	vf_store(to->s + ch, s + v[0]);
	vf_store(to->q + ch, q);
}

INLINE void sum_rows(const struct sums *to, const struct group_norm *g, const void *x, enum dtype t,
		     int64_t row, int rows, bool first)
{
	int64_t ch = 0;

	for (; ch + VEC <= g->channels; ch += VEC)
		sum_channels(to, g, x, t, row, rows, ch, VEC, first);
	if (ch < g->channels)
		sum_channels(to, g, x, t, row, rows, ch, (int)(g->channels - ch), first);
}

INLINE void sum_block(const struct sums *to, const struct group_norm *g, const void *x,
		      enum dtype t, int64_t row, int64_t rows)
{
	int64_t i = 0;

	if (rows < STEP_ROWS)
		sum_rows(to, g, x, t, row + i++, 1, true);
	else
		sum_rows(to, g, x, t, row, STEP_ROWS, true), i = STEP_ROWS;
	for (; i + STEP_ROWS <= rows; i += STEP_ROWS)
		sum_rows(to, g, x, t, row + i, STEP_ROWS, false);
	for (; i < rows; i++)
		sum_rows(to, g, x, t, row + i, 1, false);
}

/* Moments of a group over a block of n rows, from the sums of its channels. */
static struct moments group_of_channels(const struct sums *of, int64_t ch, int64_t width, double n)
{
	struct moments m = { 0, 0 };

	for (int64_t i = ch; i < ch + width; i++) {
		double s = (double)of->s[i], mean = s / n;

		m.mean += (double)of->k[i] + mean;
		m.squares += (double)of->q[i] - s * mean;
	}
	m.mean /= (double)width;
	for (int64_t i = ch; i < ch + width; i++) {
		double d = (double)of->k[i] + (double)of->s[i] / n - m.mean;

		m.squares += n * d * d;
	}
	return m;
}

/* a and b hold na and nb rows of a group of `width` channels. */
static struct moments merge(struct moments a, double na, struct moments b, double nb, double width)
{
	double part = nb / (na + nb), d = b.mean - a.mean;

	a.mean += d * part;
	a.squares += b.squares + d * d * na * part * width;
	return a;
}

static void tile_moments(const struct op_call *call, int64_t tile)
{
	const struct tensor *x = call->in[0];
	struct group_norm g = group_norm_cut(x, call->attr.norm.groups);
	float *sums = gn_sums(&g, call->workspace, tile);
	struct sums of = { sums, sums + g.padded, sums + 2 * g.padded };
	struct moments *m = gn_moments(&g, call->workspace, tile);
	int64_t sample = tile / g.tiles, first = tile % g.tiles * g.tile_rows;
	int64_t last = first + g.tile_rows < g.rows ? first + g.tile_rows : g.rows;

	for (int64_t row = first; row < last; row += BLOCK_ROWS) {
		int64_t rows = row + BLOCK_ROWS < last ? BLOCK_ROWS : last - row;

		if (x->dtype == DT_BF16)
			sum_block(&of, &g, x->data, DT_BF16, sample * g.rows + row, rows);
		else
			sum_block(&of, &g, x->data, DT_F32, sample * g.rows + row, rows);
		for (int64_t i = 0; i < g.groups; i++) {
			struct moments b =
				group_of_channels(&of, i * g.width, g.width, (double)rows);

			m[i] = row == first ? b
					    : merge(m[i], (double)(row - first), b, (double)rows,
						    (double)g.width);
		}
	}
}

static void moments_piece(const struct op_call *call, int64_t from, int64_t to)
{
	for (int64_t tile = from; tile < to; tile++)
		tile_moments(call, tile);
}

/* Moments of group i of a sample over all its tiles. */
static struct moments merge_tiles(const struct group_norm *g, void *scratch, int64_t sample,
				  int64_t i)
{
	struct moments m = gn_moments(g, scratch, sample * g->tiles)[i];

	for (int64_t t = 1; t < g->tiles; t++) {
		int64_t before = t * g->tile_rows;
		int64_t rows = g->rows - before < g->tile_rows ? g->rows - before : g->tile_rows;

		m = merge(m, (double)before, gn_moments(g, scratch, sample * g->tiles + t)[i],
			  (double)rows, (double)g->width);
	}
	return m;
}

void SIMD(group_norm_moments)(const struct op_call *call)
{
	struct group_norm g = group_norm_cut(call->in[0], call->attr.norm.groups);
	float *out = call->out[0]->data;

	cpu_parallel(call, g.samples * g.tiles, 1, moments_piece);
	for (int64_t i = 0; i < g.samples * g.groups; i++) {
		struct moments m = merge_tiles(&g, call->workspace, i / g.groups, i % g.groups);

		out[3 * i] = (float)(g.rows * g.width);
		out[3 * i + 1] = (float)m.mean;
		out[3 * i + 2] = (float)m.squares;
	}
}

/* ---- sweep 2 --------------------------------------------------------------------------------- */

static float value_or(const struct tensor *t, int64_t i, float otherwise)
{
	if (!t)
		return otherwise;
	return t->dtype == DT_F32 ? ((const float *)t->data)[i]
				  : bf16_to_f32(((const uint16_t *)t->data)[i]);
}

/* The factors of the channels of group i of a sample. */
static void set_factors(const struct op_call *call, const struct group_norm *g, int64_t sample,
			int64_t i, double exact_mean, double variance)
{
	float *mean = gn_factors(g, call->workspace, sample);
	float *scale = mean + g->padded, *shift = scale + g->padded;
	double inverse = 1 / sqrt(variance + (double)call->attr.norm.eps);
	float large = (float)exact_mean;

	for (int64_t ch = i * g->width; ch < (i + 1) * g->width; ch++) {
		double a = inverse * (double)value_or(call->in[1], ch, 1);

		mean[ch] = large;
		scale[ch] = (float)a;
		shift[ch] = (float)((double)value_or(call->in[2], ch, 0) -
				    (exact_mean - (double)large) * a);
	}
}

struct factors {
	const float *mean, *scale, *shift;
};

/* One row of a sample, element `at` of x. */
INLINE void apply_row(const struct factors *f, void *out, const void *x, enum dtype t, int64_t at,
		      int64_t channels, enum act act)
{
	int64_t ch = 0;

	for (; ch < channels; ch += VEC) {
		int n = channels - ch < VEC ? (int)(channels - ch) : VEC;
		vf v = n == VEC ? vf_get(x, t, at + ch) : vf_get_part(x, t, at + ch, n);

		v = vf_fma(v - vf_load(f->mean + ch), vf_load(f->scale + ch),
			   vf_load(f->shift + ch));
		v = vf_act(act, t == DT_BF16, v);
		if (n == VEC)
			vf_put(out, t, at + ch, v);
		else
			vf_put_part(out, t, at + ch, n, v);
	}
}

INLINE void apply_span(const struct op_call *call, int64_t from, int64_t to, enum dtype t,
		       enum act act)
{
	struct group_norm g = group_norm_cut(call->in[0], call->attr.norm.groups);
	const void *x = call->in[0]->data;
	void *out = call->out[0]->data;

	for (int64_t row = from; row < to; row++) {
		const float *mean = gn_factors(&g, call->workspace, row / g.rows);
		struct factors f = { mean, mean + g.padded, mean + 2 * g.padded };

		apply_row(&f, out, x, t, row * g.channels, g.channels, act);
	}
}

static void apply_piece(const struct op_call *call, int64_t from, int64_t to)
{
	bool silu = call->attr.norm.act == ACT_SILU;

	if (call->in[0]->dtype == DT_BF16)
		silu ? apply_span(call, from, to, DT_BF16, ACT_SILU)
		     : apply_span(call, from, to, DT_BF16, ACT_NONE);
	else
		silu ? apply_span(call, from, to, DT_F32, ACT_SILU)
		     : apply_span(call, from, to, DT_F32, ACT_NONE);
}

static void apply(const struct op_call *call)
{
	const struct tensor *x = call->in[0];

	die_if(call->attr.norm.act != ACT_NONE && call->attr.norm.act != ACT_SILU,
	       "group_norm with %s", act_name(call->attr.norm.act));
	die_if(call->out[0]->dtype != x->dtype, "group_norm does not change the storage");
	cpu_parallel(call, tensor_rows(x), cpu_piece_rows(tensor_cols(x)), apply_piece);
}

static void factors_piece(const struct op_call *call, int64_t from, int64_t to)
{
	struct group_norm g = group_norm_cut(call->in[0], call->attr.norm.groups);

	for (int64_t i = from; i < to; i++) {
		struct moments m = merge_tiles(&g, call->workspace, i / g.groups, i % g.groups);

		set_factors(call, &g, i / g.groups, i % g.groups, m.mean,
			    m.squares / (double)(g.rows * g.width));
	}
}

void SIMD(group_norm)(const struct op_call *call)
{
	struct group_norm g = group_norm_cut(call->in[0], call->attr.norm.groups);

	cpu_parallel(call, g.samples * g.tiles, 1, moments_piece);
	cpu_parallel(call, g.samples * g.groups, 1, factors_piece);
	apply(call);
}

/* The moments may be those of all ranks: their number of elements counts, not ours. */
void SIMD(group_norm_apply)(const struct op_call *call)
{
	struct group_norm g = group_norm_cut(call->in[0], call->attr.norm.groups);
	const float *m = call->in[3]->data;

	for (int64_t i = 0; i < g.samples * g.groups; i++, m += 3)
		set_factors(call, &g, i / g.groups, i % g.groups, (double)m[1],
			    (double)m[2] / (double)m[0]);
	apply(call);
}
