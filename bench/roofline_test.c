/* SPDX-License-Identifier: MIT
 *
 * Limits by peak and by memory, where they come from, and how a profile is sorted by them.
 */
#include "roofline.h"

#include "grouping.h"
#include "test.h"

static void test_limits(void)
{
	struct roof r = { .flops = 100, .bytes = 10 };
	struct cost dense = { .macs_linear = 1000, .bytes_read = 100, .bytes_written = 50 };
	struct cost thin = { .macs_attn = 10, .bytes_read = 100, .bytes_written = 50 };

	CHECK_NEAR(roof_limit_s(&r, &dense), 20, 1e-12); /* 2 FLOP a MAC */
	CHECK_STR(roof_bound(&r, &dense), "peak");
	CHECK_NEAR(roof_limit_s(&r, &thin), 15, 1e-12);
	CHECK_STR(roof_bound(&r, &thin), "memory");
	r = (struct roof){ 0 };
	CHECK_NEAR(roof_limit_s(&r, &dense), 0, 0);
	CHECK_STR(roof_bound(&r, &dense), "-");
}

/* A database in memory that knows these calibrations of this machine. */
static struct db *calibrated(const struct db_calibration *rows, int n, struct machine *m)
{
	struct db_host host;
	struct db *db;

	machine_read(m);
	host = machine_host(m);
	CHECK(!db_open(&db, ":memory:", DB_CREATE), "%s", db_error(db));
	CHECK(!db_put_calibration(db, &host, rows, n), "%s", db_error(db));
	return db;
}

/* Rows of other threads, levels and formats are not ours. */
static void test_stored(void)
{
	struct device d = { .isa = ISA_C, .threads = 2, .backend = &backend_ref };
	const struct db_calibration rows[] = {
		{ "dot", "fp32", "c", "FLOP/s", 2, 2e9, 1e9, 1e9, 3, 0, 1 },
		{ "dot", "fp32", "c", "FLOP/s", 1, 1e9, 1e9, 1e9, 3, 0, 1 },
		{ "dot", "int8", "c", "FLOP/s", 2, 9e9, 1e9, 1e9, 3, 0, 1 },
		{ "dot", "fp32", "amx", "FLOP/s", 2, 8e9, 1e9, 1e9, 3, 0, 1 },
		{ "dot", "fp32", "vnni", "FLOP/s", 2, 8e9, 1e9, 1e9, 3, 0, 1 },
		{ "matmul", "fp32", "c", "FLOP/s", 2, 7e9, 1e9, 1e9, 3, 0, 1 },
		{ "read", "", "", "B/s", 2, 3e9, 1e9, 1e9, 3, 0, 1 },
		{ "copy", "", "", "B/s", 2, 4e9, 1e9, 1e9, 3, 0, 1 },
		{ "copy", "", "", "B/s", 1, 6e9, 1e9, 1e9, 3, 0, 1 },
	};
	struct machine m;
	struct db *db = calibrated(rows, sizeof rows / sizeof *rows, &m);
	struct progress quiet;
	struct roof r;
	struct err e = { 0 };

	progress_init(&quiet, true);
	CHECK(!roof_find(&r, db, &m, &d, DT_F32, &quiet, &e), "%s", e.msg);
	CHECK(r.stored, "not taken from the database");
	CHECK_NEAR(r.flops, 2e9, 0);
	CHECK_NEAR(r.bytes, 4e9, 0);
	d.backend = &backend_null;
	CHECK(!roof_find(&r, NULL, &m, &d, DT_F32, &quiet, &e) && r.flops == 0, "a null roof");
	db_close(db);
}

/* Half a calibration is none: another one is made and stored. */
static void test_half(void)
{
	struct device d = { .isa = isa_machine(), .threads = 1 };
	const struct db_calibration row = { "dot", "fp32", isa_name(d.isa), "FLOP/s", 1, 5, 5, 5,
					    3, 0, 1 };
	struct machine m;
	struct db *db = calibrated(&row, 1, &m);
	struct progress quiet;
	struct roof r;
	struct err e = { 0 };

	progress_init(&quiet, true);
	d.backend = d.cpu = backend_cpu_new(d.isa);
	CHECK(!roof_find(&r, db, &m, &d, DT_F32, &quiet, &e), "%s", e.msg);
	CHECK(!r.stored && r.flops > 5 && r.bytes > 5, "%g FLOP/s, %g B/s", r.flops, r.bytes);
	CHECK(!roof_find(&r, db, &m, &d, DT_F32, &quiet, &e) && r.stored, "not stored: %s", e.msg);
	db_close(db);
	backend_cpu_free(d.cpu);
}

static void test_grouping(void)
{
	struct scope *root = scope_root_new(), *a = scope_child(root, "a"),
		     *b = scope_child(a, "b"), *c = scope_child(root, "c");
	struct profile profile = { 0 };
	struct roof r = { .flops = 2e9, .bytes = 1e9 };
	struct cost heavy = { .calls = 1, .macs_linear = 3000000000 },
		    light = { .calls = 1, .bytes_read = 500000000 };
	struct grouping g = { 0 };
	struct point p = { 0 };

	profile_add(&profile, 0, b, OP_LINEAR, &heavy, 1, 4000000000); /* 3 s at least, 4 taken */
	profile_add(&profile, 0, c, OP_ADD, &light, 1, 2000000000);    /* 0.5 s, 2 taken */
	profile_add(&profile, 0, b, OP_ADD, &light, 1, 600000000);
	grouping_fill(&g, &p, &profile, "layer", 1, &r);
	grouping_sort(&g);
	CHECK_INT(g.n, 2);
	CHECK_STR(g.group[0].name, "c");
	CHECK_NEAR(g.group[0].seconds - g.group[0].limit_s, 1.5, 1e-9);
	CHECK_STR(g.group[1].name, "a");
	CHECK_NEAR(g.group[1].limit_s, 3.5, 1e-9);
	CHECK_NEAR(g.total.seconds, 6.6, 1e-9);
	grouping_clear(&g);
	grouping_fill(&g, &p, &profile, "op", 64, &r);
	grouping_sort(&g);
	CHECK_STR(g.group[0].name, "add");
	CHECK_INT(g.group[0].cost.calls, 2);
	CHECK_STR(g.group[1].name, "linear");
	grouping_clear(&g);
	profile_clear(&profile);
	scope_root_free(root);
}

int main(void)
{
	test_limits();
	test_stored();
	test_half();
	test_grouping();
	return test_end();
}
