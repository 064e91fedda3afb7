/* SPDX-License-Identifier: MIT */
#include "build_info.h"

#include "build_values.h"

const struct build_info build_info = {
	.version = BUILD_VERSION,
	.git_revision = BUILD_GIT_REVISION,
	.git_branch = BUILD_GIT_BRANCH,
	.git_dirty = BUILD_GIT_DIRTY,
	.compiler = BUILD_COMPILER,
	.flags = BUILD_FLAGS,
};
