/* OpenSauce as a dialect: the value that src/api/dialects.c lists. */
#ifndef PB_OPENSAUCE_OPENSAUCE_H
#define PB_OPENSAUCE_OPENSAUCE_H

#include "dialect/dialect.h"
#include "wire/http_reply.h"

extern const struct dialect opensauce_dialect;
extern const struct dialect_fetch opensauce_fetch;

#define OS_DEFAULT_PORT 2303
#define OS_PATH         "/map_download"
#define OS_MASTERS_PATH "/Halo1/CE/MapDownload/Halo1_CE_MapDownloadMasterServers.xml"
#define OS_RAW_PATH     "/maps/"
#define OS_CLIENT_AGENT "OpenSauce_Halo1_CE_Client"

extern const struct setting opensauce_settings[];
int opensauce_settings_make(const struct setting_value *values, size_t n, struct arena *a, void **out,
                            struct pb_error *err);
int opensauce_compile(struct site_title *title, const struct md5 *md5, struct pb_error *err);
struct site_lasting opensauce_lasting(const char *attributes);
bool opensauce_serve(const struct dialect_http *in, struct reply_plan *plan);
bool opensauce_about(const struct site_title *title, const void *settings, struct dialect_about *about);
bool opensauce_export_path(const struct site_title *title, const struct site_entry *entry, unsigned n,
                           struct buffer *path, bool *list);
bool opensauce_mirror_url(const struct site_title *title, const struct site_entry *entry, const char *base,
                          unsigned n, struct buffer *url);

struct opensauce_config {
    bool enabled;
    bool require_client;
    const char *redirect_root; /* may be NULL */
    const char *masters;       /* the list as XML */
    size_t masters_size;
    char masters_etag[HTTP_ETAG];
};

#endif
