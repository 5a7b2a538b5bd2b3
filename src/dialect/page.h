/* The page for a browser: what is live, as HTML. Made once for each site; what a request adds is the name
 * that the server was asked by. */
#ifndef PB_DIALECT_PAGE_H
#define PB_DIALECT_PAGE_H

#include "dialect/dialect.h"

/* Titles that the page lists; of more the newest. */
enum { PAGE_TITLES_MAX = 1000 };

struct page;

/* Makes the page, in the site's arena. `settings`: one for each dialect, from settings_make. */
PB_MUST_USE int page_make(const struct dialect *const *all, void *const *settings, struct site *site,
                          struct pb_error *err);

/* The page as answered to who asked for `host` (the Host header; anything). malloc'd; NULL when memory is
 * out. */
char *page_render(const struct page *p, struct slice host, size_t *n);

/* Changes with the page; in quotes. */
const char *page_etag(const struct page *p);

#endif
