/* core/port: a regular file as a source. Unbuffered: the reader's window is the buffer. */
#define _POSIX_C_SOURCE 200809L
#include "base_i.h"
#include "posta/port.h"

#ifndef POSTA_FILES
#define POSTA_FILES 1
#endif

#if POSTA_FILES

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

typedef struct file {
    const posta_port *port;
    int fd;
    uint64_t len, at;
} file;

static posta_status file_pull(void *user, posta_window *out) {
    file *f = user;
    ssize_t n;
    if (posta__room(out) == 0) return POSTA_OK;
    do
        n = read(f->fd, out->p + out->len, posta__room(out));
    while (n < 0 && errno == EINTR);
    if (n < 0) return POSTA_E_BODY;
    f->at += (uint64_t)n;
    /* Row C16: a file that grew or shrank meanwhile is not the one that was announced. */
    if (f->at > f->len || (n == 0 && f->at < f->len)) return POSTA_E_BODY;
    out->len += (size_t)n;
    return n == 0 ? POSTA_END : POSTA_OK;
}

static posta_status file_rewind(void *user) {
    file *f = user;
    if (lseek(f->fd, 0, SEEK_SET) != 0) return POSTA_E_BODY;
    f->at = 0;
    return POSTA_OK;
}

static void file_close(void *user) {
    file *f = user;
    close(f->fd);
    f->port->allocate(f->port->user, f, sizeof *f, 0);
}

static posta_status refuse(int fd, const char *why, const char **why_out) {
    if (fd >= 0) close(fd);
    if (why_out) *why_out = why;
    return POSTA_E_FILE;
}

static const char *reason(int error) {
    switch (error) {
    case ENOENT: return "there is no such file";
    case EACCES:
    case EPERM: return "reading it is not permitted";
    case ENOTDIR: return "a part of the path is not a folder";
    case ENAMETOOLONG: return "the path is too long";
    case EMFILE:
    case ENFILE: return "too many files are open";
    default: return "it cannot be opened";
    }
}

posta_status posta_file_source(const posta_port *port, const char *path, posta_source *out,
                               const char **why_out) {
    struct stat st;
    file *f;
    int fd;
    memset(out, 0, sizeof *out);
    if (!path || !path[0]) return refuse(-1, "the path is empty", why_out);
    /* Non-blocking, so that a FIFO without a writer cannot hang the open. */
    fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (fd < 0) return refuse(fd, reason(errno), why_out);
    if (fstat(fd, &st) != 0) return refuse(fd, "its size cannot be read", why_out);
    if (S_ISDIR(st.st_mode)) return refuse(fd, "it is a folder", why_out);
    if (!S_ISREG(st.st_mode)) return refuse(fd, "it is not a regular file", why_out);
    f = port->allocate(port->user, NULL, 0, sizeof *f);
    if (!f) {
        close(fd);
        return POSTA_E_MEMORY;
    }
    *f = (file){port, fd, (uint64_t)st.st_size, 0};
    *out = (posta_source){f, file_pull, file_rewind, file_close, f->len};
    return POSTA_OK;
}

#else

posta_status posta_file_source(const posta_port *port, const char *path, posta_source *out,
                               const char **why_out) {
    (void)port;
    (void)path;
    memset(out, 0, sizeof *out);
    if (why_out) *why_out = "this build of posta reads no files";
    return POSTA_E_NOT_BUILT;
}

#endif

posta_status posta_file_open(void *port, const char *path, posta_source *out,
                             const char **why_out) {
    return posta_file_source(port, path, out, why_out);
}
