/*
 * What the headers say to a compiler beyond the language: that a function is exported, and that its result is
 * to be looked at. Compilers that have no such words compile the headers all the same. And PB_INIT, by which
 * a caller says which version of a struct it was compiled with.
 *
 * Threads: there is nothing here to be called.
 */
#ifndef PATCHBAY_ATTRIBUTES_H
#define PATCHBAY_ATTRIBUTES_H

#include <stddef.h>

#if defined(__GNUC__)
#define PB_API __attribute__((visibility("default")))
#else
#define PB_API
#endif

#if defined(__GNUC__)
#define PB_MUST_USE __attribute__((warn_unused_result))
#elif (defined(__cplusplus) && __cplusplus >= 201703L) ||                                                    \
    (defined(__STDC_VERSION__) && __STDC_VERSION__ > 201710L)
#define PB_MUST_USE [[nodiscard]]
#else
#define PB_MUST_USE
#endif

/*
 * The value that a struct of options or results begins with: all zero but for its size, by which the library
 * knows how many of the fields the caller has.
 *
 *     struct pb_fetch_options options = PB_INIT(pb_fetch_options);
 *
 * In C, and in C++ from C++20 on, this says the same:
 *
 *     struct pb_fetch_options options = {.size = sizeof options, .url = url};
 */
#ifdef __cplusplus
extern "C++" {
template <typename T> inline T pb_init()
{
    T value = T();
    value.size = sizeof value;
    return value;
}
}
#define PB_INIT(name) pb_init<name>()
#else
#define PB_INIT(name)                                                                                        \
    {                                                                                                        \
        .size = sizeof(struct name)                                                                          \
    }
#endif

#endif
