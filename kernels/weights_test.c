/* SPDX-License-Identifier: MIT
 *
 * The parameter list and its values: look-up, parts and their sources, and random numbers that
 * depend on (seed, path, index) alone.
 */
#include <stdlib.h>

#include "test.h"
#include "weights.h"

#define DIMS(...) (int)(sizeof((int64_t[]){ __VA_ARGS__ }) / 8), (int64_t[]){ __VA_ARGS__ }

static struct param *add(struct weights *w, const char *path, enum init init, enum dtype dtype,
			 int ndim, const int64_t *dim)
{
	return weights_add(w, strdup(path), init, dtype, ndim, dim);
}

/* More parameters than the hash table starts with. */
static void test_list(void)
{
	struct weights *w = weights_new(1);
	char path[32];
	int lost = 0;

	CHECK(!weights_find(w, "a"), "found a parameter in nothing");
	for (int i = 0; i < 2000; i++) {
		snprintf(path, sizeof path, "%s.layer.%d", i % 2 ? "unet" : "unet2", i);
		add(w, path, INIT_FAN_IN, DT_F32, DIMS(2, 3));
	}
	for (int i = 0; i < 2000; i++) {
		snprintf(path, sizeof path, "%s.layer.%d", i % 2 ? "unet" : "unet2", i);
		lost += weights_find(w, path) != weights_at(w, i) || weights_at(w, i)->index != i;
	}
	CHECK(lost == 0, "%d parameters lost", lost);
	CHECK(!weights_find(w, "unet.layer.0"), "found a parameter that nobody declared");
	CHECK_INT(weights_count(w), 2000);
	CHECK_INT(weights_tensors(w, "unet"), 1000);
	CHECK_INT(weights_elems(w, "unet"), 6000);
	CHECK_INT(weights_elems(w, ""), 12000);
	CHECK_INT(weights_tensors(w, "une"), 0);
	weights_free(w);
}

static void test_plain_storage(void)
{
	struct weights *w = weights_new(1);
	struct param *p = add(w, "a.weight", INIT_FAN_IN, DT_BF16, DIMS(5, 7));
	uint16_t want[35];
	void *data;

	CHECK_INT(weights_bytes(w), 0);
	CHECK_INT(weights_fill_plain(w, p, NULL), 0);
	data = p->tensor.data;
	CHECK_INT(weights_fill_plain(w, p, NULL), 0);
	CHECK(data == p->tensor.data, "filled twice");
	CHECK_INT(weights_bytes(w), 70);
	weights_fill(w, p, DT_BF16, want, NULL);
	CHECK(memcmp(want, data, sizeof want) == 0, "two fills differ");
	weights_free(w);
}

/* ---- random values --------------------------------------------------------------------------- */

static void moments(const float *v, int n, double *mean, double *deviation)
{
	double sum = 0, squares = 0;

	for (int i = 0; i < n; i++)
		sum += v[i];
	*mean = sum / n;
	for (int i = 0; i < n; i++)
		squares += (v[i] - *mean) * (v[i] - *mean);
	*deviation = sqrt(squares / n);
}

/* 65536 values: the mean is within 5 standard errors (deviation/256), the deviation within 2 %. */
static void check_init(struct weights *w, const char *path, enum init init, double want_mean,
		       double want_deviation)
{
	struct param *p = add(w, path, init, DT_F32, DIMS(256, 64, 2, 2));
	float *v = malloc(65536 * sizeof *v);
	double mean, deviation;

	weights_fill(w, p, DT_F32, v, NULL);
	moments(v, 65536, &mean, &deviation);
	CHECK_NEAR(mean, want_mean, 5 * want_deviation / 256);
	CHECK_NEAR(deviation, want_deviation, 0.02 * want_deviation);
	free(v);
}

static void test_init(void)
{
	struct weights *w = weights_new(7);

	check_init(w, "fan_in", INIT_FAN_IN, 0, 1.0 / 16); /* fan in 64*2*2 */
	check_init(w, "bias", INIT_BIAS, 0, 0.02);
	check_init(w, "scale", INIT_SCALE, 1, 0.02);
	check_init(w, "table", INIT_TABLE, 0, 0.02);
	weights_free(w);
}

