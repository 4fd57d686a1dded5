/**
 * The main thread of the deno driver: passes lines between the host and the worker, and raises interrupts. Python
 * runs in the worker, so that this thread stays free to do so.
 */
const interrupts = new Uint8Array(new SharedArrayBuffer(1))
const keyboardInterrupt = 2
const worker = new Worker(new URL('./deno-worker.mjs', import.meta.url), { type: 'module' })
/** Text is sent this long after it was printed, so that many small writes become one frame. */
const joinMs = 50
const frameLetters = 32_768
let current
let pending = ''
let timer

worker.onmessage = ({ data }) => {
  if (typeof data === 'string') {
    flush()
    write(data)
    if (data.startsWith('{"type": "end"')) current = undefined
    return
  }
  pending += data.text
  if (pending.length >= frameLetters) flush()
  else timer ??= setTimeout(flush, joinMs)
}

function flush() {
  clearTimeout(timer)
  timer = undefined
  for (let at = 0; at < pending.length; at += frameLetters) {
    write(JSON.stringify({ type: 'out', cell: current, text: pending.slice(at, at + frameLetters) }))
  }
  pending = ''
}

function write(text) {
  const line = new TextEncoder().encode(text + '\n')
  for (let at = 0; at < line.length;) at += Deno.stdout.writeSync(line.subarray(at))
}

worker.onerror = (event) => {
  event.preventDefault()
  Deno.stderr.writeSync(new TextEncoder().encode(String(event.message)))
  Deno.exit(1)
}

function execute(command) {
  if (command.op === 'interrupt') {
    if (command.cell === current) interrupts[0] = keyboardInterrupt
    return
  }
  if (command.op === 'run') {
    // A late interrupt of the previous cell must not affect this one.
    interrupts[0] = 0
    current = command.cell
  }
  worker.postMessage(command.op === 'begin' ? { ...command, interrupts } : command)
}

let rest = ''
for await (const text of Deno.stdin.readable.pipeThrough(new TextDecoderStream())) {
  const lines = (rest + text).split('\n')
  rest = lines.pop() ?? ''
  for (const line of lines) execute(JSON.parse(line))
}
Deno.exit(0)
