/**
 * The main thread of the Pyodide tier: passes lines between the host and the worker, and raises interrupts. Python
 * runs in the worker, so that this thread stays free to do so.
 */
const interrupts = new Uint8Array(new SharedArrayBuffer(1))
const keyboardInterrupt = 2
const worker = new Worker(new URL('./deno-worker.mjs', import.meta.url), { type: 'module' })
let current

worker.onmessage = ({ data }) => {
  const line = new TextEncoder().encode(data + '\n')
  for (let at = 0; at < line.length;) at += Deno.stdout.writeSync(line.subarray(at))
  if (data.startsWith('{"type": "end"')) current = undefined
}
worker.onerror = (event) => {
  event.preventDefault()
  Deno.stderr.writeSync(new TextEncoder().encode(String(event.message)))
  Deno.exit(1)
}

function obey(order) {
  if (order.op === 'interrupt') {
    if (order.cell === current) interrupts[0] = keyboardInterrupt
    return
  }
  if (order.op === 'run') {
    // An interrupt that came too late for the cell before must not hit this one.
    interrupts[0] = 0
    current = order.cell
  }
  worker.postMessage(order.op === 'begin' ? { ...order, interrupts } : order)
}

let rest = ''
for await (const text of Deno.stdin.readable.pipeThrough(new TextDecoderStream())) {
  const lines = (rest + text).split('\n')
  rest = lines.pop() ?? ''
  for (const line of lines) obey(JSON.parse(line))
}
Deno.exit(0)
