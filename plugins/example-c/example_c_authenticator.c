/* ExampleCAuthenticator: the C example to copy. Whoever knows one of the secrets may read and write everything.
 *
 *   authenticator: ExampleCAuthenticator
 *   authenticator_options:
 *     secrets: ["correct horse battery staple"]
 *
 * What a plugin in C has to get right, and where it stands below: the manifest and the table at the end; options,
 * with errors an operator understands (read_options); a comparison that does not tell by its speed how much of a guess
 * was right (equals); nothing secret in logs and errors; secrets wiped when they are no longer needed (wipe). */
#include "pusu_plugin.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
  SECRET_BYTES_MAX = 256,
  SECRETS_MAX = 1000,
  ERROR_BYTES_MAX = 256
};

/* A secret, padded with zeros, so that every comparison looks at the same number of bytes. */
typedef struct secret {
  uint8_t bytes[SECRET_BYTES_MAX];
  size_t len;
} secret;

/* The header leaves this type to the plugin. Several instances may live at once: there are no global variables. */
struct pusu_instance {
  const pusu_host *host; /* lives until destroy has returned */
  secret *secrets;
  size_t secrets_len;
  size_t secrets_room;
};

/* ------------------------------------------------------------------------------------------------- small helpers */

static pusu_str text(const char *literal) {
  pusu_str str = {(const uint8_t *)literal, strlen(literal)};
  return str;
}

/* Says why create fails, and returns what create shall return. Never give it a secret: the operator reads the text. */
static pusu_status fail(const pusu_host *host, pusu_status status, const char *format, ...) {
  char message[ERROR_BYTES_MAX];
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(message, sizeof message, format, arguments);
  va_end(arguments);
  host->set_error(host->ctx, text(message));
  return status;
}

/* Overwrites memory. `volatile`, because a compiler may leave out a memset of memory that is not read again. */
static void wipe(void *memory, size_t len) {
  volatile uint8_t *byte = memory;
  while (len-- > 0) *byte++ = 0;
}

/* Whether two secrets are equal. Takes equally long whatever is in them and however long they are. */
static int equals(const secret *left, const secret *right) {
  size_t difference = left->len ^ right->len;
  for (size_t at = 0; at < SECRET_BYTES_MAX; at++) difference |= (size_t)(left->bytes[at] ^ right->bytes[at]);
  return difference == 0;
}

/* ------------------------------------------------------------------------------ the options, a little bit of JSON */

/* What is left to read. Every function below moves `at` forward, and never beyond `end`. */
typedef struct reader {
  const uint8_t *at;
  const uint8_t *end;
} reader;

static void skip_space(reader *in) {
  while (in->at < in->end && (*in->at == ' ' || *in->at == '\t' || *in->at == '\n' || *in->at == '\r')) in->at++;
}

/* Skips white space, and then `byte` if it is the next one. */
static int take(reader *in, uint8_t byte) {
  skip_space(in);
  if (in->at == in->end || *in->at != byte) return 0;
  in->at++;
  return 1;
}

/* The type of the next value in an operator's words. */
static const char *found(reader *in) {
  skip_space(in);
  if (in->at == in->end) return "the end";
  switch (*in->at) {
    case '"': return "a string";
    case '[': return "a list";
    case '{': return "a mapping";
    case 't':
    case 'f': return "a boolean";
    case 'n': return "nothing";
    case ']':
    case '}':
    case ',': return "none";
    default: return "a number";
  }
}

/* Reads the four digits of \uXXXX. */
static int read_hex4(reader *in, uint32_t *code) {
  *code = 0;
  for (int digit = 0; digit < 4; digit++) {
    if (in->at == in->end) return 0;
    uint8_t byte = *in->at++;
    uint32_t value;
    if (byte >= '0' && byte <= '9') value = (uint32_t)(byte - '0');
    else if (byte >= 'a' && byte <= 'f') value = (uint32_t)(byte - 'a') + 10;
    else if (byte >= 'A' && byte <= 'F') value = (uint32_t)(byte - 'A') + 10;
    else return 0;
    *code = *code * 16 + value;
  }
  return 1;
}

