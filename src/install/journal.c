/*
 * Doing what a journal says, so that a crash anywhere is finished by doing it again.
 *
 * While the journal is called JOURNAL_FIRST nothing has arrived yet: a path that is there is the old one and
 * has to leave; one that is not has left. Once all have left for good (synced), the journal is renamed: from
 * then on what is still in staging has to arrive, and what is not has arrived. Three syncs, then: what is
 * staged before the journal is written, what has left before it is renamed, what has arrived before it goes.
 */
#include "install/journal.h"

#include "base/beneath.h"
#include "base/file.h"
#include "base/lines.h"
#include "base/tree.h"
#include "install/files.h"
#include "install/records.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#define JOURNAL_FIRST  "journal"
#define JOURNAL_SECOND "journal.arrives"
#define JOURNAL_BESIDE "journal.new"
#define MARK           "patchbay install 1"

/* ---- text ---- */

static const struct {
    const char *word;
    bool b, size, seen;
} kinds[JOURNAL_KINDS] = {
    [JOURNAL_ATTIC] = {"attic", true, false, false},  [JOURNAL_AWAY] = {"away", true, false, true},
    [JOURNAL_RMDIR] = {"rmdir", false, false, false}, [JOURNAL_MKDIR] = {"mkdir", false, false, false},
    [JOURNAL_PUT] = {"put", true, true, true},        [JOURNAL_LINK] = {"link", true, false, true},
    [JOURNAL_EXEC] = {"exec", false, false, false},   [JOURNAL_RECORD] = {"record", false, false, false},
    [JOURNAL_BLOB] = {"blob", false, false, false},   [JOURNAL_FORGET] = {"forget", false, false, false},
};

enum {
    WRITE_STEP = 64 * 1024,
    LINE_ROOM = LINES_MAX, /* of a line, and so of the words in it */
};

static void word_emit(struct buffer *out, const char *word)
{
    buffer_text(out, " ");
    percent_encode(out, slice_of(word), true);
}

static int text_write(struct journal *j, struct pb_error *err)
{
    int rc = j->text.failed ? error_memory(err) : file_write(j->fd, j->text.p, j->text.n, err);
    j->text.n = 0;
    return rc < 0 ? error_context(err, "the journal") : PB_OK;
}

int journal_begin(struct journal *j, struct workspace *w, const char *title, const char *attic,
                  struct pb_error *err)
{
    *j = (struct journal){.w = w, .fd = -1};
    buffer_init(&j->text, WRITE_STEP + LINE_ROOM);
    /* What an earlier run left there goes first, so that a link of that name leads nowhere. */
    unlinkat(w->home, JOURNAL_BESIDE, 0);
    j->fd = openat(w->home, JOURNAL_BESIDE, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0666);
    if (j->fd < 0)
        return error_errno(err, errno, "write the journal");
    buffer_text(&j->text, MARK "\ntitle");
    word_emit(&j->text, title);
    word_emit(&j->text, w->stage_name);
    word_emit(&j->text, attic);
    buffer_text(&j->text, "\n");
    return PB_OK;
}

int journal_add(struct journal *j, enum journal_kind kind, const char *a, const char *b, uint64_t size,
                const struct fetch_seen *seen, struct pb_error *err)
{
    struct buffer *out = &j->text;
    j->leaves |= kind < JOURNAL_ARRIVES;
    buffer_text(out, kinds[kind].word);
    word_emit(out, a);
    if (kinds[kind].b)
        word_emit(out, b);
    if (kinds[kind].size)
        buffer_format(out, " %llu", (unsigned long long)size);
    if (kinds[kind].seen && seen != NULL && seen->there)
        buffer_format(out, " %llu %lld", (unsigned long long)seen->size, (long long)seen->modified);
    buffer_text(out, "\n");
    return out->n >= WRITE_STEP || out->failed ? text_write(j, err) : PB_OK;
}

void journal_drop(struct journal *j)
{
    if (j->fd >= 0)
        unlinkat(j->w->home, JOURNAL_BESIDE, 0);
    fd_close(&j->fd);
    buffer_free(&j->text);
}

/* ---- reading ---- */

/* A journal's head, and the operation that was read last. */
struct reading {
    struct lines lines;
    char title[LINE_ROOM], stage[LINE_ROOM], attic[LINE_ROOM], a[LINE_ROOM], b[LINE_ROOM];
};

static bool word_decode(struct slice *line, char out[LINE_ROOM])
{
    struct slice word = line_word(line);
    int n = word.n == 0 ? -1 : percent_decode(word, out, LINE_ROOM - 1);
    if (n < 0)
        return false;
    out[n] = '\0';
    return true;
}

