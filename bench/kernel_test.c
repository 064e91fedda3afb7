/* SPDX-License-Identifier: MIT
 *
 * The list of kernels holds all the work of a workload, and a wrong kernel is found out.
 */
#include "kernel_bench.h"

#include "test.h"

static void collect(struct kernel_list *l, char *workload)
{
	char *argv[] = { "bench", "run", workload };
	struct err e = { 0 };
	struct options o;

	CHECK(!options_parse(&o, 3, argv, &e) && !kernel_list_add(l, &o, &e), "%s", e.msg);
}

static void test_list(void)
{
	char *argv[] = { "bench", "run", "sdxl-20steps-mini" };
	struct kernel_list l = { 0 };
	struct err e = { 0 };
	struct options o;
	struct point p;
	int64_t macs = 0;
	int n;

	collect(&l, argv[2]);
	CHECK(l.n > 50 && l.n < 500, "%d kernels", l.n);
	for (int i = 0; i < l.n; i++)
		macs += l.kernel[i].calls * cost_core_macs(&l.kernel[i].cost);
	CHECK(!options_parse(&o, 3, argv, &e) && !point_open(&p, &o, &backend_null, &e), "%s",
	      e.msg);
	CHECK_INT(macs, cost_core_macs(&p.cost));
	point_close(&p);
	n = l.n;
	collect(&l, argv[2]);
	CHECK_INT(l.n, n); /* the same again */
	CHECK(kernel_matches(&l.kernel[0], "sdxl-20steps-mini") &&
	      kernel_matches(&l.kernel[0], "*mini") && !kernel_matches(&l.kernel[0], "mini*"),
	      "patterns");
	kernel_list_clear(&l);
}

static void zero(const struct backend *self, struct ctx *c, const struct op_call *call)
{
	(void)self;
	(void)c;
	memset(call->out[0]->data, 0, tensor_bytes(call->out[0]));
}

static void check(const struct kernel *k, struct device *d)
{
	struct backend broken = { .name = "broken", .next = d->cpu };
	struct device bad = *d;
	struct kernel_result r;
	struct err e = { 0 };

	CHECK(!kernel_measure(k, d, 1e-4, &r, &e), "%s", e.msg);
	CHECK(r.error <= kernel_tolerance(k), "%s %s: error %g", op_table[k->op].name, k->shape,
	      r.error);
	CHECK(r.n >= 3 && r.best > 0 && r.best <= r.median && r.median <= r.worst, "%g %g %g",
	      r.best, r.median, r.worst);
	broken.run[k->op] = zero;
	bad.cpu = &broken;
	CHECK(!kernel_measure(k, &bad, 1e-4, &r, &e), "%s", e.msg);
	CHECK(r.error > kernel_tolerance(k), "zeros pass as %s", op_table[k->op].name);
}

/* One of each op, the smallest. */
static void test_measure(void)
{
	struct kernel_list l = { 0 };
	struct device d = { .isa = isa_machine(), .threads = 1 };

	d.backend = d.cpu = backend_cpu_new(d.isa);
	collect(&l, "sdxl-20steps-mini");
	for (int op = 0; op < OP_COUNT; op++) {
		const struct kernel *least = NULL;
		for (int i = 0; i < l.n; i++)
			if (l.kernel[i].op == (enum op)op &&
			    (!least || l.kernel[i].cost.bytes_read < least->cost.bytes_read))
				least = &l.kernel[i];
		if (least)
			check(least, &d);
	}
	kernel_list_clear(&l);
	backend_cpu_free(d.cpu);
}

int main(void)
{
	test_list();
	test_measure();
	return test_end();
}
