/* URLs through libcurl. */
#include "fetch/url.h"

#include <curl/curl.h>

/* A part of the URL, copied into the arena; NULL when it is not there. */
static const char *part_copy(CURLU *u, CURLUPart which, unsigned flags, struct arena *a)
{
    char *text = NULL;
    if (curl_url_get(u, which, &text, flags) != CURLUE_OK)
        return NULL;
    const char *copy = arena_text(a, text);
    curl_free(text);
    return copy;
}

int url_parse(const char *text, struct arena *a, struct url *out, struct pb_error *err)
{
    CURLU *u = curl_url();
    if (u == NULL)
        return error_memory(err);
    *out = (struct url){0};
    CURLUcode code = curl_url_set(u, CURLUPART_URL, text, CURLU_NON_SUPPORT_SCHEME);
    if (code == CURLUE_OK) {
        const char *port = part_copy(u, CURLUPART_PORT, 0, a);
        const char *path = part_copy(u, CURLUPART_PATH, CURLU_URLDECODE, a);
        out->scheme = part_copy(u, CURLUPART_SCHEME, 0, a);
        out->host = part_copy(u, CURLUPART_HOST, 0, a);
        out->port = port != NULL ? (uint16_t)strtoul(port, NULL, 10) : 0;
        out->path = path != NULL && path[0] == '/' ? path + 1 : path;
    }
    curl_url_cleanup(u);
    if (code != CURLUE_OK || out->scheme == NULL || out->host == NULL || out->host[0] == '\0' ||
        out->path == NULL)
        return error_set(
            err, PB_INVALID,
            "%s is not an address such as opensauce://HOST:PORT/NAME (a space in it is written %%20)", text);
    return PB_OK;
}
