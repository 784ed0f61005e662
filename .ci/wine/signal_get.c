// `signal(n, SIG_GET)` returns the handler and changes nothing. The msvcrt of wine 8 takes SIG_GET, which is 2, for a
// handler; signal-hook keeps that as the previous handler, and the program jumps to address 2 at Ctrl-C.
typedef void (*handler)(int);

handler __real_signal(int number, handler new);

handler __wrap_signal(int number, handler new) {
    if (new != (handler)2) {
        return __real_signal(number, new);
    }
    handler old = __real_signal(number, (handler)0);
    __real_signal(number, old);
    return old;
}
