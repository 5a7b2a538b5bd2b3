/* The page for a browser: what is live, as HTML. Made once for each site; what a request adds is the name
 * that the server was asked by. */
#ifndef PB_DIALECT_PAGE_H
#define PB_DIALECT_PAGE_H

#include "dialect/dialect.h"
#include "wire/http_reply.h"

/* Titles that the page lists; of more the newest. */
enum { PAGE_TITLES_MAX = 1000, PAGE_HOST_MAX = 255, PAGE_HOSTS = 8 };

struct page;

/* Makes the page, in the site's arena. `settings`: one for each dialect, from settings_make. */
PB_MUST_USE int page_make(const struct dialect *const *all, void *const *settings, struct site *site,
                          struct pb_error *err);

/* The page as it was asked for. */
struct page_text {
    char etag[HTTP_ETAG];
    char host[PAGE_HOST_MAX + 1];
    size_t size;
    char text[];
};

/* Texts that are made already, so that a crowd at one page shares its memory. Zeroed at first; used from
 * several threads. */
struct page_texts {
    struct page_text *slots[PAGE_HOSTS]; /* atomic */
};

/* The page for who asked for `host` (the Host header; anything). Of hosts that can't be, and of more hosts
 * than there are slots, it says HOST. Valid until page_texts_free. NULL when memory is out. */
const struct page_text *page_text_for(struct page_texts *t, const struct page *p, struct slice host);
void page_texts_free(struct page_texts *t);

#endif
