"""The Python side of the deno driver: cells, a sleep that can be interrupted, and the changed files in /mnt/data."""

import ast
import asyncio
import json
import os
import random
import signal
import stat
import sys
import time

from pyodide.ffi import run_sync


class Sleep:
    """`time.sleep` in short steps, so that it can be interrupted between them. Pyodide's own sleep runs the event loop,
    and the interrupt would be raised there."""

    step = 0.02

    def __init__(self, pause):
        self.pause = pause

    def __call__(self, seconds):
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0:
            self.pause(1000 * min(self.step, left))


class Printed:
    """Passes the output of Cells on to JavaScript."""

    def __init__(self, output):
        self.output = output

    def write(self, data):
        from pyodide.ffi import to_js

        self.output.write(to_js(data))


class Session:
    def __init__(self, post, output, settings, keep_interrupt):
        self.post = post
        self.keep_interrupt = keep_interrupt
        self.current = None
        self.known = {}
        self.cells = Cells(
            self.emit, flush_streams, Printed(output), settings["images"], run_sync, has_package=has_package
        )

    def emit(self, frame):
        self.post(json.dumps({**frame, "cell": self.current}))

    def imports(self, code):
        """The import lines of a cell as plain Python; the cell may contain notebook lines."""
        try:
            nodes = list(ast.walk(parse(code, "<cell>")))
        except SyntaxError:
            return ""
        return "\n".join(ast.unparse(node) for node in nodes if isinstance(node, (ast.Import, ast.ImportFrom)))

    def on_interrupt(self, _number, frame):
        """Raises the interrupt in the code of the cell only. In the event loop an exception would lose the wake-up of a
        task: there the interrupt is kept, and the worker cancels the tasks."""
        if is_in_cell(frame):
            raise KeyboardInterrupt
        self.keep_interrupt()

    def interrupt(self):
        """Called while the cell waits: only the tasks that it waits for can be cancelled then."""
        for task in asyncio.all_tasks(asyncio.get_event_loop()):
            task.cancel()

    def run(self, cell, code):
        """Runs the cell; returns the fields of its end frame."""
        self.current = cell
        open_streams()
        try:
            status = self.cells.run(code)
        except KeyboardInterrupt:
            status = "interrupted"
        flush_streams()
        return json.dumps({"status": status, "files": self.changed()[:1000]})[1:-1]

    def changed(self):
        found = []
        for path, file in regular_files():
            print_ = (file.st_ino, file.st_size, file.st_mtime_ns)
            if self.known.get(path) != print_:
                self.known[path] = print_
                mtime = file.st_mtime_ns / 1e6
                found.append({"name": path, "bytes": file.st_size, "mtimeMs": mtime})
        return found


def is_in_cell(frame):
    """Whether code of the cell, or of a module beside it, is being executed."""
    while frame is not None:
        name = frame.f_code.co_filename
        if name.startswith("<cell") or (name.startswith("/") and not name.startswith("/lib/")):
            return True
        # Drawing figures and the value of the last line counts as code of the cell.
        if frame.f_code in (Cells.show.__code__, Cells.display.__code__):
            return True
        frame = frame.f_back
    return False


def regular_files():
    for folder, _, names in os.walk(DATA):
        for name in names:
            path = os.path.join(folder, name)
            try:
                file = os.lstat(path)
            except OSError:
                continue
            if stat.S_ISREG(file.st_mode):
                yield os.path.relpath(path, DATA), file


def has_package(name):
    import pyodide_js

    return name.lower() in pyodide_js.lockfile.packages.object_keys()


def begin(post, output, host, settings):
    # A memory snapshot holds the generator's state: without a new seed every session would draw the same numbers.
    random.seed()
    time.sleep = Sleep(host.pause)
    os.environ.update(HOME="/tmp", TMPDIR="/tmp", MPLBACKEND="agg", MPLCONFIGDIR="/tmp/matplotlib", TZ="UTC")
    os.makedirs("/tmp", exist_ok=True)
    os.makedirs(DATA, exist_ok=True)
    os.chdir(DATA)
    sys.path.append(DATA)
    sys.dont_write_bytecode = True
    sys.stdout, sys.stderr = line_stream(1), line_stream(2)
    session = Session(post, output, json.loads(settings), host.keepInterrupt)
    signal.signal(signal.SIGINT, session.on_interrupt)
    return session
