/* Whom a proxy asks for, as a request's head says. */
#include "wire/forwarded.h"

#include "fuzz.h"

/* The head is as long as the parser of requests thinks, and the list has an end. */
static void list_check(const char *p, size_t size)
{
    struct forwarded list;
    struct http_request request;
    struct sockaddr_storage address;
    bool whole = forwarded_find(p, size, &list);
    CLAIM(whole || http_request_parse(p, size, &request) <= 0);
    size_t names = 0;
    while (whole && forwarded_take(&list, &address) != FORWARDED_END)
        CLAIM(++names <= size);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    list_check((const char *)data, size);
    return 0;
}
