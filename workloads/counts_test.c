/* SPDX-License-Identifier: MIT
 *
 * Published parameters, multiply-accumulates and file lengths, from dry passes. Sources: the tensor
 * lists and bytes of the published weight files; the SDXL paper's 2.99 TMACs, which leave out the
 * products of attention; DistriFusion (Li et al. 2024) for 50 steps at 1280x1920, counted by
 * torchprofile; MLPerf Inference's definition of the 20-step run. A count takes less than 50 ms.
 */
#include <stdlib.h>
#include <time.h>

#include "builtin.h"
#include "clip_text.h"
#include "safetensors.h"
#include "test.h"
#include "unet.h"
#include "vae.h"
#include "workload.h"

/* Processor time, so that a crowded machine does not fail the test. */
static double now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return 1e3 * (double)t.tv_sec + 1e-6 * (double)t.tv_nsec;
}

/* ---- single models --------------------------------------------------------------------------- */

static struct weights *weights;

#define INPUT(c, dtype, ...) \
	ctx_tensor(c, dtype, sizeof((int64_t[]){ __VA_ARGS__ }) / 8, (int64_t[]){ __VA_ARGS__ })

static void unet_forward(C *c, struct config *f, int64_t h, int64_t w)
{
	struct unet_config m;

	unet_read(f, &m);
	unet(c, &m, INPUT(c, DT_BF16, 1, h, w, 4), INPUT(c, DT_F32, 1),
	     INPUT(c, DT_BF16, 1, 77, m.context_width),
	     m.text_time ? INPUT(c, DT_BF16, 1, m.pooled_width) : NULL,
	     m.text_time ? INPUT(c, DT_F32, 1, UNET_TIME_IDS) : NULL);
}

static void encoder(C *c, struct config *f, int64_t h, int64_t w)
{
	struct vae_config m;

	vae_read(f, &m);
	vae_encode(c, &m, INPUT(c, DT_BF16, 1, h, w, 3));
}

static void decoder(C *c, struct config *f, int64_t h, int64_t w)
{
	struct vae_config m;

	vae_read(f, &m);
	vae_decode(c, &m, INPUT(c, DT_BF16, 1, h, w, 4));
}

static void autoencoder(C *c, struct config *f, int64_t h, int64_t w)
{
	encoder(c, f, h, w);
	decoder(c, f, h / 8, w / 8);
}

static void text(C *c, struct config *f, int64_t n, int64_t length)
{
	struct clip_config m;
	struct clip_output out;

	clip_read(f, &m);
	clip_text(c, &m, INPUT(c, DT_I32, n, length), INPUT(c, DT_I32, n), &out);
}

/* One dry forward; parameters stay in `weights` until the next. */
static struct cost forward(void (*model)(C *, struct config *, int64_t, int64_t), const char *name,
			   const char *part, int64_t a, int64_t b)
{
	double start = now_ms();
	struct err e = { 0 };
	struct config f;
	struct cost cost;
	struct ctx *c;

	weights_free(weights);
	weights = weights_new(0);
	c = ctx_new(&backend_null, DT_BF16, weights);
	config_of_part(&f, NULL, name, part, &e);
	ctx_step_begin(c, PASS_DRY, NULL);
	model(c, &f, a, b);
	CHECK(ctx_step_end(c) == 0 && !e.code, "%s%s", c->err.msg, e.msg);
	cost = c->cost;
	config_close(&f);
	ctx_free(c);
	CHECK(now_ms() - start < 50, "%s/%s took %.1f ms", name, part, now_ms() - start);
	printf("%-10s %-15s %4lldx%-4lld %6.1f ms\n", name, part, (long long)a, (long long)b,
	       now_ms() - start);
	return cost;
}

/* Rounded as the published figures are. */
#define CHECK_G(macs, want) CHECK_NEAR((double)(macs) / 1e9, want, 0.0005)
#define CHECK_T(macs, want) CHECK_NEAR((double)(macs) / 1e12, want, 0.005)

static void check_parameters(int64_t elems, int tensors)
{
	CHECK_INT(weights_elems(weights, ""), elems);
	CHECK_INT(weights_tensors(weights, ""), tensors);
}

static int64_t file_bytes(enum st_dtype dtype)
{
	int n = weights_count(weights);
	struct st_tensor *t = calloc((size_t)n, sizeof *t);
	int64_t bytes;

	for (int i = 0; i < n; i++) {
		const struct param *p = weights_at(weights, i);
		t[i] = (struct st_tensor){ .name = p->path,
					   .dtype = dtype,
					   .ndim = p->tensor.ndim };
		memcpy(t[i].dim, p->tensor.dim, sizeof p->tensor.dim);
	}
	bytes = st_file_bytes(t, n);
	free(t);
	return bytes;
}

static void test_unets(void)
{
	struct cost c = forward(unet_forward, "sdxl-base", "unet", 128, 128);

	check_parameters(2567463684, 1680);
	CHECK_G(cost_core_macs(&c), 3380.618);
	CHECK_G(cost_noattn_macs(&c), 2988.660);
	CHECK_G(c.macs_conv, 811.556);
	CHECK_G(c.macs_linear, 2177.105);
	CHECK_G(c.macs_attn, 391.958);
	CHECK_INT(file_bytes(ST_F32), 10270077736);
	CHECK_INT(file_bytes(ST_F16), 5135149760);

	c = forward(unet_forward, "sdxl-base", "unet", 256, 256);
	CHECK_NEAR((double)cost_core_macs(&c) / 1e12, 17.953, 0.0005);

	c = forward(unet_forward, "sd15", "unet", 64, 64);
	check_parameters(859520964, 686);
	CHECK_G(cost_core_macs(&c), 401.637);
	CHECK_G(cost_noattn_macs(&c), 338.611);
	CHECK_G(c.macs_attn, 63.026);

	c = forward(unet_forward, "sd21", "unet", 96, 96);
	check_parameters(865910724, 686);
	CHECK_G(cost_core_macs(&c), 1074.553);
	CHECK_G(c.macs_conv, 470.656);
	CHECK_G(c.macs_linear, 289.830);
	CHECK_G(c.macs_attn, 314.067);
}

