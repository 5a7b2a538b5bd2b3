/* Requests of the game to its community server: registration, ratings, comments, solutions. patchbay stores
 * none of these; it answers with text for the player, or relays to a configured server. Also the dialect's
 * settings. */
#ifndef PB_ESCAPE_COMMUNITY_H
#define PB_ESCAPE_COMMUNITY_H

#include "dialect/dialect.h"

#define ES_COMMUNITY_FOLDER "f" /* the first name of all these paths */

struct es_server_config {
    const struct relay_target *community; /* the server to relay to; NULL: none */
    struct followers *followers;
};
extern const struct setting es_settings[];
PB_MUST_USE int es_settings_make(const struct setting_value *values, size_t n, struct arena *a, void **out,
                                 struct pb_error *err);

/* Plans the reply. False: the path is no such request. `titles`: the site has titles of Escape. */
bool es_community_serve(const struct dialect_http *in, bool titles, struct reply_plan *plan);

#endif
