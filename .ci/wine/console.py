"""Runs a program of Windows under wine on a console: console.py TIMEOUT STATUS PROGRAM ARGUMENT… < steps

A line of the steps is `> TEXT`, which is typed (`\\x03` is Ctrl-C), or a text that the console must show before the
next step. Afterwards the program must end with this exit status. wine draws the console on a pseudo-terminal.
"""
import fcntl, os, pty, re, select, signal, struct, sys, termios, time, tty

timeout, status, *command = sys.argv[1:]
deadline = time.monotonic() + float(timeout)
steps = sys.stdin.read().splitlines()
pid, terminal = pty.fork()
if pid == 0:
    os.environ.update(TERM="xterm")
    os.execv("/usr/lib/wine/wine64", ["wine64", *command])
fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 50, 200, 0, 0))
# wine sets these modes when it starts. Without them, the terminal would echo or change what is typed before that.
modes = termios.tcgetattr(terminal)
modes[tty.IFLAG] &= ~termios.ICRNL
modes[tty.LFLAG] &= ~(termios.ECHO | termios.ICANON)
termios.tcsetattr(terminal, termios.TCSANOW, modes)


def fail(why):
    os.kill(pid, signal.SIGKILL)
    sys.exit(f"{why}; the console showed {shown!r}")


def read():
    """Whether the console goes on: what it shows, without the sequences that move the cursor."""
    global shown, pending
    if time.monotonic() > deadline:
        fail(f"not within {timeout} s: {step!r}")
    if not select.select([terminal], [], [], 0.1)[0]:
        return True
    try:
        pending += os.read(terminal, 65536)
    except OSError:
        return False
    whole = re.fullmatch(rb"(.*?)(\x1b(?:\[[0-9;?]*)?)?", pending, re.S)  # a sequence may be read in two parts
    pending = whole[2] or b""
    shown += re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", whole[1].decode(errors="replace"))
    return True


shown, pending = "", b""
for step in steps:
    if step.startswith("> "):
        os.write(terminal, step[2:].encode().decode("unicode_escape").encode())
        continue
    while step not in shown:
        if not read():
            fail(f"ended without {step!r}")
    shown = shown.split(step, 1)[1]
step = "its end"
while read():
    pass
ended = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
if ended != int(status):
    sys.exit(f"expected exit status {status}, got {ended}; the console showed {shown!r}")
