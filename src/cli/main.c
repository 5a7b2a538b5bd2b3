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
    {"to", "URL", "publish at a server from afar: https://HOST[:PORT] of its admin address", false},
    {"token-file", "FILE", "with --to: the token in FILE's first line (default: $PATCHBAY_TOKEN)", false},
    {"cacert", "FILE", "with --to: certificates to trust for https (default: as curl has it)", false},
    {"retries", "0..100", "with --to: further attempts after the connection broke (default 5)", false},
    {"insecure-http", NULL, "with --to: http, which all on the way can read, to other machines, too", false},
    {NULL, NULL, NULL, false},
};

/* So that who tries it is told. */
#define PUBLISH_HERE_ONLY                                                                                    \
    {                                                                                                        \
        "to", "URL", "refused: only maps can be published from afar (publish map --to)", false               \
    }

static const struct option publish_upgrade_options[] = {
    {"platform", "NAME", "the platform: linux, win32, osx, …", false},
    {"version", "N", "the version that this upgrade brings", false},
    {"oldest", "N", "the oldest version that can upgrade itself", false},
    {"recommended", "N", "below this version the upgrade is recommended, else optional", false},
    {"note", "TEXT", "one line for players (default: the day)", false},
    {"symlink", "NAME=TARGET", "a symbolic link for players to make (links in TREE become such, too)", true},
    {"delete", "NAME", "a file that the upgrade removes", true},
    {"alias", "PLATFORM", "another name under which the platform is served", true},
    PUBLISH_HERE_ONLY,
    {NULL, NULL, NULL, false},
};

static const struct option publish_levels_options[] = {
    {"collection", "NAME", "the collection's name, and that of the player's folder", false},
    {"title", "TEXT", "the name that players see (default: from TREE's index file, else the collection)",
     false},
    {"min-version", "N", "the oldest version of the game that can play it", false},
    {"note", "TEXT", "one line for players (default: the day)", false},
    {"descriptions", "FILE", "lines FOLDER DESCRIPTION (default: from index files, else the folder's name)",
     false},
    {"list-title", "TEXT", "the long name in COLLECTIONS (default: as before, else the title)", false},
    {"list-version", "N", "the version in COLLECTIONS (default: as before, else --min-version)", false},
    {"position", "N",
     "the place in COLLECTIONS, from 1 (default: as before, else behind those that have one)", false},
    {"ratings", "FILE", "lines LEVEL and nine numbers, LEVEL a path or an MD5 (default: from index files)",
     false},
    PUBLISH_HERE_ONLY,
    {NULL, NULL, NULL, false},
};

static const struct option publish_app_options[] = {
    {"app", "ID", "the application: 1000 (the viewer), 0001 (Final Fantasy XI), …", false},
    {"hardware", "ID", "the hardware: W2U, W20, PS2, …", false},
    {"version", "V", "eight digits of a date, _ and a number or letters: 20061212_3", false},
    {"alias", "ID", "another hardware for which the same is served", true},
    {"force", NULL, "publish a version that sorts before the live one, and leave newer lines out", false},
    PUBLISH_HERE_ONLY,
    {NULL, NULL, NULL, false},
};

static const struct option import_app_options[] = {
    {"app", "ID", "the application", false},
    {"hardware", "ID", "the hardware", false},
    {"alias", "ID", "another hardware for which the same is served", true},
    {"version", "V", "its version (default: the highest in patch.cfg)", false},
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
    {"names", NULL, "only the names of titles, withdrawn ones, too", false},
    {NULL, NULL, NULL, false},
};

static const struct option ban_options[] = {
    {"reason", "TEXT", "one line for people", false},
    {"for", "DURATION", "such as 30m, 12h, 7d or 2w (default: until it is lifted)", false},
    {NULL, NULL, NULL, false},
};

static const struct option token_options[] = {
    {"rights", "LIST", "what its owner may do: one or more of look,ban,publish (default look)", false},
    {"for", "DURATION", "how long it is valid: 12h, 30d, 8w (default: until it is revoked)", false},
    {NULL, NULL, NULL, false},
};

static const struct option status_options[] = {
    {"admin", "ADDR:PORT", "the server's admin address (default: that of the depot's server)", false},
    {"token-file", "FILE", "the token of its admin_token_file", false},
    {"cacert", "FILE", "certificates to trust, where the address is https://ADDR:PORT", false},
    {"once", NULL, "print all of it once and end, on a terminal, too", false},
    {NULL, NULL, NULL, false},
};

static const struct option export_options[] = {
    {"prune", NULL, "then remove what earlier exports wrote there and is no longer named", false},
    {NULL, NULL, NULL, false},
};

static const struct option gc_options[] = {
    {"keep", "N", "forget all but the live and the N newest other releases of each title", false},
    {"dry-run", NULL, "tell what would be removed, and change nothing", false},
    {"no-wait", NULL, "fail when a publish is under way, instead of waiting", false},
    {NULL, NULL, NULL, false},
};

