/* pusu_extensions.h - what is optional between pusud and its authenticator plugins
 *
 * Tables that are looked up by id; the rules for all of them stand in pusu_plugin.h under EXTENSIONS. This file only
 * ever grows at its end: a table, once released, stays as it is. A name without a number is that of "/1".
 *
 *   id              whose table                      for
 *   pusu.host/1     host: facts                      where am I: versions, folders, deadlines
 *   pusu.log/1      host                             is this level wanted; lines with a ticket and attributes
 *   pusu.grants/1   host, and one of the plugin's    end or recheck what was granted; be told when it ends
 *   pusu.reload/1   plugin                           read your files again, in place of making a new instance
 *   pusu.check/1    plugin, no instance              are these options good, without starting anything
 *   pusu.health/1   plugin                           can you decide at all; also finds an instance that hangs
 *   pusu.metrics/1  host                             counters, gauges and histograms among the relay's own
 *   pusu.entry/1    host: facts                      which of the relay's authenticators am I; the time of a call
 *
 * "Authenticator" below is one entry of the settings, through all the instances that it has had and will have.
 * The host asks the plugin for its tables once, right after create, and for pusu.check/1 when it needs it.
 */
#ifndef PUSU_EXTENSIONS_H
#define PUSU_EXTENSIONS_H

#include "pusu_plugin.h"

