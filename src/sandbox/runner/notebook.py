"""Notebook features: lines with %, ! or ?, IPython.display, and values shown as images."""

import ast
import base64
import io
import os
import re
import sys
import time
import types

PNG = b"\x89PNG\r\n\x1a\n"
# `files = !ls` and `best = %timeit x`
ASSIGNED = re.compile(r"^(\s*)([\w.\[\]'\", ]+?)\s*=\s*([%!])(?!=)(.*)$", re.DOTALL)
INSTALLER = re.compile(r"^\s*(?:sudo\s+)?(?:python3?\s+-m\s+)?(pip3?|conda|mamba|apt|apt-get)\s+(.*)$", re.DOTALL)
NO_NETWORK = "The sandbox has no network. Use what is installed (`!pip list` names it) or the standard library."


class UsageError(Exception):
    """A notebook line that is not supported here."""


def parse(code, name):
    """Parses a cell. Notebook lines become calls of `get_ipython()`."""
    first = code.lstrip()
    if first.startswith("%%"):
        return ast.parse(cell_magic(code, first), name)
    lines = code.split("\n")
    while True:
        try:
            return ast.parse("\n".join(lines), name)
        except SyntaxError as error:
            # Changes only the line at which the parser stopped, and so never valid Python.
            if not translate(lines, (error.lineno or 0) - 1):
                raise


def cell_magic(code, first):
    """The line count stays the same, so that errors name the right line."""
    head, _, body = first.partition("\n")
    name, _, line = head[2:].strip().partition(" ")
    above = "\n" * (code[: len(code) - len(first)].count("\n") + 1)
    return f"get_ipython().run_cell_magic({name!r}, {line.strip()!r}, {above + body!r})"


def translate(lines, at):
    """Replaces one notebook line by Python; false when the line is not a notebook line."""
    if not 0 <= at < len(lines):
        return False
    line = lines[at]
    # A backslash at the end of a line continues the command.
    end = at
    while re.match(r"\s*[%!]|[^#]*=\s*[%!]", line) and line.endswith("\\") and end + 1 < len(lines):
        end += 1
        line = line[:-1] + lines[end]
    assigned = ASSIGNED.match(line)
    text = line.strip()
    indent = line[: len(line) - len(line.lstrip())]
    if assigned:
        indent, target, mark, rest = assigned.groups()
        call = f"{target} = {call_of(mark + rest, 'getoutput')}"
    elif text[:1] in ("%", "!"):
        call = call_of(text, "system")
    elif looked := re.match(r"^(\?{1,2})\s*([\w.]+)$|^([\w.]+)(\?{1,2})$", text):
        before, name, other, behind = looked.groups()
        call = f"get_ipython().look({(name or other)!r}, {(before or behind) == '??'})"
    else:
        return False
    lines[at : end + 1] = [indent + call] + [""] * (end - at)
    return True


def call_of(text, shell):
    if text.startswith("!!"):
        return f"get_ipython().getoutput({text[2:].strip()!r})"
    if text.startswith("!"):
        return f"get_ipython().{shell}({text[1:].strip()!r})"
    name, _, line = text[1:].strip().partition(" ")
    return f"get_ipython().run_line_magic({name!r}, {line.strip()!r})"


