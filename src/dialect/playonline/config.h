/* What an operator can set about the patch server, and the lists of titles that are held at a version. */
#ifndef PB_PLAYONLINE_CONFIG_H
#define PB_PLAYONLINE_CONFIG_H

#include "dialect/playonline/release.h"

enum { PO_ADVERTISE_MAX = 64, PO_PINS_MAX = 64, PO_RATES_MAX = 16 };

struct po_server_config {
    const char *advertise[PO_ADVERTISE_MAX];
    size_t advertise_count;
    uint32_t turn;        /* atomic: counts ask-newest, to hand out one address after the other */
    uint32_t chunk_limit; /* bytes of data in one reply */
    bool unknown_current; /* tell clients of titles that are not live that they are current */
    struct {
        const char *title; /* "1000@W2U" */
        const char *version;
    } pins[PO_PINS_MAX];
    size_t pin_count;
    struct {
        struct polp_id hardware;
        uint64_t rate; /* bytes a second of one connection; 0: no limit */
    } rates[PO_RATES_MAX];
    size_t rate_count;
};

extern const struct setting po_settings[];
int po_settings_make(const struct setting_value *values, size_t n, struct arena *a, void **out,
                     struct pb_error *err);

/* A title that is held at a version: its patch.cfg without what is newer. */
struct po_pinned {
    const struct site_title *title;
    const char *version;
    const char *list; /* with its mode byte; NULL: it could not be made, and the title is not answered for */
    size_t size;
    uint8_t hash[4]; /* of the status reply */
    const char *oldest;
};
struct po_pins {
    struct po_pinned list[PO_PINS_MAX];
    size_t n;
};
/* A struct dialect's compile_site: makes a struct po_pins. */
int po_pins_make(struct site *site, const void *settings, int objects, void **out, struct pb_error *err);
/* NULL: the title is not held. */
const struct po_pinned *po_pin_find(const struct po_pins *pins, const struct site_title *title);

#endif
