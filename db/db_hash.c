/* SPDX-License-Identifier: MIT
 *
 * Identities: hashes, canonical JSON, random names, the clock.
 */
#include "db_int.h"

#include <stdlib.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

#include <jansson.h>
#include <nettle/sha2.h>

void db_sha256_hex(const void *data, size_t len, char out[65])
{
	uint8_t digest[SHA256_DIGEST_SIZE];
	struct sha256_ctx ctx;

	sha256_init(&ctx);
	sha256_update(&ctx, len, data);
	sha256_digest(&ctx, sizeof(digest), digest);
	for (int i = 0; i < SHA256_DIGEST_SIZE; i++)
		snprintf(out + 2 * i, 3, "%02x", digest[i]);
}

char *db_json_canonical(const char *text)
{
	json_t *json = json_loads(text, JSON_REJECT_DUPLICATES, NULL);
	char *out = NULL;

	if (json_is_object(json))
		out = json_dumps(json, JSON_COMPACT | JSON_SORT_KEYS);
	json_decref(json);
	return out;
}

void db_uuid(char out[37])
{
	uint8_t b[16];
	uint64_t seed[2] = { (uint64_t)db_now_unix_ns(), (uint64_t)getpid() };

	/* Without a random source (early boot, a sandbox) time and process still differ. */
	if (getrandom(b, sizeof(b), GRND_NONBLOCK) != (ssize_t)sizeof(b)) {
		struct sha256_ctx ctx;

		sha256_init(&ctx);
		sha256_update(&ctx, sizeof(seed), (const uint8_t *)seed);
		sha256_digest(&ctx, sizeof(b), b);
	}
	b[6] = (b[6] & 0x0f) | 0x40; /* RFC 9562, version 4 */
	b[8] = (b[8] & 0x3f) | 0x80;
	for (int i = 0, at = 0; i < 16; i++) {
		if (i == 4 || i == 6 || i == 8 || i == 10)
			out[at++] = '-';
		at += snprintf(out + at, 3, "%02x", b[i]);
	}
}

int64_t db_now_unix_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_REALTIME, &t);
	return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}
