/* Building and counting steps. */
#include "plan/fetch.h"

struct fetch_step *fetch_step_add(struct fetch_plan *plan, size_t *room)
{
    struct fetch_step *steps = arena_grow(&plan->arena, plan->steps, plan->step_count, room, sizeof *steps);
    if (steps == NULL)
        return NULL;
    plan->steps = steps;
    return &steps[plan->step_count++];
}

size_t fetch_plan_count(const struct fetch_plan *plan, enum fetch_action action)
{
    size_t n = 0;
    for (size_t i = 0; i < plan->step_count; i++)
        n += plan->steps[i].action == action && !plan->steps[i].generated;
    return n;
}

bool fetch_plan_nothing_to_do(const struct fetch_plan *plan)
{
    for (size_t i = 0; i < plan->step_count; i++) {
        if (plan->steps[i].action != FETCH_KEEP || plan->steps[i].executable)
            return false;
    }
    return true;
}
