/* Heads of uploads: a place that is accepted lies within the file. Forms: a value that is decoded is read
 * again from its encoded form. */
#include "wire/http_upload.h"

#include "fuzz.h"

static void form_check(struct slice form)
{
    char value[256], again[256];
    struct buffer encoded;
    int n = http_form_value(form, "name", value, sizeof value);
    if (n <= 0)
        return;
    buffer_init(&encoded, 4096);
    buffer_text(&encoded, "x=1&name=");
    percent_encode(&encoded, slice_of(value), false);
    CLAIM(!encoded.failed);
    CLAIM(http_form_value((struct slice){encoded.p, encoded.n}, "name", again, sizeof again) == 1);
    CLAIM(strcmp(value, again) == 0);
    buffer_free(&encoded);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct http_request r;
    char *copy = malloc(size + 1); /* so that reading behind its end is noticed */
    CLAIM(copy != NULL);
    if (size > 0)
        memcpy(copy, data, size);
    form_check((struct slice){copy, size});
    int n = http_request_parse(copy, size, &r);
    for (uint64_t of = 0; n > 0 && of <= 1000; of += 500) {
        uint64_t from;
        if (http_upload_place(&r, of, &from) == 0)
            CLAIM(from <= of && r.content_length <= of - from);
    }
    if (n > 0)
        form_check(r.query);
    free(copy);
    return 0;
}
