"""The runner of the native drivers: JSON lines on stdin and stdout, one cell at a time in the main thread."""

import fcntl
import importlib
import json
import os
import queue
import resource
import select
import signal
import struct
import subprocess
import sys
import termios
import threading
import time

OWN_PID = os.getpid()
MIB = 1024 * 1024
# Text is sent this long after it was printed, so that many small writes become one frame.
JOIN_SECONDS = 0.05


class Wire:
    """The connection to the host, on other descriptors than those that cells print to."""

    def __init__(self):
        self.input = os.fdopen(os.dup(0), "rb")
        self.out = os.dup(1)
        self.lock = threading.Lock()
        null = os.open("/dev/null", os.O_RDONLY)
        os.dup2(null, 0)
        self.printed, self.print_end = os.pipe()
        os.set_blocking(self.printed, False)
        # Descriptors that were inherited from the server by mistake must not be open in a cell.
        last = 2
        for kept in (*sorted((self.input.fileno(), self.out, self.printed, self.print_end)), 4096):
            os.closerange(last + 1, kept)
            last = kept
        self.connect_prints()

    def connect_prints(self):
        """Connects descriptors 1 and 2 to the pump, also when an earlier cell has closed or moved them."""
        os.dup2(self.print_end, 1)
        os.dup2(self.print_end, 2)

    def send(self, frame):
        line = json.dumps(frame).encode() + b"\n"
        with self.lock:
            while line:
                line = line[os.write(self.out, line) :]


