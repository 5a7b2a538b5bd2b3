/* Attributes of a release as JSON. */
#include "dialect/escape/release.h"

#include <jansson.h>

char *es_attributes_emit(const struct es_attributes *a)
{
    json_t *o = json_object(), *aliases = json_array();
    int bad = o == NULL || aliases == NULL;
    for (size_t i = 0; i < a->alias_count; i++)
        bad |= json_array_append_new(aliases, json_string(a->aliases[i]));
    bad |= json_object_set_new(o, "kind", json_string(a->collection ? "collection" : "upgrade"));
    bad |= json_object_set_new(o, "title", json_string(a->title));
    bad |= json_object_set_new(o, "version", json_integer((json_int_t)a->version));
    bad |= json_object_set_new(o, "aliases", aliases);
    if (a->listed_title != NULL)
        bad |= json_object_set_new(o, "listed_title", json_string(a->listed_title));
    if (a->listed_version != 0)
        bad |= json_object_set_new(o, "listed_version", json_integer((json_int_t)a->listed_version));
    if (a->position != 0)
        bad |= json_object_set_new(o, "position", json_integer(a->position));
    char *text = bad ? NULL : json_dumps(o, JSON_COMPACT | JSON_SORT_KEYS);
    json_decref(o);
    return text;
}

static int aliases_parse(json_t *list, struct arena *arena, struct es_attributes *out)
{
    size_t i;
    json_t *alias;
    json_array_foreach(list, i, alias)
    {
        const char *text = json_string_value(alias);
        if (text == NULL || out->alias_count == ES_ALIASES_MAX || !es_name_ok(slice_of(text), NULL))
            return PB_DAMAGED;
        out->aliases[out->alias_count++] = arena_text(arena, text);
        if (out->aliases[out->alias_count - 1] == NULL)
            return PB_NO_MEMORY;
    }
    return PB_OK;
}

/* The collection's line in COLLECTIONS, where it differs from what follows from the rest. */
static int listed_parse(json_t *o, struct arena *arena, struct es_attributes *out)
{
    const char *title = json_string_value(json_object_get(o, "listed_title"));
    json_int_t version = json_integer_value(json_object_get(o, "listed_version"));
    json_int_t position = json_integer_value(json_object_get(o, "position"));
    if (version < 0 || version > ES_NUMBER_MAX || position < 0 || position > ES_NUMBER_MAX)
        return PB_DAMAGED;
    out->listed_version = (uint64_t)version;
    out->position = (unsigned)position;
    out->listed_title = title != NULL ? arena_text(arena, title) : NULL;
    return title != NULL && out->listed_title == NULL ? PB_NO_MEMORY : PB_OK;
}

int es_attributes_parse(const char *json, struct arena *arena, struct es_attributes *out,
                        struct pb_error *err)
{
    json_t *o = json_loads(json, 0, NULL);
    const char *kind = json_string_value(json_object_get(o, "kind"));
    const char *title = json_string_value(json_object_get(o, "title"));
    json_int_t version = json_integer_value(json_object_get(o, "version"));
    *out = (struct es_attributes){0};
    int rc = kind == NULL || title == NULL || version < 0
                 ? PB_DAMAGED
                 : aliases_parse(json_object_get(o, "aliases"), arena, out);
    if (rc == PB_OK) {
        out->collection = strcmp(kind, "collection") == 0;
        out->title = arena_text(arena, title);
        out->version = (uint64_t)version;
        rc = out->title == NULL ? PB_NO_MEMORY : listed_parse(o, arena, out);
    }
    json_decref(o);
    return rc == PB_DAMAGED     ? error_set(err, rc, "the release's attributes are damaged")
           : rc == PB_NO_MEMORY ? error_memory(err)
                                : PB_OK;
}
