/* SPDX-License-Identifier: MIT */
#include "scope.h"

#include <stdlib.h>
#include <string.h>

#include "err.h"

static struct scope *scope_new(struct scope *parent, const char *name, int id)
{
	struct scope *s = calloc(1, sizeof *s);
	size_t before = parent && *parent->path ? strlen(parent->path) + 1 : 0;

	die_if(!s, "out of memory");
	s->parent = parent;
	s->id = id;
	s->path = malloc(before + strlen(name) + 1);
	die_if(!s->path, "out of memory");
	if (before) {
		memcpy(s->path, parent->path, before - 1);
		s->path[before - 1] = '.';
	}
	strcpy(s->path + before, name);
	s->name = s->path + before;
	return s;
}

struct scope *scope_root_new(void)
{
	return scope_new(NULL, "", 0);
}

void scope_root_free(struct scope *s)
{
	while (s) {
		struct scope *next = s->next;
		scope_root_free(s->child);
		free(s->params);
		free(s->path);
		free(s);
		s = next;
	}
}


/* The counter of ids lives in the root as its own id: number of scopes made so far below it. */
static int next_id(struct scope *s)
{
	while (s->parent)
		s = s->parent;
	return ++s->id;
}

static struct scope *append_child(struct scope *s, const char *name)
{
	struct scope *made = scope_new(s, name, next_id(s)), **at = &s->child;

	while (*at)
		at = &(*at)->next;
	return *at = made;
}

struct scope *scope_child(struct scope *s, const char *name)
{
	struct scope *guess = s->cursor && s->cursor->next ? s->cursor->next : s->child;

	if (!guess || strcmp(guess->name, name) != 0)
		for (guess = s->child; guess && strcmp(guess->name, name) != 0;)
			guess = guess->next;
	if (!guess)
		guess = append_child(s, name);
	return s->cursor = guess;
}
