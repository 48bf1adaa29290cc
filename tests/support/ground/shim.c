/* Shim: stands between the service and the C library (LD_PRELOAD), and makes its ground unsteady: a clock that jumps, a disk
 * that is full or read-only, and a record of every write and sync under one folder, from which a power cut is played.
 *
 * Who steers it maps the same control file: see ground/mod.rs for the layout. Files outside the folder are left alone. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

struct control {
    _Atomic int64_t clock_ns;   /* added to the time of day */
    _Atomic int64_t clock_read; /* how often that was asked for while it was wrong */
    _Atomic int64_t disk;       /* 0 well, 1 full, 2 read-only */
    _Atomic int64_t refused;    /* how often the disk said no */
    _Atomic int64_t operations; /* written to the record so far */
    _Atomic int64_t made;       /* the lock is: 1 in the making, 2 made */
    pthread_mutex_t order;      /* of all processes: notes stand in the order of the deeds */
};

enum { FILES = 8192 };
enum { WRITE = 1, TRUNCATE, SYNC, CREATE, RENAME, UNLINK, LINK };

static struct control nobody;
static struct control *control = &nobody;
static const char *folder;
static size_t folder_length;
static int record = -1;
static char *path_of[FILES];

static void make_lock(void) {
    int64_t none = 0;
    if (atomic_compare_exchange_strong(&control->made, &none, 1)) {
        pthread_mutexattr_t shared;
        pthread_mutexattr_init(&shared);
        pthread_mutexattr_setpshared(&shared, PTHREAD_PROCESS_SHARED);
        pthread_mutexattr_setrobust(&shared, PTHREAD_MUTEX_ROBUST);
        pthread_mutex_init(&control->order, &shared);
        atomic_store(&control->made, 2);
    }
    while (atomic_load(&control->made) != 2) usleep(100);
}

/* A holder that was killed leaves a deed without its note, which the power would have taken too. */
static void lock(void) {
    if (pthread_mutex_lock(&control->order) == EOWNERDEAD) pthread_mutex_consistent(&control->order);
}
static void unlock(void) { pthread_mutex_unlock(&control->order); }

