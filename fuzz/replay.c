/* Runs a fuzz target over files, so that every corpus is a test: replay FOLDER. Prints TAP. With REPLAY_WHOLE
 * in the environment, files as they are alone: for tests of what happens without memory. */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The file as it is, and every beginning of it. */
static int replay(const char *path)
{
    enum { MOST = 1 << 20 };
    FILE *f = fopen(path, "rb");
    uint8_t *data = malloc(MOST);
    if (f == NULL || data == NULL) {
        free(data);
        if (f != NULL)
            fclose(f);
        return -1;
    }
    size_t n = fread(data, 1, MOST, f);
    fclose(f);
    for (size_t cut = 0; cut <= n && getenv("REPLAY_WHOLE") == NULL; cut += 1 + cut / 64) {
        /* A copy of just this length, so that reading behind its end is noticed. */
        uint8_t *copy = malloc(cut > 0 ? cut : 1);
        if (copy == NULL)
            break;
        memcpy(copy, data, cut);
        LLVMFuzzerTestOneInput(copy, cut);
        free(copy);
    }
    LLVMFuzzerTestOneInput(data, n);
    free(data);
    return 0;
}

int main(int argc, char **argv)
{
    DIR *folder = argc == 2 ? opendir(argv[1]) : NULL;
    struct dirent *d;
    int number = 0, failed = 0;
    if (folder == NULL) {
        fprintf(stderr, "usage: replay FOLDER\n");
        return 2;
    }
    while ((d = readdir(folder)) != NULL) {
        char path[4096];
        if (d->d_name[0] == '.')
            continue;
        snprintf(path, sizeof path, "%s/%s", argv[1], d->d_name);
        int rc = replay(path);
        failed |= rc != 0;
        printf("%s %d - %s\n", rc == 0 ? "ok" : "not ok", ++number, d->d_name);
    }
    closedir(folder);
    printf("1..%d\n", number);
    return failed || number == 0;
}
