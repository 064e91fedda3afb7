/* SPDX-License-Identifier: MIT */
#include "pairs_record.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "record.h"

/* A failure to record is said once; the measurement goes on. */
static void complain(struct pairs *p, const char *sentence)
{
	if (!p->complained)
		progress_say(p->plan.progress, "warning: not all is recorded: %s", sentence);
	p->complained = true;
}

static struct db_session session_of(struct pairs *p, char *argv, int exit_code)
{
	struct db_session s = { .argv = argv, .purpose = p->plan.purpose,
				.started_unix_ns = p->started_unix_ns, .exit_code = exit_code };

	memcpy(s.uuid, p->session, sizeof s.uuid);
	if (exit_code >= 0)
		s.ended_unix_ns = db_now_unix_ns();
	return s;
}

static int put_session(struct pairs *p, int exit_code)
{
	char *argv = command_line();
	struct db_session s = session_of(p, argv, exit_code);
	int rc = db_put_session(p->db, &s);

	memcpy(p->session, s.uuid, sizeof p->session);
	free(argv);
	return rc;
}

int pairs_record_begin(struct pairs *p, struct err *e)
{
	if (!p->plan.db)
		return 0;
	p->started_unix_ns = db_now_unix_ns();
	if (db_open(&p->db, p->plan.db, DB_CREATE) || put_session(p, -1))
		return err_set(e, ERR_DB, "%s", db_error(p->db));
	for (int arm = 0; arm < ARMS; arm++)
		if (child_is_foreign(p->plan.arm[arm].binary))
			snprintf(p->foreign_db[arm], sizeof p->foreign_db[arm], "%s.%c-%d",
				 p->plan.db, 'A' + arm, (int)getpid());
	return 0;
}

const char *pairs_record_path(const struct pairs *p, int arm)
{
	return *p->foreign_db[arm] ? p->foreign_db[arm] : p->plan.db;
}

static void add_to_session(struct pairs *p, int row, int arm, int block, const char *uuid)
{
	struct db_arm_run link = { .session = p->session, .run = uuid,
				   .row_name = p->plan.row[row].name,
				   .arm = block < 0 ? "W" : arm == ARM_A ? "A" : "B",
				   .block = block < 0 ? 0 : block, .ord = p->order };

	if (db_session_add_run(p->db, &link))
		complain(p, db_error(p->db));
}

void pairs_record_run(struct pairs *p, int row, int arm, int block,
		      const struct child_result *child)
{
	if (!p->db || !*child->uuid)
		return;
	if (*p->foreign_db[arm] && db_merge(p->db, p->foreign_db[arm], NULL)) {
		complain(p, db_error(p->db));
		p->keep_foreign[arm] = true;
		return;
	}
	add_to_session(p, row, arm, block, child->uuid);
}

/* The file and what SQLite puts beside it. */
static void remove_database(const char *path)
{
	static const char *const ends[] = { "", "-wal", "-shm", "-journal" };
	char name[1100];

	for (size_t i = 0; i < sizeof ends / sizeof *ends; i++) {
		snprintf(name, sizeof name, "%s%s", path, ends[i]);
		unlink(name);
	}
}

void pairs_record_end(struct pairs *p, int exit_code)
{
	if (p->db && *p->session && put_session(p, exit_code))
		complain(p, db_error(p->db));
	for (int arm = 0; arm < ARMS; arm++) {
		if (!*p->foreign_db[arm])
			continue;
		if (p->keep_foreign[arm])
			progress_say(p->plan.progress, "the runs of %s are in %s",
				     p->plan.arm[arm].name, p->foreign_db[arm]);
		else
			remove_database(p->foreign_db[arm]);
	}
	db_close(p->db);
	p->db = NULL;
}
