/* SPDX-License-Identifier: MIT
 *
 * Patch parallelism: the image is split by rows, rank r of R holds rows [r H/R, (r+1) H/R) of every
 * image and the tokens made of them (as in DistriFusion, Li et al. 2024, with synchronous
 * exchange).
 *
 * The strategy is a backend around another one. Whoever creates the inputs of a step cuts them and
 * sets tensor.split; results of split inputs are split, so the mark travels through the model. Only
 * ops that mix rows are rewritten:
 *   conv2d      takes the neighbours' rows that its kernel reaches into (halo);
 *   group_norm  takes the moments of all ranks (moments, merge, apply);
 *   attention   takes the keys and values of all ranks; unsplit ones (text) are used as they are.
 * Everything else runs on each rank's rows alone. What would need the rows of others and is not
 * rewritten is refused. How to test: patch_test.c, workloads/patch_unet_test.c.
 */
#ifndef BENCH_PATCH_H
#define BENCH_PATCH_H

#include "backend.h"
#include "parallel/comm.h"

/* Both are borrowed. Passes other than PASS_RUN do not communicate. When a step of one rank fails,
 * its driver must call comm_abort, or the others wait for it forever. */
struct backend *patch_new(const struct backend *next, struct comm *comm);
void patch_free(struct backend *b);

#endif
