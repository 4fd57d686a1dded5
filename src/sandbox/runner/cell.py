"""Runs one cell in every driver: the value of its last line, its traceback, figures, and output with head and tail."""

import ast
import base64
import builtins
import codecs
import collections
import contextlib
import io
import linecache
import sys
import traceback
import types

DATA = "/mnt/data"
FRAME_CHARACTERS = 32_768
MAX_IMAGE = 8 * 1024 * 1024
# The value of a coroutine's code flag, which `inspect` would take a while to import.
CO_COROUTINE = 0x80


class Output:
    """The text of one cell: sends the head soon and the tail at the end. A note replaces the middle of a long text."""

    def __init__(self, send, limit, real_folder=DATA):
        self.send = send
        self.half = max(limit // 2, 1)
        self.real = real_folder.encode()
        self.start()

    def start(self):
        self.sent = 0
        self.cut = 0
        self.tail = collections.deque()
        self.tail_bytes = 0
        self.held = b""
        self.pending = []
        self.decoder = codecs.getincrementaldecoder("utf-8")("replace")

    def write(self, data):
        self.take(self.rename(self.held + bytes(data)))

    def take(self, data):
        room = self.half - self.sent
        if room > 0:
            self.sent += len(data[:room])
            self.text(self.decoder.decode(data[:room]))
            data = data[room:]
        if data:
            self.keep(data)

    def keep(self, data):
        self.tail.append(data[-self.half :])
        self.tail_bytes += len(self.tail[-1])
        self.cut += len(data) - len(self.tail[-1])
        while self.tail_bytes - len(self.tail[0]) >= self.half:
            dropped = len(self.tail.popleft())
            self.tail_bytes -= dropped
            self.cut += dropped

    def rename(self, data):
        """Replaces the path of the session's folder by /mnt/data, its path in every driver."""
        self.held = b""
        if self.real == DATA.encode():
            return data
        data = data.replace(self.real, DATA.encode())
        # A chunk may end in the middle of the folder's path: this part is kept for the next chunk.
        for length in range(min(len(self.real) - 1, len(data)), 0, -1):
            if data.endswith(self.real[:length]):
                self.held = data[-length:]
                return data[:-length]
        return data

    def finish(self):
        self.take(self.held)
        self.text(self.decoder.decode(b"", True))
        if not self.tail:
            self.flush()
            return
        tail = b"".join(self.tail)
        surplus = max(len(tail) - self.half, 0)
        tail, self.cut = tail[surplus:], self.cut + surplus
        if self.cut:
            while tail and tail[0] & 0xC0 == 0x80:
                tail, self.cut = tail[1:], self.cut + 1
            self.text(f"\n[... {self.cut} bytes of output left out ...]\n")
        self.text(tail.decode("utf-8", "replace"))
        self.flush()

    def text(self, text):
        if text:
            self.pending.append(text)

    def flush(self):
        """Sends the text since the last call: many small writes become one frame."""
        text = "".join(self.pending)
        self.pending.clear()
        for start in range(0, len(text), FRAME_CHARACTERS):
            self.send(text[start : start + FRAME_CHARACTERS])


def line_stream(descriptor):
    return open(descriptor, "w", encoding="utf-8", errors="replace", buffering=1, closefd=False)


def open_streams():
    """Opens stdout and stderr again when a cell has closed or removed them."""
    if sys.stdout is None or sys.stdout.closed:
        sys.stdout = line_stream(1)
    if sys.stderr is None or sys.stderr.closed:
        sys.stderr = line_stream(2)


def flush_streams():
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except Exception:
            pass


class RealFolder(ast.NodeTransformer):
    """Replaces /mnt/data in the strings of a cell by the session's folder, for hosts that cannot mount it."""

    def __init__(self, folder):
        self.folder = folder

    def visit_Constant(self, node):
        if isinstance(node.value, str) and DATA in node.value:
            return ast.copy_location(ast.Constant(node.value.replace(DATA, self.folder)), node)
        if isinstance(node.value, bytes) and DATA.encode() in node.value:
            value = node.value.replace(DATA.encode(), self.folder.encode())
            return ast.copy_location(ast.Constant(value), node)
        return node


def without_runner(shown):
    """Removes the runner's frames from a traceback and from those of its causes."""
    shown.stack[:] = [frame for frame in shown.stack if frame.filename != "<runner>"]
    for earlier in (shown.__cause__, shown.__context__):
        if earlier is not None:
            without_runner(earlier)


class PyplotHook:
    """Replaces `plt.show` when pyplot is imported, for every back end that the cell chooses."""

    def __init__(self, show):
        self.show = show
        self.busy = False

    def find_spec(self, name, path=None, target=None):
        if name != "matplotlib.pyplot" or self.busy:
            return None
        import importlib.util

        self.busy = True
        try:
            spec = importlib.util.find_spec(name)
        finally:
            self.busy = False
        if spec is None or spec.loader is None:
            return spec
        execute = spec.loader.exec_module

        def exec_module(module):
            execute(module)
            module.show = self.show

        spec.loader.exec_module = exec_module
        return spec


class Cells:
    """
    The session's `__main__` and the cells run in it. `emit` sends a frame, `drain` sends what was printed before it,
    `wait` runs a coroutine to its end, and `shell` and `has_package` are those of `Notebook`.
    """

    own_names = ("display", "get_ipython")

    def __init__(self, emit, drain, output, images, wait, folder=DATA, **driver):
        self.emit = emit
        self.drain = drain
        self.output = output
        self.images = images
        self.wait = wait
        self.folder = folder
        self.count = 0
        self.shown = 0
        self.is_muted = False
        self.displayed = []
        self.main = types.ModuleType("__main__")
        self.main.__dict__.update(__builtins__=builtins, display=self.display)
        sys.modules["__main__"] = self.main
        # A plain function, because pyplot sets attributes on it; a bound method does not allow that.
        sys.meta_path.insert(0, PyplotHook(lambda *_args, **_options: self.show()))
        sys.meta_path.insert(0, NotebookModules(Notebook(self, **driver), self.display))

    def run(self, code):
        """Returns `ok`, `error` or `interrupted`."""
        self.count += 1
        self.shown = 0
        self.displayed = []
        self.name = f"<cell {self.count}>"
        linecache.cache[self.name] = (len(code), None, code.splitlines(True), self.name)
        try:
            self.execute(code, self.name)
            self.show(self.displayed)
            return "ok"
        except SystemExit:
            return "ok"
        except KeyboardInterrupt as error:
            self.report(error, self.name)
            return "interrupted"
        except BaseException as error:
            self.report(error, self.name)
            return "error"

    def execute(self, code, name):
        """Runs the code and shows the value of its last line."""
        value = self.value_of(code, name)
        if value is not None and not code.rstrip().endswith(";"):
            self.main.__dict__["_"] = value
            self.display(value)

    def value_of(self, code, name):
        tree = parse(code, name)
        if self.folder != DATA:
            tree = RealFolder(self.folder).visit(tree)
        last = None
        if tree.body and isinstance(tree.body[-1], ast.Expr):
            last = ast.Expression(tree.body.pop().value)
        if tree.body:
            self.evaluate(tree, name, "exec")
        return None if last is None else self.evaluate(last, name, "eval")

    def evaluate(self, tree, name, mode):
        code = compile(tree, name, mode, ast.PyCF_ALLOW_TOP_LEVEL_AWAIT, dont_inherit=True)
        value = eval(code, self.main.__dict__)
        return self.wait(value) if code.co_flags & CO_COROUTINE else value

    def report(self, error, name):
        """The traceback from the cell's first line on, without the frames of the runner."""
        trace = error.__traceback__
        while trace is not None and trace.tb_frame.f_code.co_filename != name:
            trace = trace.tb_next
        try:
            shown = traceback.TracebackException(type(error), error, trace)
            without_runner(shown)
            text = "".join(shown.format())
        except BaseException:
            text = f"{type(error).__name__} (its text cannot be shown)\n"
        self.write(text)

    def write(self, text):
        if self.is_muted:
            return
        self.drain()
        self.output.write(text.encode("utf-8", "replace"))

    def show(self, but=()):
        """Sends every open figure as PNG and closes it; this is also `plt.show`."""
        pyplot = sys.modules.get("matplotlib.pyplot")
        if pyplot is None or not hasattr(pyplot, "get_fignums"):
            return
        try:
            for number in pyplot.get_fignums():
                figure = pyplot.figure(number)
                if not any(figure is other for other in but):
                    self.figure(figure)
        finally:
            pyplot.close("all")

    def figure(self, figure):
        png = io.BytesIO()
        if self.has_room():
            figure.savefig(png, format="png", dpi=100, bbox_inches="tight")
            self.image(png.getvalue())

    def has_room(self):
        """Counts one more image; false when the cell has reached its limit of images."""
        self.shown += 1
        if self.shown == self.images + 1:
            self.write(f"[only the first {self.images} figures of a cell are shown]\n")
        return self.shown <= self.images

    def image(self, png):
        if self.is_muted:
            return
        if len(png) > MAX_IMAGE:
            self.write(f"[an image of {len(png) // 1024 // 1024} MiB is too large to be shown]\n")
            return
        self.drain()
        self.emit({"type": "image", "png": base64.b64encode(png).decode()})

    def display(self, *values):
        """Shows figures and images as images, everything else as text."""
        for value in values:
            figure = figure_of(value)
            if figure is not None:
                self.figure(figure)
                # Not shown again at the end of the cell.
                self.displayed.append(figure)
                continue
            try:
                png = png_of(value)
            except Exception as error:
                self.write(f"[an image cannot be shown: {type(error).__name__}: {error}]\n")
                continue
            if png is None:
                self.write(text_of(value) + "\n")
            elif self.has_room():
                self.image(png)

    @contextlib.contextmanager
    def muted(self):
        text = io.StringIO()
        self.is_muted = True
        try:
            with contextlib.redirect_stdout(text), contextlib.redirect_stderr(text):
                yield text
        finally:
            self.is_muted = False
