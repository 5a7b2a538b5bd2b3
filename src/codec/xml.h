/*
 * XML as a list of events. expat reads the document, so that this can be done apart from those who use what
 * it says (base/child.h); the list is simple enough to be read with little code. No document type, so no
 * entities.
 */
#ifndef PB_CODEC_XML_H
#define PB_CODEC_XML_H

#include "base/bytes.h"

enum { XML_DEPTH_MAX = 16, XML_ATTRIBUTES_MAX = 32 };

/* Appends the events of a document to `out`: a child_convert_fn. PB_INVALID with the line: it is not
 * well-formed, has a document type, or is nested too deep. An element's further attributes are left out. */
PB_MUST_USE int xml_events(struct slice xml, struct buffer *out, struct pb_error *err);

/* The longest list that a document of n bytes can have. */
size_t xml_events_most(size_t n);

enum xml_kind { XML_START = 'S', XML_END = 'E', XML_TEXT = 'T' };

struct xml_event {
    enum xml_kind kind;
    uint32_t line;
    struct slice text;                                  /* of XML_TEXT */
    const char *name;                                   /* of an element */
    const char *attributes[2 * XML_ATTRIBUTES_MAX + 1]; /* name, value, …, NULL */
};

/* Takes the next event off the list. 1: there was one, whose strings point into the list. 0: it is over.
 * PB_DAMAGED: it is no such list. */
int xml_event_next(struct slice *events, struct xml_event *out);

#endif