class Notebook:
    """The result of `get_ipython()`. `shell` runs a command; it is missing where no programs can run."""

    # Figures are always shown inline, and modules are never reloaded automatically.
    without_effect = {"matplotlib", "config", "load_ext", "reload_ext", "autoreload", "autosave"}
    programs = {"ls", "cat", "cp", "mv", "rm", "mkdir", "head", "tail"}
    texts = {"html", "markdown", "latex", "javascript", "js", "svg"}

    def __init__(self, cells, shell=None, has_package=lambda _name: False):
        self.cells = cells
        self.shell = shell
        self.has_package = has_package
        self.space = cells.main.__dict__

    # -- what translated lines call

    def system(self, command):
        command = self.expand(command, sys._getframe(1))
        if installer := INSTALLER.match(command):
            return self.install(*installer.groups())
        if self.shell is None:
            print("Shell commands cannot run in this sandbox. Use Python: os.listdir() in place of ls, for example.")
            return
        sys.stdout.flush()
        self.space["_exit_code"] = self.shell(command, False)[0]

    def getoutput(self, command):
        if self.shell is None:
            raise UsageError("Shell commands cannot run in this sandbox. Use Python instead.")
        return self.shell(self.expand(command, sys._getframe(1)), True)[1].splitlines()

    def run_line_magic(self, name, line, _stack_depth=1):
        if name in self.without_effect:
            return None
        if name in ("pip", "conda", "mamba"):
            return self.install(name, line)
        if name in self.programs:
            return self.system(f"{name} {line}")
        action = getattr(self, f"line_{name}", None)
        if action is None:
            raise UsageError(f"The line magic %{name} does not exist here. Write it as Python.")
        return action(line)

    def run_cell_magic(self, name, line, body):
        if name in ("bash", "sh", "script"):
            return self.system(body.strip())
        if name in self.texts:
            return self.cells.write(body.strip() + "\n")
        action = getattr(self, f"cell_{name}", None)
        if action is None:
            raise UsageError(f"The cell magic %%{name} does not exist here. Write it as Python.")
        return action(line, body)

    def look(self, name, with_source):
        import inspect

        value = eval(name, self.space)
        try:
            print(name + str(inspect.signature(value)))
        except (TypeError, ValueError):
            print(f"{name}: {type(value).__name__}")
        print(inspect.getsource(value) if with_source else inspect.getdoc(value) or "There is no documentation.")

    def expand(self, text, frame):
        """Replaces `{expression}` and `$name` by values. Text that cannot be evaluated is left to the shell."""
        space = {**frame.f_globals, **frame.f_locals}

        def evaluate(match):
            try:
                return str(eval(match[1], space))
            except Exception:
                return match[0]

        text = re.sub(r"(?<!\$)\{([^{}\n]+)\}", evaluate, text)
        return re.sub(r"\$([A-Za-z_]\w*)", lambda match: str(space.get(match[1], match[0])), text)

    def install(self, program, line):
        from importlib import metadata

        words = line.split()
        if words[:1] in (["list"], ["freeze"]):
            found = {one.metadata["Name"]: one.version for one in metadata.distributions()}
            print("\n".join(f"{name}=={found[name]}" for name in sorted(found, key=str.lower)))
            return
        names = [re.split(r"[=<>~!\[;]", word)[0] for word in words[1:] if not word.startswith("-")]
        if words[:1] != ["install"] or not names:
            print(f"{program} {line} cannot run here. {NO_NETWORK}")
            return
        for name in names:
            if self.is_installed(name):
                print(f"Requirement already satisfied: {name}")
            else:
                print(f"{name} is not installed and cannot be. {NO_NETWORK}")

    def is_installed(self, name):
        from importlib import metadata, util

        try:
            return bool(self.has_package(name) or metadata.version(name))
        except metadata.PackageNotFoundError:
            return name.isidentifier() and util.find_spec(name) is not None

    # -- line magics

    def line_time(self, line):
        return self.timed(lambda: self.cells.value_of(line, "<timed>"))

    def line_timeit(self, line):
        import timeit

        options = dict(re.findall(r"-([nr])\s*(\d+)\s", re.match(r"(?:-[nr]\s*\d+\s+)*", line)[0]))
        statement = re.sub(r"^(?:-[nr]\s*\d+\s+)*", "", line)
        timer = timeit.Timer(statement, globals=self.space)
        loops = int(options.get("n", 0)) or timer.autorange()[0]
        repeats = int(options.get("r", 3))
        seconds = min(timer.repeat(repeats, loops)) / loops
        print(f"{seconds:.3g} s per loop (best of {repeats}, {loops} loops each)")

    def line_cd(self, line):
        os.chdir(os.path.expanduser(line or "~"))

    def line_pwd(self, _line):
        return os.getcwd()

    def line_env(self, line):
        name, _, value = line.replace("=", " ", 1).partition(" ")
        if not value:
            return os.environ.get(name) if name else dict(os.environ)
        os.environ[name] = value.strip()

    def line_run(self, line):
        import runpy

        self.space.update(runpy.run_path(line.strip(), run_name="__main__"))

    def line_who(self, _line):
        print("  ".join(name for name in self.space if not name.startswith("_") and name not in self.cells.own_names))

    # -- cell magics

    def cell_time(self, _line, body):
        return self.timed(lambda: self.cells.execute(body, self.cells.name))

    def cell_timeit(self, _line, body):
        return self.line_timeit(body)

    def cell_capture(self, line, body):
        with self.cells.muted() as text:
            self.cells.execute(body, self.cells.name)
        if line and not line.startswith("-"):
            self.space[line.split()[0]] = types.SimpleNamespace(stdout=text.getvalue(), stderr="")

    def cell_writefile(self, line, body):
        words = line.split()
        with open(words[-1], "a" if "-a" in words[:-1] else "w") as file:
            file.write(body.lstrip("\n"))
        print(f"Written to {words[-1]}")

    @staticmethod
    def timed(action):
        began = time.perf_counter()
        try:
            return action()
        finally:
            print(f"Wall time: {time.perf_counter() - began:.3g} s")


