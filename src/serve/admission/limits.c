/* Looking limits up. */
#include "serve/admission/limits.h"

uint64_t title_value_of(const struct title_values *v, const char *title)
{
    uint64_t each = 0;
    for (size_t i = 0; i < v->n; i++) {
        if (v->list[i].title == NULL)
            each = v->list[i].value;
        else if (strcmp(v->list[i].title, title) == 0)
            return v->list[i].value;
    }
    return each;
}

uint64_t limits_address_rate(const struct limits *l, const struct address *a)
{
    for (size_t i = 0; i < l->address_rate_count; i++) {
        if (range_has(&l->address_rates[i].range, a))
            return l->address_rates[i].rate;
    }
    return 0;
}
