/* SPDX-License-Identifier: MIT
 *
 * The text tower of CLIP (Radford et al. 2021): CLIPTextModel and CLIPTextModelWithProjection.
 *
 * How to test: counts_test.c, golden forwards of tiny models.
 */
#ifndef BENCH_CLIP_TEXT_H
#define BENCH_CLIP_TEXT_H

#include "config.h"
#include "nn.h"

#define CLIP_LAYERS_MAX 128

struct clip_config {
	int layers, heads;
	int64_t width, ff_width, vocab, positions;
	enum act act;
	double eps;
	int64_t projection;    /* 0: no projection of the pooled state */
	int64_t eos;           /* end-of-text token as the file says it, see clip_eos_position */
};

void clip_read(struct config *f, struct clip_config *m);

/* Where the pooled state is taken: the first end-of-text token, 0 if there is none. Files that were
 * written before the token was recorded right say 2; then it is the place of the largest id. */
int32_t clip_eos_position(const struct clip_config *m, const int32_t *ids, int n);

struct clip_output {
	int layers;
	T *hidden[CLIP_LAYERS_MAX + 1]; /* [N,L,width]: embeddings, then after each layer */
	T *last;                        /* [N,L,width]: hidden[layers] after the final norm */
	T *pooled;                      /* [N,width]: its row at the end-of-text token */
	T *embeds;                      /* [N,projection]; NULL without projection */
};

/* ids [N,L] with L <= positions, eos [N]: from clip_eos_position. */
void clip_text(C *c, const struct clip_config *m, T *ids, T *eos, struct clip_output *out);

#endif