static const struct option fetch_options[] = {
    {"dry-run", NULL, "tell what would be done, and change nothing", false},
    {"repair", NULL, "read every file, also those that look as they were installed", false},
    {"connections", "1..64", "connections at once (default 4, and 8 for many small files)", false},
    {"limit-rate", "RATE", "bytes a second over all connections, such as 500K or 2M (default: no limit)",
     false},
    {"timeout", "DURATION", "how long a server may bring next to nothing, at most 1h (default 20s)", false},
    {"retries", "0..100", "further attempts for what the network fails to bring (default 2)", false},
    {"cacert", "FILE", "certificates to trust for https (default: as curl has it)", false},
    {"proxy", "URL", "the proxy to go through (\"\": none; default: as curl has it, from the environment)",
     false},
    {"mirror", "URL", "a further source, such as http://HOST/map_download", true},
    {"password-file", "FILE", "opensauce: the password in FILE's first line (-: standard input)", false},
    {"then", "CMD", "run CMD with the shell once the content is there ($PATCHBAY_ADDRESS, …: see the manual)",
     false},
    {"then-delay", "DURATION", "wait before that, as the original OpenSauce does for 2s (default 0s)", false},
    {"json", NULL, "print what happens as JSON, an event a line: see docs/launchers.md", false},
    {NULL, NULL, NULL, false},
};

