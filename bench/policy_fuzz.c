/* SPDX-License-Identifier: MIT
 *
 * Fuzzer of the policy file of a gate: what is not refused holds together.
 */
#define _GNU_SOURCE
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "fuzz.h"
#include "policy.h"

static void look_at(const struct policy *p)
{
	for (int i = 0; i < p->n_rows; i++)
		if (!*p->row[i].workload || (!p->row[i].n_metrics && !p->row[i].exact))
			abort();
	for (int i = 0; i < p->n_waivers; i++) {
		bool expired;
		if (!p->waiver[i].reason || !policy_waiver_of(p, p->waiver[i].row,
							       p->waiver[i].metric, 0, &expired))
			abort();
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	int fd = memfd_create("policy", 0);
	char path[64];
	struct policy p;
	struct err e = { 0 };

	if (fd < 0 || write(fd, data, size) != (ssize_t)size)
		return 0;
	snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
	if (!policy_read(&p, path, &e))
		look_at(&p);
	if (!!e.code != !!*e.msg)
		abort();
	policy_free(&p);
	close(fd);
	return 0;
}
