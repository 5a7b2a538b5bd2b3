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

static void fault_told(void *arg, const char *text)
{
    CLAIM(text[0] != '\0');
    ++*(unsigned *)arg;
}

/* Where faults are told there are some just when there is an error elsewhere, and reading goes on behind
 * them. */
static void check_all(const char *path, bool good)
{
    struct pb_config *c = pb_config_new();
    struct serve_settings *settings;
    struct pb_error err;
    unsigned faults = 0;
    CLAIM(c != NULL);
    pb_config_faults(c, fault_told, &faults);
    CLAIM(pb_config_read(c, path, &err) == PB_OK && config_settings(c, &settings, &err) == PB_OK);
    settings_release(settings);
    CLAIM(!good == (faults > 0));
    pb_config_free(c);
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
    bool good = false;
    if (pb_config_read(c, path, &err) == PB_OK) {
        good = config_settings(c, &settings, &err) == PB_OK;
        if (good)
            settings_release(settings);
        CLAIM(config_start(c, &start, &err) < 0 || start.listen_count <= SERVER_ADDRESSES_MAX);
    }
    pb_config_free(c);
    check_all(path, good);
    close(fd);
    return 0;
}