#ifdef __cplusplus
extern "C" {
#endif

/* ------------------------------------------------------------------------------------------------------ pusu.host/1
 * Facts, the same for the whole life of the instance. Paths are absolute and bytes as the system has them (UTF-8 on
 * Windows). */
#define PUSU_EXT_HOST "pusu.host/1"
typedef struct pusu_host_facts {
  uint32_t struct_size;           /* sizeof(pusu_host_facts)                                                         */
  uint32_t isolation;             /* PUSU_ISOLATION_*; there may be further ones                                     */
  pusu_str version;               /* text: of the relay, e.g. "1.4.0"                                                */
  pusu_str relay;                 /* text: the relay's name in its network; may be empty                             */
  pusu_str settings_dir;          /* relative paths in the options start here; empty: there is no settings file      */
  pusu_str state_dir;             /* for files of this authenticator, kept over restarts; exists, can be written;    */
                                  /* empty: the operator has given none. The instance before this one has the same   */
  pusu_str library;               /* where the operator has put this plugin's library                                */
  uint64_t create_timeout_ms;     /* the time that create has, from its beginning; 0: as long as it takes            */
  uint64_t destroy_timeout_ms;    /* the time that destroy has before it may be cut off; 0: as long as it takes      */
} pusu_host_facts;
#define PUSU_ISOLATION_THREAD  1u /* on threads of the relay                                                         */
#define PUSU_ISOLATION_PROCESS 2u /* in a process of its own                                                         */

/* ------------------------------------------------------------------------------------------------------- pusu.log/1 */
#define PUSU_EXT_LOG "pusu.log/1"
typedef struct pusu_log {
  uint32_t struct_size, reserved;
  /* 1: lines of this level are written now. 0: they are not. May change at any time; costs next to nothing. */
  int32_t (*enabled)(void *ctx, int32_t level);
  /* As pusu_host's log. ticket: the request or grant that the line is about, so that all lines of one client are found;
   * 0: none. attrs: at most PUSU_ATTRS_MAX, more are left out; they count as part of the line's length. Never an
   * authorization, in no form. */
  void (*log)(void *ctx, int32_t level, uint64_t ticket, pusu_str text, const pusu_attr *attrs, size_t attrs_len);
} pusu_log;

/* ---------------------------------------------------------------------------------------------------- pusu.grants/1
 * A grant is what one PUSU_GRANT gave to one client of this relay, named by the ticket of its request. A client may
 * have several; they add up and end one by one. Needs PUSU_F_GRANTS: without it the host's table is NULL.
 *
 * Order     revoke_subject and recheck_subject reach every grant whose complete had returned before they were called,
 *           also where it is still on its way to the client, and none whose complete was called after they returned. So
 *           "revoke_subject(me), complete(GRANT)" in authorize leaves exactly the new grant. The answer to a recheck of
 *           a grant that has ended meanwhile gives nothing.
 * Reach     Grants of this relay and this authenticator alone: also those of instances before this one, and also when
 *           an instance calls that has been replaced. A ticket or subject that names none is no error.
 * Not kept  A revocation is done and forgotten. The client may come again at once: refuse it then.
 * Abuse     All four only put something into a queue; PUSU_FULL means that nothing was done. Grants are rechecked at
 *           the relay's pace, behind new clients, and each at most once a second. */
#define PUSU_EXT_GRANTS "pusu.grants/1"
typedef struct pusu_grants {
  uint32_t struct_size, reserved;
  /* The grant ends now, and with it what it alone permitted. reason: text, may be shown to the client.
   * All four: PUSU_TAKEN, _FULL, or _MALFORMED (no text, too long, an empty subject: it would name everybody who has
   * none). */
  int32_t (*revoke)(void *ctx, uint64_t ticket, pusu_str reason);
  int32_t (*revoke_subject)(void *ctx, pusu_str subject, pusu_str reason);
  /* authorize is called for the grant again, with PUSU_REQ_RECHECK. PUSU_UNSUPPORTED: this relay does not keep what
   * clients sent (`on_swap: keep`), and nothing was done; revoke is possible still. */
  int32_t (*recheck)(void *ctx, uint64_t ticket);
  int32_t (*recheck_subject)(void *ctx, pusu_str subject);
} pusu_grants;

/* The plugin's table of the same id. Each grant has one instance that hears of it: the one that gave it, and when
 * another has taken its place (a reload, or a new process after a crash), that one.
 * Both: [call], one at a time for one instance, in no order between grants. They may call pusu_grants. Whoever blocks
 * here delays the next one; an instance that leaves too many waiting counts as hanging. Not called when the relay
 * stops. */
typedef struct pusu_grants_heard {
  uint32_t struct_size, reserved;
  /* Once for each grant for which complete said PUSU_TAKEN or adopted was called, as long as this instance is the one.
   * May come before complete has returned: write the ticket down first. why: PUSU_ENDED_*, may be another. */
  void (*ended)(pusu_instance *self, uint64_t ticket, int32_t why);
  /* May be NULL. This instance takes over a grant that an earlier one gave. expires_unix_ms: 0 if it has no end. Comes
   * before ended for it; new clients do not wait for it. */
  void (*adopted)(pusu_instance *self, uint64_t ticket, pusu_str subject, uint64_t expires_unix_ms);
} pusu_grants_heard;
#define PUSU_ENDED_EXPIRED  1     /* its time was up                                                                 */
#define PUSU_ENDED_REVOKED  2     /* by the plugin, or by an operator                                                */
#define PUSU_ENDED_REFUSED  3     /* by the answer to a recheck                                                      */
#define PUSU_ENDED_REPLACED 4     /* by another grant of the same client that gives as much                          */
#define PUSU_ENDED_CLOSED   5     /* the client has gone, perhaps before the answer came                             */

/* ---------------------------------------------------------------------------------------------------- pusu.reload/1
 * At a reload (SIGHUP), where the library and all settings of the plugin are the same, the host calls this in place of
 * making a new instance. Without it, and where it fails or is late, a new instance is made. */
#define PUSU_EXT_RELOAD "pusu.reload/1"
typedef struct pusu_reload {
  uint32_t struct_size, reserved;
  /* [call], at most one of reload and health at a time. Reads again what create has read from elsewhere: keys, lists.
   * PUSU_OK: calls that begin from now on are decided by what was read; with `on_swap: reauthorize` the host rechecks
   * the grants. Else everything is as it was before, for the reason given through set_error, until a new instance has
   * taken over; if none can be made, this one goes on. Has the time of create; past that it has failed. */
  pusu_status (*reload)(pusu_instance *self);
} pusu_reload;

/* ----------------------------------------------------------------------------------------------------- pusu.check/1
 * What `pusud check` asks before it says that the settings are good. Without it, create and destroy are called. Looked
 * up with self NULL. */
#define PUSU_EXT_CHECK "pusu.check/1"
typedef struct pusu_check {
  uint32_t struct_size, reserved;
  /* [lib], but may take as long as create. Returns what create would, as far as it can know: reads files, and starts no
   * thread, opens no port, asks nobody over a network, writes nothing, leaves nothing behind. host: for this call; log,
   * set_error, pusu.host/1, pusu.log/1, pusu.entry/1 and pusu.metrics/1 (for PUSU_METRIC_MEMORY) work, complete is always
   * too late, other extensions are NULL. */
  pusu_status (*check)(const pusu_host *host, pusu_str options_json);
} pusu_check;

/* ---------------------------------------------------------------------------------------------------- pusu.health/1 */
#define PUSU_EXT_HEALTH "pusu.health/1"
typedef struct pusu_health {
  uint32_t struct_size, reserved;
  /* [call], at most one of reload and health at a time, at most once a second. Answers from what the plugin knows, at
   * once; asks nobody. PUSU_HEALTH_*, an unknown one counts as degraded; if it is not good, set_error says why. The
   * host shows it, and goes on asking the plugin for verdicts. Only an instance that keeps not answering counts as
   * hanging, and is replaced by a new one. */
  int32_t (*health)(pusu_instance *self);
} pusu_health;
#define PUSU_HEALTH_GOOD     0
#define PUSU_HEALTH_DEGRADED 1    /* decides, but not all is as it should be: an old key set, one backend of two     */
#define PUSU_HEALTH_BAD      2    /* can decide nothing at the moment                                                */

/* --------------------------------------------------------------------------------------------------- pusu.metrics/1
 * A metric is one series: a kind, a name and fixed labels. The host adds its own prefix and the plugin's id.
 * Nothing that clients bring (channel, user, address) belongs into a name or a label.
 *
 * Swap      Counters and histograms belong to the authenticator: a new instance that defines the same goes on where the
 *           old one was, and what that one still adds is added. Gauges belong to the instance, and are shown from when
 *           it has taken over. A series that the present instance has not defined is no longer shown.
 * Process   Added up where the plugin runs and handed on every second or when asked; a crash loses what was not. */
#define PUSU_EXT_METRICS "pusu.metrics/1"
#define PUSU_METRICS_MAX             64u
#define PUSU_METRIC_NAME_BYTES_MAX   64u  /* name: [a-z][a-z0-9_]*, base units, counters end in _total               */
#define PUSU_METRIC_HELP_BYTES_MAX   255u
#define PUSU_METRIC_LABELS_MAX       4u   /* keys as names, values text, PUSU_METRIC_NAME_BYTES_MAX each             */
#define PUSU_METRIC_BOUNDS_MAX       16u
#define PUSU_METRIC_COUNTER   1
#define PUSU_METRIC_GAUGE     2
#define PUSU_METRIC_HISTOGRAM 3
/* A gauge of this name, without labels, says the most memory in bytes that the plugin takes while it decides. Whoever sets
 * it in check (or in create, where it offers no pusu.check/1) finds it in the sum that `pusud check` prints. */
#define PUSU_METRIC_MEMORY "memory_bytes_max"
typedef struct pusu_metric {
  uint32_t struct_size;           /* sizeof(pusu_metric)                                                             */
  int32_t kind;                   /* PUSU_METRIC_*                                                                   */
  pusu_str name;
  pusu_str help;                  /* text, one line; the same for all series of a name                               */
  const pusu_attr *labels; size_t labels_len;
  const double *bounds; size_t bounds_len; /* histograms: upper bounds, finite, rising; none: 0.5 ms to 10 s         */
} pusu_metric;
typedef struct pusu_metrics {
  uint32_t struct_size, reserved;
  /* An id, 0 or above, for the functions below; the same one if it was defined before. PUSU_MALFORMED; _UNSUPPORTED for
   * an unknown kind; _FULL past PUSU_METRICS_MAX. */
  int32_t (*define)(void *ctx, const pusu_metric *metric);
  /* Counter, gauge: plus by, which for a counter is not below 0. Gauge: is now value. Histogram: saw value. What does
   * not fit (an unknown id, negative ones too; another kind; a number that is not finite) is ignored. */
  void (*add)(void *ctx, int32_t id, double by);
  void (*set)(void *ctx, int32_t id, double value);
  void (*observe)(void *ctx, int32_t id, double value);
} pusu_metrics;

/* ----------------------------------------------------------------------------------------------------- pusu.entry/1
 * Facts of the entry of the settings that this authenticator is, the same for the whole life of the instance, and there
 * for pusu.check/1 too. The settings may list several authenticators, which are asked in order: PUSU_ABSTAIN goes on to
 * the next, and any other decision is the last one. So whoever does not stand last answers PUSU_ABSTAIN to what is not
 * its own (another kind of token, an unknown user), and whoever stands last refuses it. */
#define PUSU_EXT_ENTRY "pusu.entry/1"
typedef struct pusu_entry {
  uint32_t struct_size;           /* sizeof(pusu_entry)                                                              */
  uint32_t index;                 /* of this entry among those that decide, from 0                                   */
  uint32_t count;                 /* of those that decide; it stands last if index is count - 1. One that is only    */
                                  /* tried beside them (`shadow: true`) is told that it stands last                  */
  uint32_t reserved;
  uint64_t authorize_timeout_ms;  /* the time that one authorize has, as pusu_request's timeout_ms at its beginning; */
                                  /* 0: not known                                                                    */
} pusu_entry;

#ifdef __cplusplus
}
#endif
#endif /* PUSU_EXTENSIONS_H */
