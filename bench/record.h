/* SPDX-License-Identifier: MIT
 *
 * What all records of this program have in common.
 */
#ifndef BENCH_RECORD_H
#define BENCH_RECORD_H

/* The command line of this program as a shell would read it again; owned. */
char *command_line(void);

#endif
