/* SPDX-License-Identifier: MIT
 *
 * The fast way of attention_amx.c: weights without a running maximum, so that nothing stands
 * between the exponentials and the tiles, which work at the same time.
 *
 * A weight is 2^(c S - m - HEADROOM). m is the maximum over the first keys only, and HEADROOM lets
 * later scores exceed it by forty octaves before a weight no longer fits. Where one did not, the
 * sum of weights tells, and the block of queries is done again with the running maximum. That is
 * also how masks and numbers that are not finite are served.
 *
 * Blocks of QUERIES x KEYS pass through three stations: scores, weights, values. The tiles compute
 * the scores of one span of keys after the other, and between them their share of the values of
 * the block before; the vectors weigh the span that was just scored. Operands and results are made
 * of whole tiles that are contiguous in memory, those of all queries one after the other.
 */
#ifndef BENCH_ATTENTION_AMX_STREAM_H
#define BENCH_ATTENTION_AMX_STREAM_H

#define QUERIES 32
#define KEYS 128
#define HEADROOM 40

#define STREAM_INLINE static inline __attribute__((always_inline))

#define TILE_WORDS (TILE * LANES)
#define COLUMN_WORDS (QUERIES * LANES) /* of one tile of columns, all queries */
#define SPAN (2 * CHUNK) /* keys that are scored, then weighed, in a turn */

/* Queries of `tile` x keys `first` to `first` + `keys`, in the block of packed keys at `block`. */
struct stream_item {
	int64_t block, first, keys, tile;
	float *p; /* its weights */
};

/* Sums of products of 32 rows of a and a vector of b, or a pair (otherwise both pointers are the
 * same): of so many steps, added to what is there unless they are fresh. */
struct sums {
	const float *a, *b[2];
	float *to;
	int64_t steps;
	bool fresh, pair;
};

/* Sums that are still in tiles, if any. */
struct waiting {
	float *to;
	bool pair;
};

struct stream {
	const struct attention *a;
	int64_t head, steps,
		cols; /* tiles along the words of a query, along the columns of values */
	int64_t tiles;             /* of QUERIES */
	float *q, *o;              /* [tile][step], [tile][column] COLUMN_WORDS */
	float *s, *p;              /* [2][vector of the span], [2][chunk] COLUMN_WORDS */
	float *total, *base;       /* [query][LANES], [query] */
	float scale;               /* of a score, in 512ths of an octave */

	/* what is weighed: the next group of rows, and how many are left; of `products` steps of
	 * the tiles, each is given its share */
	const float *s_in, *base_in;
	float *p_out, *total_out;
	int64_t at, groups, share;
	__mmask16 seen[4];
	const uint32_t *constant; /* of the weigher */

	struct waiting last;
	struct sums sums; /* the next, if it has any steps */

	bool parity; /* of the turn: of the two spans of scores, the one that is written */
};

static inline int64_t chunks_of(int64_t keys)
{
	return (keys + CHUNK - 1) / CHUNK;
}

/* ---- weights --------------------------------------------------------------------------------- */

/* Adding it leaves the nearest whole number in the low bits. */
#define WHOLE 0x1.8p23f

/* All that weighing needs, in registers. */
struct weigher {
	__m512i whole, fraction, slope, bend, one;
	vec scale;
	__mmask16 seen[4];
	const float *in, *base;
	float *out, *total;
};

/* The first five, in memory: gcc turns a product with a known factor into shifts. */
static const uint32_t weigher_constant[] = {
	0x4b400000, 511 * 0x10001, 42 * 0x10001, 22300 * 0x10001, 0x3f803f80,
};

/* Vectors v and v + 1 of scores to 32 weights. x counts 512ths of an octave from 2^-127 and
 * saturates; its upper seven bits are the exponent of the weight, the lower nine a fraction f. A
 * parabola turns 1 + f into 2^f, in whole numbers only: with the rounding to bf16 the error has a
 * standard deviation of 2.0e-3, one of 1.7e-3 being that of the rounding alone.
 *
 * While the tiles multiply, multiplications and shifts have one port, and what needs neither has
 * the other: hence WHOLE instead of a conversion, and no more than two products. */
STREAM_INLINE __m512i weights(const struct weigher *k, __m512i x0, __m512i x1, const int v)
{
	__m512i x = _mm512_packus_epi32(_mm512_maskz_sub_epi32(k->seen[v], x0, k->whole),
					_mm512_maskz_sub_epi32(k->seen[v + 1], x1, k->whole));
	__m512i f = _mm512_and_si512(x, k->fraction);
	__m512i bend = _mm512_sub_epi16(k->bend, _mm512_mullo_epi16(f, k->slope));

	return _mm512_srli_epi16(_mm512_sub_epi16(x, _mm512_mulhi_epu16(f, bend)), 2);
}

