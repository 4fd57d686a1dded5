/** Pyodide in a worker: boots from a memory snapshot where it can, runs cells, and holds /mnt/data in memory. */
import { loadPyodide } from './pyodide.mjs'

const data = '/mnt/data'
const here = new URL('.', import.meta.url)
const folder = decodeURIComponent(here.pathname).replace(/^\/([A-Za-z]:)/, '$1')
const fileTooLarge = 22
const noSpace = 51
const keyboardInterrupt = 2
let pyodide
let session
let limits
let output
let current
let libraries
let interrupts

const say = (frame) => postMessage(JSON.stringify(frame))

/**
 * What a cell prints; head and tail are kept. It is done here and not in Python, since Python cannot be entered while
 * it is in the middle of a write.
 */
class Output {
  constructor(limit) {
    this.half = Math.max(Math.floor(limit / 2), 1)
    this.start()
  }

  start() {
    this.room = this.half
    this.cut = 0
    this.tail = []
    this.tailBytes = 0
    this.decoder = new TextDecoder()
  }

  write(bytes) {
    if (current === undefined) return
    const head = bytes.subarray(0, this.room)
    this.room -= head.length
    if (head.length > 0) this.say(this.decoder.decode(head, { stream: true }))
    const rest = bytes.subarray(head.length)
    if (rest.length === 0) return
    const kept = rest.slice(-this.half)
    this.cut += rest.length - kept.length
    this.tail.push(kept)
    this.tailBytes += kept.length
    while (this.tailBytes - this.tail[0].length >= this.half) {
      const dropped = this.tail.shift().length
      this.tailBytes -= dropped
      this.cut += dropped
    }
  }

  finish() {
    this.say(this.decoder.decode())
    if (this.tail.length === 0) return
    let tail = new Uint8Array(this.tailBytes)
    let at = 0
    for (const piece of this.tail) {
      tail.set(piece, at)
      at += piece.length
    }
    const surplus = Math.max(tail.length - this.half, 0)
    tail = tail.subarray(surplus)
    this.cut += surplus
    if (this.cut > 0) {
      // Do not cut in the middle of a character.
      while (tail.length > 0 && (tail[0] & 0xc0) === 0x80) {
        tail = tail.subarray(1)
        this.cut += 1
      }
      this.say(`\n[... ${this.cut} bytes of output left out ...]\n`)
    }
    this.say(new TextDecoder().decode(tail))
  }

  /** The main thread joins small pieces of text and sends them. */
  say(text) {
    if (text !== '') postMessage({ text })
  }
}

async function boot() {
  const lockFileContents = Deno.readTextFileSync(new URL('wheels.json', here))
  libraries = Object.keys(JSON.parse(lockFileContents).packages).length > 0
  const options = {
    indexURL: folder,
    lockFileContents,
    packageBaseUrl: `${folder}wheels/`,
    packageCacheDir: `${folder}wheels/`,
  }
  try {
    return await loadPyodide({ ...options, _loadSnapshot: Deno.readFileSync(new URL('snapshot.bin', here)) })
  } catch {
    // Without a snapshot, or with one of another version, the boot is slow.
    return loadPyodide(options)
  }
}

const pausing = new Int32Array(new SharedArrayBuffer(4))

/** Blocks this thread for a time in ms. Pyodide's own sleep runs other Python code meanwhile; this one does not. */
function pause(ms) {
  Atomics.wait(pausing, 0, 0, ms)
}

/** An interrupt that ends a task of the cell also ends the others. */
self.addEventListener('unhandledrejection', (event) => {
  if (event.reason?.type !== 'KeyboardInterrupt' || current === undefined) return
  event.preventDefault()
  session.interrupt()
})

async function begin({ settings, interrupts: buffer }) {
  limits = settings
  interrupts = buffer
  pyodide = await boot()
  pyodide.FS.mkdirTree(data)
  limitFiles()
  const space = pyodide.toPy({})
  for (const part of ['notebook.py', 'cell.py', 'web.py']) {
    const code = Deno.readTextFileSync(new URL(part, here))
    space.set('CODE', code)
    pyodide.runPython('exec(compile(CODE, "<runner>", "exec"), globals())', { globals: space })
  }
  output = new Output(limits.outputBytes)
  const write = (bytes) => {
    output.write(bytes.slice())
    return bytes.length
  }
  pyodide.setStdout({ write })
  pyodide.setStderr({ write })
  const host = { pause, keepInterrupt: () => void (interrupts[0] = keyboardInterrupt) }
  session = space.get('begin')((line) => postMessage(line), output, host, JSON.stringify(settings))
  pyodide.setInterruptBuffer(interrupts)
  say({ type: 'ready' })
}

