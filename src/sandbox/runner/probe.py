"""The self-test of the native drivers: tries to escape in every known way and prints what succeeded."""

import ctypes
import importlib.util
import json
import os
import socket
import time

escaped = []
libc = ctypes.CDLL(None, use_errno=True)


def attempt(name, action):
    """`action` returns true when it succeeded; an error means that the sandbox prevented it."""
    try:
        through = action()
    except Exception:
        return
    if through:
        escaped.append(name)


def read(path):
    with open(path, "rb") as file:
        file.read(1)
    return True


def write(path):
    descriptor = os.open(path, os.O_CREAT | os.O_WRONLY, 0o600)
    os.close(descriptor)
    os.unlink(path)
    return True


def connect(family, address):
    with socket.socket(family, socket.SOCK_STREAM) as client:
        client.settimeout(1)
        client.connect(address)
    return True


def make_socket(family, kind):
    socket.socket(family, kind).close()
    return True


def strange_names(entries):
    names = {entry.split("=", 1)[0] for entry in entries if entry}
    return sorted(names - set(CANARIES["environment"]) - {"LC_CTYPE", "PWD"})


def environments():
    if strange_names(f"{name}=" for name in os.environ):
        return True
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{pid}/environ", encoding="utf-8", errors="replace") as file:
                found = strange_names(file.read().split("\0"))
        except OSError:
            continue
        if found:
            return True
    return False


def command_lines():
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{pid}/cmdline", encoding="utf-8", errors="replace") as file:
                if CANARIES["folder"] in file.read():
                    return True
        except OSError:
            pass
    return False


def open_call(number):
    """Uses arguments that no kernel accepts: only the filter answers EPERM to all of them."""
    wrong = ctypes.c_long(-1)
    ctypes.set_errno(0)
    result = libc.syscall(ctypes.c_long(number), wrong, wrong, wrong, wrong, wrong, wrong)
    return result != -1 or ctypes.get_errno() != 1


def fork_without_end():
    children = []
    try:
        for _ in range(CANARIES["processes"] + 8):
            pid = os.fork()
            if pid == 0:
                time.sleep(30)
                os._exit(0)
            children.append(pid)
        return True
    finally:
        for pid in children:
            os.kill(pid, 9)
            os.waitpid(pid, 0)


def other_limits():
    import resource

    resource.prlimit(os.getppid(), resource.RLIMIT_NOFILE)
    return True


def memory_without_end():
    import resource

    return resource.getrlimit(resource.RLIMIT_AS)[0] == resource.RLIM_INFINITY


for path in [*CANARIES["files"], "/etc/shadow", "/etc/passwd", "/proc/1/root/etc/passwd"]:
    attempt(f"read {path}", lambda: read(path))
for path in [CANARIES["folder"], "/root", "/home"]:
    attempt(f"list {path}", lambda: os.listdir(path) is not None)
for folder in ["/", "/etc", "/usr", "/usr/bin", "/dev", "/mnt", "/var/tmp", "/run", CANARIES["folder"]]:
    attempt(f"write to {folder}", lambda: write(os.path.join(folder, "spool-probe")))
attempt("environment of the server", environments)
attempt("command line of the server", command_lines)
attempt("become root", lambda: os.setuid(0) is None)
attempt("gain privileges", lambda: libc.prctl(39, 0, 0, 0, 0) != 1)
attempt("127.0.0.1", lambda: connect(socket.AF_INET, ("127.0.0.1", CANARIES["port"])))
attempt("::1", lambda: connect(socket.AF_INET6, ("::1", CANARIES["port"])))
abstract = b"\0" + CANARIES["abstract"].encode()
attempt("abstract socket", lambda: connect(socket.AF_UNIX, abstract))
# Some releases of Node.js pad the name with zeros, which is a different name.
attempt("abstract socket", lambda: connect(socket.AF_UNIX, abstract.ljust(108, b"\0")))
for name, family, kind in [("inet", 2, 1), ("inet6", 10, 1), ("netlink", 16, 3), ("packet", 17, 3), ("alg", 38, 5), ("vsock", 40, 1)]:
    attempt(f"{name} socket", lambda: make_socket(family, kind))
for name, number in CANARIES["calls"].items():
    attempt(f"system call {name}", lambda: open_call(number))
attempt("fork bomb", fork_without_end)
attempt("limits of another process", other_limits)
attempt("memory without end", memory_without_end)
if CANARIES["ownProcessList"]:
    attempt("processes of the host", lambda: len(list(filter(str.isdigit, os.listdir("/proc")))) > 4)
else:
    attempt("signal to the server", lambda: os.kill(CANARIES["pid"], 0) is None)

libraries = [name for name in CANARIES["libraries"] if importlib.util.find_spec(name)]
print(CANARIES["mark"] + json.dumps({"sum": 1 + 1, "escaped": escaped, "libraries": libraries}))
