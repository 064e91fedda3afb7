/* SPDX-License-Identifier: MIT
 *
 * What a thread keeps of its rate when all run: threads that share a core are told from quiet ones.
 */
#include "calibrate.h"
#include "test.h"

static struct calibration rows(double bf16_all, double fp32_all)
{
	struct calibration c = { .n = 5 };

	c.row[0] = (struct db_calibration){ .kind = "dot", .dtype = "fp32", .threads = 1,
					    .best = 100 };
	c.row[1] = (struct db_calibration){ .kind = "dot", .dtype = "bf16", .threads = 1,
					    .best = 200 };
	c.row[2] = (struct db_calibration){ .kind = "dot", .dtype = "fp32", .threads = 2,
					    .best = fp32_all };
	c.row[3] = (struct db_calibration){ .kind = "dot", .dtype = "bf16", .threads = 2,
					    .best = bf16_all };
	/* memory is shared in any case */
	c.row[4] = (struct db_calibration){ .kind = "copy", .dtype = "", .threads = 2, .best = 1 };
	return c;
}

int main(void)
{
	struct calibration quiet = rows(398, 199), shared = rows(390, 102), one = rows(0, 0);

	one.n = 2;
	CHECK_NEAR(calibration_thread_share(&quiet), 0.995, 1e-9);
	CHECK_NEAR(calibration_thread_share(&shared), 0.51, 1e-9);
	CHECK(calibration_thread_share(&shared) < THREAD_SHARE_LOW, "sharing is not told");
	CHECK_NEAR(calibration_thread_share(&one), 1, 0);
	return test_end();
}