/* Two numbers, or nothing. */
static bool seen_parse(struct slice *line, struct fetch_seen *seen)
{
    uint64_t size, modified;
    if (line->n == 0)
        return true;
    struct slice first = line_word(line), time = line_word(line);
    bool negative = time.n > 0 && time.p[0] == '-';
    if (negative)
        time.p++, time.n--;
    if (!slice_to_u64(first, INT64_MAX, &size) || !slice_to_u64(time, INT64_MAX, &modified))
        return false;
    *seen = (struct fetch_seen){
        .there = true, .size = size, .modified = negative ? -(int64_t)modified : (int64_t)modified};
    return true;
}

static bool title_parse(struct reading *r, struct slice line)
{
    return slice_equal(line_word(&line), slice_of("title")) && word_decode(&line, r->title) &&
           word_decode(&line, r->stage) && word_decode(&line, r->attic) && strchr(r->stage, '/') == NULL &&
           r->stage[0] != '.' && strchr(r->attic, '/') == NULL;
}

static bool op_parse(struct reading *r, struct slice line, struct journal_op *op)
{
    struct slice word = line_word(&line);
    for (int k = 0; k < JOURNAL_KINDS; k++) {
        if (!slice_equal(word, slice_of(kinds[k].word)))
            continue;
        *op = (struct journal_op){.kind = (enum journal_kind)k, .a = r->a, .b = r->b};
        return word_decode(&line, r->a) && (!kinds[k].b || word_decode(&line, r->b)) &&
               (!kinds[k].size || slice_to_u64(line_word(&line), UINT64_MAX, &op->size)) &&
               (!kinds[k].seen || seen_parse(&line, &op->seen));
    }
    return false;
}

/* Reads the head; the next line is the first operation. */
static int reading_start(struct reading *r, int fd, struct pb_error *err)
{
    struct slice line;
    lines_start(&r->lines, fd);
    int rc = lines_next(&r->lines, &line, err);
    bool good = rc == 1 && slice_equal(line, slice_of(MARK));
    if (good)
        rc = lines_next(&r->lines, &line, err);
    if (rc < 0)
        return rc;
    return good && rc == 1 && title_parse(r, line)
               ? PB_OK
               : error_set(err, PB_DAMAGED, "the journal's line %zu is not ours", r->lines.number);
}

/* 1: *op is the next operation, valid until the next call; 0: the journal has ended. */
static int reading_next(struct reading *r, struct journal_op *op, struct pb_error *err)
{
    struct slice line;
    int rc = lines_next(&r->lines, &line, err);
    if (rc < 0)
        return rc;
    if (rc == 0)
        return error_set(err, PB_DAMAGED, "the journal is cut off");
    if (slice_equal(line, slice_of("end")))
        return 0;
    return op_parse(r, line, op)
               ? 1
               : error_set(err, PB_DAMAGED, "the journal's line %zu is not ours", r->lines.number);
}

/* Looks at every line before anything is done. */
static int journal_check(struct reading *r, int fd, struct pb_error *err)
{
    struct journal_op op;
    int rc = reading_start(r, fd, err);
    while (rc >= 0 && (rc = reading_next(r, &op, err)) == 1)
        continue;
    lines_end(&r->lines);
    return rc;
}

/* ---- applying ---- */

struct applying {
    struct workspace *w;
    struct reading *journal;
    int fd;      /* of the journal */
    int staging; /* of the journal's title */
    struct tree tree;
    struct tree other;                   /* for the second path of an operation */
    bool again;                          /* after a crash: nothing is taken for granted */
    char missing[PATH_RELATIVE_MAX + 1]; /* the first path whose file was gone; "" for none */
};

/* Is this a file of `size` bytes? 1: yes; 0: no. A disk that does not tell is no "no": the file would pass
 * for arrived. */