/* Reads what follows the backslash, and gives it as UTF-8; returns how many bytes, 0 if it is not JSON. */
static size_t read_escape(reader *in, uint8_t utf8[4]) {
  if (in->at == in->end) return 0;
  uint32_t code;
  switch (*in->at++) {
    case '"': utf8[0] = '"'; return 1;
    case '\\': utf8[0] = '\\'; return 1;
    case '/': utf8[0] = '/'; return 1;
    case 'b': utf8[0] = '\b'; return 1;
    case 'f': utf8[0] = '\f'; return 1;
    case 'n': utf8[0] = '\n'; return 1;
    case 'r': utf8[0] = '\r'; return 1;
    case 't': utf8[0] = '\t'; return 1;
    case 'u':
      if (!read_hex4(in, &code)) return 0;
      break;
    default: return 0;
  }
  if (code >= 0xDC00 && code <= 0xDFFF) return 0; /* the second half of a pair, without a first */
  if (code >= 0xD800 && code <= 0xDBFF) {
    uint32_t low;
    if (in->end - in->at < 2 || in->at[0] != '\\' || in->at[1] != 'u') return 0;
    in->at += 2;
    if (!read_hex4(in, &low) || low < 0xDC00 || low > 0xDFFF) return 0;
    code = 0x10000 + ((code - 0xD800) << 10) + (low - 0xDC00);
  }
  if (code < 0x80) {
    utf8[0] = (uint8_t)code;
    return 1;
  }
  if (code < 0x800) {
    utf8[0] = (uint8_t)(0xC0 | (code >> 6));
    utf8[1] = (uint8_t)(0x80 | (code & 0x3F));
    return 2;
  }
  if (code < 0x10000) {
    utf8[0] = (uint8_t)(0xE0 | (code >> 12));
    utf8[1] = (uint8_t)(0x80 | ((code >> 6) & 0x3F));
    utf8[2] = (uint8_t)(0x80 | (code & 0x3F));
    return 3;
  }
  utf8[0] = (uint8_t)(0xF0 | (code >> 18));
  utf8[1] = (uint8_t)(0x80 | ((code >> 12) & 0x3F));
  utf8[2] = (uint8_t)(0x80 | ((code >> 6) & 0x3F));
  utf8[3] = (uint8_t)(0x80 | (code & 0x3F));
  return 4;
}

enum string_outcome { STRING_READ, STRING_MALFORMED, STRING_TOO_LONG };

/* Reads a string, the opening quote of which has been taken. `out` must be all zeros. */
static enum string_outcome read_string(reader *in, secret *out) {
  while (in->at < in->end) {
    uint8_t utf8[4];
    size_t len = 1;
    uint8_t byte = *in->at++;
    if (byte == '"') return STRING_READ;
    if (byte < 0x20) return STRING_MALFORMED;
    utf8[0] = byte;
    if (byte == '\\') {
      len = read_escape(in, utf8);
      if (len == 0) return STRING_MALFORMED;
    }
    if (len > SECRET_BYTES_MAX - out->len) return STRING_TOO_LONG;
    memcpy(out->bytes + out->len, utf8, len);
    out->len += len;
    wipe(utf8, sizeof utf8);
  }
  return STRING_MALFORMED;
}

/* Makes room for one more secret and returns it, all zeros; NULL if there is no memory. Growing by hand instead of
 * with realloc, which would leave the old copy in memory. */
static secret *new_secret(pusu_instance *self) {
  if (self->secrets_len == self->secrets_room) {
    size_t room = self->secrets_room == 0 ? 8 : 2 * self->secrets_room;
    secret *larger = calloc(room, sizeof *larger);
    if (larger == NULL) return NULL;
    if (self->secrets_len > 0) {
      memcpy(larger, self->secrets, self->secrets_len * sizeof *larger);
      wipe(self->secrets, self->secrets_len * sizeof *larger);
    }
    free(self->secrets);
    self->secrets = larger;
    self->secrets_room = room;
  }
  return &self->secrets[self->secrets_len++];
}

/* Reads one item of the list `secrets`. */
static pusu_status read_secret(pusu_instance *self, reader *in) {
  const pusu_host *host = self->host;
  size_t item = self->secrets_len + 1;
  if (item > SECRETS_MAX)
    return fail(host, PUSU_ERR_CONFIG, "option `secrets`: expected at most %d items, found more", SECRETS_MAX);
  if (!take(in, '"'))
    return fail(host, PUSU_ERR_CONFIG, "option `secrets`, item %zu: expected a string, found %s", item, found(in));
  secret *one = new_secret(self);
  if (one == NULL) return fail(host, PUSU_ERR, "no memory for the secrets");
  switch (read_string(in, one)) {
    case STRING_READ: break;
    case STRING_TOO_LONG:
      return fail(host, PUSU_ERR_CONFIG, "option `secrets`, item %zu: expected at most %d bytes, found more", item,
                  SECRET_BYTES_MAX);
    case STRING_MALFORMED:
      return fail(host, PUSU_ERR, "option `secrets`, item %zu: not a JSON string; the relay should not have sent it", item);
  }
  if (one->len == 0)
    return fail(host, PUSU_ERR_CONFIG, "option `secrets`, item %zu: is empty, so clients without any would be let in",
                item);
  return PUSU_OK;
}

