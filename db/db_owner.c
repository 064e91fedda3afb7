/* SPDX-License-Identifier: MIT
 *
 * Which process is running a run, to tell a run that goes on from one whose process was killed.
 */
#include "db_rows.h"

#include <string.h>
#include <unistd.h>

/* "boot pid start": a pid alone may be another process by now. False without /proc. */
static bool process_identity(long pid, char out[96])
{
	char path[64], boot[40] = "", stat[1024], *end;
	unsigned long long start;
	FILE *f = fopen("/proc/sys/kernel/random/boot_id", "r");
	size_t n;

	if (!f)
		return false;
	n = fread(boot, 1, 36, f);
	fclose(f);
	snprintf(path, sizeof(path), "/proc/%ld/stat", pid);
	f = n == 36 ? fopen(path, "r") : NULL;
	if (!f)
		return false;
	n = fread(stat, 1, sizeof(stat) - 1, f);
	fclose(f);
	stat[n] = 0;
	/* Field 22, counted from after the name, which may hold spaces and parentheses. */
	end = strrchr(stat, ')');
	if (!end || sscanf(end + 1, " %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %*u %*u %*d %*d "
			   "%*d %*d %*d %*d %llu", &start) != 1)
		return false;
	snprintf(out, 96, "%s %ld %llu", boot, pid, start);
	return true;
}

bool db_owner_self(char out[96])
{
	return process_identity(getpid(), out);
}

static bool is_alive(const char *owner)
{
	char now[96];
	long pid;

	return sscanf(owner, "%*s %ld", &pid) == 1 && process_identity(pid, now) &&
	       strcmp(now, owner) == 0;
}

/* `running` rows of this machine whose process is gone. Another container's process cannot be
 * seen from here and counts as gone; its own db_put_run puts that right. */
int db_mark_killed(struct db *db, int64_t host_id)
{
	sqlite3_stmt *stmt;
	int rc = db_prepare(db, &stmt, "SELECT run_id, owner FROM run WHERE status = 'running' AND "
			    "host_id = %lld", (long long)host_id);

	while (!rc && sqlite3_step(stmt) == SQLITE_ROW) {
		const char *owner = (const char *)sqlite3_column_text(stmt, 1);

		if (!owner || !is_alive(owner))
			rc = db_exec(
				db, STORING,
				"UPDATE run SET status = 'killed', owner = NULL, "
				"status_msg = 'the process was gone before the run ended (killed, "
				"out of memory, or power lost)' WHERE run_id = %lld",
				(long long)sqlite3_column_int64(stmt, 0));
	}
	sqlite3_finalize(stmt);
	return rc;
}
