/* SPDX-License-Identifier: MIT
 *
 * Machine-readable results. Numbers that are not finite become null, 64-bit identities are strings,
 * readers ignore keys they do not know.
 */
#ifndef BENCH_JSON_H
#define BENCH_JSON_H

#include <jansson.h>
#include <stdio.h>

#include "cost.h"
#include "workload.h"

json_t *json_number(double v);
json_t *json_cost(const struct cost *c);
json_t *json_settings(const struct settings *s, int identity_only);

/* Prints and frees. */
void json_print(json_t *j, FILE *to);

#endif
