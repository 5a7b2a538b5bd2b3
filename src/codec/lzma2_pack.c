/* LZMA2 with liblzma's raw encoder, a thread for each block under way. liblzma's own threads are for .xz
 * alone, whose blocks have headers that 7z has not. */
#include "codec/lzma2_pack.h"

#include "codec/threads.h"

#include <lzma.h>
#include <sys/mman.h>

/*
 * Two cores end together when the blocks are even in number and equal in length. Blocks of 12 to 24 MiB cost
 * 0 to 0.3 % of size beside one block (docs/formats/opensauce.md has figures); they bound what a thread
 * needs, and unpacking has more than one thread's work, too. A small stream is one block, as two would cost
 * it up to 0.4 %.
 */
enum {
    BLOCK_USUAL = 16 << 20,
    ONE_BLOCK_MAX = 8 << 20,
    THREADS_MAX = 16,
    MEMORY_MAX = 1536 << 20, /* fewer threads, where more would need more; one thread needs 360 MB at most */
    STEP = 64 << 10,         /* packed between two looks at `stop`: about 30 ms */
    NICE_LENGTH = 48,
    HUGE_PAGE = 2 << 20,
    TURN_MS = 100, /* between two calls of progress */
};

enum block_state {
    BLOCK_FREE,
    BLOCK_FILLING, /* bytes are added */
    BLOCK_PACKING, /* its thread works; the block is the thread's, but for `packed` */
    BLOCK_DONE,    /* waits for its turn to be written; its thread has ended or is about to */
};

struct block {
    struct lzma2_packer *packer;
    enum block_state state;
    uint8_t *in, *out;
    size_t n;      /* bytes of `in` */
    size_t packed; /* of these */
    size_t out_n;
    lzma_ret result;
    pthread_t thread;
};

struct lzma2_packer {
    archive_sink_fn *sink;
    archive_progress_fn *progress; /* may be NULL */
    void *arg, *progress_arg;
    lzma_options_lzma options;
    uint64_t size, count; /* of the stream; of its blocks */
    unsigned threads;     /* at work at once */
    unsigned slot_count;  /* twice as many, so that a fast block does not wait for a slow one before it */
    struct block slots[2 * THREADS_MAX];
    uint64_t begun, written; /* numbers of blocks: block N is in slot N modulo slot_count */
    uint64_t written_bytes;  /* before packing, of blocks that are written */
    struct monitor monitor;  /* over the two below, and states and `packed` of blocks */
    unsigned running;
    bool stop;
};

uint64_t lzma2_blocks(uint64_t size)
{
    if (size <= ONE_BLOCK_MAX)
        return 1;
    uint64_t pairs = (size + BLOCK_USUAL) / (2 * BLOCK_USUAL);
    return pairs > 1 ? 2 * pairs : 2;
}

/* Where block `number` begins. */
static uint64_t block_start(const struct lzma2_packer *p, uint64_t number)
{
    return p->size / p->count * number + p->size % p->count * number / p->count;
}

static size_t block_length(const struct lzma2_packer *p, uint64_t number)
{
    return (size_t)(block_start(p, number + 1) - block_start(p, number));
}

/* LZMA2 stores what does not become smaller, at three bytes for a chunk of about 60 kB. */
static size_t packed_most(size_t n)
{
    return n + n / 1024 + 4096;
}

static void filters_set(const struct lzma2_packer *p, lzma_filter filters[2])
{
    filters[0] = (lzma_filter){LZMA_FILTER_LZMA2, (void *)&p->options};
    filters[1] = (lzma_filter){LZMA_VLI_UNKNOWN, NULL};
}

static int options_set(struct lzma2_packer *p, int level, struct pb_error *err)
{
    lzma_filter filters[2];
    uint64_t block = block_length(p, p->count - 1);
    if (lzma_lzma_preset(&p->options, (uint32_t)level))
        return error_set(err, PB_INVALID, "level %d: must be 0 to 9", level);
    /* Four bits of context are better for maps than the preset's three, and cost nothing. Of what that gains,
     * a part goes for time: to search on behind a match of 48 bytes takes 5 to 8 % more of it. */
    p->options.lc = 4;
    if (p->options.nice_len > NICE_LENGTH)
        p->options.nice_len = NICE_LENGTH;
    if (p->options.dict_size > block)
        p->options.dict_size = block < LZMA_DICT_SIZE_MIN ? LZMA_DICT_SIZE_MIN : (uint32_t)block;
    filters_set(p, filters);
    /* The encoder, the block, what it is packed to, and another that waits to be written. */
    uint64_t needed = lzma_raw_encoder_memusage(filters) + 3 * block;
    uint64_t fit = MEMORY_MAX / needed;
    unsigned most = p->count < THREADS_MAX ? (unsigned)p->count : THREADS_MAX;
    p->threads = thread_cores(fit < 1 ? 1 : fit < most ? (unsigned)fit : most);
    p->slot_count = 2 * p->threads;
    return PB_OK;
}

