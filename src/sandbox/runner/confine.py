"""The confinement of the landlock driver: a supervisor that stays root, and a runner that gives up root for ever."""

import base64
import ctypes
import os
import select
import signal
import struct

libc = ctypes.CDLL(None, use_errno=True)

# prctl
SET_PDEATHSIG, SET_SECCOMP, SET_NO_NEW_PRIVS, SET_CHILD_SUBREAPER = 1, 22, 38, 36
# The same numbers on every architecture.
CREATE_RULESET, ADD_RULE, RESTRICT_SELF = 444, 445, 446

EXECUTE, WRITE_FILE, READ_FILE, READ_DIR = 1 << 0, 1 << 1, 1 << 2, 1 << 3
MAKE_DEVICE_OR_PIPE = 1 << 6 | 1 << 9 | 1 << 10 | 1 << 11
TRUNCATE = 1 << 14
LIFELINE = 4


def check(result, what):
    if result < 0:
        error = ctypes.get_errno()
        raise OSError(error, f"{what}: {os.strerror(error)}")
    return result


def call(number, *arguments):
    return libc.syscall(ctypes.c_long(number), *arguments)


def descendants():
    """All processes below the supervisor; it is the reaper, so orphans become its children."""
    found = [os.getpid()]
    for pid in found:
        try:
            for task in os.listdir(f"/proc/{pid}/task"):
                with open(f"/proc/{pid}/task/{task}/children") as file:
                    found.extend(map(int, file.read().split()))
        except OSError:
            pass
    return found[1:]


def end_all():
    """Stops processes before it kills them: stopped ones still count, so a fork bomb cannot start new ones."""
    stopped = set()
    while True:
        fresh = set(descendants()) - stopped
        for pid in fresh:
            send(pid, signal.SIGSTOP)
        stopped |= fresh
        if not fresh:
            break
    for pid in stopped:
        send(pid, signal.SIGKILL)
    try:
        while True:
            os.waitpid(-1, 0)
    except ChildProcessError:
        os._exit(0)


def send(pid, number):
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        pass


def guard(runner):
    """Waits until the runner or the server ends, and then ends all remaining processes."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    os.closerange(LIFELINE + 1, 4096)
    wake_read, wake_write = os.pipe()
    os.set_blocking(wake_write, False)
    signal.set_wakeup_fd(wake_write, warn_on_full_buffer=False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    for descriptor in range(3):
        os.close(descriptor)
    while True:
        try:
            if os.waitid(os.P_PID, runner, os.WEXITED | os.WNOHANG | os.WNOWAIT):
                end_all()
            while os.waitpid(-1, os.WNOHANG)[0]:
                pass
        except ChildProcessError:
            end_all()
        ready, _, _ = select.select([LIFELINE, wake_read], [], [])
        if LIFELINE in ready:
            end_all()
        os.read(wake_read, 4096)


class Rules:
    def __init__(self):
        abi = check(call(CREATE_RULESET, None, ctypes.c_size_t(0), ctypes.c_uint(1)), "landlock")
        bits = {1: 13, 2: 14, 3: 15, 4: 15}.get(abi, 16)
        self.handled = (1 << bits) - 1
        net = 3 if abi >= 4 else 0
        scoped = 3 if abi >= 6 else 0
        size = 8 if abi < 4 else 16 if abi < 6 else 24
        ruleset = struct.pack("QQQ", self.handled, net, scoped)
        self.descriptor = check(call(CREATE_RULESET, ruleset, ctypes.c_size_t(size), ctypes.c_uint(0)), "landlock")

    def allow(self, path, access):
        try:
            place = os.open(path, os.O_PATH | os.O_CLOEXEC)
        except FileNotFoundError:
            return
        if not os.path.isdir(path):
            access &= EXECUTE | WRITE_FILE | READ_FILE | TRUNCATE
        rule = struct.pack("=Qi", access & self.handled, place)
        check(call(ADD_RULE, self.descriptor, 1, rule, ctypes.c_uint(0)), path)
        os.close(place)

    def allow_reading(self, path, hidden):
        """A rule cannot revoke another rule, so in a folder with a hidden child each other child gets its own rule."""
        if not any(os.path.dirname(name) == path and os.path.exists(name) for name in hidden):
            return self.allow(path, EXECUTE | READ_FILE | READ_DIR)
        for child in os.listdir(path):
            if os.path.join(path, child) not in hidden:
                self.allow(os.path.join(path, child), EXECUTE | READ_FILE | READ_DIR)

    def restrict(self):
        check(call(RESTRICT_SELF, self.descriptor, ctypes.c_uint(0)), "landlock")
        os.close(self.descriptor)


def filter_calls(program):
    class Program(ctypes.Structure):
        _fields_ = [("length", ctypes.c_ushort), ("filter", ctypes.c_char_p)]

    prepared = Program(len(program) // 8, program)
    check(libc.prctl(SET_SECCOMP, 2, ctypes.byref(prepared), 0, 0), "seccomp")


def become_nobody(confinement):
    uid = confinement["uid"]
    os.setsid()
    os.setgroups([])
    os.setresgid(uid, uid, uid)
    os.setresuid(uid, uid, uid)
    if 0 in os.getresuid() or 0 in os.getresgid():
        raise OSError("the session is still root")
    check(libc.prctl(SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0), "prctl")
    check(libc.prctl(SET_NO_NEW_PRIVS, 1, 0, 0, 0), "prctl")


def confine(confinement):
    check(libc.prctl(SET_CHILD_SUBREAPER, 1, 0, 0, 0), "prctl")
    supervisor = os.getpid()
    runner = os.fork()
    if runner:
        guard(runner)
    os.close(LIFELINE)
    rules = Rules()
    for path in confinement["readable"]:
        rules.allow_reading(path, confinement["hidden"])
    for path in confinement["writable"]:
        rules.allow(path, rules.handled & ~MAKE_DEVICE_OR_PIPE)
    for path in ("/dev/null", "/dev/zero", "/dev/full", "/dev/random", "/dev/urandom"):
        rules.allow(path, READ_FILE | WRITE_FILE | TRUNCATE)
    become_nobody(confinement)
    if os.getppid() != supervisor:
        os._exit(1)
    if confinement["landlock"]:
        rules.restrict()
    if confinement["filter"]:
        filter_calls(base64.b64decode(confinement["filter"]))


confine(SETTINGS["confinement"])