#define GROUP 2 /* rows of a span that are weighed at a time */

STREAM_INLINE struct weigher weigher_of(const struct stream *t)
{
	return (struct weigher){
		.whole = _mm512_set1_epi32((int)t->constant[0]),
		.fraction = _mm512_set1_epi32((int)t->constant[1]),
		.slope = _mm512_set1_epi32((int)t->constant[2]),
		.bend = _mm512_set1_epi32((int)t->constant[3]),
		.one = _mm512_set1_epi32((int)t->constant[4]),
		.scale = vec_set(t->scale),
		.seen = { t->seen[0], t->seen[1], t->seen[2], t->seen[3] },
		.in = t->s_in + t->at, .base = t->base_in + t->at / LANES,
		.out = t->p_out + t->at, .total = t->total_out + t->at,
	};
}

STREAM_INLINE __m512i weigh_chunk(const struct weigher *k, const float *in, vec base, const int v)
{
	vec x0 = _mm512_fmadd_ps(vec_load(in + v * COLUMN_WORDS), k->scale, base);
	vec x1 = _mm512_fmadd_ps(vec_load(in + (v + 1) * COLUMN_WORDS), k->scale, base);

	return weights(k, _mm512_castps_si512(x0), _mm512_castps_si512(x1), v);
}

/* The group of rows that is `at` words on. */
STREAM_INLINE void weigh_group(const struct weigher *k, int64_t at)
{
	const float *in = k->in + at, *base = k->base + at / LANES;
	float *out = k->out + at, *total = k->total + at;

#pragma GCC unroll 2
	for (int i = 0; i < GROUP; i++, in += LANES, out += LANES, total += LANES) {
		vec b = vec_set(base[i]), sum = vec_load(total);

#pragma GCC unroll 2
		for (int j = 0; j < SPAN / CHUNK; j++) {
			__m512i w = weigh_chunk(k, in, b, 2 * j);

			_mm512_storeu_si512(out + j * COLUMN_WORDS, w);
			sum = _mm512_dpbf16_ps(sum, (__m512bh)w, (__m512bh)k->one);
		}
		vec_store(total, sum);
	}
}

static inline void take_groups(struct stream *t, int64_t n)
{
	t->at += n * GROUP * LANES;
	t->groups -= n;
}

static inline void weigh_groups(struct stream *t, int64_t n)
{
	const struct weigher k = weigher_of(t);

	n = least(n, t->groups);
	for (int64_t i = 0; i < n; i++)
		weigh_group(&k, i * GROUP * LANES);
	take_groups(t, n);
}

/* From the scores of the first keys; the last term halves an error of truncation. */
static void set_base(const struct stream *t, float *base)
{
	for (int i = 0; i < QUERIES; i++) {
		const float *s = t->s_in + i * LANES;
		vec x = _mm512_mask_mov_ps(vec_set(UNSEEN), t->seen[0], vec_load(s));
		vec y = _mm512_mask_mov_ps(vec_set(UNSEEN), t->seen[1], vec_load(s + COLUMN_WORDS));

		base[i] = WHOLE + 512 * (127 - HEADROOM) - 10 - t->scale * vec_hmax(vec_max(x, y));
	}
}

/* ---- tiles ----------------------------------------------------------------------------------- */

/* Sums of 32 queries x one or two vectors, in tiles 0 to 3: two tiles of a by two of b take four
 * loads for four products. Each is stored when its tile is needed for the next sums, because to
 * wait for the last product would idle the tiles. Tiles of b come from the second-level cache, and
 * are loaded before the weights of the step before. */
#define BEGIN_SUM(c, x, waits, at, word)                        \
	do {                                                    \
		if (waits)                                      \
			tile_store(c, (at) + (word), LANES);    \
		if ((x)->fresh)                                 \
			tile_zero(c);                           \
		else                                            \
			tile_load(c, (x)->to + (word), LANES);  \
	} while (0)

