/* Blocks in a list; an allocation larger than a block gets one of its own. */
#include "base/arena.h"

#include <stdarg.h>
#include <stdio.h>

enum { ARENA_BLOCK = 16 * 1024 };

struct arena_block {
    struct arena_block *before;
    size_t room;
    max_align_t data[];
};

void arena_init(struct arena *a, size_t ceiling)
{
    *a = (struct arena){.ceiling = ceiling};
}

void arena_free(struct arena *a)
{
    for (struct arena_block *b = a->last; b != NULL;) {
        struct arena_block *before = b->before;
        free(b);
        b = before;
    }
    *a = (struct arena){0};
}

void arena_clear(struct arena *a)
{
    struct arena_block *keep = a->last != NULL && a->last->room == ARENA_BLOCK ? a->last : NULL;
    size_t ceiling = a->ceiling;
    if (keep != NULL) {
        a->last = keep->before;
        keep->before = NULL;
    }
    arena_free(a);
    *a = (struct arena){.last = keep, .total = keep != NULL ? keep->room : 0, .ceiling = ceiling};
}

static void *arena_take(struct arena *a, size_t n, size_t align)
{
    size_t start = (a->used + align - 1) & ~(align - 1);
    if (a->last == NULL || start > a->last->room || n > a->last->room - start) {
        size_t room = n > ARENA_BLOCK ? n : ARENA_BLOCK;
        if (room > SIZE_MAX - sizeof(struct arena_block))
            return NULL;
        if (a->ceiling != 0 && room > a->ceiling - a->total)
            return NULL;
        struct arena_block *b = malloc(sizeof *b + room);
        if (b == NULL)
            return NULL;
        b->before = a->last;
        b->room = room;
        a->last = b;
        a->total += room;
        start = 0;
    }
    a->used = start + n;
    return (char *)a->last->data + start;
}

void *arena_zero(struct arena *a, size_t n)
{
    void *p = arena_take(a, n, _Alignof(max_align_t));
    if (p != NULL)
        memset(p, 0, n);
    return p;
}

char *arena_room(struct arena *a, size_t n)
{
    return arena_take(a, n, 1);
}

char *arena_copy(struct arena *a, const void *p, size_t n)
{
    char *copy = arena_take(a, n + 1, 1);
    if (copy != NULL) {
        if (n > 0)
            memcpy(copy, p, n);
        copy[n] = '\0';
    }
    return copy;
}

char *arena_text(struct arena *a, const char *text)
{
    return arena_copy(a, text, strlen(text));
}

char *arena_format(struct arena *a, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    int n = vsnprintf(NULL, 0, format, args);
    va_end(args);
    char *text = n < 0 ? NULL : arena_take(a, (size_t)n + 1, 1);
    if (text == NULL)
        return NULL;
    va_start(args, format);
    vsnprintf(text, (size_t)n + 1, format, args);
    va_end(args);
    return text;
}

char *arena_path(struct arena *a, const char *folder, const char *name)
{
    size_t before = strlen(folder), n = strlen(name);
    char *path = arena_take(a, before + 1 + n + 1, 1);
    if (path == NULL)
        return NULL;
    memcpy(path, folder, before);
    path[before] = n > 0 ? '/' : '\0';
    memcpy(path + before + 1, name, n);
    path[before + 1 + n] = '\0';
    return path;
}

void *arena_grow(struct arena *a, void *items, size_t n, size_t *room, size_t size)
{
    enum { ROOM_FIRST = 64 };
    if (n < *room)
        return items;
    size_t more = *room == 0 ? ROOM_FIRST : *room * 2;
    void *made = arena_zero(a, more * size);
    if (made == NULL)
        return NULL;
    if (n > 0)
        memcpy(made, items, n * size);
    *room = more;
    return made;
}