__attribute__((constructor)) static void begin(void) {
    const char *file = getenv("SHIM_CONTROL");
    folder = getenv("SHIM_FOLDER");
    int fd = file && folder ? (int)syscall(SYS_openat, AT_FDCWD, file, O_RDWR | O_CLOEXEC, 0) : -1;
    if (fd < 0) {
        folder = NULL;
        return;
    }
    folder_length = strlen(folder);
    void *map = mmap(NULL, sizeof *control, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (map != MAP_FAILED) control = map;
    syscall(SYS_close, fd);
    make_lock();
    const char *journal = getenv("SHIM_RECORD");
    if (journal) record = (int)syscall(SYS_openat, AT_FDCWD, journal, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
}

static int ours(const char *path) {
    return folder && path && strncmp(path, folder, folder_length) == 0;
}

static char *of(int fd) { return fd >= 0 && fd < FILES ? path_of[fd] : NULL; }

/* The lock is held from the deed to its note, so that notes stand in the order of the deeds. */
static void note(int kind, const char *path, int64_t at, const void *bytes, int64_t length) {
    if (record < 0) return;
    int64_t head[4] = {kind, (int64_t)strlen(path), at, length};
    struct iovec parts[3] = {
        {head, sizeof head}, {(void *)path, strlen(path)}, {(void *)bytes, bytes ? (size_t)length : 0}};
    syscall(SYS_writev, record, parts, 3);
    atomic_fetch_add(&control->operations, 1);
}

static int refused(int why) {
    atomic_fetch_add(&control->refused, 1);
    errno = why;
    return -1;
}

static int read_only(void) { return atomic_load(&control->disk) == 2; }

/* How much of a write the disk takes: a full one lets be written over what is there, and nothing beyond. */
static ssize_t room(int fd, int64_t at, size_t length) {
    int64_t disk = atomic_load(&control->disk);
    if (disk == 2) return refused(EROFS);
    if (disk != 1) return (ssize_t)length;
    struct stat is;
    if (fstat(fd, &is) != 0 || at + (int64_t)length <= is.st_size) return (ssize_t)length;
    if (at >= is.st_size) return refused(ENOSPC);
    atomic_fetch_add(&control->refused, 1);
    return (ssize_t)(is.st_size - at);
}

static int opened(int fd, const char *path, int flags, int was_there) {
    if (fd < 0 || fd >= FILES || !ours(path)) return fd;
    lock();
    free(path_of[fd]);
    path_of[fd] = strdup(path);
    if ((flags & O_CREAT) && !was_there) note(CREATE, path, 0, NULL, 0);
    if ((flags & O_TRUNC) && was_there) note(TRUNCATE, path, 0, NULL, 0);
    unlock();
    return fd;
}

static int open_at(int folder_fd, const char *path, int flags, mode_t mode) {
    if (!ours(path)) return (int)syscall(SYS_openat, folder_fd, path, flags, mode);
    int there = access(path, F_OK) == 0;
    if (read_only() && ((flags & (O_TRUNC)) || ((flags & O_CREAT) && !there))) return refused(EROFS);
    return opened((int)syscall(SYS_openat, folder_fd, path, flags, mode), path, flags, there);
}

#define MODE                                   \
    mode_t mode = 0;                           \
    if (flags & (O_CREAT | O_TMPFILE)) {       \
        va_list rest;                          \
        va_start(rest, flags);                 \
        mode = va_arg(rest, mode_t);           \
        va_end(rest);                          \
    }

int open(const char *path, int flags, ...) { MODE return open_at(AT_FDCWD, path, flags, mode); }
int open64(const char *path, int flags, ...) { MODE return open_at(AT_FDCWD, path, flags, mode); }
int openat(int fd, const char *path, int flags, ...) { MODE return open_at(fd, path, flags, mode); }
int openat64(int fd, const char *path, int flags, ...) { MODE return open_at(fd, path, flags, mode); }

int close(int fd) {
    if (of(fd)) {
        lock();
        free(path_of[fd]);
        path_of[fd] = NULL;
        unlock();
    }
    return (int)syscall(SYS_close, fd);
}

static ssize_t write_at(int fd, const void *bytes, size_t length, int64_t at) {
    lock();
    ssize_t taken = room(fd, at, length);
    if (taken > 0) taken = syscall(SYS_pwrite64, fd, bytes, taken, at);
    if (taken > 0) note(WRITE, path_of[fd], at, bytes, taken);
    unlock();
    return taken;
}

ssize_t pwrite(int fd, const void *bytes, size_t length, off_t at) {
    if (!of(fd)) return syscall(SYS_pwrite64, fd, bytes, length, at);
    return write_at(fd, bytes, length, at);
}
ssize_t pwrite64(int fd, const void *bytes, size_t length, off64_t at) {
    if (!of(fd)) return syscall(SYS_pwrite64, fd, bytes, length, at);
    return write_at(fd, bytes, length, at);
}

ssize_t write(int fd, const void *bytes, size_t length) {
    if (!of(fd)) return syscall(SYS_write, fd, bytes, length);
    int flags = fcntl(fd, F_GETFL);
    off_t at = lseek(fd, 0, (flags & O_APPEND) ? SEEK_END : SEEK_CUR);
    if (at < 0) return syscall(SYS_write, fd, bytes, length);
    ssize_t taken = write_at(fd, bytes, length, at);
    if (taken > 0) lseek(fd, at + taken, SEEK_SET);
    return taken;
}

ssize_t writev(int fd, const struct iovec *parts, int count) {
    if (!of(fd)) return syscall(SYS_writev, fd, parts, count);
    /* One part at a time is a short write, which every caller has to bear. */
    for (int part = 0; part < count; part++)
        if (parts[part].iov_len > 0) return write(fd, parts[part].iov_base, parts[part].iov_len);
    return 0;
}

static int cut(int fd, off_t length) {
    if (!of(fd)) return (int)syscall(SYS_ftruncate, fd, length);
    if (read_only()) return refused(EROFS);
    lock();
    int done = (int)syscall(SYS_ftruncate, fd, length);
    if (done == 0) note(TRUNCATE, path_of[fd], length, NULL, 0);
    unlock();
    return done;
}
int ftruncate(int fd, off_t length) { return cut(fd, length); }
int ftruncate64(int fd, off64_t length) { return cut(fd, length); }

/* Nothing needs to reach a disk here: what was synced is what the record says. */
static int sync_file(int fd, long call) {
    if (!of(fd)) return (int)syscall(call, fd);
    if (read_only()) return refused(EROFS);
    if (record < 0) return (int)syscall(call, fd);
    lock();
    note(SYNC, path_of[fd], 0, NULL, 0);
    unlock();
    return 0;
}
int fsync(int fd) { return sync_file(fd, SYS_fsync); }
int fdatasync(int fd) { return sync_file(fd, SYS_fdatasync); }

int rename(const char *from, const char *to) {
    if (!ours(from) && !ours(to)) return (int)syscall(SYS_renameat2, AT_FDCWD, from, AT_FDCWD, to, 0);
    if (read_only()) return refused(EROFS);
    lock();
    int done = (int)syscall(SYS_renameat2, AT_FDCWD, from, AT_FDCWD, to, 0);
    if (done == 0) note(RENAME, from, 0, to, (int64_t)strlen(to));
    unlock();
    return done;
}

int unlink(const char *path) {
    if (!ours(path)) return (int)syscall(SYS_unlinkat, AT_FDCWD, path, 0);
    if (read_only()) return refused(EROFS);
    lock();
    int done = (int)syscall(SYS_unlinkat, AT_FDCWD, path, 0);
    if (done == 0) note(UNLINK, path, 0, NULL, 0);
    unlock();
    return done;
}

/* A hard link: how a file is put where none may be yet. */
int linkat(int from_fd, const char *from, int to_fd, const char *to, int flags) {
    if (!ours(to)) return (int)syscall(SYS_linkat, from_fd, from, to_fd, to, flags);
    if (read_only()) return refused(EROFS);
    lock();
    int done = (int)syscall(SYS_linkat, from_fd, from, to_fd, to, flags);
    if (done == 0) note(LINK, from, 0, to, (int64_t)strlen(to));
    unlock();
    return done;
}
int link(const char *from, const char *to) { return linkat(AT_FDCWD, from, AT_FDCWD, to, 0); }

static int64_t wrong(void) {
    int64_t by = atomic_load(&control->clock_ns);
    if (by) atomic_fetch_add(&control->clock_read, 1);
    return by;
}

static void shift(struct timespec *at) {
    int64_t by = wrong();
    if (!by) return;
    int64_t ns = at->tv_nsec + by % 1000000000;
    at->tv_sec += by / 1000000000;
    if (ns < 0) { ns += 1000000000; at->tv_sec -= 1; }
    if (ns >= 1000000000) { ns -= 1000000000; at->tv_sec += 1; }
    at->tv_nsec = ns;
}

int clock_gettime(clockid_t clock, struct timespec *at) {
    static __typeof__(clock_gettime) *real;
    if (!real) real = (__typeof__(real))dlsym(RTLD_NEXT, "clock_gettime");
    int done = real(clock, at);
    if (done == 0 && (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE)) shift(at);
    return done;
}

int gettimeofday(struct timeval *at, void *zone) {
    (void)zone;
    struct timespec now;
    if (clock_gettime(CLOCK_REALTIME, &now) != 0) return -1;
    at->tv_sec = now.tv_sec;
    at->tv_usec = now.tv_nsec / 1000;
    return 0;
}

time_t time(time_t *at) {
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    if (at) *at = now.tv_sec;
    return now.tv_sec;
}
