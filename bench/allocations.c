/* SPDX-License-Identifier: MIT */
#include "allocations.h"

struct allocations allocations;

void allocations_begin(void)
{
	atomic_store_explicit(&allocations.on, true, memory_order_relaxed);
}

void allocations_end(void)
{
	atomic_store_explicit(&allocations.on, false, memory_order_relaxed);
}

int64_t allocations_take(void)
{
	return allocations.known ? (int64_t)atomic_exchange(&allocations.calls, 0) : -1;
}