const struct verb verbs[] = {
    {"init", "", 0, 0, "Make an empty depot", "", NULL, NULL, true, true, verb_init},
    {"publish map", "FILE", 1, 1, "Publish a map for OpenSauce's map download",
     "The map is compressed, cut into parts of 1 MiB and live at once; a running server\n"
     "shows it within a second. The same map again costs a hash and changes nothing.\n"
     "A password keeps casual visitors out and nothing more.\n"
     "With --to the map goes to a server that has publish = yes; an upload that was broken off continues "
     "where it\n"
     "stopped when the command is given again.\n",
     publish_map_options, NULL, true, true, verb_publish_map},
    {"publish upgrade", "TREE", 1, 1, "Publish a platform's upgrade for Escape",
     "Everything in TREE is listed in PLATFORM/UPGRADE, and packed with gzip where that is smaller.\n"
     "--platform, --version, --oldest and --recommended must be given.\n",
     publish_upgrade_options, NULL, true, true, verb_publish_upgrade},
    {"publish levels", "TREE", 1, 1, "Publish a collection of levels for Escape",
     "Every file in TREE is a level, but for index files and what has the name of a text. Publishing again "
     "stores\n"
     "only what is new.\n"
     "--collection and --min-version must be given.\n",
     publish_levels_options, NULL, true, true, verb_publish_levels},
    {"publish app", "TREE", 1, 1, "Publish a version of an application for PlayOnline",
     "Files that are new or changed since the live version are packed, by all cores; the others keep their\n"
     "lines in patch.cfg. --app, --hardware and --version must be given.\n",
     publish_app_options, NULL, true, true, verb_publish_app},
    {"import playonline", "PATCH_CFG TREE", 2, 2, "Import a captured tree of a PlayOnline server",
     "PATCH_CFG is text, or as captured from the wire; TREE has the files that it names, as they were "
     "served.\n"
     "Files are served as they are, and so is a captured PATCH_CFG. Files that are missing or of another "
     "size\n"
     "are counted and left out. --app and --hardware must be given.\n",
     import_app_options, NULL, true, true, verb_import_playonline},
    {"import escape", "TREE", 1, 1, "Import the tree of a static Escape server",
     "TREE has COLLECTIONS, NAME.txt with its levels, PLATFORM/UPGRADE with its files. Every MD5 is\n"
     "checked; a title with a fault is reported and left out. Lists are kept as they are.\n",
     NULL, NULL, true, true, verb_import_escape},
    {"import opensauce", "DEFINITIONS PARTS", 2, 2, "Import definitions and parts made by the original tool",
     "DEFINITIONS is the folder of *.xml files, PARTS the folder with a folder of parts for\n"
     "each map. Every part is checked; a map with a fault is reported and left out.\n",
     import_options, NULL, true, true, verb_import_opensauce},
    {"export", "DIR", 1, 1, "Write what is live as files, for any web server",
     "Escape's tree as a static host has it; OpenSauce's parts (as parts/HOST_DIRECTORY/PART, for a\n"
     "redirect) and maps. Files that are there and right stay. Nothing is removed without --prune.\n",
     export_options, NULL, true, true, verb_export},
    {"list", "", 0, 0, "List what is live, and what it costs",
     "Bytes of the live release; and of objects in the depot that no other title needs (own), that others\n"
     "need, too (shared), that only old releases need (old).\n",
     list_options, NULL, true, true, verb_list},
    {"history", "TITLE", 1, 1, "List the releases of a title, newest first",
     "TITLE is DIALECT/NAME, such as opensauce/immure.\n", NULL, NULL, true, true, verb_history},
    {"rollback", "TITLE [VERSION]", 1, 2, "Make an older release live",
     "Without VERSION: the one before the live one.\n", NULL, NULL, true, true, verb_rollback},
    {"withdraw", "TITLE", 1, 1, "Take a title off the servers",
     "Its releases stay; 'patchbay rollback TITLE' brings back the one that was live. Who is half-way "
     "through a\n"
     "download finishes it, until 'patchbay gc --keep' forgets the release.\n",
     NULL, NULL, true, true, verb_withdraw},
    {"gc", "", 0, 0, "Remove what no release refers to",
     "--keep spares releases that were live within the last minute: a server may still show them.\nA "
     "withdrawn title has only other releases; with --keep 0 it goes altogether.\n",
     gc_options, NULL, true, true, verb_gc},
    {"fsck", "", 0, 0, "Check every object and the catalog",
     "Exit status 5 when something is damaged or missing. Publishing the same content again mends it.\n",
     NULL, NULL, true, true, verb_fsck},
    {"backup", "DIR", 1, 1, "Copy the depot into a folder, while it is served and published to",
     "DIR becomes a depot of its own, with bans and the day's account. What an earlier backup in DIR has is "
     "not\n"
     "copied again; one that is broken off leaves the one before it as it was.\n",
     NULL, NULL, true, true, verb_backup},
    {"restore", "BACKUP", 1, 1, "Make a depot from a backup",
     "The depot must not be there yet. It appears whole or not at all.\n", NULL, NULL, true, true,
     verb_restore},
    {"serve", "", 0, 0, "Serve the depot",
     "SIGTERM finishes replies under way and ends; SIGHUP reads the configuration again and\n"
     "opens the access log anew. Every option is also a key of the configuration file.\n",
     NULL, serve_options, true, false, verb_serve},
    {"status", "", 0, 0, "Show what a running server does",
     "On a terminal the picture is renewed each second; Ctrl-C ends it. The server must have been started\n"
     "with --admin.\n",
     status_options, NULL, true, true, verb_status},
    {"ban", "ADDRESS[/BITS]", 1, 1, "Ban an address or a range from the servers of the depot",
     "Running servers break off what they are sending there, and refuse it from then on. Bans are kept\n"
     "across restarts.\n",
     ban_options, NULL, true, true, verb_ban},
    {"unban", "ADDRESS[/BITS]", 1, 1, "Lift a ban",
     "Of just this address or range: 'patchbay bans' lists them.\n", NULL, NULL, true, true, verb_unban},
    {"bans", "", 0, 0, "List the bans", "", NULL, NULL, true, true, verb_bans},
    {"token add", "NAME", 1, 1, "Make a token for the admin address",
     "Prints the token, once: the depot keeps its hash only. Running servers accept it within a second.\n"
     "Where there are tokens, all requests to the admin address need one.\n",
     token_options, NULL, true, true, verb_token_add},
    {"token list", "", 0, 0, "List the tokens", "", NULL, NULL, true, true, verb_token_list},
    {"token revoke", "NAME", 1, 1, "End a token's validity",
     "Running servers refuse it within a second. What it has uploaded but not published is dropped.\n", NULL,
     NULL, true, true, verb_token_revoke},
    {"fetch", "URL DIR", 2, 2, "Fetch content into a game's folder",
     "URL is one of\n"
     "  opensauce://HOST[:PORT]/NAME          a map: DIR/NAME.map\n"
     "  escape://HOST[:PORT]/PLATFORM/UPGRADE the game's files in DIR\n"
     "  escape://HOST[:PORT]/COLLECTION       levels in DIR/COLLECTION; what is not listed goes to "
     "DIR/attic\n"
     "  escape://HOST[:PORT]/                 all collections that DIR is subscribed to\n"
     "  playonline://HOST[:PORT]/APP@HW       the application's files in DIR\n"
     "opensauces:// and escapes:// go over https.\n"
     "Content appears verified or not at all. A fetch that was broken off continues where it stopped.\n",
     fetch_options, fetch_more_options, false, false, verb_fetch},
    {"recover", "DIR", 1, 1, "Finish an install that was broken off in a game's folder",
     "The next fetch does so by itself; this does only that.\n", NULL, NULL, false, true, verb_recover},
    {"verify", "DIR [TITLE]", 1, 2, "Check every byte of what was fetched into a game's folder",
     "Names the files that are missing or differ from what was installed; 'patchbay fetch --repair' brings "
     "them\n"
     "back. The exit status is 5 when there are any.\n",
     NULL, NULL, false, true, verb_verify},
    {"uninstall", "TITLE DIR", 2, 2, "Take what was fetched out of a game's folder",
     "Files that a fetch has put there and that are unchanged are removed, other files of the title are "
     "moved\n"
     "to DIR/attic. Files that are not the title's stay. TITLE: see 'patchbay list --installed DIR'.\n",
     NULL, NULL, false, true, verb_uninstall},
    {"completion", "bash|zsh|fish", 1, 1, "Print completions for a shell",
     "source <(patchbay completion bash) gives them to the bash at hand.\n", NULL, NULL, false, false,
     verb_completion},
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
