/* The parts of a map, read as the one archive that they are: checked, decrypted and unpacked as a stream, one
 * part in memory at a time. Used by fetching (parts in staging) and importing (parts in the depot). */
#ifndef PB_OPENSAUCE_JOINED_H
#define PB_OPENSAUCE_JOINED_H

#include "dialect/opensauce/format.h"

/* Opens the file of a part. */
typedef int os_part_open_fn(void *arg, const struct os_definition *d, size_t part, int *fd,
                            struct pb_error *err);

struct os_joined {
    const struct os_definition *definition;
    os_part_open_fn *open;
    void *arg;
    struct md5 key;
    bool has_key;
    uint64_t *starts; /* of each part in the archive, and the end */
    size_t loaded;    /* the part in `bytes`; part_count: none */
    uint8_t *bytes;
};

/* password may be NULL. After a failure, too, os_joined_close does no harm. */
PB_MUST_USE int os_joined_open(const struct os_definition *d, const char *password, os_part_open_fn *open,
                               void *arg, struct os_joined *out, struct pb_error *err);
void os_joined_close(struct os_joined *j);

/* Reads and decrypts one part into j->bytes. PB_DENIED with words about the password when it does not
 * decrypt. */
PB_MUST_USE int os_joined_load(struct os_joined *j, size_t part, struct pb_error *err);

/* Unpacks the map; never more than uncompressed_size bytes reach the sink. Its size and MD5 are the caller's
 * to check. */
PB_MUST_USE int os_joined_extract(struct os_joined *j, archive_sink_fn *sink, void *arg,
                                  struct pb_error *err);

/* How readers of their own are opened on the same parts; password may be NULL. */
struct os_parts {
    const struct os_definition *definition;
    const char *password;
    os_part_open_fn *open;
    void *arg;
};
/* `parts` lives as long as the opener. */
struct archive_opener os_joined_opener(const struct os_parts *parts);

/* An os_part_open_fn for parts that are entries 0, 1, … of a struct publication. */
int os_joined_objects(void *publication, const struct os_definition *d, size_t part, int *fd,
                      struct pb_error *err);

#endif
