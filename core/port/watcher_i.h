/* core/port: the watcher: one thread of the process that waits for many descriptors and times, and
 * calls back once per arming. It exists while there are entries. All functions may be called from
 * any thread, and from within fire.
 */
#ifndef POSTA_WATCHER_I_H
#define POSTA_WATCHER_I_H

#include "posta/base.h"

typedef struct posta__watch posta__watch;

/** An entry, disarmed; from malloc. `fire` is called on the watcher's thread, without a lock held.
 * POSTA_E_MEMORY: no memory, thread or descriptor; POSTA_E_NOT_BUILT with POSTA_THREADS=0. */
posta_status posta__watch_new(void (*fire)(void *user), void *user, posta__watch **out);

/** Fires once, as soon as `fd` (-1: none) is ready for `wants` (POSTA_WANT_RX, POSTA_WANT_TX) or
 * broken, or `ms` have passed (-1: never). Replaces an arming that has not fired. */
void posta__watch_arm(posta__watch *w, int fd, unsigned wants, int64_t ms);

/** Takes back an arming that has not begun to fire. Its descriptor may then be closed. */
void posta__watch_disarm(posta__watch *w);

/** Ends an entry and nulls it: returns only when its fire does not run, unless called from within
 * any fire. Null is fine. */
void posta__watch_free(posta__watch **w);

#endif
