/* posta/posta.h: all of posta. */
#ifndef POSTA_POSTA_H
#define POSTA_POSTA_H

#include "posta/base.h"
#include "posta/codec.h"
#include "posta/engine.h"
#include "posta/mime.h"
#include "posta/port.h"
#include "posta/session.h"
#include "posta/tls.h"

#define POSTA_VERSION "0.1.0"

#endif
