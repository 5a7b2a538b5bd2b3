/* Telling the operator. */
#include "serve/live/watch.h"

#include "base/clock.h"
#include "serve/live/notes.h"

void watch_report(const struct watcher *w, const char *text)
{
    notes_add(w->shared->notes, NOTE_REPORT, clock_unix(), text);
    if (w->report != NULL)
        w->report(w->report_arg, text);
}

void watch_state_failed(struct watcher *w, const struct pb_error *err)
{
    if (err != NULL && err->status == PB_BUSY) /* by the next time it will not be */
        return;
    if (err != NULL && !w->state_failing)
        watch_report(w, err->text);
    w->state_failing = err != NULL;
}
