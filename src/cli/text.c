/* Writing numbers and times for people. */
#include "cli/text.h"

#include <stddef.h>
#include <stdio.h>
#include <time.h>

void text_bytes(uint64_t bytes, char out[TEXT_SIZE])
{
    static const char *const units[] = {"bytes", "KiB", "MiB", "GiB", "TiB"};
    double v = (double)bytes;
    size_t unit = 0;
    while (v >= 1024 && unit + 1 < sizeof units / sizeof units[0]) {
        v /= 1024;
        unit++;
    }
    snprintf(out, TEXT_SIZE, unit == 0 ? "%.0f %s" : "%.1f %s", v, units[unit]);
}

void text_short(double v, double base, char out[TEXT_SIZE])
{
    static const char units[] = " kMGTPE";
    size_t unit = 0;
    for (; v >= base && units[unit + 1] != '\0'; unit++)
        v /= base;
    if (unit == 0)
        snprintf(out, TEXT_SIZE, "%.0f", v);
    else
        snprintf(out, TEXT_SIZE, v < 99.95 ? "%.1f%c" : "%.0f%c", v, units[unit]);
}

void text_grouped(uint64_t number, char out[TEXT_SIZE])
{
    char digits[24];
    int n = snprintf(digits, sizeof digits, "%llu", (unsigned long long)number);
    size_t at = 0;
    for (int i = 0; i < n; i++) {
        if (i > 0 && (n - i) % 3 == 0)
            out[at++] = ',';
        out[at++] = digits[i];
    }
    out[at] = '\0';
}

void text_time(int64_t unix_seconds, char out[TEXT_SIZE])
{
    struct tm t;
    time_t when = unix_seconds;
    gmtime_r(&when, &t);
    strftime(out, TEXT_SIZE, "%Y-%m-%d %H:%M", &t);
}
