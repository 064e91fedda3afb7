/* SPDX-License-Identifier: MIT
 *
 * Reference blocks: a register-only kernel of some 20 ms between steps, which says how fast the
 * machine was at that moment.
 */
#include <stdlib.h>

#include "interrupt.h"
#include "measure.h"

#define DISTURBED_BELOW 0.97 /* of the best block */

void measure_blocks(struct measurement *m, const struct point *p, const struct device *d, int n,
		    double seconds)
{
	if (d->backend->is_virtual)
		return;
	if (m->n_blocks + n > m->blocks_capacity) {
		m->blocks_capacity = 2 * m->blocks_capacity + n;
		m->block = realloc(m->block, (size_t)m->blocks_capacity * sizeof *m->block);
		die_if(!m->block, "out of memory");
	}
	for (int i = 0; i < n && !interrupted(); i++) {
		struct peak_block b = device_peak(d, p->w->dtype, seconds);
		m->block[m->n_blocks++] = b.mean;
		m->best_block = b.best > m->best_block ? b.best : m->best_block;
	}
}

bool measure_disturbed(const struct measurement *m, const struct timing *t, double best)
{
	for (int i = t->block; i <= t->block + 1 && i < m->n_blocks; i++)
		if (i >= 0 && m->block[i] < DISTURBED_BELOW * best)
			return true;
	return false;
}