STREAM_INLINE void first_products(const struct sums *x, const struct waiting *last,
				  const int64_t step, const float *next)
{
	const float *a = x->a + step * COLUMN_WORDS;

	tile_load(4, a, LANES);
	if (step == 0)
		BEGIN_SUM(0, x, last->to, last->to, 0);
	tile_dot(0, 4, 6);
	tile_load(5, a + TILE_WORDS, LANES);
	if (step == 0)
		BEGIN_SUM(1, x, last->to, last->to, TILE_WORDS);
	tile_dot(1, 5, 6);
	tile_stream(6, next, LANES);
}

STREAM_INLINE void second_products(const struct sums *x, const struct waiting *last,
				   const int64_t step, const float *next)
{
	if (step == 0)
		BEGIN_SUM(2, x, last->pair, last->to, COLUMN_WORDS);
	tile_dot(2, 4, 7);
	if (step == 0)
		BEGIN_SUM(3, x, last->pair, last->to, COLUMN_WORDS + TILE_WORDS);
	tile_dot(3, 5, 7);
	tile_stream(7, next, LANES);
}

static inline void store_second(const struct waiting *x)
{
	if (!x->pair)
		return;
	tile_store(2, x->to + COLUMN_WORDS, LANES);
	tile_store(3, x->to + COLUMN_WORDS + TILE_WORDS, LANES);
}

/* b of the step after step i. */
STREAM_INLINE const float *next_b(const struct sums *x, const struct sums *next, int64_t i,
				  const int64_t steps, const int vector)
{
	return i + 1 == steps ? next->b[vector] : x->b[vector] + (i + 1) * TILE_WORDS;
}

/* The weights beside half a step: one group, or the share of this turn. */
STREAM_INLINE void weigh_beside(struct stream *t, const struct weigher *k, int64_t i,
				const bool one)
{
	if (one)
		weigh_group(k, i * GROUP * LANES);
	else if (t->groups)
		weigh_groups(t, t->share);
}

/* Works on copies, because to gcc every tile that is loaded may have changed memory. */
STREAM_INLINE void run_pair(struct stream *t, const struct sums *next, const int64_t steps,
			    const bool one)
{
	const struct sums x = t->sums;
	const struct waiting last = t->last;
	const struct weigher k = weigher_of(t);

#pragma GCC unroll 4
	for (int64_t i = 0; i < steps; i++) {
		first_products(&x, &last, i, next_b(&x, next, i, steps, 0));
		weigh_beside(t, &k, 2 * i, one);
		second_products(&x, &last, i, next_b(&x, next, i, steps, 1));
		weigh_beside(t, &k, 2 * i + 1, one);
	}
	if (one)
		take_groups(t, 2 * steps);
}

static __attribute__((noinline)) void run_single(struct stream *t, const struct sums *next)
{
	const struct sums x = t->sums;
	const struct waiting last = t->last;

	store_second(&last);
	for (int64_t i = 0; i < x.steps; i++) {
		first_products(&x, &last, i, next_b(&x, next, i, x.steps, 0));
		if (t->groups)
			weigh_groups(t, t->share);
	}
	tile_stream(7, next->b[1], LANES);
}

#define DEFINE_RUN_PAIR(name, steps, one)                                                     \
	static __attribute__((noinline)) void name(struct stream *t, const struct sums *next) \
	{                                                                                     \
		run_pair(t, next, steps, one);                                                \
	}

DEFINE_RUN_PAIR(run_pair_2, 2, true)
DEFINE_RUN_PAIR(run_pair_3, 3, true)
DEFINE_RUN_PAIR(run_pair_4, 4, true)
DEFINE_RUN_PAIR(run_pair_any, t->sums.steps, false)

static void run_products(struct stream *t, const struct sums *next)
{
	const struct sums *x = &t->sums;
	const bool one = t->share == 1 && t->groups >= 2 * x->steps;

	if (!x->pair)
		run_single(t, next);
	else if (x->steps == 2 && one)
		run_pair_2(t, next);
	else if (x->steps == 3 && one)
		run_pair_3(t, next);
	else if (x->steps == 4 && one)
		run_pair_4(t, next);
	else
		run_pair_any(t, next);
	t->last.to = x->to;
	t->last.pair = x->pair;
}

/* They run when it is known what follows. */
static void products(struct stream *t, struct sums next)
{
	if (t->sums.steps) {
		run_products(t, &next);
	} else {
		tile_stream(6, next.b[0], LANES);
		tile_stream(7, next.b[1], LANES);
	}
	t->sums = next;
}

static void end_products(struct stream *t)
{
	if (t->sums.steps)
		run_products(t, &t->sums);
	t->sums.steps = 0;
}

