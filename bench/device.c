/* SPDX-License-Identifier: MIT */
#include "device.h"

#include <omp.h>
#include <string.h>

#include "shadow.h"

int device_open(struct device *d, const struct options *o, struct err *e)
{
	const char *isa = opt_text(o, OPT_ISA);

	*d = (struct device){ .name = opt_text(o, OPT_BACKEND), .isa = isa_machine(),
			      .threads = omp_get_max_threads() };
	if (isa && isa_parse(isa, &d->isa, e))
		return -(int)e->code;
	isa_limit(d->isa);
	if (strcmp(d->name, "null") == 0)
		d->backend = &backend_null;
	else if (strcmp(d->name, "ref") == 0)
		d->backend = &backend_ref;
	else
		d->backend = d->cpu = backend_cpu_new(d->isa);
	if (strcmp(d->name, "shadow") == 0)
		d->backend = d->shadow = backend_shadow_new(d->cpu, &backend_ref);
	return 0;
}

void device_close(struct device *d)
{
	backend_shadow_free(d->shadow);
	if (d->cpu)
		backend_cpu_free(d->cpu);
	d->shadow = d->cpu = NULL;
}

static enum peak peak_of(const struct device *d, enum dtype dtype)
{
	return dtype == DT_BF16 && peak_has(d->isa, PEAK_BF16) ? PEAK_BF16 : PEAK_FP32;
}

struct peak_block device_peak(const struct device *d, enum dtype dtype, double seconds)
{
	if (d->backend->is_virtual)
		return (struct peak_block){ 0 };
	return peak_block(d->isa, peak_of(d, dtype), d->threads, seconds);
}

const char *device_peak_name(const struct device *d, enum dtype dtype)
{
	return peak_name(peak_of(d, dtype));
}
