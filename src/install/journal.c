/*
 * Doing what a journal says, so that a crash anywhere is finished by doing it again.
 *
 * While the journal is called JOURNAL_FIRST nothing has arrived yet: a path that is there is the old one and
 * has to leave; one that is not has left. Once all have left for good (synced), the journal is renamed: from
 * then on what is still in staging has to arrive, and what is not has arrived. Three syncs, then: what is
 * staged before the journal is written, what has left before it is renamed, what has arrived before it goes.
 */
#include "install/journal.h"

#include "base/file.h"
#include "base/tree.h"
#include "install/records.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#define JOURNAL_FIRST  "journal"
#define JOURNAL_SECOND "journal.arrives"
#define MARK           "patchbay install 1"

enum { JOURNAL_MAX = 256 * 1024 * 1024 };

/* ---- text ---- */

static const struct {
    const char *word;
    bool b, size, seen;
} kinds[JOURNAL_KINDS] = {
    [JOURNAL_ATTIC] = {"attic", true, false, false},  [JOURNAL_AWAY] = {"away", true, false, true},
    [JOURNAL_RMDIR] = {"rmdir", false, false, false}, [JOURNAL_MKDIR] = {"mkdir", false, false, false},
    [JOURNAL_PUT] = {"put", true, true, true},        [JOURNAL_LINK] = {"link", true, false, true},
    [JOURNAL_EXEC] = {"exec", false, false, false},   [JOURNAL_RECORD] = {"record", false, false, false},
    [JOURNAL_BLOB] = {"blob", false, false, false},
};

void journal_init(struct journal *j)
{
    *j = (struct journal){0};
    arena_init(&j->arena, 0);
}

void journal_free(struct journal *j)
{
    free(j->ops);
    arena_free(&j->arena);
    *j = (struct journal){0};
}

int journal_add(struct journal *j, enum journal_kind kind, const char *a, const char *b, uint64_t size,
                const struct fetch_seen *seen, struct pb_error *err)
{
    if (j->n == j->room) {
        size_t room = j->room == 0 ? 64 : j->room * 2;
        struct journal_op *ops = realloc(j->ops, room * sizeof *ops);
        if (ops == NULL)
            return error_memory(err);
        j->ops = ops;
        j->room = room;
    }
    struct journal_op *op = &j->ops[j->n++];
    *op = (struct journal_op){.kind = kind, .a = arena_text(&j->arena, a), .size = size};
    if (b != NULL)
        op->b = arena_text(&j->arena, b);
    if (seen != NULL)
        op->seen = *seen;
    return op->a == NULL || (b != NULL && op->b == NULL) ? error_memory(err) : PB_OK;
}

static void word_emit(struct buffer *out, const char *word)
{
    buffer_text(out, " ");
    percent_encode(out, slice_of(word), true);
}

static void journal_emit(const struct journal *j, struct buffer *out)
{
    buffer_text(out, MARK "\ntitle");
    word_emit(out, j->title);
    word_emit(out, j->stage);
    word_emit(out, j->attic);
    buffer_text(out, "\n");
    for (size_t i = 0; i < j->n; i++) {
        const struct journal_op *op = &j->ops[i];
        buffer_text(out, kinds[op->kind].word);
        word_emit(out, op->a);
        if (kinds[op->kind].b)
            word_emit(out, op->b);
        if (kinds[op->kind].size)
            buffer_format(out, " %llu", (unsigned long long)op->size);
        if (kinds[op->kind].seen && op->seen.there)
            buffer_format(out, " %llu %lld", (unsigned long long)op->seen.size, (long long)op->seen.modified);
        buffer_text(out, "\n");
    }
    buffer_text(out, "end\n");
}

static struct slice word_take(struct slice *line)
{
    const char *space = memchr(line->p, ' ', line->n);
    struct slice word = {line->p, space != NULL ? (size_t)(space - line->p) : line->n};
    line->p += word.n + (space != NULL);
    line->n -= word.n + (space != NULL);
    return word;
}