static void store_products(struct stream *t)
{
	end_products(t);
	if (!t->last.to)
		return;
	tile_store(0, t->last.to, LANES);
	tile_store(1, t->last.to + TILE_WORDS, LANES);
	store_second(&t->last);
	t->last = (struct waiting){ NULL, false };
}

/* The scores of one span. */
static void stream_scores(struct stream *t, const struct stream_item *i, int64_t first, float *s)
{
	const float *k = packed_keys(t->a, t->head, i->first + first);
	const int64_t next = t->steps * TILE_WORDS, last = least(i->keys, first + SPAN);

	for (; first < last; first += CHUNK, k += 2 * next, s += 2 * COLUMN_WORDS) {
		const bool pair = last - first > LANES;

		products(t, (struct sums){
			.a = t->q + i->tile * t->steps * COLUMN_WORDS,
			.b = { k, k + pair * next }, .to = s, .steps = t->steps, .fresh = true,
			.pair = pair,
		});
	}
}

/* Pairs of columns `from` to `to` of the values of a block. */
static void stream_values(struct stream *t, const struct stream_item *i, int64_t from, int64_t to)
{
	const int64_t block_keys = least(t->a->lk - i->block, t->a->block_keys);
	const int64_t next = value_steps(block_keys) * LANES;
	const float *v = packed_values(t->a, t->head, i->block) +
			 (i->first - i->block) / PAIR * LANES;
	float *o = t->o + i->tile * t->cols * COLUMN_WORDS;

	for (int64_t j = 2 * from; j < least(2 * to, t->cols); j += 2) {
		const bool pair = j + 1 < t->cols;

		products(t, (struct sums){
			.a = i->p, .b = { v + j * next, v + (j + pair) * next },
			.to = o + j * COLUMN_WORDS, .steps = chunks_of(i->keys),
			.fresh = i->first == 0, .pair = pair,
		});
	}
}

/* ---- one block of queries -------------------------------------------------------------------- */

/* The tile that follows takes the same block of keys, which stays in the second-level cache. */
static struct stream_item next_item(const struct stream *t, struct stream_item i)
{
	i.first += i.keys;
	if (i.first == least(t->a->lk, i.block + t->a->block_keys)) {
		if (++i.tile == t->tiles) {
			i.tile = 0;
			i.block = i.first;
		}
		i.first = i.block;
	}
	i.keys = least(least(t->a->lk, i.block + t->a->block_keys) - i.first, KEYS);
	return i;
}

static void begin_weights(struct stream *t, const struct stream_item *i, int64_t first,
			  const float *s)
{
	float *base = t->base + i->tile * QUERIES;

	t->s_in = s;
	t->base_in = base;
	t->at = 0;
	t->p_out = i->p + first / CHUNK * COLUMN_WORDS;
	t->total_out = t->total + i->tile * QUERIES * LANES;
	for (int j = 0; j < SPAN / LANES; j++)
		t->seen[j] = (__mmask16)first_halves(i->keys - first - j * LANES);
	t->groups = QUERIES / GROUP;
	if (i->first == 0 && first == 0)
		set_base(t, base);
}

static int64_t turns_of(const struct stream_item *i)
{
	return i->keys ? (i->keys + SPAN - 1) / SPAN : 1;
}

/* A span of item[0] is scored and the one before it weighed. While the spans of a block are
 * weighed, from its first to its last, the values of the block before are added up. */
static void stream_turn(struct stream *t, const struct stream_item item[4], int64_t span)
{
	const struct stream_item *scored = item, *weighed = item + !span, *valued = weighed + 1;
	const int64_t turns = turns_of(weighed), turn = span ? span : turns;
	const int64_t sums = valued->keys ? (t->cols + 1) / 2 : 0;
	const int64_t from = (turn - 1) * sums / turns, to = turn * sums / turns;
	float *s[] = { t->s, t->s + SPAN / LANES * COLUMN_WORDS };
	int64_t steps;

	/* pairs of vectors by halves of a step */
	steps = 4 * (scored->keys ? t->steps : 0) + 2 * (to - from) * chunks_of(valued->keys);
	t->share = steps ? (QUERIES / GROUP + steps - 1) / steps : 1;
	if (weighed->keys)
		begin_weights(t, weighed, (turn - 1) * SPAN, s[!t->parity]);
	if (scored->keys)
		stream_scores(t, scored, span * SPAN, s[t->parity]);
	if (from == to || !scored->keys)
		store_products(t);
	stream_values(t, valued, from, to);
	end_products(t);
	weigh_groups(t, t->groups);
	t->parity = !t->parity;
}

