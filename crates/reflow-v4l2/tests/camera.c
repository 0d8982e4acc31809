/* A camera for tests, loaded before the C library (LD_PRELOAD): the calls that a program makes of /dev/video0 are answered here, with
 * the structures of the kernel's own header. /dev/video1 is the second file that a camera has, which gives no pictures.
 *
 * YUYV, 64 x 48 at 50 or 25 pictures a second, 160 x 120 at 50, each row 32 bytes longer than its pixels; and MJPG in steps of 16 pixels,
 * where CAMERA_JPEG names the file that every picture is. A YUYV picture is grey: 16 + (x + y + number) % 200 where it is brightest.
 * CAMERA_UNPLUGGED: after so many pictures it is gone. CAMERA_BROKEN: this picture is flagged as broken. CAMERA_BUSY: it does not start.
 * CAMERA_STILL: after so many pictures, none come. CAMERA_LOG: a file that says how it was started and ended. */
#define _GNU_SOURCE
#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/videodev2.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/timerfd.h>
#include <unistd.h>

enum { BUFFERS = 8, ROOM = 1 << 20 };

static struct {
    int timer, memory;
    unsigned char *bytes;
    struct v4l2_pix_format format;
    struct v4l2_fract interval;
    unsigned count, queue[BUFFERS], queued, number, taken;
} camera = {.timer = -1};
static int other = -1;

static long setting(const char *name) {
    const char *text = getenv(name);
    return text ? atol(text) : -1;
}

static void said(const char *text) {
    const char *path = getenv("CAMERA_LOG");
    FILE *file = path ? fopen(path, "a") : NULL;
    if (!file) return;
    fprintf(file, "%s\n", text);
    fclose(file);
}

/* The number of a file that was closed is that of the next one. */
static int opened(const char *path) {
    if (!strcmp(path, "/dev/video1")) {
        other = memfd_create("other", 0);
        if (camera.timer == other) camera.timer = -1;
        return other;
    }
    if (strcmp(path, "/dev/video0")) return -1;
    if (camera.bytes) {
        munmap(camera.bytes, BUFFERS * ROOM);
        close(camera.memory);
    }
    memset(&camera, 0, sizeof camera);
    camera.memory = memfd_create("camera", 0);
    if (ftruncate(camera.memory, BUFFERS * ROOM)) abort();
    camera.timer = -1;
    camera.bytes = mmap(NULL, BUFFERS * ROOM, PROT_READ | PROT_WRITE, MAP_SHARED, camera.memory, 0);
    camera.timer = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
    if (other == camera.timer) other = -1;
    return camera.timer;
}