int lzma2_packer_open(int level, uint64_t size, archive_sink_fn *sink, void *arg, struct lzma2_packer **out,
                      struct pb_error *err)
{
    struct lzma2_packer *p = calloc(1, sizeof *p);
    if (p == NULL)
        return error_memory(err);
    p->sink = sink;
    p->arg = arg;
    p->size = size;
    p->count = lzma2_blocks(size);
    int rc = options_set(p, level, err);
    if (rc == PB_OK)
        rc = monitor_open(&p->monitor, err);
    if (rc < 0) {
        free(p);
        return rc;
    }
    *out = p;
    return PB_OK;
}

void lzma2_packer_watch(struct lzma2_packer *p, archive_progress_fn *progress, void *arg)
{
    p->progress = progress;
    p->progress_arg = arg;
}

uint8_t lzma2_packer_property(const struct lzma2_packer *p)
{
    lzma_filter filters[2];
    uint8_t property = 0;
    filters_set(p, filters);
    /* Fails for options that the encoder would refuse, too: it can't here. */
    return lzma_properties_encode(&filters[0], &property) == LZMA_OK ? property : 0;
}

/* ---- a thread's part ---- */

/* Tells how far the block is. False: stop. */
static bool block_goes_on(struct block *b, size_t packed)
{
    struct lzma2_packer *p = b->packer;
    monitor_enter(&p->monitor);
    b->packed = packed;
    bool stop = p->stop;
    monitor_leave(&p->monitor);
    return !stop;
}

/* liblzma's memory. The match finder jumps about in tables of more than 100 MB; in huge pages, where the
 * kernel has any, that takes an eighth less time. */
static void *pages_get(void *arg, size_t count, size_t size)
{
    (void)arg;
    if (size != 0 && count > (SIZE_MAX - HUGE_PAGE) / size)
        return NULL;
    size_t n = count * size;
    if (n < 2 * HUGE_PAGE)
        return malloc(n > 0 ? n : 1);
    n = (n + HUGE_PAGE - 1) / HUGE_PAGE * HUGE_PAGE;
    void *p = aligned_alloc(HUGE_PAGE, n);
    if (p != NULL)
        madvise(p, n, MADV_HUGEPAGE);
    return p;
}

static void pages_free(void *arg, void *p)
{
    (void)arg;
    free(p);
}

static lzma_ret block_encode(struct block *b)
{
    static const lzma_allocator allocator = {pages_get, pages_free, NULL};
    lzma_stream s = LZMA_STREAM_INIT;
    s.allocator = &allocator;
    lzma_filter filters[2];
    filters_set(b->packer, filters);
    lzma_ret ret = lzma_raw_encoder(&s, filters);
    s.next_out = b->out;
    s.avail_out = packed_most(b->n);
    for (size_t given = 0; ret == LZMA_OK && block_goes_on(b, given - s.avail_in);) {
        if (s.avail_in == 0 && given < b->n) {
            s.next_in = b->in + given;
            s.avail_in = b->n - given < STEP ? b->n - given : STEP;
            given += s.avail_in;
        }
        ret = lzma_code(&s, given == b->n ? LZMA_FINISH : LZMA_RUN);
    }
    b->out_n = packed_most(b->n) - s.avail_out;
    lzma_end(&s);
    return ret;
}

static void *block_run(void *arg)
{
    struct block *b = arg;
    struct lzma2_packer *p = b->packer;
    b->out = malloc(packed_most(b->n));
    b->result = b->out != NULL ? block_encode(b) : LZMA_MEM_ERROR;
    free(b->in);
    b->in = NULL;
    /* What was not needed of `out` was never touched, but gives it back to the budget of addresses. */
    uint8_t *less = b->result == LZMA_STREAM_END && b->out_n > 0 ? realloc(b->out, b->out_n) : NULL;
    if (less != NULL)
        b->out = less;
    monitor_enter(&p->monitor);
    b->packed = b->n;
    b->state = BLOCK_DONE;
    p->running--;
    monitor_tell(&p->monitor);
    monitor_leave(&p->monitor);
    return NULL;
}

/* ---- the caller's part ---- */

static struct block *slot_of(struct lzma2_packer *p, uint64_t number)
{
    return &p->slots[number % p->slot_count];
}

static void block_clear(struct block *b)
{
    free(b->in);
    free(b->out);
    *b = (struct block){.state = BLOCK_FREE};
}

