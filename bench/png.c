/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <png.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "output.h"

int png_write(const char *path, int width, int height, const unsigned char *rgb, struct err *e)
{
	png_image image = { .version = PNG_IMAGE_VERSION, .width = (png_uint_32)width,
			    .height = (png_uint_32)height, .format = PNG_FORMAT_RGB };
	FILE *f = fopen(path, "wb");
	int good;

	if (!f)
		return err_set(e, ERR_FAILED, "%s cannot be written: %s", path, strerror(errno));
	errno = 0;
	good = png_image_write_to_stdio(&image, f, 0, rgb, 0, NULL);
	if (fclose(f) == 0 && good)
		return 0;
	err_set(e, ERR_FAILED, "%s cannot be written: %s", path,
		errno ? strerror(errno) : image.message);
	unlink(path);
	return -ERR_FAILED;
}
