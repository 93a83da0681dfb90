/* Monotonic seconds, exact to a few milliseconds, without a system call. */
#pragma once

#ifdef _WIN32
#include <windows.h>

static inline double coarse_seconds(void)
{
    return (double)GetTickCount64() * 1e-3;
}

#else
#include <time.h>

/* Linux stores this time in a page that every process can read. */
#ifdef CLOCK_MONOTONIC_COARSE
#define COARSE_CLOCK CLOCK_MONOTONIC_COARSE
#else
#define COARSE_CLOCK CLOCK_MONOTONIC
#endif

static inline double coarse_seconds(void)
{
    struct timespec time;
    clock_gettime(COARSE_CLOCK, &time);
    return (double)time.tv_sec + (double)time.tv_nsec * 1e-9;
}

#endif
