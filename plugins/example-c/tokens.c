/* TokenFileCAuthenticator: tokens stand in a file, one a line: the token, who it belongs to, a pattern of channels.
 *
 *   authenticator: TokenFileCAuthenticator
 *   authenticator_options: {file: /etc/pusu/tokens}
 *
 * Shows extensions: a reload reads the file again (pusu.reload/1) and ends the grants of those who stand there no more
 * (pusu.grants/1), grants are counted (pusu.metrics/1), and lines of the log carry the ticket (pusu.log/1). All but
 * pusu.grants/1 are done without where the relay lacks them. PUSU_F_SERIAL: no locks are needed.
 * A real one would compare tokens in constant time, wipe them, and read its options with a JSON library. */
#include "pusu_extensions.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const pusu_str gone = PUSU_STR("the token is no longer good");

enum { FIELD_BYTES = 128, TOKENS_MAX = 1000, PATH_BYTES = 1024 };

typedef struct token { char secret[FIELD_BYTES], owner[FIELD_BYTES], pattern[FIELD_BYTES]; } token;
typedef struct token_list { size_t len; token tokens[TOKENS_MAX]; } token_list;

struct pusu_instance {
  const pusu_host *host;
  const pusu_grants *grants;   /* in the manifest's needs: never NULL */
  const pusu_log *log;         /* may be NULL */
  const pusu_metrics *metrics; /* may be NULL */
  int32_t open_grants;         /* a gauge's id */
  char path[PATH_BYTES];
  token_list *list;
};

static pusu_str str(const char *text) {
  const pusu_str borrowed = {(const uint8_t *)text, strlen(text)};
  return borrowed;
}

static int equals(pusu_str bytes, const char *text) {
  return bytes.len == strlen(text) && (bytes.len == 0 || memcmp(bytes.ptr, text, bytes.len) == 0);
}

static pusu_status fail(const pusu_host *host, pusu_status status, const char *why) {
  host->set_error(host->ctx, str(why));
  return status;
}

static void count(const pusu_instance *self, double by) {
  if (self->metrics != NULL) self->metrics->add(self->host->ctx, self->open_grants, by);
}

static void note(const pusu_instance *self, uint64_t ticket, const char *text, const char *owner) {
  const pusu_attr who = {PUSU_STR("owner"), {(const uint8_t *)owner, strlen(owner)}};
  if (self->log == NULL) self->host->log(self->host->ctx, 4, str(text));
  else if (self->log->enabled(self->host->ctx, 4)) self->log->log(self->host->ctx, 4, ticket, str(text), &who, 1);
}

static const token *find_owner(const token_list *list, pusu_str owner) {
  for (size_t at = 0; at < list->len; at++)
    if (equals(owner, list->tokens[at].owner)) return &list->tokens[at];
  return NULL;
}

/* Reads the file into a new list; the one that is in use stays as it is. */
static pusu_status read_file(const pusu_host *host, const char *path, token_list **out) {
  char line[4 * FIELD_BYTES];
  token_list *list = calloc(1, sizeof *list);
  if (list == NULL) return fail(host, PUSU_ERR, "no memory for the tokens");
  FILE *file = fopen(path, "r");
  if (file == NULL) {
    free(list);
    return fail(host, PUSU_ERR_CONFIG, "option `file`: cannot be opened");
  }
  while (list->len < TOKENS_MAX && fgets(line, sizeof line, file) != NULL) {
    token *one = &list->tokens[list->len];
    if (sscanf(line, "%127s %127s %127s", one->secret, one->owner, one->pattern) == 3) list->len++;
  }
  fclose(file);
  *out = list;
  return PUSU_OK;
}

/* The value of {"file":"..."}, where it needs no escapes. A relative path starts in the folder of the settings. */
static int read_options(const pusu_host *host, pusu_str json, char path[PATH_BYTES]) {
  const pusu_host_facts *facts = host->extension(host->ctx, str(PUSU_EXT_HOST));
  char text[PATH_BYTES + 16] = {0}, name[PATH_BYTES] = {0};
  if (json.len >= sizeof text) return 0;
  memcpy(text, json.ptr, json.len);
  if (sscanf(text, "{\"file\":\"%1023[^\"\\]\"}", name) != 1) return 0;
  const int is_relative = facts != NULL && facts->settings_dir.len > 0 && name[0] != '/';
  const pusu_str dir = is_relative ? facts->settings_dir : str("");
  const int len = snprintf(path, PATH_BYTES, "%.*s%s%s", (int)dir.len, (const char *)dir.ptr, is_relative ? "/" : "", name);
  return len > 0 && len < PATH_BYTES;
}

static pusu_status check(const pusu_host *host, pusu_str options_json) {
  char path[PATH_BYTES] = {0};
  token_list *list = NULL;
  if (!read_options(host, options_json, path)) return fail(host, PUSU_ERR_CONFIG, "option `file`: a path is needed");
  const pusu_status status = read_file(host, path, &list);
  free(list);
  return status;
}

static void destroy(pusu_instance *self) {
  free(self->list);
  free(self);
}

