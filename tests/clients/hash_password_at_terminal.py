"""Runs `pusud hash-password` on a terminal of its own, types what the further arguments say, and prints what was shown.

Usage: hash_password_at_terminal.py PUSUD TYPED...; ends with the command's exit code.
"""

import os
import pty
import sys
import termios
import time

program, typed = sys.argv[1], sys.argv[2:]
pid, terminal = pty.fork()
if pid == 0:
    os.execv(program, [program, "hash-password"])

shown = b""
deadline = time.monotonic() + 20
for number, line in enumerate(typed, 1):
    while shown.count(b"not shown): ") < number:
        part = os.read(terminal, 4096)
        if not part:
            sys.exit("the terminal was closed before question %d: %r" % (number, shown))
        shown += part
    # The question stands there a moment before the terminal no longer shows what is typed.
    while termios.tcgetattr(terminal)[3] & termios.ECHO:
        if time.monotonic() > deadline:
            sys.exit("the terminal shows what is typed")
    os.write(terminal, line.encode() + b"\n")
while True:
    try:
        part = os.read(terminal, 4096)
    except OSError:
        # Linux says that it is closed with an error.
        break
    if not part:
        break
    shown += part
status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
sys.stdout.buffer.write(shown)
sys.exit(status)