/* Reads {"secrets":["...", ...]}. The relay has checked the names of the options against the manifest. */
static pusu_status read_options(pusu_instance *self, pusu_str json) {
  const pusu_host *host = self->host;
  const char *malformed = "the options are not the JSON object the relay should have sent";
  reader in = {json.ptr, json.ptr == NULL ? NULL : json.ptr + json.len};
  int again = 0, seen = 0;
  if (!take(&in, '{')) return fail(host, PUSU_ERR, "%s", malformed);
  while (!take(&in, '}')) {
    secret key = {{0}, 0};
    if (again && !take(&in, ',')) return fail(host, PUSU_ERR, "%s", malformed);
    again = 1;
    if (!take(&in, '"') || read_string(&in, &key) != STRING_READ || !take(&in, ':'))
      return fail(host, PUSU_ERR, "%s", malformed);
    if (key.len != strlen("secrets") || memcmp(key.bytes, "secrets", key.len) != 0)
      return fail(host, PUSU_ERR_CONFIG, "there is an unknown option; the only one is `secrets`");
    if (seen++) return fail(host, PUSU_ERR_CONFIG, "the option `secrets` stands there twice");
    if (!take(&in, '['))
      return fail(host, PUSU_ERR_CONFIG, "option `secrets`: expected a list of strings, found %s", found(&in));
    if (take(&in, ']')) continue;
    do {
      pusu_status status = read_secret(self, &in);
      if (status != PUSU_OK) return status;
    } while (take(&in, ','));
    if (!take(&in, ']')) return fail(host, PUSU_ERR, "%s", malformed);
  }
  skip_space(&in);
  if (in.at != in.end) return fail(host, PUSU_ERR, "%s", malformed);
  if (self->secrets_len == 0)
    return fail(host, PUSU_ERR_CONFIG,
                "nobody could connect: give at least one secret, such as `secrets: [\"a long random string\"]`");
  return PUSU_OK;
}

/* ---------------------------------------------------------------------------------- what the relay calls */

/* [init] Every ticket is done with. Also used by create, when it fails half-way. */
static void destroy(pusu_instance *self) {
  if (self->secrets_len > 0) wipe(self->secrets, self->secrets_len * sizeof *self->secrets);
  free(self->secrets);
  free(self);
}

/* [init] Makes an instance; on failure *out stays as it is. */
static pusu_status create(const pusu_host *host, pusu_str options_json, pusu_instance **out) {
  if (host->abi_major != PUSU_ABI_MAJOR || host->struct_size < sizeof(pusu_host)) return PUSU_ERR_ABI;
  pusu_instance *self = calloc(1, sizeof *self);
  if (self == NULL) return fail(host, PUSU_ERR, "no memory for an instance");
  self->host = host;
  pusu_status status = read_options(self, options_json);
  if (status != PUSU_OK) {
    destroy(self);
    return status;
  }
  char message[64];
  snprintf(message, sizeof message, "secrets that let clients in: %zu", self->secrets_len);
  host->log(host->ctx, 3, text(message));
  *out = self;
  return PUSU_OK;
}

/* [any] Called from several threads at once: reads the instance, and changes nothing in it. */
static pusu_status authorize(pusu_instance *self, const pusu_request *request) {
  int known = 0;
  if (request->authorization.len <= SECRET_BYTES_MAX) {
    secret attempt = {{0}, request->authorization.len};
    if (attempt.len > 0) memcpy(attempt.bytes, request->authorization.ptr, attempt.len);
    /* Looks at every secret, also after one has fitted, so that the time does not tell which one it was. */
    for (size_t at = 0; at < self->secrets_len; at++) known |= equals(&self->secrets[at], &attempt);
    wipe(&attempt, sizeof attempt);
  }

  /* Everything the verdict points to has to live until complete returns, and no longer. */
  pusu_permission everything = {text("*"), PUSU_READ | PUSU_WRITE};
  pusu_verdict verdict = {0};
  verdict.struct_size = sizeof verdict;
  if (known) {
    verdict.decision = PUSU_GRANT;
    verdict.permissions = &everything;
    verdict.permissions_len = 1;
  } else {
    verdict.decision = PUSU_REFUSE;
    verdict.reason = text("unknown secret");
  }
  self->host->complete(self->host->ctx, request->ticket, &verdict);
  return PUSU_OK;
}

/* The table: constant. cancel and extension may be NULL. */
static const pusu_authenticator table = {
    PUSU_ABI_MAJOR, PUSU_ABI_MINOR, sizeof(pusu_authenticator), 0, create, destroy, authorize, NULL, NULL};

const pusu_authenticator *pusu_authenticator_entry(uint32_t abi_major) {
  return abi_major == PUSU_ABI_MAJOR ? &table : NULL;
}

/* What `pusud plugins list` shows, read from the file without loading it. */
PUSU_MANIFEST("ExampleCAuthenticator", "0.1.0", 0, "MIT AND BSD-3-Clause",
              "The C example to copy: whoever knows a secret may read and write everything", "secrets", "");
