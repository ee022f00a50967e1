/* LaterCAuthenticator: an asynchronous plugin in C. authorize copies the question and returns PUSU_PENDING at once; a
 * thread of the plugin's own answers all that wait with one question to a service, which here is a pause of 20 ms. */
#include "pusu_plugin.h"

#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

/* The copy of a request, which itself ends with the call. */
typedef struct question {
  struct question *next;
  uint64_t ticket;
  size_t len;
  uint8_t authorization[];
} question;

struct pusu_instance {
  const pusu_host *host;
  pthread_t worker;
  pthread_mutex_t lock; /* protects what follows */
  pthread_cond_t changed;
  question *first, **end;
  int stopping;
};

static void forget(question *one) {
  volatile uint8_t *byte = one->authorization; /* a secret; a compiler may leave out a memset before free */
  for (size_t at = 0; at < one->len; at++) byte[at] = 0;
  free(one);
}

static void answer(const pusu_host *host, const question *one) {
  pusu_permission news = {{(const uint8_t *)"news.*", 6}, PUSU_READ};
  pusu_verdict verdict = {0};
  verdict.struct_size = sizeof verdict;
  verdict.decision = PUSU_REFUSE;
  if (one->len == 5 && memcmp(one->authorization, "guest", 5) == 0) { /* "guest" is no secret */
    verdict.decision = PUSU_GRANT;
    verdict.permissions = &news;
    verdict.permissions_len = 1;
  }
  host->complete(host->ctx, one->ticket, &verdict); /* too late is harmless */
}

/* Answers the questions of the queue, all that are there at a time. */
static void *work(void *instance) {
  pusu_instance *self = instance;
  pthread_mutex_lock(&self->lock);
  while (!self->stopping) {
    question *batch = self->first;
    if (batch == NULL) {
      pthread_cond_wait(&self->changed, &self->lock);
      continue;
    }
    self->first = NULL;
    self->end = &self->first;
    pthread_mutex_unlock(&self->lock); /* nobody is asked or answered with the lock held */
    poll(NULL, 0, 20);                 /* in place of the service */
    while (batch != NULL) {
      question *next = batch->next;
      answer(self->host, batch);
      forget(batch);
      batch = next;
    }
    pthread_mutex_lock(&self->lock);
  }
  pthread_mutex_unlock(&self->lock);
  return NULL;
}

static pusu_status create(const pusu_host *host, pusu_str options_json, pusu_instance **out) {
  pusu_instance *self = calloc(1, sizeof *self);
  (void)options_json;
  if (self == NULL) return PUSU_ERR;
  self->host = host;
  self->end = &self->first;
  pthread_mutex_init(&self->lock, NULL);
  pthread_cond_init(&self->changed, NULL);
  if (pthread_create(&self->worker, NULL, work, self) != 0) {
    free(self);
    return PUSU_ERR;
  }
  *out = self;
  return PUSU_OK;
}

/* Stops the thread and waits for it. Nobody waits for the answers that are left. */
static void destroy(pusu_instance *self) {
  pthread_mutex_lock(&self->lock);
  self->stopping = 1;
  pthread_cond_signal(&self->changed);
  pthread_mutex_unlock(&self->lock);
  pthread_join(self->worker, NULL);
  while (self->first != NULL) {
    question *next = self->first->next;
    forget(self->first);
    self->first = next;
  }
  pthread_cond_destroy(&self->changed);
  pthread_mutex_destroy(&self->lock);
  free(self);
}

static pusu_status authorize(pusu_instance *self, const pusu_request *request) {
  question *one = malloc(sizeof *one + request->authorization.len);
  if (one == NULL) return PUSU_ERR;
  one->next = NULL;
  one->ticket = request->ticket;
  one->len = request->authorization.len;
  if (one->len > 0) memcpy(one->authorization, request->authorization.ptr, one->len);
  pthread_mutex_lock(&self->lock);
  *self->end = one;
  self->end = &one->next;
  pthread_cond_signal(&self->changed);
  pthread_mutex_unlock(&self->lock);
  return PUSU_PENDING;
}

static const pusu_authenticator table = {
    PUSU_ABI_MAJOR, PUSU_ABI_MINOR, sizeof table, PUSU_F_ASYNC, create, destroy, authorize, NULL, NULL};

const pusu_authenticator *pusu_authenticator_entry(uint32_t abi_major) {
  return abi_major == PUSU_ABI_MAJOR ? &table : NULL;
}

PUSU_MANIFEST("LaterCAuthenticator", "1.0.0", PUSU_F_ASYNC, "MIT", "Asks somebody slow, and keeps no thread meanwhile", "", "");
