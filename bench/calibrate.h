/* SPDX-License-Identifier: MIT
 *
 * The measured peaks of a machine. Blocks of all quantities alternate, so that a slow minute hits
 * all of them alike; best, median and worst are kept.
 */
#ifndef BENCH_CALIBRATE_H
#define BENCH_CALIBRATE_H

#include "db.h"
#include "device.h"
#include "progress.h"

#define CALIBRATION_ROWS 16

struct calibration {
	struct db_calibration row[CALIBRATION_ROWS];
	int n;
	double clock_hz; /* best seen of one core */
	double waited,
		stolen;  /* share of the time: in the queue for a core, given to other guests */
	int disturbed;   /* by any row, or by these */
};

/* What a thread keeps of its dot product rate when all of them run: the smallest ratio over the
 * formats, of the best blocks; 1 where there is only one thread. Far below 1 two of them share a
 * core, or the clock falls under load: neither shows in medians, as every block suffers alike. */
double calibration_thread_share(const struct calibration *c);
#define THREAD_SHARE_LOW 0.75

/* About `seconds` long. `d` must compute. */
int calibrate(struct calibration *c, const struct device *d, double seconds,
	      struct progress *progress, struct err *e);

#endif
