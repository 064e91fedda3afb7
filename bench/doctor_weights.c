/* SPDX-License-Identifier: MIT */
#include "doctor.h"
#include "inspect.h"

int doctor_weights(struct findings *f, const char *dir, struct err *e)
{
	int bad = 0, parts = 0;

	for (const char *const *part = inspect_parts; *part; part++, parts++) {
		struct finding *x = finding_add(f, *part, "");
		struct err own = { 0 };
		inspect_part(dir, *part, x->value, sizeof x->value, &own);
		if (!own.code)
			continue;
		x->level = own.code == ERR_SKIPPED ? FINDING_WARN : FINDING_BAD;
		bad += x->level == FINDING_BAD;
		snprintf(x->value, sizeof x->value, "%s", own.msg);
	}
	if (bad)
		return err_set(e, ERR_FAILED, "%d of %d parts of %.400s cannot be used", bad, parts,
			       dir);
	return 0;
}
