/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE
#include "interrupt.h"

volatile sig_atomic_t interrupt_flag;

/* The default action is back after the first one (SA_RESETHAND), so the second one kills. */
static void on_signal(int number)
{
	(void)number;
	interrupt_flag = 1;
}

void interrupt_catch(void)
{
	struct sigaction action = { .sa_handler = on_signal, .sa_flags = (int)SA_RESETHAND };

	sigaction(SIGINT, &action, NULL);
	sigaction(SIGTERM, &action, NULL);
}

bool interrupted(void)
{
	return interrupt_flag;
}
