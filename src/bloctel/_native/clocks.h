/* Two clocks in seconds: one for durations, and one for the time since 1970, which is
 * read without a system call and can be some milliseconds late. */
#pragma once

#ifdef _WIN32
#include <windows.h>

static inline double elapsed_seconds(void)
{
    return (double)GetTickCount64() * 1e-3;
}

static inline double coarse_wall_seconds(void)
{
    FILETIME time;
    GetSystemTimeAsFileTime(&time);
    /* one tick is 100 ns, counted from 1601 */
    double ticks = (double)time.dwHighDateTime * 4294967296.0 + time.dwLowDateTime;
    return ticks * 1e-7 - 11644473600.0;
}

#else
#include <time.h>

/* On Linux, CLOCK_MONOTONIC stops while the machine is suspended. */
#ifdef CLOCK_BOOTTIME
#define ELAPSED_CLOCK CLOCK_BOOTTIME
#else
#define ELAPSED_CLOCK CLOCK_MONOTONIC
#endif

/* Linux keeps the coarse time in a memory page that each process reads directly. */
#ifdef CLOCK_REALTIME_COARSE
#define COARSE_WALL_CLOCK CLOCK_REALTIME_COARSE
#else
#define COARSE_WALL_CLOCK CLOCK_REALTIME
#endif

static inline double seconds_of(clockid_t clock)
{
    struct timespec time;
    clock_gettime(clock, &time);
    return (double)time.tv_sec + (double)time.tv_nsec * 1e-9;
}

static inline double elapsed_seconds(void) { return seconds_of(ELAPSED_CLOCK); }

static inline double coarse_wall_seconds(void) { return seconds_of(COARSE_WALL_CLOCK); }

#endif
