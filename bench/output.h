/* SPDX-License-Identifier: MIT
 *
 * The result of a workload: the states "latents" and "image" of its context, NHWC fp32.
 */
#ifndef BENCH_OUTPUT_H
#define BENCH_OUTPUT_H

#include <stdbool.h>

#include "ctx.h"

/* SHA-256 over the bytes of both, as 64 hex digits. False: a value is not finite. */
bool output_hash(struct ctx *c, char hex[65]);

/* SHA-256 of a file; "" when it cannot be read. */
void file_hash(const char *path, char hex[65]);

/* SHA-256 of a text. */
void text_hash(const char *text, char hex[65]);

/* ---- before the run ----------------------------------------------------------------------------
 *
 * A place that cannot be written is refused (ERR_USAGE) while nothing is lost. No file is made,
 * emptied or changed.
 */

/* How a file comes to be: opened and overwritten, or written beside and renamed. */
enum output_how { OUTPUT_IN_PLACE, OUTPUT_REPLACED };

/* The file of --OPTION: one that can be written, or the name of a new one in such a folder. */
int output_check_file(const char *option, const char *path, enum output_how how, struct err *e);

/* The same for --save, which also refuses endings that nothing writes. */
int output_check_path(const char *path, struct err *e);

/* After a dry pass: whether the workload makes what --save writes, and the names of all images. */
int output_check_result(struct ctx *c, const char *path, struct err *e);

/* ---- after it ----------------------------------------------------------------------------------
 */

/* By the ending: .png the image (one file per image: out-0.png, out-1.png, ...), .safetensors the
 * tensors `latents` and `image`, NCHW fp32. */
int output_save(struct ctx *c, const char *path, struct err *e);

/* rgb: height*width*3 bytes, row by row. */
int png_write(const char *path, int width, int height, const unsigned char *rgb, struct err *e);

#endif
