/* SPDX-License-Identifier: MIT
 *
 * The spool: a JSON Lines file that catches what a database cannot take, and, where the file system
 * cannot lock, everything. Then the handle works on a copy of the database in memory, to which
 * what this and other processes have spooled is added, so that callers need not know.
 */
#define _GNU_SOURCE /* F_OFD_SETLK: locks of a descriptor, not of a process */
#include "db_records.h"

#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define LOCK_TRIES 500 /* of 10 ms */

/* ---- a line ---- */

/* Returns how many bytes were written; fewer than n: errno says why. */
static size_t write_all(int fd, const char *data, size_t n)
{
	size_t at = 0;

	while (at < n) {
		ssize_t done = write(fd, data + at, n - at);

		if (done < 0 && errno == EINTR)
			continue;
		if (done <= 0)
			break;
		at += (size_t)done;
	}
	return at;
}

/* Keeps other appenders out until the descriptor is closed. Where files cannot be locked, or
 * somebody stands still with the lock, it goes on without: see take_back(). */
static void lock_file(int fd)
{
	struct flock lock = { .l_type = F_WRLCK, .l_whence = SEEK_SET };
	struct timespec pause = { .tv_nsec = 10000000 };

	for (int i = 0; i < LOCK_TRIES; i++) {
		if (fcntl(fd, F_OFD_SETLK, &lock) == 0 || (errno != EAGAIN && errno != EACCES))
			return;
		nanosleep(&pause, NULL);
	}
}

/* Cuts off what was written last, unless somebody else has appended since (he had no lock). */
static void take_back(int fd, size_t written)
{
	off_t end = lseek(fd, 0, SEEK_CUR); /* behind the last write, wherever that went */

	if (written && lseek(fd, 0, SEEK_END) == end && ftruncate(fd, end - (off_t)written))
		return; /* a line that is no JSON: the import will name it */
}

/* One write() of a whole line under a lock, so that many processes may append to one file; a line
 * that could not be written whole is taken back. Takes the descriptor. */
static int append_line(struct db *db, int fd, const char *path, const char *line, size_t n)
{
	size_t written;
	int why;

	if (fd < 0)
		return db_fail(db, DB_ERR_PATH, "cannot write the result to %s: %s", path,
			       strerror(errno));
	lock_file(fd);
	written = write_all(fd, line, n);
	if (written < n || fsync(fd)) {
		why = errno;
		take_back(fd, written);
		close(fd);
		return db_fail(db, why == ENOSPC || why == EFBIG ? DB_ERR_FULL : DB_ERR_IO,
			       "cannot write the result to %s: %s", path, strerror(why));
	}
	close(fd);
	return 0;
}

static int append_to(struct db *db, const char *path, const char *line, size_t n)
{
	return append_line(db, open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666), path,
			   line, n);
}

/* A new file in the temporary directory, which becomes the spool when that went well. */
static int append_elsewhere(struct db *db, const char *line, size_t n)
{
	const char *tmp = getenv("TMPDIR"), *name = strrchr(db->path, '/');
	char *path = sqlite3_mprintf("%s/%s.spool.XXXXXX.jsonl", tmp && *tmp ? tmp : "/tmp",
				     name ? name + 1 : db->path);
	int rc = path ? append_line(db, mkstemps(path, 6), path, line, n) :
		 DB_ERR_NOMEM;

	if (rc) {
		if (path)
			unlink(path);
		sqlite3_free(path);
		return rc;
	}
	sqlite3_free(db->spool_path);
	db->spool_path = path;
	return 0;
}

/* Takes the reference. path NULL: beside the database, or in the temporary directory. */
static int spool_json(struct db *db, const char *path, json_t *json)
{
	char *line = json ? json_dumps(json, DB_DUMP_FLAGS) : NULL, first[sizeof(db->msg)];
	size_t n;
	int rc;

	json_decref(json);
	if (!line)
		return db_fail(db, DB_ERR_NOMEM, "there is not enough memory to write the result "
			       "to %s", path ? path : db->spool_path);
	n = strlen(line);
	line[n++] = '\n'; /* in place of the final 0 */
	rc = append_to(db, path ? path : db->spool_path, line, n);
	if (rc && !path) {
		memcpy(first, db->msg, sizeof(first));
		if (append_elsewhere(db, line, n))
			memcpy(db->msg, first, sizeof(first));
		else
			rc = 0;
	}
	free(line);
	return rc;
}

int db_spool_run(struct db *db, const char *path, struct db_run *run)
{
	if (!*run->uuid)
		db_uuid(run->uuid);
	if (!*run->session.uuid)
		db_uuid(run->session.uuid);
	return spool_json(db, path, db_run_to_json(run));
}

/* ---- instead of a database ---- */

const char *db_spooling(const struct db *db)
{
	return db->spooling ? db->spool_why : NULL;
}

int db_spooled(struct db *db, json_t *(*to_json)(const void *obj), const void *obj)
{
	return db->spooling && !db->replaying ? spool_json(db, NULL, to_json(obj)) : 0;
}

/* Errors do not matter: what cannot be read cannot be referred to, and that is then said. */
void db_replay_spools(struct db *db)
{
	char *pattern = sqlite3_mprintf("%s.spool*.jsonl", db->path);
	glob_t found = { 0 };

	db->replaying = true;
	if (pattern && glob(pattern, 0, NULL, &found) == 0)
		for (size_t i = 0; i < found.gl_pathc; i++)
			db_import(db, found.gl_pathv[i], NULL);
	db->replaying = false;
	globfree(&found);
	sqlite3_free(pattern);
}

/* One file per machine, since a shared file system may lose what two of them append at once. */
static char *spool_of_this_machine(const struct db *db)
{
	char host[65] = "";

	gethostname(host, sizeof(host) - 1);
	for (char *p = host; *p; p++)
		if (!strchr("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_", *p))
			*p = '_';
	return sqlite3_mprintf("%s.spool.%s.jsonl", db->path, host);
}

static int prove_writable(struct db *db)
{
	char dir[4096];

	db_directory_of(db->path, dir, sizeof(dir));
	if (access(db->spool_path, F_OK) ? !access(dir, W_OK | X_OK) :
					   !access(db->spool_path, W_OK))
		return 0;
	return db_fail(db, errno == ENOENT ? DB_ERR_PATH : DB_ERR_READONLY,
		       "%s, and %s cannot be written either: %s; name another file", db->spool_why,
		       db->spool_path, strerror(errno));
}

int db_start_spooling(struct db *db)
{
	char *path = spool_of_this_machine(db);

	if (!path)
		return db_fail(db, DB_ERR_NOMEM, "there is not enough memory to open a database");
	sqlite3_free(db->spool_path);
	db->spool_path = path;
	snprintf(db->spool_why, sizeof(db->spool_why), "%.500s", db->msg);
	db->spooling = true;
	return prove_writable(db);
}