#define OPEN(NAME)                                                                                                     \
    int NAME(const char *path, int flags, ...) {                                                                       \
        static int (*next)(const char *, int, ...);                                                                    \
        va_list rest;                                                                                                  \
        va_start(rest, flags);                                                                                         \
        int mode = flags & (O_CREAT | O_TMPFILE) ? va_arg(rest, int) : 0;                                              \
        va_end(rest);                                                                                                  \
        if (!strncmp(path, "/dev/video", 10)) {                                                                        \
            int fd = opened(path);                                                                                     \
            if (fd < 0) errno = ENOENT;                                                                                \
            return fd;                                                                                                 \
        }                                                                                                              \
        if (!next) next = dlsym(RTLD_NEXT, #NAME);                                                                     \
        return next(path, flags, mode);                                                                                \
    }
OPEN(open)
OPEN(open64)

/* The folder /dev is one that has the two files. */
DIR *opendir(const char *path) {
    static DIR *(*next)(const char *);
    if (!next) next = dlsym(RTLD_NEXT, "opendir");
    return next(!strcmp(path, "/dev") && getenv("CAMERA_FOLDER") ? getenv("CAMERA_FOLDER") : path);
}

void *mmap(void *start, size_t length, int access, int flags, int fd, off_t offset) {
    static void *(*next)(void *, size_t, int, int, int, off_t);
    if (!next) next = dlsym(RTLD_NEXT, "mmap");
    return next(start, length, access, flags, fd >= 0 && fd == camera.timer ? camera.memory : fd, offset);
}

static int is_jpeg(void) { return camera.format.pixelformat == V4L2_PIX_FMT_MJPEG; }

static unsigned paint(unsigned char *to) {
    if (is_jpeg()) {
        FILE *file = fopen(getenv("CAMERA_JPEG"), "r");
        unsigned length = file ? fread(to, 1, ROOM, file) : 0;
        if (file) fclose(file);
        return length;
    }
    struct v4l2_pix_format *f = &camera.format;
    for (unsigned y = 0; y < f->height; y++)
        for (unsigned x = 0; x < f->width; x++) {
            to[y * f->bytesperline + 2 * x] = 16 + (x + y + camera.number) % 200;
            to[y * f->bytesperline + 2 * x + 1] = 128;
        }
    return f->sizeimage;
}

static int answer(int fd, unsigned long request, void *argument) {
    if (fd == other) {
        if (request != VIDIOC_QUERYCAP) return EINVAL;
        struct v4l2_capability *c = argument;
        c->capabilities = V4L2_CAP_VIDEO_CAPTURE | V4L2_CAP_STREAMING | V4L2_CAP_DEVICE_CAPS;
        c->device_caps = V4L2_CAP_META_CAPTURE | V4L2_CAP_STREAMING;
        return 0;
    }
    long gone = setting("CAMERA_UNPLUGGED");
    if (gone >= 0 && camera.taken >= gone) return ENODEV;
    switch (request) {
    case VIDIOC_QUERYCAP: {
        struct v4l2_capability *c = argument;
        strcpy((char *)c->card, "Camera of the tests");
        c->capabilities = c->device_caps = V4L2_CAP_VIDEO_CAPTURE | V4L2_CAP_STREAMING;
        c->capabilities |= V4L2_CAP_DEVICE_CAPS;
        return 0;
    }
    case VIDIOC_ENUM_FMT: {
        struct v4l2_fmtdesc *f = argument;
        if (f->type != V4L2_BUF_TYPE_VIDEO_CAPTURE || f->index > (getenv("CAMERA_JPEG") ? 1 : 0)) return EINVAL;
        f->pixelformat = f->index ? V4L2_PIX_FMT_MJPEG : V4L2_PIX_FMT_YUYV;
        return 0;
    }
    case VIDIOC_ENUM_FRAMESIZES: {
        struct v4l2_frmsizeenum *s = argument;
        if (s->index > (s->pixel_format == V4L2_PIX_FMT_YUYV ? 1 : 0)) return EINVAL;
        if (s->pixel_format == V4L2_PIX_FMT_YUYV) {
            s->type = V4L2_FRMSIZE_TYPE_DISCRETE;
            s->discrete.width = s->index ? 160 : 64;
            s->discrete.height = s->index ? 120 : 48;
        } else {
            s->type = V4L2_FRMSIZE_TYPE_STEPWISE;
            s->stepwise = (struct v4l2_frmsize_stepwise){16, 1920, 16, 16, 1088, 16};
        }
        return 0;
    }
    case VIDIOC_ENUM_FRAMEINTERVALS: {
        struct v4l2_frmivalenum *i = argument;
        if (i->index > (i->width == 64 ? 1 : 0)) return EINVAL;
        if (i->pixel_format == V4L2_PIX_FMT_YUYV) {
            i->type = V4L2_FRMIVAL_TYPE_DISCRETE;
            i->discrete = (struct v4l2_fract){1, i->index ? 25 : 50};
        } else {
            if (i->index) return EINVAL;
            i->type = V4L2_FRMIVAL_TYPE_STEPWISE;
            i->stepwise.min = (struct v4l2_fract){1, 100};
            i->stepwise.max = (struct v4l2_fract){1, 5};
        }
        return 0;
    }
    case VIDIOC_S_FMT: {
        struct v4l2_format *f = argument;
        struct v4l2_pix_format *p = &f->fmt.pix;
        if (f->type != V4L2_BUF_TYPE_VIDEO_CAPTURE || p->field != V4L2_FIELD_NONE) return EINVAL;
        if (p->pixelformat != V4L2_PIX_FMT_MJPEG || !getenv("CAMERA_JPEG")) {
            p->pixelformat = V4L2_PIX_FMT_YUYV;
            p->width = p->width > 112 ? 160 : 64;
            p->height = p->width > 112 ? 120 : 48;
            p->bytesperline = 2 * p->width + 32;
            p->sizeimage = p->bytesperline * p->height;
            p->colorspace = V4L2_COLORSPACE_SRGB;
        } else {
            p->bytesperline = 0;
            p->sizeimage = ROOM;
            p->colorspace = V4L2_COLORSPACE_JPEG;
        }
        camera.format = *p;
        return 0;
    }
    case VIDIOC_S_PARM: {
        struct v4l2_captureparm *c = &((struct v4l2_streamparm *)argument)->parm.capture;
        if (!c->timeperframe.numerator) c->timeperframe = (struct v4l2_fract){1, 50};
        camera.interval = c->timeperframe;
        return 0;
    }
    case VIDIOC_REQBUFS: {
        struct v4l2_requestbuffers *r = argument;
        if (r->memory != V4L2_MEMORY_MMAP || r->type != V4L2_BUF_TYPE_VIDEO_CAPTURE) return EINVAL;
        if (r->count > BUFFERS) r->count = BUFFERS;
        camera.count = r->count;
        if (!r->count) said("released");
        return 0;
    }
    case VIDIOC_QUERYBUF: {
        struct v4l2_buffer *b = argument;
        if (b->index >= camera.count) return EINVAL;
        b->m.offset = b->index * ROOM;
        b->length = ROOM;
        return 0;
    }
    case VIDIOC_QBUF: {
        struct v4l2_buffer *b = argument;
        if (b->index >= camera.count || camera.queued == BUFFERS || b->memory != V4L2_MEMORY_MMAP) return EINVAL;
        camera.queue[camera.queued++] = b->index;
        return 0;
    }
    case VIDIOC_DQBUF: {
        struct v4l2_buffer *b = argument;
        unsigned long long ticks = 0;
        if (read(camera.timer, &ticks, sizeof ticks) != sizeof ticks) return EAGAIN;
        camera.number += ticks;
        if (!camera.queued) return EAGAIN;
        b->index = camera.queue[0];
        memmove(camera.queue, camera.queue + 1, --camera.queued * sizeof *camera.queue);
        b->bytesused = paint(camera.bytes + b->index * ROOM);
        b->sequence = camera.number;
        b->flags = camera.taken == setting("CAMERA_BROKEN") ? V4L2_BUF_FLAG_ERROR : 0;
        camera.taken++;
        if (camera.taken == setting("CAMERA_STILL")) timerfd_settime(camera.timer, 0, &(struct itimerspec){0}, NULL);
        return 0;
    }
    case VIDIOC_STREAMON: {
        if (getenv("CAMERA_BUSY")) return EBUSY;
        struct v4l2_fract i = camera.interval.numerator ? camera.interval : (struct v4l2_fract){1, 50};
        long long ns = 1000000000LL * i.numerator / i.denominator;
        struct itimerspec every = {{ns / 1000000000, ns % 1000000000}, {ns / 1000000000, ns % 1000000000}};
        timerfd_settime(camera.timer, 0, &every, NULL);
        said("started");
        return 0;
    }
    case VIDIOC_STREAMOFF:
        timerfd_settime(camera.timer, 0, &(struct itimerspec){0}, NULL);
        camera.queued = 0;
        said("stopped");
        return 0;
    default: return ENOTTY;
    }
}

int ioctl(int fd, unsigned long request, ...) {
    static int (*next)(int, unsigned long, ...);
    va_list rest;
    va_start(rest, request);
    void *argument = va_arg(rest, void *);
    va_end(rest);
    if (fd < 0 || (fd != camera.timer && fd != other)) {
        if (!next) next = dlsym(RTLD_NEXT, "ioctl");
        return next(fd, request, argument);
    }
    int error = answer(fd, request, argument);
    if (error) errno = error;
    return error ? -1 : 0;
}