/* Writes the block, which is done, without the byte that would end the stream. */
static int block_write(struct lzma2_packer *p, struct block *b, struct pb_error *err)
{
    int rc = PB_OK;
    pthread_join(b->thread, NULL);
    p->written++;
    p->written_bytes += b->n;
    if (b->result == LZMA_MEM_ERROR)
        rc = error_memory(err);
    else if (b->result != LZMA_STREAM_END || b->out_n == 0)
        rc = error_set(err, PB_FAILED, "compress: liblzma's error %d", (int)b->result);
    else
        rc = p->sink(p->arg, b->out, b->out_n - 1, err);
    block_clear(b);
    return rc;
}

/* The state of the next block to write, and how many bytes are packed in all. Waits a moment for a thread to
 * end, if told so and there is nothing to write. */
static enum block_state packer_look(struct lzma2_packer *p, bool wait, uint64_t *packed)
{
    monitor_enter(&p->monitor);
    const struct block *next = slot_of(p, p->written);
    if (wait && next->state != BLOCK_DONE && p->running > 0)
        monitor_wait_ms(&p->monitor, TURN_MS);
    enum block_state state = next->state;
    *packed = p->written_bytes;
    for (unsigned i = 0; i < p->slot_count; i++)
        *packed += p->slots[i].packed;
    monitor_leave(&p->monitor);
    return state;
}

/* Writes what is done, and tells of progress. */
static int packer_turn(struct lzma2_packer *p, bool wait, struct pb_error *err)
{
    uint64_t packed;
    while (packer_look(p, wait, &packed) == BLOCK_DONE) {
        int rc = block_write(p, slot_of(p, p->written), err);
        if (rc < 0)
            return rc;
        wait = false;
    }
    return p->progress != NULL ? p->progress(p->progress_arg, packed, err) : PB_OK;
}

static unsigned packer_running(struct lzma2_packer *p)
{
    monitor_enter(&p->monitor);
    unsigned running = p->running;
    monitor_leave(&p->monitor);
    return running;
}

static int block_begin(struct lzma2_packer *p, struct block *b, struct pb_error *err)
{
    int rc = PB_OK;
    while (rc == PB_OK && p->begun - p->written == p->slot_count)
        rc = packer_turn(p, true, err);
    if (rc < 0)
        return rc;
    size_t n = block_length(p, p->begun);
    *b = (struct block){.packer = p};
    b->in = malloc(n);
    if (b->in == NULL)
        return error_memory(err);
    b->state = BLOCK_FILLING;
    return PB_OK;
}

static int block_pack(struct lzma2_packer *p, struct block *b, struct pb_error *err)
{
    int rc = PB_OK;
    while (rc == PB_OK && packer_running(p) == p->threads)
        rc = packer_turn(p, true, err);
    if (rc < 0)
        return rc;
    monitor_enter(&p->monitor);
    b->state = BLOCK_PACKING;
    p->running++;
    monitor_leave(&p->monitor);
    rc = thread_start(&b->thread, block_run, b, err);
    if (rc == PB_OK) {
        p->begun++;
        return PB_OK;
    }
    monitor_enter(&p->monitor);
    b->state = BLOCK_FILLING;
    p->running--;
    monitor_leave(&p->monitor);
    return rc;
}

int lzma2_packer_add(struct lzma2_packer *p, const void *bytes, size_t n, struct pb_error *err)
{
    int rc = PB_OK;
    for (const uint8_t *from = bytes; rc == PB_OK && n > 0;) {
        struct block *b = slot_of(p, p->begun);
        if (p->begun == p->count)
            return error_set(err, PB_INVALID, "compress: more bytes than announced");
        if ((p->begun - p->written == p->slot_count || b->state == BLOCK_FREE) &&
            (rc = block_begin(p, b, err)) < 0)
            return rc;
        size_t length = block_length(p, p->begun);
        size_t step = length - b->n < n ? length - b->n : n;
        memcpy(b->in + b->n, from, step);
        b->n += step;
        from += step;
        n -= step;
        if (b->n == length)
            rc = block_pack(p, b, err);
    }
    return rc == PB_OK ? packer_turn(p, false, err) : rc;
}

int lzma2_packer_finish(struct lzma2_packer *p, struct pb_error *err)
{
    static const uint8_t end = 0;
    int rc =
        p->begun == p->count ? PB_OK : error_set(err, PB_INVALID, "compress: fewer bytes than announced");
    while (rc == PB_OK && p->written < p->count)
        rc = packer_turn(p, true, err);
    return rc == PB_OK ? p->sink(p->arg, &end, sizeof end, err) : rc;
}

void lzma2_packer_free(struct lzma2_packer *p)
{
    if (p == NULL)
        return;
    monitor_enter(&p->monitor);
    p->stop = true;
    monitor_leave(&p->monitor);
    for (; p->written < p->begun; p->written++) {
        struct block *b = slot_of(p, p->written);
        pthread_join(b->thread, NULL);
        block_clear(b);
    }
    if (p->begun < p->count) /* one that was being filled */
        block_clear(slot_of(p, p->begun));
    monitor_close(&p->monitor);
    free(p);
}
