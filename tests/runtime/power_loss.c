/* Writes down what a process does to the files of one folder, for power_loss.py: loaded before the C library.
 *
 * POWER_LOSS_ROOT is the folder, POWER_LOSS_LOG the file that takes the records: op, descriptor, number, and the lengths of two
 * texts, then the texts. What the process says on its standard output is written down, too: it is what somebody may rely on.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#define MOST 1024

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static const char *root;
static int record_fd = -1;
static char followed[MOST];

struct __attribute__((packed)) record {
    char op;
    int32_t fd;
    int64_t number;
    uint32_t first, second;
};

#define REAL(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

__attribute__((constructor)) static void begin(void) {
    const char *path = getenv("POWER_LOSS_LOG");
    root = getenv("POWER_LOSS_ROOT");
    if (root == NULL || path == NULL) return;
    record_fd = REAL(open64)(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
}

static int is_ours(const char *path) { return record_fd >= 0 && strncmp(path, root, strlen(root)) == 0; }

static int is_followed(int fd) { return record_fd >= 0 && fd >= 0 && fd < MOST && followed[fd]; }

static void note(char op, int fd, int64_t number, const void *first, size_t first_len, const void *second, size_t second_len) {
    struct record head = {op, fd, number, (uint32_t)first_len, (uint32_t)second_len};
    struct iovec parts[3] = {{&head, sizeof head}, {(void *)first, first_len}, {(void *)second, second_len}};
    if (REAL(writev)(record_fd, parts, 3) < 0) abort();
}

static int opened(int fd, const char *path, int flags) {
    if (fd >= 0 && fd < MOST) {
        followed[fd] = 1;
        note('O', fd, flags, path, strlen(path), NULL, 0);
    }
    return fd;
}

#define OPEN(name)                                                                                       \
    int name(const char *path, int flags, ...) {                                                         \
        va_list rest;                                                                                    \
        va_start(rest, flags);                                                                           \
        mode_t mode = va_arg(rest, mode_t);                                                              \
        va_end(rest);                                                                                    \
        if (!is_ours(path)) return REAL(name)(path, flags, mode);                                        \
        pthread_mutex_lock(&lock);                                                                       \
        int fd = opened(REAL(name)(path, flags, mode), path, flags);                                     \
        pthread_mutex_unlock(&lock);                                                                     \
        return fd;                                                                                       \
    }
OPEN(open)
OPEN(open64)

#define OPEN_AT(name)                                                                                    \
    int name(int folder, const char *path, int flags, ...) {                                             \
        va_list rest;                                                                                    \
        va_start(rest, flags);                                                                           \
        mode_t mode = va_arg(rest, mode_t);                                                              \
        va_end(rest);                                                                                    \
        if (!is_ours(path)) return REAL(name)(folder, path, flags, mode);                                \
        pthread_mutex_lock(&lock);                                                                       \
        int fd = opened(REAL(name)(folder, path, flags, mode), path, flags);                             \
        pthread_mutex_unlock(&lock);                                                                     \
        return fd;                                                                                       \
    }
OPEN_AT(openat)
OPEN_AT(openat64)

int close(int fd) {
    pthread_mutex_lock(&lock);
    if (is_followed(fd)) {
        followed[fd] = 0;
        note('C', fd, 0, NULL, 0, NULL, 0);
    }
    int result = REAL(close)(fd);
    pthread_mutex_unlock(&lock);
    return result;
}

ssize_t write(int fd, const void *data, size_t len) {
    if (record_fd >= 0 && fd == 1) {
        ssize_t said = REAL(write)(fd, data, len);
        if (said > 0) note('P', fd, 0, data, (size_t)said, NULL, 0);
        return said;
    }
    if (!is_followed(fd)) return REAL(write)(fd, data, len);
    pthread_mutex_lock(&lock);
    struct stat64 about;
    int is_appending = (REAL(fcntl64)(fd, F_GETFL) & O_APPEND) != 0 && fstat64(fd, &about) == 0;
    int64_t at = is_appending ? about.st_size : lseek64(fd, 0, SEEK_CUR);
    ssize_t written = REAL(write)(fd, data, len);
    if (written > 0) note('W', fd, at, data, (size_t)written, NULL, 0);
    pthread_mutex_unlock(&lock);
    return written;
}

#define WRITE_AT(name, type)                                                                             \
    ssize_t name(int fd, const void *data, size_t len, type at) {                                        \
        if (!is_followed(fd)) return REAL(name)(fd, data, len, at);                                      \
        pthread_mutex_lock(&lock);                                                                       \
        ssize_t written = REAL(name)(fd, data, len, at);                                                 \
        if (written > 0) note('W', fd, at, data, (size_t)written, NULL, 0);                              \
        pthread_mutex_unlock(&lock);                                                                     \
        return written;                                                                                  \
    }
WRITE_AT(pwrite, off_t)
WRITE_AT(pwrite64, off64_t)

/* A way of writing that is not followed would make the record a lie. */
#define REFUSED(result, name, parameters, call, fd)                                                      \
    result name parameters {                                                                             \
        if (is_followed(fd)) abort();                                                                    \
        return REAL(name) call;                                                                          \
    }
REFUSED(ssize_t, writev, (int fd, const struct iovec *parts, int count), (fd, parts, count), fd)
REFUSED(ssize_t, pwritev, (int fd, const struct iovec *parts, int count, off_t at), (fd, parts, count, at), fd)
REFUSED(int, fallocate, (int fd, int mode, off_t at, off_t len), (fd, mode, at, len), fd)
REFUSED(int, fallocate64, (int fd, int mode, off64_t at, off64_t len), (fd, mode, at, len), fd)
REFUSED(int, posix_fallocate, (int fd, off_t at, off_t len), (fd, at, len), fd)

#define ON_DESCRIPTOR(op, name, parameters, call, number)                                                \
    int name parameters {                                                                                \
        if (!is_followed(fd)) return REAL(name) call;                                                    \
        pthread_mutex_lock(&lock);                                                                       \
        int result = REAL(name) call;                                                                    \
        if (result == 0) note(op, fd, number, NULL, 0, NULL, 0);                                         \
        pthread_mutex_unlock(&lock);                                                                     \
        return result;                                                                                   \
    }
ON_DESCRIPTOR('T', ftruncate, (int fd, off_t len), (fd, len), len)
ON_DESCRIPTOR('T', ftruncate64, (int fd, off64_t len), (fd, len), len)
ON_DESCRIPTOR('S', fsync, (int fd), (fd), 0)
ON_DESCRIPTOR('S', fdatasync, (int fd), (fd), 0)

#define ON_NAME(op, name, parameters, call)                                                              \
    int name parameters {                                                                                \
        if (!is_ours(path)) return REAL(name) call;                                                      \
        pthread_mutex_lock(&lock);                                                                       \
        int result = REAL(name) call;                                                                    \
        if (result == 0) note(op, -1, 0, path, strlen(path), NULL, 0);                                   \
        pthread_mutex_unlock(&lock);                                                                     \
        return result;                                                                                   \
    }
ON_NAME('U', unlink, (const char *path), (path))
ON_NAME('M', mkdir, (const char *path, mode_t mode), (path, mode))
ON_NAME('D', rmdir, (const char *path), (path))

int rename(const char *path, const char *to) {
    if (!is_ours(path) && !is_ours(to)) return REAL(rename)(path, to);
    pthread_mutex_lock(&lock);
    int result = REAL(rename)(path, to);
    if (result == 0) note('R', -1, 0, path, strlen(path), to, strlen(to));
    pthread_mutex_unlock(&lock);
    return result;
}