/* Any piece equals the same piece of the whole; bf16 is the rounded fp32. */
static void test_pieces(void)
{
	float whole[103], piece[103];
	uint16_t half[103];
	int wrong = 0;

	random_fill(3, 5, 0, 103, 0.5f, 2, DT_F32, whole);
	for (int first = 0; first < 20; first++)
		for (int n = 1; n <= 40; n++) {
			random_fill(3, 5, first, n, 0.5f, 2, DT_F32, piece);
			wrong += memcmp(piece, whole + first, (size_t)n * sizeof *piece) != 0;
		}
	random_fill(3, 5, 1, 102, 0.5f, 2, DT_BF16, half);
	for (int i = 0; i < 102; i++)
		wrong += half[i] != f32_to_bf16(whole[i + 1]);
	CHECK(wrong == 0, "%d pieces differ from the whole", wrong);
}

static double correlation(const float *a, const float *b, int n)
{
	double ab = 0, aa = 0, bb = 0;

	for (int i = 0; i < n; i++) {
		ab += a[i] * b[i];
		aa += a[i] * a[i];
		bb += b[i] * b[i];
	}
	return ab / sqrt(aa * bb);
}

/* Another seed or path gives unrelated values: |correlation| < 5/sqrt(n). */
static void test_streams(void)
{
	static float a[10000], b[10000], c[10000];

	random_fill(1, random_key("a.weight"), 0, 10000, 0, 1, DT_F32, a);
	random_fill(2, random_key("a.weight"), 0, 10000, 0, 1, DT_F32, b);
	random_fill(1, random_key("b.weight"), 0, 10000, 0, 1, DT_F32, c);
	CHECK_NEAR(correlation(a, b, 10000), 0, 0.05);
	CHECK_NEAR(correlation(a, c, 10000), 0, 0.05);
	CHECK_NEAR(correlation(a, a + 1, 9999), 0, 0.05);
}

/* Known answers of Philox4x32-10 from the authors' Random123 distribution. */
static void test_philox(void)
{
	const struct { uint64_t counter, stream, seed; uint32_t want[4]; } t[] = {
		{ 0, 0, 0, { 0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8 } },
		{ ~0ull, ~0ull, ~0ull, { 0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd } },
		{ 0x85a308d3243f6a88, 0x0370734413198a2e, 0x299f31d0a4093822,
		  { 0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1 } },
	};
	uint32_t got[4];

	for (int i = 0; i < 3; i++) {
		philox4x32(t[i].counter, t[i].stream, t[i].seed, got);
		CHECK(memcmp(got, t[i].want, sizeof got) == 0, "vector %d: %08x %08x", i, got[0],
		      got[1]);
	}
}

/* ---- sources --------------------------------------------------------------------------------- */

struct fake {
	char asked[64];
	int reads, closes;
};

static int fake_read(void *state, const char *name, const struct tensor *shape, enum dtype dtype,
		     void *dst, struct err *e)
{
	struct fake *f = state;

	(void)dtype;
	if (strcmp(name, "missing") == 0)
		return err_set(e, ERR_FAILED, "the file has no tensor %s", name);
	f->reads++;
	snprintf(f->asked, sizeof f->asked, "%s", name);
	for (int64_t i = 0; i < tensor_elems(shape); i++)
		((float *)dst)[i] = 42;
	return 0;
}

static void fake_close(void *state)
{
	((struct fake *)state)->closes++;
}

/* A source gives its part, under names below the part; the others stay random. */
static void test_sources(void)
{
	struct weights *w = weights_new(1);
	struct fake fake = { 0 };
	struct err e = { 0 };
	struct param *mine = add(w, "unet.conv_in.weight", INIT_BIAS, DT_F32, DIMS(4));
	struct param *other = add(w, "unet2.weight", INIT_BIAS, DT_F32, DIMS(4));
	struct param *missing = add(w, "unet.missing", INIT_BIAS, DT_F32, DIMS(4));

	weights_attach(w, "unet", (struct weight_source){ &fake, fake_read, NULL, fake_close });
	CHECK_INT(weights_fill_plain(w, mine, &e), 0);
	CHECK_INT(weights_fill_plain(w, other, &e), 0);
	CHECK_STR(fake.asked, "conv_in.weight");
	CHECK_INT(fake.reads, 1);
	CHECK_NEAR(((float *)mine->tensor.data)[3], 42, 0);
	CHECK(fabsf(((float *)other->tensor.data)[3]) < 1, "another part was read from the source");
	CHECK_INT(weights_fill_plain(w, missing, &e), -ERR_FAILED);
	CHECK_STR(e.msg, "the file has no tensor missing");
	weights_free(w);
	CHECK_INT(fake.closes, 1);
}

int main(void)
{
	test_list();
	test_plain_storage();
	test_init();
	test_pieces();
	test_streams();
	test_philox();
	test_sources();
	return test_end();
}
