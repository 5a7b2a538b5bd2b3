/* POLP for the engine: parse a packet, ask each dialect in turn. What is faulty is closed without a word;
 * what is not there gets the error packet, and is closed. */
#include "serve/protocol/protocol.h"

#include "wire/polp.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <sys/socket.h>

static void refuse(struct reply_plan *plan)
{
    polp_header_put(plan->head, POLP_HEADER, POLP_ERROR);
    polp_seal(plan->head, POLP_HEADER);
    plan->head_length = POLP_HEADER;
    plan->status = POLP_ERROR;
    plan->body = BODY_NONE;
    plan->length = 0;
    plan->seal.from = 0;
    plan->close = plan->refused = true;
}

/* The IPv4 address of our end; "0.0.0.0" where the client came over IPv6, which the protocol can't say. */
static void local_address(const struct exchange *x, char out[INET_ADDRSTRLEN])
{
    struct sockaddr_storage a;
    snprintf(out, INET_ADDRSTRLEN, "0.0.0.0");
    if (!x->reached(x->channel, &a))
        return;
    const struct sockaddr_in6 *six = (const struct sockaddr_in6 *)&a;
    if (a.ss_family == AF_INET)
        inet_ntop(AF_INET, &((const struct sockaddr_in *)&a)->sin_addr, out, INET_ADDRSTRLEN);
    else if (a.ss_family == AF_INET6 && IN6_IS_ADDR_V4MAPPED(&six->sin6_addr))
        inet_ntop(AF_INET, six->sin6_addr.s6_addr + 12, out, INET_ADDRSTRLEN);
}

static void answer(const struct exchange *x, const struct polp_request *request, struct reply_plan *plan)
{
    const struct serve_settings *settings = x->snapshot->settings;
    char local[INET_ADDRSTRLEN] = "";
    struct dialect_polp in = {.site = x->snapshot->site, .request = request, .local = local};
    if (request->opcode == POLP_NEWEST)
        local_address(x, local);
    reply_plan_start(plan);
    for (size_t i = 0; settings->dialects[i] != NULL; i++) {
        const struct dialect *d = settings->dialects[i];
        in.settings = settings->dialect_settings[i];
        in.site_data = x->snapshot->site->compiled[i];
        plan->dialect = (uint8_t)i;
        if (d->serve_polp != NULL && d->serve_polp(&in, plan))
            return;
    }
    plan->dialect = REPLY_NO_DIALECT;
    refuse(plan);
}

/* For the log: "STATUS", "DOWNLOAD", "NEWEST"; the name, or the application, where it stands in the packet.
 */
static void access_fill(const struct polp_request *r, const char *in, struct access *access)
{
    access->method = slice_of(r->opcode == POLP_STATUS   ? "STATUS"
                              : r->opcode == POLP_NEWEST ? "NEWEST"
                                                         : "DOWNLOAD");
    access->target = r->opcode == POLP_DOWNLOAD
                         ? r->name
                         : (struct slice){in + POLP_HEADER + 4, polp_id_text(&r->application).n};
}

static enum verdict polp_next(const struct exchange *x, const char *in, size_t n, size_t *used,
                              struct reply_plan *plan, struct access *access)
{
    struct polp_request request;
    int length = polp_request_parse(in, n, &request);
    if (length == 0)
        return VERDICT_MORE;
    if (length < 0 || x->denied)
        return VERDICT_CLOSE;
    *used = (size_t)length;
    *access = (struct access){.minor = -1};
    access_fill(&request, in, access);
    answer(x, &request, plan);
    return VERDICT_REPLY;
}

static void polp_refuse(const struct exchange *x, const char *in, size_t n, enum refusal why,
                        struct reply_plan *plan)
{
    (void)x, (void)in, (void)n, (void)why; /* the protocol has one error */
    refuse(plan);
}

const struct protocol polp_protocol = {
    .name = "polp",
    .address = "0.0.0.0:54000",
    .short_idle = true,
    .input_max = POLP_REQUEST_MAX + 1,
    .next = polp_next,
    .refuse = polp_refuse,
};
