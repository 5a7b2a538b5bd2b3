/* The page of GET /publish, publish_form.html. scripts/embed-form makes it at build time. */
#ifndef PB_SERVE_REPORT_PUBLISH_FORM_H
#define PB_SERVE_REPORT_PUBLISH_FORM_H

#include <stddef.h>

struct publish_form {
    const unsigned char *bytes;
    size_t n;
    const char
        *policy; /* Content-Security-Policy: its own script and style, by their hashes, and nothing else */
};
extern const struct publish_form publish_form;

#endif
