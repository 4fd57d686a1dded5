"""The self-test of the deno driver: tries every known way into the host, also asynchronous ones."""

import ctypes
import os

import js
import pyodide_js
from pyodide.code import run_js

run_js("globalThis.reached = []; globalThis.later = []")


def attempt(name, action):
    try:
        action()
    except BaseException:
        return
    js.reached.push(name)


def later(name, code):
    """A promise that is fulfilled is an escape."""
    run_js(
        "later.push((async () => { try { await (%s); globalThis.reached.push(%r) } catch {} })())" % (code, name)
    )


file, folder, port = CANARIES["file"], CANARIES["folder"], CANARIES["port"]
quoted = repr(file)
planted = repr(os.path.join(folder, "planted"))

attempt("read a file", lambda: js.Deno.readTextFileSync(file))
attempt("read a file of Node", lambda: run_js(f"process.getBuiltinModule('fs').readFileSync({quoted})"))
attempt("list a folder", lambda: run_js(f"[...Deno.readDirSync({folder!r})]"))
attempt("write a file", lambda: run_js(f"Deno.writeTextFileSync({planted}, 'x')"))
attempt("environment", lambda: run_js("Deno.env.toObject()"))
attempt("environment of Node", lambda: run_js("if (Object.keys(process.env).length === 0) throw 0"))
attempt("start a program", lambda: run_js("new Deno.Command('/bin/true').outputSync()"))
attempt("start a program of Node", lambda: run_js("process.getBuiltinModule('child_process').execSync('true')"))
attempt("load a library", lambda: run_js("Deno.dlopen('libc.so.6', {})"))
attempt("name of the host", lambda: run_js("Deno.hostname()"))
attempt("signal", lambda: run_js(f"Deno.kill({CANARIES['pid']}, 'SIGCONT')"))
attempt("make a link", lambda: run_js(f"Deno.symlinkSync({quoted}, {planted})"))
attempt("mount the host", lambda: (pyodide_js.mountNodeFS("/host", folder), open("/host/canary").read()))
attempt("constructor", lambda: run_js(f"[].constructor.constructor('return Deno')().readTextFileSync({quoted})"))
attempt("permission", lambda: run_js("if (Deno.permissions.querySync({name: 'net'}).state !== 'granted') throw 0"))


def emscripten():
    script = f"try {{ Deno.readTextFileSync({quoted}); 1 }} catch {{ 0 }}".encode()
    if ctypes.CDLL(None).emscripten_run_script_int(script) != 1:
        raise OSError


attempt("emscripten", emscripten)
later("loopback", f"Deno.connect({{ hostname: '127.0.0.1', port: {port} }})")
later("fetch", f"fetch('http://127.0.0.1:{port}/')")
later("listen", "(async () => Deno.listen({ port: 0 }))()")
later("unix socket", "Deno.connect({ transport: 'unix', path: '/run/canary' })")
later("import of a file", f"import('file://' + {quoted} + '.mjs')")
later("import over the network", f"import('http://127.0.0.1:{port}/x.mjs')")
later("import of a package", "import('npm:left-pad')")
later("cache", "caches.open('a').then((c) => c.put('http://a/', new Response('x')))")
later(
    "worker",
    "new Promise((done, fail) => { const w = new Worker('data:text/javascript,' + encodeURIComponent("
    f"`try {{ Deno.readTextFileSync({quoted}); postMessage(1) }} catch {{ postMessage(0) }}`"
    "), { type: 'module' }); w.onmessage = (e) => e.data ? done() : fail(); w.onerror = (e) => { e.preventDefault(); fail() } })",
)
