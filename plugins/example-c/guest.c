/* GuestCAuthenticator: the smallest plugin in C. Everybody may read the news. */
#include "pusu_plugin.h"

#include <stdlib.h>

struct pusu_instance { const pusu_host *host; };

static pusu_status create(const pusu_host *host, pusu_str options_json, pusu_instance **out) {
  pusu_instance *self = malloc(sizeof *self);
  (void)options_json; /* there are none: the manifest below names no options */
  if (self == NULL) return PUSU_ERR;
  self->host = host;
  *out = self;
  return PUSU_OK;
}

static void destroy(pusu_instance *self) { free(self); }

static pusu_status authorize(pusu_instance *self, const pusu_request *request) {
  pusu_permission news = {{(const uint8_t *)"news.*", 6}, PUSU_READ};
  pusu_verdict verdict = {0};
  verdict.struct_size = sizeof verdict;
  verdict.decision = PUSU_GRANT;
  verdict.permissions = &news;
  verdict.permissions_len = 1;
  self->host->complete(self->host->ctx, request->ticket, &verdict);
  return PUSU_OK;
}

static const pusu_authenticator table = {
    PUSU_ABI_MAJOR, PUSU_ABI_MINOR, sizeof table, 0, create, destroy, authorize, NULL, NULL};

const pusu_authenticator *pusu_authenticator_entry(uint32_t abi_major) {
  return abi_major == PUSU_ABI_MAJOR ? &table : NULL;
}

PUSU_MANIFEST("GuestCAuthenticator", "1.0.0", 0, "MIT", "Everybody may read the news", "", "");
