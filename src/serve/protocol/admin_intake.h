/* What takes the bodies of requests about uploads, and does what they ask for. All that changes something
 * happens here, once the body has come. */
#ifndef PB_SERVE_PROTOCOL_ADMIN_INTAKE_H
#define PB_SERVE_PROTOCOL_ADMIN_INTAKE_H

#include "serve/live/uploads.h"
#include "wire/http_request.h"

enum upload_call {
    CALL_BEGIN,   /* POST /uploads */
    CALL_WRITE,   /* PUT, PATCH /uploads/ID */
    CALL_PUBLISH, /* POST /uploads/ID/publish */
    CALL_REMOVE,  /* DELETE /uploads/ID */
};

struct upload_asked {
    enum upload_call call;
    char owner[TOKEN_ID];
    char id[UPLOAD_ID];
    uint64_t writer; /* CALL_WRITE: of uploads_write_begin */
    struct {         /* CALL_BEGIN */
        char name[UPLOAD_NAME_MAX + 1];
        uint64_t size;
        bool has_digest;
        struct sha256 digest;
    } file;
};

/* An intake for the request's body; reply_plan.intake. NULL: memory is out. */
struct intake *upload_intake_new(struct uploads *u, const struct http_request *request,
                                 const struct upload_asked *asked);

/* The HTTP status for how a call went; 0 for UPLOAD_OK. */
int upload_status(enum upload_end end);
/* The head's fields that say how far an upload is. */
enum { UPLOAD_FIELDS = 256 };
void upload_fields(const struct upload_view *view, char out[UPLOAD_FIELDS]);

#endif