static void stream_items(struct stream *t)
{
	const int64_t items = t->tiles * ((t->a->lk + KEYS - 1) / KEYS);
	struct stream_item item[4] = { { .keys = least(t->a->lk, KEYS), .p = t->p } };
	struct stream_item next;

	for (int64_t n = 0; n < items + 2; n++) {
		for (int64_t span = 0; span < turns_of(item); span++)
			stream_turn(t, item, span);
		next = n + 1 < items ? next_item(t, item[0]) : (struct stream_item){ .keys = 0 };
		next.p = t->p + (n + 1) % 2 * (KEYS / CHUNK * COLUMN_WORDS);
		memmove(item + 1, item, 3 * sizeof *item);
		item[0] = next;
	}
	store_products(t);
}

/* Copies the queries to tiles; the most that a score can be, times `scale`. */
static float stream_queries(struct stream *t, int64_t token0, int64_t rows)
{
	const struct attention *a = t->a;
	const __m512i sign = _mm512_set1_epi16(a->scale < 0 ? (short)0x8000 : 0);
	__m512i most = _mm512_setzero_si512();
	float most_k = 0;

	for (int64_t i = 0; i < t->tiles * QUERIES; i++)
		for (int64_t j = 0; j < t->steps; j++) {
			float *q = t->q + (i / QUERIES * t->steps + j) * COLUMN_WORDS +
				   i % QUERIES * LANES;
			__m512i x = i < rows ? token_words(a, a->q, token0 + i * a->width,
							   j * TILE * PAIR) :
					       _mm512_setzero_si512();

			most = _mm512_max_epu16(most,
						_mm512_and_si512(x, _mm512_set1_epi16(0x7fff)));
			_mm512_storeu_si512(q, _mm512_xor_si512(x, sign));
		}
	for (int64_t i = 0; i < a->lk; i += a->block_keys)
		most_k = fmaxf(most_k, *key_bound(a, t->head, i));
	return largest_half(most) * most_k * (float)a->dh * t->scale;
}

static void stream_row(const struct stream *t, int64_t row, int64_t out)
{
	const float *o = t->o + row / QUERIES * t->cols * COLUMN_WORDS + row % QUERIES * LANES;
	const vec inverse = vec_set(1 / vec_hsum(vec_load(t->total + row * LANES)));

	for (int64_t left = t->a->dh; left > 0; left -= LANES, o += COLUMN_WORDS, out += LANES) {
		__m256bh x = _mm512_cvtneps_pbh(vec_mul(vec_load(o), inverse));

		_mm256_mask_storeu_epi16((uint16_t *)t->a->out + out, (__mmask16)first_halves(left),
					 (__m256i)x);
	}
}

/* No weight reached the end of its range, nor all of them vanished. */
static bool totals_fit(const struct stream *t)
{
	bool fit = true;

	for (int64_t i = 0; i < t->tiles * QUERIES; i++) {
		float total = vec_hsum(vec_load(t->total + i * LANES));

		fit &= total < 0x1.fcp0f && total > 0x1p-60f; /* the largest weight alone */
	}
	return fit;
}

/* False: nothing was written, and the running maximum is needed. */
static bool stream(const struct attention *a, int64_t head, int64_t first_row, float *scratch)
{
	int64_t rows = least(a->lq - first_row, a->block_rows);
	int64_t token0 = token_of(a, a->lq, head, first_row);
	struct stream t = {
		.a = a, .head = head, .steps = a->dh_words / TILE, .cols = a->dh_cols / LANES,
		.tiles = (rows + QUERIES - 1) / QUERIES, .q = scratch,
		.constant = weigher_constant, .scale = 512 * (float)M_LOG2E * fabsf(a->scale),
	};

	t.o = t.q + a->block_rows * a->dh_words;
	t.total = t.o + a->block_rows * a->dh_cols;
	t.base = t.total + a->block_rows * LANES;
	t.s = t.base + a->block_rows;
	t.p = t.s + 2 * SPAN / LANES * COLUMN_WORDS;
	if (a->causal || !(stream_queries(&t, token0, rows) < 0x1p21f))
		return false;
	memset(t.total, 0, 4 * (size_t)(t.tiles * QUERIES * LANES));
	stream_items(&t);
	if (!totals_fit(&t))
		return false;
	for (int64_t i = 0; i < rows; i++)
		stream_row(&t, i, token0 + i * a->width);
	return true;
}

#endif
