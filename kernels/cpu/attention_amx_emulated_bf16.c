/* SPDX-License-Identifier: MIT
 *
 * The AMX kernel with emulated tiles: for tests on machines that have none.
 */
#define AMX_EMULATED
#include "attention_amx.c"
