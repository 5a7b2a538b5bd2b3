/* Looking values up. */
#include "dialect/options.h"

const char *fetch_option_next(const struct fetch_request *q, const char *key, size_t *at)
{
    while (*at < q->option_count) {
        const struct setting_value *v = &q->options[(*at)++];
        if (strcmp(v->key, key) == 0)
            return v->value;
    }
    return NULL;
}

const char *fetch_option(const struct fetch_request *q, const char *key)
{
    const char *last = NULL, *value;
    for (size_t at = 0; (value = fetch_option_next(q, key, &at)) != NULL;)
        last = value;
    return last;
}