static void test_vae(void)
{
	struct cost c = forward(encoder, "sdxl-base", "vae", 1024, 1024);

	CHECK_INT(weights_elems(weights, ""), 34163664);
	CHECK_G(cost_core_macs(&c), 2439.475);
	c = forward(decoder, "sdxl-base", "vae", 128, 128);
	CHECK_INT(weights_elems(weights, ""), 49490199);
	CHECK_G(cost_core_macs(&c), 5235.196);
	c = forward(autoencoder, "sdxl-base", "vae", 512, 512);
	check_parameters(83653863, 248);
	CHECK_NEAR((double)cost_core_macs(&c) / 1e9, 558.329 + 1257.259, 0.001);
	CHECK_INT(file_bytes(ST_F32), 334643268);
}

static void test_text(void)
{
	struct cost c = forward(text, "sdxl-base", "text_encoder", 1, 77);

	check_parameters(123060480, 196);
	CHECK_G(cost_core_macs(&c), 6.649);
	CHECK_G(cost_noattn_macs(&c), 6.540);
	CHECK_INT(file_bytes(ST_F32), 492265168);
	c = forward(text, "sdxl-base", "text_encoder_2", 1, 77);
	check_parameters(694659840, 517);
	CHECK_G(cost_core_macs(&c), 48.932);
	CHECK_G(cost_noattn_macs(&c), 48.446);
	CHECK_INT(file_bytes(ST_F32), 2778702264);
}

/* ---- the pipeline ---------------------------------------------------------------------------- */

struct run {
	struct cost stage[STAGES_MAX], total;
	size_t arena[STAGES_MAX];
};

static void dry_stages(struct workload *w, struct run *r)
{
	struct ctx *c = ctx_new(&backend_null, w->dtype, w->weights);

	for (int i = 0; i < w->n_stages; i++) {
		struct plan *p = plan_new();
		ctx_step_begin(c, PASS_DRY, p);
		w->step(w, c, i, 0);
		CHECK(ctx_step_end(c) == 0, "%s", c->err.msg);
		cost_add(&r->stage[i], &c->cost, w->stage[i].steps);
		cost_add(&r->total, &c->cost, w->stage[i].steps);
		r->arena[i] = plan_bytes(p);
		CHECK(plan_bytes(p) <= plan_live_max(p) + plan_live_max(p) / 50,
		      "%s: the plan wastes memory: %zu bytes, %zu alive", w->stage[i].name,
		      plan_bytes(p), plan_live_max(p));
		plan_free(p);
	}
	ctx_free(c);
}

/* `set` is key, value, key, value, ..., NULL. */
static struct run run(const char *preset, const char *const *set)
{
	double start = now_ms();
	struct err e = { 0 };
	const struct preset *p = preset_find(preset, &e);
	struct workload *w;
	struct settings s;
	struct run r = { 0 };

	preset_settings(p, &s, &e);
	for (int i = 0; set[i]; i += 2)
		settings_set(&s, set[i], set[i + 1], &e);
	w = e.code ? NULL : p->family->create(&s, &e);
	CHECK(w, "%s", e.msg);
	if (!w)
		return r;
	dry_stages(w, &r);
	w->destroy(w);
	settings_clear(&s);
	CHECK(now_ms() - start < 50, "%s took %.1f ms", preset, now_ms() - start);
	printf("%-26s %19.1f ms\n", preset, now_ms() - start);
	return r;
}

#define SET(...) (const char *const[]){ __VA_ARGS__ __VA_OPT__(,) NULL }

static void test_runs(void)
{
	struct run r = run("sdxl-20steps", SET());

	CHECK_T(cost_core_macs(&r.stage[1]), 135.22);
	CHECK_T(cost_core_macs(&r.total), 140.57);

	r = run("sdxl-20steps", SET("steps", "50", "height", "1280", "width", "1920"));
	CHECK_T(cost_core_macs(&r.stage[1]), 907.16);
	CHECK_T(cost_torchprofile_macs(&r.stage[1]), 907.37);

	/* half the network without guidance, twice with two images */
	r = run("sdxl-20steps", SET("guidance", "1"));
	CHECK_T(cost_core_macs(&r.stage[1]), 135.22 / 2);
	r = run("sdxl-20steps", SET("batch", "2"));
	CHECK_T(cost_core_macs(&r.stage[1]), 135.2247 * 2);
	CHECK_T(cost_core_macs(&r.stage[2]), 5.2352 * 2);
	r = run("sdxl-unet", SET());
	CHECK_G(cost_core_macs(&r.total), 3380.618);
	r = run("sdxl-unet", SET("model", "sd21/unet"));
	CHECK_G(cost_core_macs(&r.total), 1074.553);
	r = run("sdxl-vae", SET());
	CHECK_G(cost_core_macs(&r.stage[0]), 5235.196);
	CHECK_G(cost_core_macs(&r.stage[1]), 2439.475);
	r = run("sdxl-20steps-mini", SET());
	CHECK(cost_core_macs(&r.total) > 0, "nothing counted");
}

int main(void)
{
	test_unets();
	test_vae();
	test_text();
	test_runs();
	weights_free(weights);
	return test_end();
}
