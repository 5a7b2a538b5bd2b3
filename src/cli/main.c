/* The program: the table of verbs. Everything that it can do, the library does. */
#include "cli/verbs.h"

#include <locale.h>
#include <signal.h>

static const struct option publish_map_options[] = {
    {"password-file", "FILE",
     "encrypt for players with the password in FILE's first line (-: standard input)", false},
    {"long-password", NULL, "allow more than the game's 8 characters, for patchbay's own client", false},
    {"algorithm", "7zip|zip", "the archive's form (default 7zip)", false},
    {"level", "0..9", "how hard to compress (default 9; 0: hardly, and zip not at all)", false},
    {"no-raw", NULL, "do not keep the uncompressed map for GET /maps/NAME.map", false},
    {"redirect-root", "URL", "send part requests to URL/HOST_DIRECTORY/PART", false},
    {"host-directory", "NAME", "the folder below the redirect root (default: the map's name)", false},
    {NULL, NULL, NULL, false},
};

static const struct option import_options[] = {
    {"password-file", "FILE", "the password of encrypted maps (-: standard input)", false},
    {"redirect-root", "URL", "send part requests to URL/HOST_DIRECTORY/PART", false},
    {"no-raw", NULL, "do not keep the uncompressed maps", false},
    {NULL, NULL, NULL, false},
};

static const struct option list_options[] = {
    {"installed", "DIR", "what was fetched into DIR, instead of what the depot has", false},
    {NULL, NULL, NULL, false},
};

static const struct option gc_options[] = {
    {"keep", "N", "forget all but the live and the N newest other releases of each title", false},
    {"no-wait", NULL, "fail when a publish is under way, instead of waiting", false},
    {NULL, NULL, NULL, false},
};

static const struct option fetch_options[] = {
    {"password-file", "FILE", "the password in FILE's first line (-: standard input)", false},
    {"mirror", "URL", "a further source, such as http://HOST/map_download", true},
    {"master-list", "URL", "a list of master servers to try last (default: the server's own)", false},
    {"connections", "1..64", "connections at once (default 4)", false},
    {"then", "CMD", "run CMD with the shell once the content is there ($PATCHBAY_FILE, $PATCHBAY_TITLE)",
     false},
    {NULL, NULL, NULL, false},
};

const struct verb verbs[] = {
    {"init", "", 0, 0, "Make an empty depot", "", NULL, NULL, true, true, verb_init},
    {"publish map", "FILE", 1, 1, "Publish a map for OpenSauce's map download",
     "The map is compressed, cut into parts of 1 MiB and live at once; a running server\n"
     "shows it within a second. The same map again costs a hash and changes nothing.\n"
     "A password keeps casual visitors out and nothing more.\n",
     publish_map_options, NULL, true, true, verb_publish_map},
    {"import opensauce", "DEFINITIONS PARTS", 2, 2, "Import definitions and parts made by the original tool",
     "DEFINITIONS is the folder of *.xml files, PARTS the folder with a folder of parts for\n"
     "each map. Every part is checked; a map with a fault is reported and left out.\n",
     import_options, NULL, true, true, verb_import_opensauce},
    {"list", "", 0, 0, "List what is live", "", list_options, NULL, true, true, verb_list},
    {"history", "TITLE", 1, 1, "List the releases of a title, newest first",
     "TITLE is DIALECT/NAME, such as opensauce/immure.\n", NULL, NULL, true, true, verb_history},
    {"rollback", "TITLE [VERSION]", 1, 2, "Make an older release live",
     "Without VERSION: the one before the live one.\n", NULL, NULL, true, true, verb_rollback},
    {"withdraw", "TITLE", 1, 1, "Take a title off the servers",
     "Its releases stay; 'patchbay rollback TITLE' brings back the one that was live.\n", NULL, NULL, true,
     true, verb_withdraw},
    {"gc", "", 0, 0, "Remove what no release refers to",
     "--keep spares releases that were live within the last minute: a server may still show them.\nA "
     "withdrawn title has only other releases; with --keep 0 it goes altogether.\n",
     gc_options, NULL, true, true, verb_gc},
    {"fsck", "", 0, 0, "Check every object and the catalog",
     "Exit status 1 when something is damaged or missing. Publishing the same content again mends it.\n",
     NULL, NULL, true, true, verb_fsck},
    {"serve", "", 0, 0, "Serve the depot",
     "SIGTERM finishes replies under way and ends; SIGHUP reads the configuration again and\n"
     "opens the access log anew. Every option is also a key of the configuration file.\n",
     NULL, serve_options, true, false, verb_serve},
    {"fetch", "URL DIR", 2, 2, "Fetch content into a game's folder",
     "URL is opensauce://HOST[:PORT]/NAME; the map appears as DIR/NAME.map, verified or not\n"
     "at all. A fetch that was broken off continues where it stopped.\n",
     fetch_options, NULL, false, true, verb_fetch},
    {NULL, NULL, 0, 0, NULL, NULL, NULL, NULL, false, false, NULL},
};

int main(int argc, char **argv)
{
    struct args args;
    /* File names in archives are UTF-8 whatever the user's locale; messages are plain. */
    setlocale(LC_CTYPE, "C.UTF-8");
    signal(SIGPIPE, SIG_IGN);
    signal(SIGXFSZ, SIG_IGN); /* a file size limit is an error like a full disk, not a death */
    int status = args_parse(argc, argv, &args);
    return status >= 0 ? status : args.verb->run(&args);
}
