/* Configuration files, up to the settings that a server makes of them. Names of hosts are not looked up. */
#include "api/config.h"

#include "fuzz.h"

#include <netdb.h>

int __wrap_getaddrinfo(const char *host, const char *port, const struct addrinfo *hints,
                       struct addrinfo **out);

int __wrap_getaddrinfo(const char *host, const char *port, const struct addrinfo *hints,
                       struct addrinfo **out)
{
    (void)host, (void)port, (void)hints, (void)out;
    return EAI_NONAME;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct pb_config *c = pb_config_new();
    struct serve_settings *settings;
    struct config_start start;
    struct pb_error err;
    char path[32];
    int fd = fuzz_file(data, size);
    CLAIM(c != NULL);
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    if (pb_config_read(c, path, &err) == PB_OK) {
        if (config_settings(c, &settings, &err) == PB_OK)
            settings_release(settings);
        CLAIM(config_start(c, &start, &err) < 0 || start.listen_count <= SERVER_ADDRESSES_MAX);
    }
    pb_config_free(c);
    close(fd);
    return 0;
}
