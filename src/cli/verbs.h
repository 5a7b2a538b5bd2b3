/* The verbs' functions, one file each. */
#ifndef PB_CLI_VERBS_H
#define PB_CLI_VERBS_H

#include "cli/options.h"

int verb_init(const struct args *a);
int verb_publish_map(const struct args *a);
int verb_publish_upgrade(const struct args *a);
int verb_publish_levels(const struct args *a);
int verb_publish_app(const struct args *a);
int verb_import_playonline(const struct args *a);
int verb_import_opensauce(const struct args *a);
int verb_import_escape(const struct args *a);
int verb_export(const struct args *a);
int verb_list(const struct args *a);
int verb_history(const struct args *a);
int verb_rollback(const struct args *a);
int verb_withdraw(const struct args *a);
int verb_gc(const struct args *a);
int verb_fsck(const struct args *a);
int verb_backup(const struct args *a);
int verb_restore(const struct args *a);
int verb_serve(const struct args *a);
int verb_ban(const struct args *a);
int verb_unban(const struct args *a);
int verb_bans(const struct args *a);
int verb_token_add(const struct args *a);
int verb_token_list(const struct args *a);
int verb_token_revoke(const struct args *a);
int verb_status(const struct args *a);
int verb_fetch(const struct args *a);
int verb_recover(const struct args *a);
int verb_verify(const struct args *a);
int verb_uninstall(const struct args *a);
int verb_completion(const struct args *a);

/* serve's options are the configuration's keys. */
void serve_options(struct args *a);
/* fetch's are also those of the protocols. */
void fetch_more_options(struct args *a);

#endif
