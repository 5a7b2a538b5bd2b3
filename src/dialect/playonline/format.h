/* PlayOnline's own file format: patch.cfg; versions; checksums (docs/formats/playonline.md). Pure: no I/O. */
#ifndef PB_PLAYONLINE_FORMAT_H
#define PB_PLAYONLINE_FORMAT_H

#include "base/arena.h"
#include "base/digest.h"
#include "wire/polp.h"

#define PO_DIALECT "playonline"
#define PO_CONFIG  "patch.cfg"
#define PO_END     "end" /* the line that closes patch.cfg */

enum {
    PO_CHUNK = 65536,                 /* what the original client asks for at once */
    PO_CONFIG_MAX = 64 * 1024 * 1024, /* bytes of patch.cfg */
    PO_FILES_MAX = 200000,
    PO_VERSION_MAX = 32, /* bytes; on the wire there are 64 */
};
/* Of a file on the server, its mode byte included: so that a packet with all of it has a size of 32 bits. */
#define PO_STORED_MAX (UINT32_MAX - POLP_FILE_HEAD - POLP_NAME_MAX)

/* Eight digits, '_', a number or letters: "20061212_3". */
bool po_version_ok(struct slice version);
/* As text, without regard to case. */
int po_version_compare(const char *a, const char *b);

/* The first word of the status block in the reply to "ask newest": "empty", or whether a client with this
 * version can be patched: "registered" or "unknown". `oldest` is the lowest version in the title's patch.cfg;
 * NULL: it names none. */
const char *po_status_of(struct slice version, const char *oldest);

/* Can a file's path stand in patch.cfg? It must be portable, and not hold what ends a path there. */
bool po_path_ok(struct slice path, const char **why);

/* "1000@W2U" */
bool po_title_parse(struct slice name, struct polp_id *application, struct polp_id *hardware);

/* The sum of bytes taken as signed 8-bit numbers, modulo 2^32. Begin with 0. */
uint32_t po_sum_a(uint32_t sum, const void *p, size_t n);

/* The first four bytes of the file's MD5. */
static inline int32_t po_sum_b(const struct md5 *md5)
{
    return (int32_t)get_le32(md5->bytes);
}

/* What stands in patch.cfg, one after the other. */
enum po_item_kind {
    PO_ITEM_FILE, /* a file's block begins; `text` is its path */
    PO_ITEM_LINE, /* in it: a version of the file */
    PO_ITEM_RAW,  /* in it or between blocks: `text` is a line that is not understood */
    PO_ITEM_END,  /* of the block */
};
struct po_item {
    enum po_item_kind kind;
    bool in_block;
    struct slice text;
    struct slice version, direct;
    uint32_t local_size, direct_size;
    int32_t sum_a, sum_b;
    struct slice rest; /* what follows on the line: the indirect file, mostly */
};
/* All slices are within the text of patch.cfg. A negative return value ends the reading. */
typedef int po_item_fn(void *arg, const struct po_item *item, struct pb_error *err);

/* Reads patch.cfg up to the line "end", without keeping anything. PB_INVALID with the number of a line where
 * a file block is malformed: a path that is not safe, a block without its end; or where there are more than
 * PO_FILES_MAX files and lines between blocks. The caller looks at all paths with po_paths_check. */
PB_MUST_USE int po_config_each(struct slice text, po_item_fn *fn, void *arg, struct pb_error *err);

/* Sorts the paths. PB_INVALID: one is there twice, or is a folder of another, without regard to case. */
PB_MUST_USE int po_paths_check(const char **paths, size_t n, struct pb_error *err);

/* One version of a file; or, with `raw`, a line that is kept as it is. */
struct po_line {
    const char *raw;
    const char *version;
    const char *direct;
    const char *rest; /* "" for nothing */
    uint32_t local_size;
    int32_t sum_a, sum_b;
    uint32_t direct_size;
};
struct po_file {
    const char *path; /* NULL: the line `raw` between blocks */
    const char *raw;
    struct po_line *lines;
    uint32_t n, room;
};
struct po_config {
    struct po_file *files;
    size_t n, room;
    struct arena *arena;
    const char *version; /* of the line that was read last */
};

/* All of it, in the arena; PB_INVALID as the two above. Lines that are not understood are kept. */
PB_MUST_USE int po_config_parse(struct slice text, struct arena *a, struct po_config *out,
                                struct pb_error *err);
/* The last line is "end". */
void po_config_emit(const struct po_config *c, struct buffer *out);

/* The lowest version that a line has; NULL when there is none. */
const char *po_config_oldest(const struct po_config *c);

/* Removes the lines of versions above `version`, and the blocks that had only such lines. */
void po_config_cut(struct po_config *c, const char *version);

/* NULL when memory is out. */
struct po_file *po_config_add(struct po_config *c, const char *path);
struct po_line *po_file_add(struct po_config *c, struct po_file *f);

/* The line of the highest version; NULL when there is none. */
const struct po_line *po_file_winner(const struct po_file *f);

/* The files on the server that lines of other versions than `but` (NULL: of all) name, each once, in order of
 * their names; of several sizes the first line's. */
struct po_name {
    const char *text;
    uint32_t size;
    size_t line; /* counts from the first */
};
PB_MUST_USE int po_names_of(const struct po_config *c, const char *but, struct po_name **out, size_t *n,
                            struct pb_error *err);

/* "PATH SIZE" in a line's rest: the indirect file. False when there is none. */
bool po_line_indirect(const struct po_line *l, struct slice *path, uint32_t *size);

#endif
