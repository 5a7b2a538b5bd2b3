/* Results and steps in words. */
#include "cli/fetch_words.h"

#include <stdio.h>
#include <string.h>

static void file_print(const struct args *a, const struct pb_fetch_result *r)
{
    char size[TEXT_SIZE];
    text_grouped(r->file_bytes, size);
    if (r->unchanged)
        printf("%s: %s/%s is there already, and right; nothing to do\n", r->title, a->operands[1], r->file);
    else
        printf("%s: installed %s/%s, %s bytes, CRC-32 %08x\n", r->title, a->operands[1], r->file, size,
               r->crc32);
}

static void count_print(unsigned n, const char *what)
{
    char number[TEXT_SIZE];
    text_grouped(n, number);
    if (n > 0)
        printf(", %s %s", number, what);
}

/* "escape/official: 150 downloaded, 100 moved, 1,800 kept, 52 set aside" */
static void files_print(const struct args *a, const struct pb_fetch_result *r)
{
    char kept[TEXT_SIZE], placed[TEXT_SIZE];
    text_grouped(r->kept, kept);
    text_grouped(r->placed, placed);
    printf("%s%s%s: ", r->title, r->version[0] != '\0' ? " " : "", r->version);
    if (r->unchanged && r->kept == 0)
        printf("is the newest version; nothing to do (--repair looks at every file)");
    else if (r->unchanged)
        printf("all %s files are there already, and right; nothing to do", kept);
    else
        printf("%s file%s installed", placed, r->placed == 1 ? "" : "s");
    count_print(r->moved, "moved");
    count_print(r->linked, "linked");
    count_print(r->removed, "removed");
    if (!r->unchanged)
        count_print(r->kept, "kept");
    count_print(r->attic, "set aside");
    if (r->attic > 0)
        printf(" in %s/attic", a->operands[1]);
    printf("\n");
    if (r->advice[0] != '\0' || r->note[0] != '\0')
        printf("  %s%s%s\n", r->note, r->note[0] != '\0' && r->advice[0] != '\0' ? "; " : "",
               r->advice[0] == '\0'                    ? ""
               : strcmp(r->advice, "recommended") == 0 ? "this upgrade was recommended"
                                                       : "this upgrade was optional");
}

void words_result(const struct args *a, const struct pb_fetch_result *r)
{
    char bytes[TEXT_SIZE];
    text_bytes(r->bytes, bytes);
    if (r->file[0] != '\0')
        file_print(a, r);
    else
        files_print(a, r);
    if (r->unchanged || r->pieces == 0)
        return;
    printf("  %u of %u %s%s downloaded (%s) from %s", r->downloaded, r->pieces,
           r->file[0] != '\0' ? "part" : "file", r->pieces == 1 ? "" : "s", bytes, r->source);
    if (r->present > 0)
        printf("; %u had arrived before", r->present);
    printf("\n");
}

void words_change(const struct pb_fetch_change *s)
{
    if (s->bytes > 0)
        printf("%-9s %12llu  %s", s->action, s->bytes, s->path);
    else
        printf("%-9s %12s  %s", s->action, "", s->path);
    if (s->from != NULL)
        printf(strcmp(s->action, "link") == 0 ? " -> %s" : "  (from %s)", s->from);
    printf("\n");
}

static void dry_print(const struct pb_fetch_result *r)
{
    printf("%s: %u to download, %u files to place, %u to move, %u to link, %u to remove, %u to set aside, %u "
           "to keep; "
           "nothing was changed\n",
           r->titles == 1 ? r->title : "in all", r->pieces, r->placed, r->moved, r->linked, r->removed,
           r->attic, r->kept);
}

int words_end(const struct args *a, const struct pb_fetch_result *r, unsigned each)
{
    bool several = each > 0 || r->titles == 0;
    if (args_flag(a, "dry-run"))
        dry_print(r);
    else if (!several)
        words_result(a, r);
    else if (each == 0)
        printf("%s is subscribed to no collection; --subscribe NAME does that\n", a->operands[1]);
    if (r->others[0] != '\0')
        printf("not subscribed to: %s\n", r->others);
    return print_end();
}
