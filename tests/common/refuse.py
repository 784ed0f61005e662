"""refuse.py FD,… PROGRAM …: runs a program whose reactor refuses these descriptors, as kqueue refuses terminals.

A filter of seccomp(2) makes epoll_ctl(2) fail with EPERM for them.
"""

import ctypes
import os
import struct
import sys

EPOLL_CTL, EPERM = 233, 1  # on x86-64
ALLOW, ERRNO = 0x7FFF0000, 0x00050000
LOAD, EQUAL, RETURN = 0x20, 0x15, 0x06
NR, FD = 0, 16 + 2 * 8  # offsets in `struct seccomp_data`: the system call, and its third argument

refused = [int(fd) for fd in sys.argv[1].split(",")]
code = [(LOAD, 0, 0, NR), (EQUAL, 0, 1 + len(refused), EPOLL_CTL), (LOAD, 0, 0, FD)]
for n, fd in enumerate(refused):
    code.append((EQUAL, len(refused) - n, 0, fd))
code += [(RETURN, 0, 0, ALLOW), (RETURN, 0, 0, ERRNO | EPERM)]
program = b"".join(struct.pack("HBBI", *one) for one in code)
text = ctypes.create_string_buffer(program)
filter = struct.pack("HxxxxxxQ", len(code), ctypes.addressof(text))
libc = ctypes.CDLL(None, use_errno=True)
PR_SET_SECCOMP, PR_SET_NO_NEW_PRIVS, MODE_FILTER = 22, 38, 2
assert libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0
assert libc.prctl(PR_SET_SECCOMP, MODE_FILTER, ctypes.create_string_buffer(filter), 0, 0) == 0
os.execv(sys.argv[2], sys.argv[2:])
