/* SPDX-License-Identifier: MIT
 *
 * How group norm cuts its work and lays out its scratch. Depends on shapes only, so that a dry pass
 * plans the same scratch everywhere, and the moments do not depend on the number of threads.
 *
 * x is [N, rows, C]. The rows of a sample are cut into at most GN_TILES tiles; each tile leaves the
 * moments of its groups, which are then merged in order.
 */
#ifndef BENCH_GROUP_NORM_H
#define BENCH_GROUP_NORM_H

#include "op.h"

enum { GN_TILES = 64, GN_TILE_ROWS_MIN = 128 };

struct group_norm {
	int64_t samples, rows, channels, groups, width; /* width: channels of a group */
	int64_t tiles, tile_rows;                       /* per sample */
	int64_t padded;                                 /* channels, to whole vectors */
};

static inline struct group_norm group_norm_cut(const struct tensor *x, int groups)
{
	struct group_norm g = { .samples = x->dim[0], .rows = tensor_rows(x) / x->dim[0],
				.channels = tensor_cols(x), .groups = groups };

	g.width = g.channels / groups;
	g.tile_rows = (g.rows + GN_TILES - 1) / GN_TILES;
	if (g.tile_rows < GN_TILE_ROWS_MIN)
		g.tile_rows = GN_TILE_ROWS_MIN;
	g.tiles = (g.rows + g.tile_rows - 1) / g.tile_rows;
	g.padded = (g.channels + 15) / 16 * 16;
	return g;
}

/* Moments of one group over some rows; squares is the sum of squared deviations from the mean. */
struct moments {
	double mean, squares;
};

/* Scratch: moments [N,tiles,G]; fp32 [N,tiles,3,padded] sums per channel; fp32 [N,3,padded] the
 * factors of the normalisation per channel. */
static inline size_t gn_sums_offset(const struct group_norm *g)
{
	return (size_t)(g->samples * g->tiles * g->groups) * sizeof(struct moments);
}

static inline size_t gn_factors_offset(const struct group_norm *g)
{
	return gn_sums_offset(g) + (size_t)(g->samples * g->tiles * 3 * g->padded) * sizeof(float);
}

static inline size_t gn_bytes(const struct group_norm *g)
{
	return gn_factors_offset(g) + (size_t)(g->samples * 3 * g->padded) * sizeof(float);
}

/* Scratch bytes of any call: only these three ops use some. */
static inline size_t group_norm_workspace(const struct op_call *call)
{
	struct group_norm g;

	if (call->op != OP_GROUP_NORM && call->op != OP_GROUP_NORM_MOMENTS &&
	    call->op != OP_GROUP_NORM_APPLY)
		return 0;
	g = group_norm_cut(call->in[0], call->attr.norm.groups);
	return gn_bytes(&g);
}

/* `tile` counts through all samples. */
static inline struct moments *gn_moments(const struct group_norm *g, void *scratch, int64_t tile)
{
	return (struct moments *)scratch + tile * g->groups;
}

static inline float *gn_sums(const struct group_norm *g, void *scratch, int64_t tile)
{
	return (float *)((char *)scratch + gn_sums_offset(g)) + tile * 3 * g->padded;
}

static inline float *gn_factors(const struct group_norm *g, void *scratch, int64_t sample)
{
	return (float *)((char *)scratch + gn_factors_offset(g)) + sample * 3 * g->padded;
}

#endif
