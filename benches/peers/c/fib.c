#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

static uint64_t fib(uint32_t n) { return n < 2 ? n : fib(n - 1) + fib(n - 2); }

static uint64_t by_addition(uint32_t n) {
    uint64_t a = 0, b = 1;
    while (n-- > 0) {
        uint64_t sum = a + b;
        a = b;
        b = sum;
    }
    return a;
}

int main(int argc, char **argv) {
    struct timespec start, end;
    uint32_t n = atoi(argv[argc - 1]);
    clock_gettime(CLOCK_MONOTONIC, &start);
    uint64_t value = fib(n);
    clock_gettime(CLOCK_MONOTONIC, &end);
    printf("seconds %.9f\n", (end.tv_sec - start.tv_sec) + (end.tv_nsec - start.tv_nsec) / 1e9);
    return value != by_addition(n);
}
