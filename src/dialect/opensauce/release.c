/* Attributes of a release as JSON, and what is derived from a password. */
#include "dialect/opensauce/release.h"

#include <jansson.h>

static int set_hex(json_t *o, const char *key, const void *p, size_t n)
{
    char hex[SHA256_HEX + 1];
    hex_encode(p, n, hex);
    return json_object_set_new(o, key, json_string(hex));
}

char *os_attributes_emit(const struct os_attributes *a)
{
    json_t *o = json_object();
    int bad = o == NULL;
    bad |= json_object_set_new(o, "algorithm", json_string(os_algorithm_name(a->map.algorithm)));
    bad |= json_object_set_new(o, "map", json_string(a->map.name));
    bad |= set_hex(o, "md5", &a->map.md5, sizeof a->map.md5);
    bad |= json_object_set_new(o, "uncompressed_size", json_integer(a->map.uncompressed_size));
    bad |= json_object_set_new(o, "compressed_size", json_integer(a->map.compressed_size));
    bad |= json_object_set_new(o, "host_directory", json_string(a->map.host_directory));
    bad |= json_object_set_new(o, "level", json_integer(a->level));
    bad |= json_object_set_new(o, "encrypted", json_boolean(a->encrypted));
    if (a->proof_known)
        bad |= set_hex(o, "password_proof", &a->proof, sizeof a->proof);
    if (a->redirect_root != NULL)
        bad |= json_object_set_new(o, "redirect_root", json_string(a->redirect_root));
    char *text = bad ? NULL : json_dumps(o, JSON_COMPACT | JSON_SORT_KEYS);
    json_decref(o);
    return text;
}

static const char *get_text(json_t *o, const char *key, struct arena *arena)
{
    const char *text = json_string_value(json_object_get(o, key));
    return text != NULL ? arena_text(arena, text) : NULL;
}

static bool get_hex(json_t *o, const char *key, void *p, size_t n)
{
    const char *text = json_string_value(json_object_get(o, key));
    return text != NULL && hex_decode(slice_of(text), p, n);
}

int os_attributes_parse(const char *json, struct arena *arena, struct os_attributes *out,
                        struct pb_error *err)
{
    json_t *o = json_loads(json, 0, NULL);
    const char *algorithm = json_string_value(json_object_get(o, "algorithm"));
    *out = (struct os_attributes){0};
    out->map.name = get_text(o, "map", arena);
    out->map.host_directory = get_text(o, "host_directory", arena);
    out->map.uncompressed_size = (uint32_t)json_integer_value(json_object_get(o, "uncompressed_size"));
    out->map.compressed_size = (uint32_t)json_integer_value(json_object_get(o, "compressed_size"));
    out->level = (int)json_integer_value(json_object_get(o, "level"));
    out->encrypted = json_is_true(json_object_get(o, "encrypted"));
    out->proof_known = get_hex(o, "password_proof", &out->proof, sizeof out->proof);
    out->redirect_root = get_text(o, "redirect_root", arena);
    bool good = algorithm != NULL && os_algorithm_parse(algorithm, &out->map.algorithm) &&
                out->map.name != NULL && out->map.host_directory != NULL &&
                get_hex(o, "md5", &out->map.md5, sizeof out->map.md5);
    json_decref(o);
    return good ? PB_OK : error_set(err, PB_DAMAGED, "the release's attributes are damaged");
}

int os_password_proof(const char *password, size_t n, const struct md5 *map, struct sha256 *proof,
                      struct pb_error *err)
{
    struct slice key = {(const char *)map->bytes, sizeof map->bytes};
    return hmac_sha256(key, (struct slice){password, n}, proof, err);
}

int os_password_key(const char *password, struct md5 *key, struct pb_error *err)
{
    struct digest_result r;
    int rc = digest_bytes(DIGEST_MD5, password, strlen(password), &r, err);
    if (rc == PB_OK)
        *key = r.md5;
    explicit_bzero(&r, sizeof r);
    return rc;
}