class Text:
    """Markup that is shown as its text."""

    def __init__(self, data=None, url=None, filename=None, **_options):
        if filename is not None:
            with open(filename, encoding="utf-8") as file:
                data = file.read()
        self.data = url if data is None else data

    def __repr__(self):
        return str(self.data)


class Image:
    """A picture from bytes or a file, shown as PNG."""

    def __init__(self, data=None, url=None, filename=None, **_options):
        path = data if isinstance(data, str) else filename
        if path is not None:
            with open(path, "rb") as file:
                data = file.read()
        self.data = data
        self.url = url

    def _repr_png_(self):
        return None if self.data is None else as_png(bytes(self.data))

    def __repr__(self):
        return f"[an image at {self.url} cannot be shown: the sandbox has no network]"


def as_png(data):
    if data.startswith(PNG):
        return data
    from PIL import Image as Pillow

    png = io.BytesIO()
    Pillow.open(io.BytesIO(data)).save(png, "PNG")
    return png.getvalue()


def figure_of(value):
    """The matplotlib figure that a value is or draws on, or None."""
    if not hasattr(value, "savefig") or isinstance(value, (type, types.ModuleType)):
        return None
    return getattr(value, "figure", None) or value


def png_of(value):
    """The object's own PNG representation, or None."""
    for method, convert in (("_repr_png_", bytes), ("_repr_jpeg_", as_png)):
        offered = None if isinstance(value, type) else getattr(value, method, None)
        data = offered() if callable(offered) else None
        if isinstance(data, tuple):
            data = data[0]
        if isinstance(data, str):
            data = base64.b64decode(data)
        if data:
            return convert(data)
    return None


def text_of(value):
    """The repr, or the markup of an object that does not define a repr."""
    if type(value).__repr__ is object.__repr__:
        for method in ("_repr_markdown_", "_repr_latex_", "_repr_html_"):
            offered = getattr(value, method, None)
            text = offered() if callable(offered) and not isinstance(value, type) else None
            if isinstance(text, str):
                return text
    return repr(value)


class NotebookModules:
    """Makes `IPython` and `IPython.display` importable, whatever is installed."""

    def __init__(self, notebook, display):
        def get_ipython():
            # Only cells get an answer: libraries would use internals of a real shell.
            return notebook if sys._getframe(1).f_globals is notebook.space else None

        notebook.space["get_ipython"] = get_ipython
        names = ["HTML", "Markdown", "Latex", "Math", "Javascript", "SVG", "Pretty", "Code", "JSON"]
        shown = {name: type(name, (Text,), {}) for name in names}
        # Output that was sent cannot be removed, so there is nothing to clear.
        shown.update(display=display, Image=Image, clear_output=lambda wait=False: None)
        self.contents = {
            "IPython": {"get_ipython": get_ipython, "__path__": [], "version_info": (8, 24, 0, "")},
            "IPython.core": {"__path__": []},
            "IPython.core.display": shown,
            "IPython.core.getipython": {"get_ipython": get_ipython},
            "IPython.display": shown,
        }

    def find_spec(self, name, path=None, target=None):
        if name not in self.contents:
            return None
        from importlib.machinery import ModuleSpec

        return ModuleSpec(name, self, is_package="__path__" in self.contents[name])

    def create_module(self, spec):
        return None

    def exec_module(self, module):
        module.__dict__.update(self.contents[module.__name__])
