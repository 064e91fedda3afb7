/* SPDX-License-Identifier: MIT
 *
 * Can this file be locked, so that many processes may write to it? Asked before SQLite opens it:
 * where locks do nothing, two writers would damage the file and nobody would notice. And waiting
 * for a lock.
 */
#include "db_int.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/vfs.h>
#include <time.h>
#include <unistd.h>

const char *db_fs_is_shared(unsigned long fs_type)
{
	/* linux/magic.h and the file systems' own headers */
	static const struct {
		unsigned long type;
		const char *name;
	} shared[] = {
		{ 0x6969, "NFS" },	 { 0x517b, "SMB" },
		{ 0xff534d42, "CIFS" },	 { 0xfe534d42, "SMB" },
		{ 0x0bd00bd0, "Lustre" }, { 0x47504653, "GPFS" },
		{ 0x00c36400, "Ceph" },	 { 0x19830326, "BeeGFS" },
		{ 0x20030528, "OrangeFS" }, { 0x5346414f, "AFS" },
		{ 0x73757245, "Coda" },	 { 0x01021997, "9p" },
		{ 0x65735546, "FUSE" }, /* sshfs, virtiofs, ... */
	};

	for (size_t i = 0; i < sizeof(shared) / sizeof(shared[0]); i++)
		if ((fs_type & 0xffffffff) == shared[i].type)
			return shared[i].name;
	return NULL;
}

/* The shared file system that the file, or its directory, is on, or NULL. */
static const char *shared_file_system(const struct db *db)
{
	char dir[4096];
	struct statfs fs;

	db_directory_of(db->path, dir, sizeof(dir));
	if (statfs(db->path, &fs) && statfs(dir, &fs))
		return NULL;
	return db_fs_is_shared((unsigned long)fs.f_type);
}

/* Locks a file of its own in the same directory: to close the database itself would drop the locks
 * that this process holds there. 0, or the errno of the lock; other failures show later. */
static int try_lock(const struct db *db)
{
	struct flock lock = { .l_type = F_WRLCK, .l_whence = SEEK_SET, .l_len = 1 };
	char path[4200];
	int fd, why = 0;

	snprintf(path, sizeof(path), "%.4000s.lock-XXXXXX", db->path);
	fd = mkstemp(path);
	if (fd < 0)
		return 0;
	unlink(path);
	if (fcntl(fd, F_SETLK, &lock))
		why = errno;
	close(fd);
	return why;
}

/* 1 trusted, 0 not to be trusted, -1 not said, or the code of a wrong word. */
static int user_says(struct db *db)
{
	const char *word = getenv("BENCH_DB_LOCKING");

	if (!word || !*word || strcmp(word, "auto") == 0)
		return -1;
	if (strcmp(word, "yes") == 0 || strcmp(word, "no") == 0)
		return *word == 'y';
	return db_fail(db, DB_ERR_INPUT, "BENCH_DB_LOCKING is \"%.40s\"; it takes auto, yes (locks "
		       "of this file system can be trusted) or no", word);
}

int db_look_at_locks(struct db *db)
{
	const char *name = shared_file_system(db);
	int said = user_says(db), why;

	db->rollback_journal = name != NULL;
	if (said < -1)
		return said;
	if (said == 0)
		return db_fail(db, DB_ERR_NOLOCK, "BENCH_DB_LOCKING=no says that %s cannot be "
			       "locked", db->path);
	if (said < 0 && name)
		return db_fail(db, DB_ERR_NOLOCK, "%s is on a shared file system (%s), where locks "
			       "often do nothing", db->path, name);
	why = try_lock(db);
	return !why ? 0 :
		      db_fail(db, DB_ERR_NOLOCK,
			      "%s is on a file system that cannot lock files "
			      "(%s)",
			      db->path, strerror(why));
}

static int64_t monotonic_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

int db_wait_for_lock(void *arg, int count)
{
	struct db *db = arg;
	int64_t now = monotonic_ns(), longest_ns = 100000ll << (count < 6 ? count : 6);
	struct timespec pause = { 0 };

	if (count == 0)
		db->busy_since_ns = now;
	if (now - db->busy_since_ns > DB_BUSY_MS * 1000000ll)
		return 0;
	/* The clock's last digits keep waiters out of step. */
	pause.tv_nsec = (long)(longest_ns / 2 + now % (longest_ns / 2));
	nanosleep(&pause, NULL);
	return 1;
}
