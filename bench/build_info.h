/* SPDX-License-Identifier: MIT
 *
 * Which program this is. The values come from the Makefile through one generated header, so that
 * only build_info.c is compiled anew when they change.
 */
#ifndef BENCH_BUILD_INFO_H
#define BENCH_BUILD_INFO_H

struct build_info {
	const char *version;
	const char *git_revision, *git_branch; /* "" outside a repository */
	int git_dirty;
	const char *compiler, *flags;
};

extern const struct build_info build_info;

#endif
