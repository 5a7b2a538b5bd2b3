/* Each event is its kind, the line (32 bits, little-endian) and strings that end with a NUL, which XML has
 * none of. A start tag's last string is empty, as no attribute's name is. */
#include "codec/xml.h"

#include <expat.h>

struct writing {
    XML_Parser parser;
    struct buffer *out;
    struct pb_error *err;
    int status;
    int depth;
};

static void fail(struct writing *w, int status, const char *what)
{
    if (w->status == PB_OK)
        w->status = error_set(w->err, status, "line %lu: %s",
                              (unsigned long)XML_GetCurrentLineNumber(w->parser), what);
    XML_StopParser(w->parser, XML_FALSE);
}

static void string(struct writing *w, const char *text)
{
    if (!buffer_append(w->out, text, strlen(text) + 1))
        fail(w, PB_INVALID, "the document says too much");
}

static void begin(struct writing *w, enum xml_kind kind)
{
    char head[5] = {(char)kind};
    put_le32(head + 1, (uint32_t)XML_GetCurrentLineNumber(w->parser));
    if (!buffer_append(w->out, head, sizeof head))
        fail(w, PB_INVALID, "the document says too much");
}

static void on_start(void *data, const char *element, const char **attributes)
{
    struct writing *w = data;
    if (++w->depth > XML_DEPTH_MAX) {
        fail(w, PB_INVALID, "elements are nested too deep");
        return;
    }
    begin(w, XML_START);
    string(w, element);
    for (size_t i = 0; attributes[i] != NULL && i < 2 * (size_t)XML_ATTRIBUTES_MAX; i++)
        string(w, attributes[i]);
    string(w, "");
}

static void on_end(void *data, const char *element)
{
    struct writing *w = data;
    w->depth--;
    begin(w, XML_END);
    string(w, element);
}

static void on_text(void *data, const char *text, int n)
{
    struct writing *w = data;
    begin(w, XML_TEXT);
    if (!buffer_append(w->out, text, (size_t)n) || !buffer_append(w->out, "", 1))
        fail(w, PB_INVALID, "the document says too much");
}

static void on_doctype(void *data, const char *name, const char *system, const char *public, int internal)
{
    (void)name, (void)system, (void)public, (void)internal;
    fail(data, PB_INVALID, "a document type is not allowed");
}

int xml_events(struct slice xml, struct buffer *out, struct pb_error *err)
{
    struct writing w = {.parser = XML_ParserCreate(NULL), .out = out, .err = err};
    if (w.parser == NULL)
        return error_memory(err);
    XML_SetUserData(w.parser, &w);
    XML_SetElementHandler(w.parser, on_start, on_end);
    XML_SetCharacterDataHandler(w.parser, on_text);
    XML_SetStartDoctypeDeclHandler(w.parser, on_doctype);
    if (XML_Parse(w.parser, xml.p, (int)xml.n, XML_TRUE) != XML_STATUS_OK && w.status == PB_OK)
        w.status = error_set(err, PB_INVALID, "line %lu: not well-formed XML: %s",
                             (unsigned long)XML_GetCurrentLineNumber(w.parser),
                             XML_ErrorString(XML_GetErrorCode(w.parser)));
    if (w.status < 0 && (out->starved || XML_GetErrorCode(w.parser) == XML_ERROR_NO_MEMORY))
        w.status = error_memory(err); /* no fault of the document's */
    XML_ParserFree(w.parser);
    return w.status;
}

/* "<a/>" has five bytes and makes two events of at least seven; text comes at worst a byte an event. */
size_t xml_events_most(size_t n)
{
    return 8 * n + 64;
}

/* NULL: the list is cut off. */
static const char *string_take(struct slice *events, size_t *n)
{
    const char *text = events->p, *end = events->n > 0 ? memchr(text, '\0', events->n) : NULL;
    if (end == NULL)
        return NULL;
    *n = (size_t)(end - text);
    events->p += *n + 1;
    events->n -= *n + 1;
    return text;
}

static bool attributes_take(struct slice *events, struct xml_event *out)
{
    for (size_t i = 0;; i++) {
        size_t n;
        const char *text = string_take(events, &n);
        if (text == NULL)
            return false;
        if (n == 0 && i % 2 == 0) {
            out->attributes[i] = NULL;
            return true;
        }
        if (i == 2 * (size_t)XML_ATTRIBUTES_MAX)
            return false;
        out->attributes[i] = text;
    }
}

int xml_event_next(struct slice *events, struct xml_event *out)
{
    size_t n;
    if (events->n == 0)
        return 0;
    if (events->n < 5)
        return PB_DAMAGED;
    *out = (struct xml_event){.kind = (enum xml_kind)events->p[0], .line = get_le32(events->p + 1)};
    events->p += 5;
    events->n -= 5;
    out->name = string_take(events, &n);
    if (out->name == NULL)
        return PB_DAMAGED;
    switch (out->kind) {
    case XML_TEXT:
        out->text = (struct slice){out->name, n};
        return 1;
    case XML_END:
        return 1;
    case XML_START:
        return attributes_take(events, out) ? 1 : PB_DAMAGED;
    }
    return PB_DAMAGED;
}