static const char *word_decode(struct journal *j, struct slice *line)
{
    struct slice word = word_take(line);
    char *text = arena_zero(&j->arena, word.n + 1);
    if (word.n == 0 || text == NULL)
        return NULL;
    return percent_decode(word, text, word.n) < 0 ? NULL : text;
}

/* Two numbers, or nothing. */
static bool seen_parse(struct slice *line, struct fetch_seen *seen)
{
    uint64_t modified;
    if (line->n == 0)
        return true;
    struct slice size = word_take(line), time = word_take(line);
    bool negative = time.n > 0 && time.p[0] == '-';
    if (negative)
        time.p++, time.n--;
    seen->there = slice_to_u64(size, UINT64_MAX, &seen->size) && slice_to_u64(time, INT64_MAX, &modified);
    if (seen->there)
        seen->modified = negative ? -(int64_t)modified : (int64_t)modified;
    return seen->there;
}

static bool title_parse_line(struct journal *j, struct slice line)
{
    j->title = word_decode(j, &line);
    j->stage = word_decode(j, &line);
    j->attic = word_decode(j, &line);
    return j->title != NULL && j->stage != NULL && j->attic != NULL && strchr(j->stage, '/') == NULL &&
           j->stage[0] != '.' && strchr(j->attic, '/') == NULL;
}

static bool op_parse(struct journal *j, struct slice line)
{
    struct slice word = word_take(&line);
    struct pb_error unused;
    if (slice_equal(word, slice_of("title")))
        return title_parse_line(j, line);
    for (int k = 0; k < JOURNAL_KINDS; k++) {
        if (!slice_equal(word, slice_of(kinds[k].word)))
            continue;
        uint64_t size = 0;
        struct fetch_seen seen = {0};
        const char *a = word_decode(j, &line), *b = kinds[k].b ? word_decode(j, &line) : NULL;
        bool good = a != NULL && (b != NULL || !kinds[k].b) &&
                    (!kinds[k].size || slice_to_u64(word_take(&line), UINT64_MAX, &size)) &&
                    (!kinds[k].seen || seen_parse(&line, &seen));
        return good && journal_add(j, (enum journal_kind)k, a, b, size, &seen, &unused) == PB_OK;
    }
    return false;
}

static int journal_parse(struct slice text, struct journal *j, struct pb_error *err)
{
    bool ended = false;
    size_t number = 0;
    while (text.n > 0 && !ended) {
        const char *end = memchr(text.p, '\n', text.n);
        struct slice line = {text.p, end != NULL ? (size_t)(end - text.p) : text.n};
        text.p += line.n + (end != NULL);
        text.n -= line.n + (end != NULL);
        number++;
        ended = slice_equal(line, slice_of("end"));
        if (number == 1 ? !slice_equal(line, slice_of(MARK)) : !ended && !op_parse(j, line))
            return error_set(err, PB_DAMAGED, "the journal's line %zu is not ours", number);
    }
    return ended && j->title != NULL ? PB_OK : error_set(err, PB_DAMAGED, "the journal is cut off");
}

/* ---- applying ---- */

struct applying {
    struct workspace *w;
    const struct journal *journal;
    int staging; /* of the journal's title */
    struct tree tree;
    struct tree other;                   /* for the second path of an operation */
    char missing[PATH_RELATIVE_MAX + 1]; /* the first path whose file was gone; "" for none */
};