class Runner:
    def __init__(self, settings):
        self.settings = settings
        self.wire = Wire()
        self.cells_to_run = queue.SimpleQueue()
        self.pump_lock = threading.Lock()
        self.current = None
        self.active = None
        self.interrupted = None
        self.output = Output(self.send_text, settings["outputBytes"], settings["folder"])
        self.loop = None
        self.cells = Cells(
            self.emit,
            self.drain,
            self.output,
            settings["images"],
            self.wait,
            settings["folder"],
            shell=self.shell,
        )

    def wait(self, coroutine):
        """Runs a coroutine in the session's event loop, which lives as long as the session."""
        import asyncio

        if self.loop is None:
            self.loop = asyncio.new_event_loop()
        task = self.loop.create_task(coroutine)
        try:
            return self.loop.run_until_complete(task)
        finally:
            # After an interrupt the task would continue in the next cell that waits.
            task.cancel()

    @staticmethod
    def shell(command, captured):
        """Runs a command in the sandbox; answers its exit code and, when captured, its output."""
        out = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT} if captured else {}
        program = "/bin/bash" if os.path.exists("/bin/bash") else "/bin/sh"
        done = subprocess.run([program, "-c", command], stdin=subprocess.DEVNULL, errors="replace", **out)
        return done.returncode, done.stdout or ""

    def emit(self, frame):
        self.wire.send({**frame, "cell": self.current})

    def send_text(self, text):
        if self.current is not None:
            self.emit({"type": "out", "text": text})

    # -- what the cells print

    def pump(self):
        send_at = None
        while True:
            left = None if send_at is None else max(send_at - time.monotonic(), 0)
            readable = select.select([self.wire.printed], [], [], left)[0]
            with self.pump_lock:
                if readable:
                    self.move(65_536)
                if send_at is not None and time.monotonic() >= send_at:
                    self.output.flush()
                if not self.output.pending:
                    send_at = None
                elif send_at is None or time.monotonic() >= send_at:
                    send_at = time.monotonic() + JOIN_SECONDS

    def move(self, limit):
        try:
            data = os.read(self.wire.printed, limit)
        except BlockingIOError:
            return 0
        if self.current is not None:
            self.output.write(data)
        return len(data)

    def drain(self):
        """Sends only what is in the pipe now: a thread that prints for ever must not delay the end of the cell."""
        flush_streams()
        with self.pump_lock:
            waiting = struct.unpack("i", fcntl.ioctl(self.wire.printed, termios.FIONREAD, b"\0\0\0\0"))[0]
            while waiting > 0:
                moved = self.move(min(waiting, 65_536))
                if moved == 0:
                    break
                waiting -= moved
            self.output.flush()

    # -- what the host sends

    def listen(self):
        for line in self.wire.input:
            message = json.loads(line)
            if message["op"] == "run":
                self.cells_to_run.put(message)
            elif message["op"] == "interrupt":
                self.interrupted = message["cell"]
                # To the main thread: a signal to the process may go to another thread and not interrupt sleep().
                signal.pthread_kill(threading.main_thread().ident, signal.SIGINT)
        os._exit(0)

    def on_interrupt(self, _number, _frame):
        # Raised once, and only in the interrupted cell: a late signal must not affect the next cell.
        if self.active is not None and self.active == self.interrupted:
            self.active = None
            raise KeyboardInterrupt

    def on_cpu_limit(self, _number, _frame):
        if self.active is not None:
            self.active = None
            raise TimeoutError("the cell used up its processor time")

    # -- the loop

    def run(self, message):
        self.current = message["cell"]
        self.output.start()
        try:
            self.prepare(message)
            status = self.cells.run(message["code"])
        except KeyboardInterrupt:
            status = "interrupted"
        self.active = None
        if os.getpid() != OWN_PID:
            # A forked child reaches the end of the cell too, but only the parent may report it.
            os._exit(0)
        self.sweep()
        self.drain()
        with self.pump_lock:
            self.output.finish()
            cell, self.current = self.current, None
        self.wire.send({"type": "end", "cell": cell, "status": status})

    def prepare(self, message):
        self.wire.connect_prints()
        open_streams()
        signal.signal(signal.SIGINT, self.on_interrupt)
        signal.signal(signal.SIGXCPU, self.on_cpu_limit)
        used = time.process_time()
        resource.setrlimit(resource.RLIMIT_CPU, (int(used + message["cpuSeconds"]) + 1, resource.RLIM_INFINITY))
        self.active = self.current
        if self.interrupted == self.active:
            raise KeyboardInterrupt

    def sweep(self):
        """Ends the processes that the cell left running. kill(-1) is safe only with a process list of its own."""
        if self.settings["ownProcessList"]:
            try:
                os.kill(-1, signal.SIGKILL)
            except OSError:
                pass
        try:
            while os.waitpid(-1, os.WNOHANG)[0]:
                pass
        except OSError:
            pass

    def preload(self):
        """Imports the large libraries in advance, one at a time, so that a first cell waits for one of them at most."""
        for name in self.settings["preload"]:
            if not self.cells_to_run.empty():
                break
            try:
                importlib.import_module(name)
            except Exception:
                pass
        self.wire.send({"type": "preloaded"})

    def serve(self):
        signal.signal(signal.SIGINT, self.on_interrupt)
        sys.stdout, sys.stderr = line_stream(1), line_stream(2)
        for target in (self.pump, self.listen):
            threading.Thread(target=target, daemon=True).start()
        self.wire.send({"type": "ready"})
        self.preload()
        while True:
            self.run(self.cells_to_run.get())


def limit(settings):
    memory = settings["memoryMb"] * MIB
    limits = {
        # DATA counts writable memory, so a single process gets a MemoryError before the watchdog kills it.
        resource.RLIMIT_DATA: memory - memory // 16,
        resource.RLIMIT_AS: max(2 * memory, 1024 * MIB),
        resource.RLIMIT_NPROC: settings["processes"],
        resource.RLIMIT_FSIZE: settings["fileMb"] * MIB,
        resource.RLIMIT_NOFILE: 256,
        resource.RLIMIT_CORE: 0,
        resource.RLIMIT_MSGQUEUE: 0,
        resource.RLIMIT_MEMLOCK: 0,
    }
    for kind, value in limits.items():
        hard = resource.getrlimit(kind)[1]
        value = value if hard == resource.RLIM_INFINITY else min(value, hard)
        resource.setrlimit(kind, (value, value))
    # A write beyond RLIMIT_FSIZE must raise an OSError in the cell, and not end the session.
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)


def serve(settings):
    limit(settings)
    try:
        os.nice(10)
    except OSError:
        pass
    os.chdir(settings["folder"])
    sys.path.append(settings["folder"])
    sys.argv = [""]
    Runner(settings).serve()


serve(SETTINGS)
