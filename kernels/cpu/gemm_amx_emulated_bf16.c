/* SPDX-License-Identifier: MIT
 *
 * gemm_amx.c with emulated tiles, for machines without AMX. How to test: gemm_test.c.
 */
#define AMX_EMULATED
#include "gemm_amx.c"