/** Files are in memory: each write is checked against the limits on one file and on all files. */
function limitFiles() {
  const { FS } = pyodide
  const mib = 1024 * 1024
  const probe = FS.open(`${data}/.probe`, 'w')
  const operations = probe.stream_ops
  FS.close(probe)
  FS.unlink(`${data}/.probe`)
  const write = operations.write
  let written = 0
  operations.write = (...given) => {
    const [, , , length, position] = given
    if (position + length > limits.fileMb * mib) throw new FS.ErrnoError(fileTooLarge)
    if (written + length > limits.diskMb * mib) {
      written = sizeOf(data) + sizeOf('/tmp')
      if (written + length > limits.diskMb * mib) throw new FS.ErrnoError(noSpace)
    }
    written += length
    return write(...given)
  }
}

function sizeOf(path) {
  const { FS } = pyodide
  const { node } = FS.lookupPath(path)
  const sum = (one) => {
    if (FS.isFile(one.mode)) return one.usedBytes ?? 0
    if (!FS.isDir(one.mode)) return 0
    return Object.values(one.contents ?? {}).reduce((all, child) => all + sum(child), 0)
  }
  return sum(node)
}

async function run({ cell, code }) {
  current = cell
  output.start()
  if (libraries && /\bimport\b/.test(code)) {
    try {
      await pyodide.loadPackagesFromImports(session.imports(code), {
        messageCallback() {},
        errorCallback() {},
      })
    } catch {
      // Code that cannot be parsed, or a wheel that cannot be read: running the cell gives a better error.
    }
  }
  // Timers fire only while Python waits; Python code that runs checks for the interrupt itself.
  const watch = setInterval(() => {
    if (interrupts[0] === 0) return
    interrupts[0] = 0
    session.interrupt()
  }, 50)
  // Called this way, Python may wait for promises: `await` at the top level, and asyncio.run().
  const end = await session.run.callPromising(cell, code)
  clearInterval(watch)
  output.finish()
  current = undefined
  // The main thread compares the beginning of this text.
  postMessage(`{"type": "end", "cell": ${cell}, ${end}}`)
}

function put({ request, name, bytes, first }) {
  const path = `${data}/${name}`
  if (first && pyodide.FS.analyzePath(path, true).exists) pyodide.FS.unlink(path)
  const chunk = Uint8Array.from(atob(bytes), (letter) => letter.charCodeAt(0))
  const stream = pyodide.FS.open(path, 'a')
  pyodide.FS.write(stream, chunk, 0, chunk.length)
  pyodide.FS.close(stream)
  session.changed()
  say({ type: 'done', request })
}

function link({ request, name, alias }) {
  const path = `${data}/${alias}`
  if (pyodide.FS.analyzePath(path, true).exists) pyodide.FS.unlink(path)
  pyodide.FS.symlink(name, path)
  say({ type: 'done', request })
}

/** A piece of a regular file, with the size of the whole file. Links in the path are not followed. */
function get({ request, name, offset, length }) {
  const { FS } = pyodide
  let path = data
  let mode = 0
  for (const part of name.split('/')) {
    path += `/${part}`
    mode = FS.lstat(path).mode
    if (FS.isLink(mode)) throw new Error('no regular file')
  }
  if (!FS.isFile(mode)) throw new Error('no regular file')
  const { size } = FS.stat(path)
  const chunk = new Uint8Array(Math.min(length, Math.max(0, size - offset)))
  const stream = FS.open(path, 'r')
  FS.read(stream, chunk, 0, chunk.length, offset)
  FS.close(stream)
  let letters = ''
  for (let at = 0; at < chunk.length; at += 8192)
    letters += String.fromCharCode(...chunk.subarray(at, at + 8192))
  say({ type: 'bytes', request, data: btoa(letters), size })
}

/** Errors of the file system have a number and no message. */
function reasonOf(error) {
  if (error?.errno !== undefined) return `no regular file (error ${error.errno})`
  return String(error?.message ?? error).slice(0, 2000)
}

const handlers = { begin, run, put, link, get }
let before = Promise.resolve()

self.onmessage = ({ data: command }) => {
  before = before
    .then(() => handlers[command.op](command))
    .catch((error) => {
      if (command.request === undefined) throw error
      say({ type: 'done', request: command.request, error: reasonOf(error) })
    })
}
