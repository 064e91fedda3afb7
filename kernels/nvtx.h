/* SPDX-License-Identifier: MIT
 *
 * Ranges for NVIDIA's Nsight Systems: one per scope and per op, when the headers of the CUDA
 * Toolkit were there at build time. The headers load a tool only if one started the program (which
 * then sets NVTX_INJECTION64_PATH); otherwise a range costs a test of a pointer.
 */
#ifndef BENCH_NVTX_H
#define BENCH_NVTX_H

#ifdef HAVE_NVTX

#include <nvtx3/nvToolsExt.h>

/* Loads the tool, outside of any timed region. */
static inline void nvtx_start(void)
{
	nvtxInitialize(NULL);
}

static inline void nvtx_push(const char *name)
{
	nvtxRangePushA(name);
}

static inline void nvtx_pop(void)
{
	nvtxRangePop();
}

#else

static inline void nvtx_start(void)
{
}

static inline void nvtx_push(const char *name)
{
	(void)name;
}

static inline void nvtx_pop(void)
{
}

#endif
#endif
