/* SPDX-License-Identifier: MIT
 *
 * What every fuzzer shares. x_fuzz.c defines LLVMFuzzerTestOneInput() and includes this header.
 * Built by `make`, it becomes a test: it replays the files of the corpus directory that lies beside
 * the source (kernels/x_fuzz.c: kernels/corpus/x/), or those named on the command line.
 * Built by scripts/fuzz with -DFUZZ_ENGINE, libFuzzer brings its own main and invents inputs.
 */
#ifndef BENCH_FUZZ_H
#define BENCH_FUZZ_H

#include <stddef.h>
#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#ifndef FUZZ_ENGINE

#include <dirent.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Runs one file; false if it cannot be read. The copy has exactly its size, so that a sanitizer
 * sees any step over its end. */
static bool fuzz_file(const char *path)
{
	FILE *f = fopen(path, "rb");
	uint8_t *data = NULL;
	long size = -1;
	bool ok;

	if (f && fseek(f, 0, SEEK_END) == 0)
		size = ftell(f);
	if (size >= 0)
		data = malloc(size ? (size_t)size : 1);
	ok = data && fseek(f, 0, SEEK_SET) == 0 && fread(data, 1, (size_t)size, f) == (size_t)size;
	if (f)
		fclose(f);
	if (ok)
		LLVMFuzzerTestOneInput(data, (size_t)size);
	else
		fprintf(stderr, "%s: cannot be read\n", path);
	free(data);
	return ok;
}

static bool fuzz_directory(const char *path, int *files)
{
	DIR *d = opendir(path);
	const struct dirent *entry;
	bool ok = true;
	char name[4096];

	if (!d)
		fprintf(stderr, "%s: cannot be read\n", path);
	while (d && (entry = readdir(d))) {
		if (entry->d_name[0] == '.')
			continue;
		snprintf(name, sizeof name, "%s/%s", path, entry->d_name);
		ok &= fuzz_file(name);
		++*files;
	}
	if (d)
		closedir(d);
	return ok && d;
}

/* "kernels/x_fuzz.c" -> "kernels/corpus/x" */
static void fuzz_corpus(const char *source, char *path, size_t len)
{
	const char *slash = strrchr(source, '/'), *name = slash ? slash + 1 : source;
	const char *suffix = strstr(name, "_fuzz.c");

	snprintf(path, len, "%.*scorpus/%.*s", (int)(name - source), source,
		 (int)(suffix ? suffix - name : (long)strlen(name)), name);
}

int main(int argc, char **argv)
{
	char corpus[1024];
	int files = 0;
	bool ok = true;

	fuzz_corpus(__BASE_FILE__, corpus, sizeof corpus);
	if (argc < 2)
		ok = fuzz_directory(corpus, &files);
	for (int i = 1; i < argc; i++, files++)
		ok &= fuzz_file(argv[i]);
	printf("%d checks passed, %d failed\n", files, !ok || !files);
	return ok && files ? 0 : 1;
}

#endif
#endif
