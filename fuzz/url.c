/* Addresses that users and servers write, HTTP dates, and percent encoding. */
#include "fetch/url.h"

#include "fetch/http_stream.h"
#include "fetch/polp.h"
#include "wire/http_date.h"

#include "fuzz.h"

static void date(struct slice text)
{
    int64_t seconds;
    char again[HTTP_DATE];
    if (!http_date_parse(text, &seconds))
        return;
    http_date_format(seconds, again);
    CLAIM(slice_equal(text, slice_of(again)));
}

static void percent(struct slice text)
{
    struct buffer b;
    char decoded[4096];
    buffer_init(&b, 3 * sizeof decoded);
    percent_encode(&b, text, false);
    int n = b.failed || text.n > sizeof decoded
                ? -1
                : percent_decode((struct slice){b.p, b.n}, decoded, sizeof decoded);
    if (text.n == 0 || memchr(text.p, '\0', text.n) == NULL)
        CLAIM(n < 0 ? text.n > sizeof decoded || b.failed
                    : slice_equal((struct slice){decoded, (size_t)n}, text));
    /* What is taken is a text. */
    n = percent_decode(text, decoded, sizeof decoded);
    CLAIM(n <= 0 || memchr(decoded, '\0', (size_t)n) == NULL);
    buffer_free(&b);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct url url;
    struct polp_place place;
    struct pb_error err;
    struct arena a;
    char *text = fuzz_text(data, size);
    arena_init(&a, 1 << 20);
    if (url_parse(text, &a, &url, &err) == PB_OK)
        CLAIM(url.scheme != NULL && url.host != NULL && url.host[0] != '\0' && url.path != NULL);
    if (polp_place_parse(text, &place))
        CLAIM(polp_id_text(&place.application).n > 0 && polp_id_text(&place.hardware).n > 0);
    http_stream_url_ok(text);
    date((struct slice){text, size});
    percent((struct slice){text, size});
    arena_free(&a);
    free(text);
    return 0;
}