static int file_is(int at, const char *name, uint64_t size, struct pb_error *err)
{
    struct stat st;
    if (fstatat(at, name, &st, AT_SYMLINK_NOFOLLOW) != 0)
        return errno == ENOENT ? 0 : error_errno(err, errno, "%s", name);
    return S_ISREG(st.st_mode) && (uint64_t)st.st_size == size;
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

/* A file that has another name as well may be somebody else's: it keeps its bits. */
static int op_exec(int folder, const char *base, const char *path, struct pb_error *err)
{
    int rc = own_exec(folder, base, err);
    return rc == PB_INVALID || rc == PB_NOT_FOUND ? PB_OK
           : rc < 0                               ? error_context(err, "%s: set its execute bits", path)
                                                  : PB_OK;
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
    snprintf(to, sizeof to, "%.*s/%s", PATH_RELATIVE_MAX, x->journal->attic, base);
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
    if (rc == PB_OK)
        rc = beneath_clear(x->staging, beside, err);
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
    /* Mostly nothing is in the way, and nothing has happened to what commit.c has looked at. */
    if (!op->seen.there && !x->again && renameat2(x->staging, op->a, folder, base, RENAME_NOREPLACE) == 0)
        return PB_OK;
    rc = file_is(x->staging, op->a, op->size, err);
    if (rc < 0)
        return rc;
    if (rc == 1) {
        rc = way_clear(x, op, folder, base, err);
        if (rc == PB_OK && renameat(x->staging, op->a, folder, base) != 0)
            rc = error_errno(err, errno, "put %s in place", op->b);
        return rc;
    }
    /* Not in staging: it has arrived before a crash. Or somebody took it away; then the rest is finished all
     * the same, and the next fetch gets it again. */
    rc = file_is(folder, base, op->size, err);
    if (rc == 0 && x->missing[0] == '\0')
        snprintf(x->missing, sizeof x->missing, "%s", op->b);
    return rc < 0 ? rc : PB_OK;
}

static int op_arrive(struct applying *x, const struct journal_op *op, struct pb_error *err)
{
    int folder;
    const char *base, *path = op->kind == JOURNAL_PUT || op->kind == JOURNAL_LINK ? op->b : op->a;
    if (op->kind == JOURNAL_RECORD)
        return records_save(x->w->home, x->journal->title, op->a, err);
    if (op->kind == JOURNAL_BLOB)
        return files_place(x->w->home, x->staging, op->a, x->journal->stage, err);
    if (op->kind == JOURNAL_FORGET)
        return records_forget(x->w->home, x->journal->title, x->journal->stage, err);
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
    struct journal_op op;
    int rc = reading_start(x->journal, x->fd, err);
    while (rc >= 0 && (rc = reading_next(x->journal, &op, err)) == 1) {
        if ((op.kind >= JOURNAL_ARRIVES) == arrive)
            rc = arrive ? op_arrive(x, &op, err) : op_leave(x, &op, err);
    }
    lines_end(&x->journal->lines);
    if (rc == PB_OK && syncfs(x->w->folder) != 0)
        rc = error_errno(err, errno, "sync");
    return rc;
}

static int phases_run(struct applying *x, bool leaving, struct pb_error *err)
{
    int home = x->w->home;
    int rc = staging_open(x->w, x->journal->stage, &x->staging, err);
    /* The journal's name tells what has happened: it must be on disk before anything does. */
    if (rc == PB_OK && fsync(home) != 0)
        rc = error_errno(err, errno, "sync");
    if (rc == PB_OK && leaving)
        rc = ops_apply(x, false, err);
    if (rc == PB_OK && leaving &&
        (renameat(home, JOURNAL_FIRST, home, JOURNAL_SECOND) != 0 || fsync(home) != 0))
        rc = error_errno(err, errno, "rename the journal");
    tree_forget(&x->tree);
    return rc == PB_OK ? ops_apply(x, true, err) : rc;
}

/* `leaving`: nothing has arrived yet. */
static int journal_apply(struct workspace *w, int fd, bool leaving, bool again, struct pb_error *err)
{
    _cleanup_free_ struct reading *reading = malloc(sizeof *reading);
    struct applying x = {.w = w, .journal = reading, .fd = fd, .staging = -1, .again = again};
    if (reading == NULL)
        return error_memory(err);
    tree_start(&x.tree, w->folder);
    tree_start(&x.other, w->folder);
    int rc = journal_check(reading, fd, err);
    if (rc == PB_OK)
        rc = phases_run(&x, leaving, err);
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

int journal_run(struct journal *j, struct pb_error *err)
{
    struct workspace *w = j->w;
    buffer_text(&j->text, "end\n");
    int rc = text_write(j, err);
    if (rc == PB_OK && fsync(j->fd) != 0)
        rc = error_errno(err, errno, "sync the journal");
    if (rc == PB_OK &&
        renameat(w->home, JOURNAL_BESIDE, w->home, j->leaves ? JOURNAL_FIRST : JOURNAL_SECOND) != 0)
        rc = error_errno(err, errno, "rename the journal");
    if (rc < 0)
        return rc;
    rc = journal_apply(w, j->fd, j->leaves, false, err);
    fd_close(&j->fd);
    return rc < 0 ? broken_off(err) : PB_OK;
}

bool journal_pending(const struct workspace *w)
{
    return faccessat(w->home, JOURNAL_FIRST, F_OK, AT_SYMLINK_NOFOLLOW) == 0 ||
           faccessat(w->home, JOURNAL_SECOND, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

int journal_finish(struct workspace *w, bool *found, struct pb_error *err)
{
    uint64_t size;
    _cleanup_fd_ int fd = -1;
    bool leaving = true;
    int rc = file_open_regular(w->home, JOURNAL_FIRST, false, &fd, &size, err);
    if (rc == PB_NOT_FOUND) {
        leaving = false;
        rc = file_open_regular(w->home, JOURNAL_SECOND, false, &fd, &size, err);
    }
    *found = rc == PB_OK;
    if (rc == PB_NOT_FOUND)
        return PB_OK;
    if (rc == PB_OK)
        rc = journal_apply(w, fd, leaving, true, err);
    return rc < 0 ? broken_off(err) : PB_OK;
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