static pusu_status create(const pusu_host *host, pusu_str options_json, pusu_instance **out) {
  pusu_instance *self = calloc(1, sizeof *self);
  if (self == NULL) return fail(host, PUSU_ERR, "no memory for an instance");
  self->host = host;
  self->grants = host->extension(host->ctx, str(PUSU_EXT_GRANTS));
  self->log = host->extension(host->ctx, str(PUSU_EXT_LOG));
  self->metrics = host->extension(host->ctx, str(PUSU_EXT_METRICS));
  pusu_status status = check(host, options_json);
  if (status == PUSU_OK && read_options(host, options_json, self->path))
    status = read_file(host, self->path, &self->list);
  if (status != PUSU_OK) {
    destroy(self);
    return status;
  }
  if (self->metrics != NULL) {
    pusu_metric gauge = {0};
    gauge.struct_size = sizeof gauge;
    gauge.kind = PUSU_METRIC_GAUGE;
    gauge.name = str("open_grants");
    gauge.help = str("Grants that hold now.");
    self->open_grants = self->metrics->define(host->ctx, &gauge); /* below 0: what add does with it is nothing */
  }
  *out = self;
  return PUSU_OK;
}

static pusu_status authorize(pusu_instance *self, const pusu_request *request) {
  pusu_permission permission = {PUSU_STR(""), PUSU_READ | PUSU_WRITE};
  pusu_verdict verdict = {0};
  verdict.struct_size = sizeof verdict;
  verdict.decision = PUSU_REFUSE;
  verdict.reason = str("unknown token");
  for (size_t at = 0; at < self->list->len; at++) {
    const token *one = &self->list->tokens[at];
    if (!equals(request->authorization, one->secret)) continue;
    permission.pattern = str(one->pattern);
    verdict.decision = PUSU_GRANT;
    verdict.subject = str(one->owner);
    verdict.permissions = &permission;
    verdict.permissions_len = 1;
    note(self, request->ticket, "knows a token", one->owner);
    break;
  }
  /* Counted before complete, since ended may come before it returns (not here, with PUSU_F_SERIAL). */
  if (verdict.decision == PUSU_GRANT) count(self, 1);
  if (self->host->complete(self->host->ctx, request->ticket, &verdict) != PUSU_TAKEN &&
      verdict.decision == PUSU_GRANT)
    count(self, -1);
  return PUSU_OK;
}

/* On an error everything is as it was before: the next reload then tries the same again. */
static pusu_status reload(pusu_instance *self) {
  token_list *fresh = NULL, *old = self->list;
  const pusu_status status = read_file(self->host, self->path, &fresh);
  if (status != PUSU_OK) return status;
  for (size_t at = 0; at < old->len; at++) {
    const pusu_str owner = str(old->tokens[at].owner);
    if (find_owner(fresh, owner) != NULL || find_owner(old, owner) != &old->tokens[at]) continue;
    if (self->grants->revoke_subject(self->host->ctx, owner, gone) == PUSU_TAKEN) continue;
    free(fresh);
    return fail(self->host, PUSU_ERR, "not all grants could be ended: reload once more");
  }
  self->list = fresh; /* PUSU_F_SERIAL: nobody has been let in since they were ended */
  free(old);
  return PUSU_OK;
}

static void ended(pusu_instance *self, uint64_t ticket, int32_t why) {
  (void)ticket, (void)why;
  count(self, -1);
}

/* The gauge of a new instance begins at 0, and takes the grants over that the one before has given. Since then the file
 * may have changed. */
static void adopted(pusu_instance *self, uint64_t ticket, pusu_str subject, uint64_t expires_unix_ms) {
  (void)expires_unix_ms;
  count(self, 1);
  if (find_owner(self->list, subject) == NULL && self->grants->revoke(self->host->ctx, ticket, gone) != PUSU_TAKEN)
    self->host->log(self->host->ctx, 1, str("a grant of somebody who has gone could not be ended"));
}

static const pusu_reload reload_table = {sizeof reload_table, 0, reload};
static const pusu_check check_table = {sizeof check_table, 0, check};
static const pusu_grants_heard grants_table = {sizeof grants_table, 0, ended, adopted};

static const void *extension(pusu_instance *self, pusu_str id) {
  (void)self; /* may be NULL */
  if (equals(id, PUSU_EXT_RELOAD)) return &reload_table;
  if (equals(id, PUSU_EXT_CHECK)) return &check_table;
  if (equals(id, PUSU_EXT_GRANTS)) return &grants_table;
  return NULL;
}

static const pusu_authenticator table = {PUSU_ABI_MAJOR, PUSU_ABI_MINOR, sizeof table, PUSU_F_SERIAL | PUSU_F_GRANTS,
                                         create,         destroy,        authorize,    NULL,
                                         extension};

const pusu_authenticator *pusu_authenticator_entry(uint32_t abi_major) {
  return abi_major == PUSU_ABI_MAJOR ? &table : NULL;
}

PUSU_MANIFEST("TokenFileCAuthenticator", "1.0.0", PUSU_F_SERIAL | PUSU_F_GRANTS, "MIT",
              "Tokens in a file, which is read again at a reload", "file", PUSU_EXT_GRANTS);
