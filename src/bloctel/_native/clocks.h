/* Two clocks in seconds: elapsed time, and a coarse wall clock without a system call. */
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
    /* tenths of a microsecond since 1601 */
    double ticks = (double)time.dwHighDateTime * 4294967296.0 + time.dwLowDateTime;
    return ticks * 1e-7 - 11644473600.0;
}

#else
#include <time.h>

/* CLOCK_MONOTONIC of Linux does not count the time in which the machine is suspended. */
#ifdef CLOCK_BOOTTIME
#define ELAPSED_CLOCK CLOCK_BOOTTIME
#else
#define ELAPSED_CLOCK CLOCK_MONOTONIC
#endif

/* Linux stores the coarse time in a memory page that every process can read. */
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
