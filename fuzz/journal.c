/* Journals of an install. What is read can be written and read again; and whatever a journal says, it touches
 * nothing outside the player's folder. The reader is the file's own: so the file is included. */
#include "install/journal.c" /* NOLINT */

#include "install/workspace.h"

#include "folder.h"

enum { OPS_MOST = 64, WRITTEN_MAX = 4 << 20 };

/* Its operations, written as journal_add writes them. False: it is refused. */
static bool journal_rewrite(struct reading *r, int in, struct buffer *out)
{
    struct pb_error err;
    struct journal_op op;
    struct journal j = {.fd = -1};
    int rc = reading_start(r, in, &err);
    buffer_init(&j.text, WRITTEN_MAX);
    if (rc == PB_OK) {
        buffer_text(&j.text, MARK "\ntitle");
        word_emit(&j.text, r->title);
        word_emit(&j.text, r->stage);
        word_emit(&j.text, r->attic);
        buffer_text(&j.text, "\n");
    }
    for (int i = 0;
         rc >= 0 && (rc = reading_next(r, &op, &err)) == 1 && i < OPS_MOST && j.text.n < WRITE_STEP / 2; i++)
        CLAIM(journal_add(&j, op.kind, op.a, op.b, op.size, &op.seen, &err) == PB_OK ||
              j.text.n >= WRITE_STEP);
    lines_end(&r->lines);
    buffer_text(&j.text, "end\n");
    *out = j.text;
    return rc == PB_OK && !out->failed;
}

static void read_again(int in)
{
    struct reading *r = malloc(sizeof *r);
    struct buffer once, twice;
    CLAIM(r != NULL);
    if (journal_rewrite(r, in, &once)) {
        int fd = fuzz_file(once.p, once.n);
        CLAIM(journal_rewrite(r, fd, &twice) && fuzz_same(&once, &twice));
        buffer_free(&twice);
        close(fd);
    }
    buffer_free(&once);
    free(r);
}

static void text_write_at(int folder, const char *name, const void *p, size_t n)
{
    int fd = openat(folder, name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
    CLAIM(fd >= 0 && (n == 0 || write(fd, p, n) == (ssize_t)n));
    close(fd);
}

/* Carried out in a folder that has a link to another, which must stay as it is. */
static void carry_out(const uint8_t *data, size_t size)
{
    struct workspace w;
    struct pb_error err;
    char path[128], kept[5] = "";
    int base = open(fuzz_folder(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    mkdirat(base, "others", 0777);
    mkdirat(base, "game", 0777);
    mkdirat(base, "game/.patchbay", 0777);
    mkdirat(base, "game/.patchbay/staging", 0777);
    mkdirat(base, "game/.patchbay/staging/t", 0777);
    text_write_at(base, "others/f", "kept", 4);
    text_write_at(base, "game/a", "old", 3);
    text_write_at(base, "game/.patchbay/staging/t/a", "new", 3);
    CLAIM(symlinkat("../others", base, "game/l") == 0);
    text_write_at(base, "game/.patchbay/" JOURNAL_FIRST, data, size);
    snprintf(path, sizeof path, "%s/game", fuzz_folder());
    if (workspace_open(path, WORKSPACE_MAKE, &w, &err) == PB_OK) {
        CLAIM(!journal_pending(&w));
        workspace_close(&w);
    }
    int fd = openat(base, "others/f", O_RDONLY | O_CLOEXEC);
    CLAIM(fd >= 0 && read(fd, kept, sizeof kept) == 4 && memcmp(kept, "kept", 4) == 0);
    close(fd);
    CLAIM(unlinkat(base, "others/f", 0) == 0 && unlinkat(base, "others", AT_REMOVEDIR) == 0);
    close(base);
    fuzz_folder_empty(path);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    int fd = fuzz_file(data, size);
    read_again(fd);
    close(fd);
    carry_out(data, size);
    return 0;
}
