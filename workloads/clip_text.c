/* SPDX-License-Identifier: MIT */
#include "clip_text.h"

#include <string.h>

static T *embed(C *c, const struct clip_config *m, T *ids)
{
	int64_t length = ids->dim[1];
	T *words, *places;

	scope_push(c, "embeddings");
	scope_push(c, "token_embedding");
	words = op_embed(c, ids, param(c, "weight", INIT_TABLE, 2,
				       (int64_t[]){ m->vocab, m->width }));
	scope_pop(c);
	scope_push(c, "position_embedding");
	places = param(c, "weight", INIT_TABLE, 2, (int64_t[]){ m->positions, m->width });
	if (length < m->positions)
		places = op_slice(c, places, 0, 0, length);
	words = op_add_rows(c, words, places);
	scope_pop(c);
	scope_pop(c);
	return words;
}

static T *self_attention(C *c, const struct clip_config *m, T *x, T *residual)
{
	T *q, *k, *v, *y;

	scope_push(c, "self_attn");
	q = linear(c, x, "q_proj", m->width);
	k = linear(c, x, "k_proj", m->width);
	v = linear(c, x, "v_proj", m->width);
	y = attention(c, q, k, v, m->heads, true);
	y = linear(c, y, "out_proj", m->width, .residual = residual);
	scope_pop(c);
	return y;
}

static T *encoder_layer(C *c, const struct clip_config *m, T *x)
{
	T *n = layer_norm(c, x, "layer_norm1", m->eps);

	x = self_attention(c, m, n, x);
	n = layer_norm(c, x, "layer_norm2", m->eps);
	scope_push(c, "mlp");
	n = linear(c, n, "fc1", m->ff_width, .act = m->act);
	x = linear(c, n, "fc2", m->width, .residual = x);
	scope_pop(c);
	return x;
}

void clip_text(C *c, const struct clip_config *m, T *ids, T *eos, struct clip_output *out)
{
	*out = (struct clip_output){ .layers = m->layers };
	scope_push(c, "text_model");
	out->hidden[0] = embed(c, m, ids);
	scope_push(c, "encoder");
	for (int i = 0; i < m->layers; i++) {
		scope_push_index(c, "layers", i);
		out->hidden[i + 1] = encoder_layer(c, m, out->hidden[i]);
		scope_pop(c);
	}
	scope_pop(c);
	out->last = layer_norm(c, out->hidden[m->layers], "final_layer_norm", m->eps);
	scope_pop(c);
	out->pooled = op_gather_rows(c, out->last, eos);
	if (m->projection)
		out->embeds = linear(c, out->pooled, "text_projection", m->projection,
				     .no_bias = true);
}

int32_t clip_eos_position(const struct clip_config *m, const int32_t *ids, int n)
{
	int32_t largest = 0;

	for (int32_t i = 0; i < n && m->eos != 2; i++)
		if (ids[i] == m->eos)
			return i;
	for (int32_t i = 0; i < n && m->eos == 2; i++)
		if (ids[i] > ids[largest])
			largest = i;
	return largest;
}

/* ---- text_encoder/config.json ---------------------------------------------------------------- */

static enum act read_act(struct config *f)
{
	const char *name = config_text_or(f, "hidden_act", "quick_gelu");

	if (strcmp(name, "quick_gelu") == 0)
		return ACT_QUICK_GELU;
	if (strcmp(name, "gelu_new") == 0 || strcmp(name, "gelu_pytorch_tanh") == 0)
		return ACT_GELU_TANH;
	if (strcmp(name, "gelu") != 0)
		config_refuse(
			f, "hidden_act",
			"only gelu, gelu_new, gelu_pytorch_tanh and quick_gelu are supported");
	return ACT_GELU;
}

/* With or without projection, by the class that wrote the file. */
static bool read_class(struct config *f)
{
	const char *name[CONFIG_LIST_MAX];
	int n = config_texts(f, "architectures", name);

	if (n == 1 && strcmp(name[0], "CLIPTextModelWithProjection") == 0)
		return true;
	if (n && (n > 1 || strcmp(name[0], "CLIPTextModel") != 0))
		config_refuse(f, "architectures",
			      "only CLIPTextModel and CLIPTextModelWithProjection are supported");
	return false;
}

/* Keys that the file may have beside these describe training or generation, not this network. */
void clip_read(struct config *f, struct clip_config *m)
{
	bool projected = read_class(f);

	*m = (struct clip_config){
		.layers = (int)config_int(f, "num_hidden_layers", 1, CLIP_LAYERS_MAX),
		.heads = (int)config_int(f, "num_attention_heads", 1, 1024),
		.width = config_int(f, "hidden_size", 1, 65536),
		.ff_width = config_int(f, "intermediate_size", 1, 1 << 20),
		.vocab = config_int(f, "vocab_size", 8, 1 << 24),
		.positions = config_int_or(f, "max_position_embeddings", 3, 65536, 77),
		.act = read_act(f),
		.eps = config_real_or(f, "layer_norm_eps", 1e-5),
		.eos = config_int_or(f, "eos_token_id", 0, 1 << 24, 49407),
	};
	if (projected)
		m->projection = config_int_or(f, "projection_dim", 1, 65536, 512);
	if (m->width % m->heads)
		config_refuse(f, "num_attention_heads", "it must divide hidden_size");
}
