/* HTTP dates, in the C locale whatever the program's is. */
#include "wire/http_date.h"

#include <stdio.h>
#include <time.h>

static const char days[] = "SunMonTueWedThuFriSat";
static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";

void http_date_format(int64_t unix_seconds, char out[HTTP_DATE])
{
    struct tm t = {0};
    time_t when = unix_seconds;
    gmtime_r(&when, &t);
    char text[64]; /* more than the fields of any struct tm need */
    snprintf(text, sizeof text, "%.3s, %02d %.3s %04d %02d:%02d:%02d GMT", days + (size_t)(t.tm_wday % 7) * 3,
             t.tm_mday, months + (size_t)(t.tm_mon % 12) * 3, t.tm_year + 1900, t.tm_hour, t.tm_min,
             t.tm_sec);
    memcpy(out, text, HTTP_DATE - 1);
    out[HTTP_DATE - 1] = '\0';
}

static bool number_at(struct slice text, size_t at, size_t n, int *value)
{
    uint64_t v;
    if (!slice_to_u64((struct slice){text.p + at, n}, 9999, &v))
        return false;
    *value = (int)v;
    return true;
}

bool http_date_parse(struct slice text, int64_t *unix_seconds)
{
    struct tm t = {0};
    if (text.n != HTTP_DATE - 1 || memcmp(text.p + 25, " GMT", 4) != 0)
        return false;
    for (t.tm_mon = 0; t.tm_mon < 12; t.tm_mon++) {
        if (memcmp(text.p + 8, months + (size_t)t.tm_mon * 3, 3) == 0)
            break;
    }
    if (t.tm_mon == 12 || !number_at(text, 5, 2, &t.tm_mday) || !number_at(text, 12, 4, &t.tm_year) ||
        !number_at(text, 17, 2, &t.tm_hour) || !number_at(text, 20, 2, &t.tm_min) ||
        !number_at(text, 23, 2, &t.tm_sec))
        return false;
    t.tm_year -= 1900;
    /* Written again it is the same, or it was no date: the 40th of a month, or a Sunday that is a Monday. */
    char again[HTTP_DATE];
    *unix_seconds = timegm(&t);
    http_date_format(*unix_seconds, again);
    return slice_equal(text, slice_of(again));
}