/* Is this a file of `size` bytes? */
static bool file_is(int at, const char *name, uint64_t size)
{
    struct stat st;
    return fstatat(at, name, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISREG(st.st_mode) &&
           (uint64_t)st.st_size == size;
}

/* Names in staging are plain. */
static int staged_ok(const char *name, struct pb_error *err)
{
    return strchr(name, '/') == NULL && name[0] != '.' && name[0] != '\0'
               ? PB_OK
               : error_set(err, PB_DAMAGED, "the journal has a name that is not ours: %s", name);
}

/* The attic is a folder beside the user's others. */
static int attic_make(int folder, const char *to, struct pb_error *err)
{
    char name[FILE_NAME_MAX + 1];
    struct slice above = path_folder(slice_of(to));
    if (above.n == 0 || above.n > FILE_NAME_MAX || memchr(above.p, '/', above.n) != NULL)
        return error_set(err, PB_DAMAGED, "the journal has an attic that is not ours: %s", to);
    memcpy(name, above.p, above.n);
    name[above.n] = '\0';
    return folder_make(folder, name, err);
}

/* Into the attic, never over anything: where somebody took the name meanwhile, another is found. */
static int set_aside(struct applying *x, int from, const char *base, const char *path, const char *to,
                     struct pb_error *err)
{
    enum { TRIES = 1000 };
    int attic;
    const char *name;
    char other[FILE_NAME_MAX + 16];
    int rc = tree_reach(&x->other, to, &attic, &name, err);
    if (rc == PB_NOT_FOUND && (rc = attic_make(x->w->folder, to, err)) == PB_OK)
        rc = tree_reach(&x->other, to, &attic, &name, err);
    for (int i = 0; rc == PB_OK && i < TRIES; i++) {
        if (i > 0)
            snprintf(other, sizeof other, "%.240s.%d", name, i);
        if (renameat2(from, base, attic, i == 0 ? name : other, RENAME_NOREPLACE) == 0)
            return PB_OK;
        if (errno == EINVAL) { /* a file system without it: look, then rename */
            struct stat st;
            errno = fstatat(attic, i == 0 ? name : other, &st, AT_SYMLINK_NOFOLLOW) == 0 ? EEXIST : 0;
            if (errno == 0 && renameat(from, base, attic, i == 0 ? name : other) == 0)
                return PB_OK;
        }
        if (errno != EEXIST)
            return error_errno(err, errno, "move %s to %s", path, to);
    }
    return rc < 0 ? rc : error_set(err, PB_FAILED, "%s: no free name for it", to);
}

static int op_leave(struct applying *x, const struct journal_op *op, struct pb_error *err)
{
    int folder;
    const char *base;
    struct stat st;
    int rc = tree_reach(&x->tree, op->a, &folder, &base, err);
    if (rc == PB_NOT_FOUND)
        return PB_OK;
    if (rc < 0)
        return rc;
    if (fstatat(folder, base, &st, AT_SYMLINK_NOFOLLOW) != 0)
        return errno == ENOENT ? PB_OK : error_errno(err, errno, "%s", op->a);
    if (op->kind == JOURNAL_ATTIC)
        return set_aside(x, folder, base, op->a, op->b, err);
    /* Something else of this name came after a crash: the old one has left, and this stays for now. */
    if (!fetch_seen_is(&op->seen, &st))
        return PB_OK;
    if ((rc = staged_ok(op->b, err)) < 0)
        return rc;
    return renameat(folder, base, x->staging, op->b) == 0 ? PB_OK
                                                          : error_errno(err, errno, "take %s away", op->a);
}

static int op_folder(const struct journal_op *op, int folder, const char *base, struct pb_error *err)
{
    if (op->kind == JOURNAL_MKDIR)
        return folder_make(folder, base, err);
    int rc = unlinkat(folder, base, AT_REMOVEDIR) == 0 ? 0 : errno;
    /* Something that appeared there since is the player's, and stays. */
    return rc == 0 || rc == ENOENT || rc == ENOTEMPTY || rc == EEXIST || rc == ENOTDIR
               ? PB_OK
               : error_errno(err, rc, "remove folder %s", op->a);
}

static int op_exec(int folder, const char *base, const char *path, struct pb_error *err)
{
    struct stat st;
    if (fstatat(folder, base, &st, AT_SYMLINK_NOFOLLOW) != 0 || !S_ISREG(st.st_mode))
        return PB_OK;
    return fchmodat(folder, base, (st.st_mode | (st.st_mode & 0444) >> 2) & 07777, 0) == 0
               ? PB_OK
               : error_errno(err, errno, "%s: set its execute bits", path);
}

/* What is in the way of an arrival, and is not what it may replace, came after the plan was made: it is the
 * player's, and goes to the attic. */
static int way_clear(struct applying *x, const struct journal_op *op, int folder, const char *base,
                     struct pb_error *err)
{
    struct stat st;
    char to[2 * PATH_RELATIVE_MAX];
    if (fstatat(folder, base, &st, AT_SYMLINK_NOFOLLOW) != 0)
        return errno == ENOENT ? PB_OK : error_errno(err, errno, "%s", op->b);
    if (fetch_seen_is(&op->seen, &st) && !S_ISDIR(st.st_mode))
        return PB_OK;
    snprintf(to, sizeof to, "%s/%s", x->journal->attic, base);
    return set_aside(x, folder, base, op->b, to, err);
}

/* A link is made beside and renamed, so that there is never nothing. */
static int op_link(struct applying *x, const struct journal_op *op, int folder, const char *base,
                   struct pb_error *err)
{
    static const char beside[] = "link.new";
    char target[PATH_RELATIVE_MAX + 1];
    ssize_t n = readlinkat(folder, base, target, sizeof target);
    if (n >= 0 && slice_equal((struct slice){target, (size_t)n}, slice_of(op->a)))
        return PB_OK;
    int rc = way_clear(x, op, folder, base, err);
    unlinkat(x->staging, beside, 0);
    if (rc == PB_OK &&
        (symlinkat(op->a, x->staging, beside) != 0 || renameat(x->staging, beside, folder, base) != 0))
        rc = error_errno(err, errno, "make the link %s", op->b);
    return rc;
}

static int op_put(struct applying *x, const struct journal_op *op, int folder, const char *base,
                  struct pb_error *err)
{
    int rc = staged_ok(op->a, err);
    if (rc < 0)
        return rc;
    if (file_is(x->staging, op->a, op->size)) {
        rc = way_clear(x, op, folder, base, err);
        if (rc == PB_OK && renameat(x->staging, op->a, folder, base) != 0)
            rc = error_errno(err, errno, "put %s in place", op->b);
        return rc;
    }
    /* Not in staging: it has arrived before a crash. Or somebody took it away; then the rest is finished all
     * the same, and the next fetch gets it again. */
    if (!file_is(folder, base, op->size) && x->missing[0] == '\0')
        snprintf(x->missing, sizeof x->missing, "%s", op->b);
    return PB_OK;
}

static int op_arrive(struct applying *x, const struct journal_op *op, struct pb_error *err)
{
    int folder;
    const char *base, *path = op->kind == JOURNAL_PUT || op->kind == JOURNAL_LINK ? op->b : op->a;
    if (op->kind == JOURNAL_RECORD)
        return records_save(x->w->home, x->journal->title, op->a, err);
    if (op->kind == JOURNAL_BLOB)
        return records_blob_save(x->w->home, x->staging, op->a, x->journal->stage, err);
    int rc = tree_reach(&x->tree, path, &folder, &base, err);
    if (rc == PB_NOT_FOUND && op->kind == JOURNAL_RMDIR)
        return PB_OK;
    if (rc < 0)
        return rc;
    if (op->kind == JOURNAL_PUT)
        return op_put(x, op, folder, base, err);
    if (op->kind == JOURNAL_LINK)
        return op_link(x, op, folder, base, err);
    if (op->kind == JOURNAL_EXEC)
        return op_exec(folder, base, op->a, err);
    return op_folder(op, folder, base, err);
}

static int ops_apply(struct applying *x, bool arrive, struct pb_error *err)
{
    int rc = PB_OK;
    for (size_t i = 0; rc == PB_OK && i < x->journal->n; i++) {
        const struct journal_op *op = &x->journal->ops[i];
        if ((op->kind >= JOURNAL_ARRIVES) == arrive)
            rc = arrive ? op_arrive(x, op, err) : op_leave(x, op, err);
    }
    if (rc == PB_OK && syncfs(x->w->folder) != 0)
        rc = error_errno(err, errno, "sync");
    return rc;
}

static int journal_apply(struct workspace *w, const struct journal *j, bool leaving, struct pb_error *err)
{
    struct applying x = {.w = w, .journal = j, .staging = -1};
    tree_start(&x.tree, w->folder);
    tree_start(&x.other, w->folder);
    int rc = staging_open(w, j->stage, &x.staging, err);
    /* The journal's name tells what has happened: it must be on disk before anything does. */
    if (rc == PB_OK && fsync(w->home) != 0)
        rc = error_errno(err, errno, "sync");
    if (rc == PB_OK && leaving)
        rc = ops_apply(&x, false, err);
    if (rc == PB_OK && leaving &&
        (renameat(w->home, JOURNAL_FIRST, w->home, JOURNAL_SECOND) != 0 || fsync(w->home) != 0))
        rc = error_errno(err, errno, "rename the journal");
    tree_forget(&x.tree);
    if (rc == PB_OK)
        rc = ops_apply(&x, true, err);
    tree_end(&x.tree);
    tree_end(&x.other);
    fd_close(&x.staging);
    if (rc < 0)
        return rc;
    if (unlinkat(w->home, JOURNAL_SECOND, 0) != 0 && errno != ENOENT)
        return error_errno(err, errno, "remove the journal");
    /* Gone for good before anybody stages files of the same names again. */
    if (fsync(w->home) != 0)
        return error_errno(err, errno, "sync");
    return x.missing[0] == '\0'
               ? PB_OK
               : error_set(err, PB_DAMAGED, "%s: was gone from staging; fetch again", x.missing);
}

static int broken_off(struct pb_error *err)
{
    return err->status == PB_DAMAGED
               ? err->status
               : error_context(err,
                               "the install is half done; once this is mended, the next fetch or 'patchbay "
                               "recover' finishes it");
}

int journal_run(struct workspace *w, struct journal *j, struct pb_error *err)
{
    bool leaving = false;
    _cleanup_buffer_ struct buffer text;
    buffer_init(&text, JOURNAL_MAX);
    for (size_t i = 0; i < j->n; i++)
        leaving |= j->ops[i].kind < JOURNAL_ARRIVES;
    journal_emit(j, &text);
    if (text.failed)
        return error_memory(err);
    int rc = file_replace(w->home, leaving ? JOURNAL_FIRST : JOURNAL_SECOND, text.p, text.n, err);
    if (rc < 0)
        return rc;
    return journal_apply(w, j, leaving, err) < 0 ? broken_off(err) : PB_OK;
}

bool journal_pending(const struct workspace *w)
{
    return faccessat(w->home, JOURNAL_FIRST, F_OK, 0) == 0 ||
           faccessat(w->home, JOURNAL_SECOND, F_OK, 0) == 0;
}

int journal_finish(struct workspace *w, bool *found, struct pb_error *err)
{
    struct journal j;
    _cleanup_buffer_ struct buffer text;
    buffer_init(&text, JOURNAL_MAX);
    journal_init(&j);
    bool leaving = true;
    int rc = file_read_all(w->home, JOURNAL_FIRST, &text, err);
    if (rc == PB_NOT_FOUND) {
        leaving = false;
        rc = file_read_all(w->home, JOURNAL_SECOND, &text, err);
    }
    *found = rc == PB_OK;
    if (rc == PB_OK)
        rc = journal_parse((struct slice){text.p, text.n}, &j, err);
    if (rc == PB_OK)
        rc = journal_apply(w, &j, leaving, err);
    journal_free(&j);
    return rc == PB_NOT_FOUND && !*found ? PB_OK : rc < 0 ? broken_off(err) : PB_OK;
}

int journal_recover(struct workspace *w, bool *found, struct pb_error *err)
{
    _cleanup_fd_ int lock = -1;
    *found = false;
    if (!journal_pending(w))
        return PB_OK;
    int rc = lock_take(w->home, WORKSPACE_LOCK, LOCK_EXCLUSIVE, true, &lock, err);
    return rc < 0 ? rc : journal_finish(w, found, err);
}
