/* The list of carriers. */
#include "fetch/carrier.h"

const struct carrier_kind *const all_carriers[] = {&http_pipeline, &polp_carrier, NULL};
