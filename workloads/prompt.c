/* SPDX-License-Identifier: MIT */
#include "prompt.h"

#include "weights.h"

void prompt_invent(const struct clip_config *m, int text, int32_t pad, int n, int32_t *ids)
{
	int32_t last = (int32_t)m->vocab - 1;
	int32_t eos = m->eos == 2 || m->eos > last ? last : (int32_t)m->eos;
	int words = text ? 18 : 12;
	uint32_t word[4];

	if (words > n - 2)
		words = n - 2;
	ids[0] = last - 1;
	for (int i = 0; i < words; i++) {
		philox4x32((uint64_t)i, random_key("prompt"), (uint64_t)text, word);
		ids[i + 1] = 3 + (int32_t)(word[0] % (uint32_t)(m->vocab - 5));
		if (ids[i + 1] == eos)
			ids[i + 1]--;
	}
	for (int i = words + 1; i < n; i++)
		ids[i] = i == words + 1 || pad < 0 ? eos : pad;
}
