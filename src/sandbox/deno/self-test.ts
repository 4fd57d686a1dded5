/** The self-test of the deno driver: the same canaries, with attempts through JavaScript. */
import type { SandboxLimits, SandboxSession } from '../port.ts'
import { runnerFile } from '../runner-bundle.ts'
import { probe, type SelfTest } from '../native/self-test.ts'

/** Waits up to 30 seconds for the attempts that are asynchronous. */
const report = `
import json
await run_js("Promise.race([Promise.allSettled(later), new Promise((done) => setTimeout(done, 30000))])")
print(CANARIES["mark"] + json.dumps({"sum": 1 + 1, "escaped": list(js.reached), "libraries": []}))`

/** Never rejects. */
export async function denoSelfTest(
  open: (limits: SandboxLimits) => Promise<SandboxSession>,
): Promise<SelfTest> {
  return probe(open, async (canaries) => {
    const input = JSON.stringify(JSON.stringify({ ...canaries, pid: process.pid }))
    const tries = `import json\nCANARIES = json.loads(${input})\n${await runnerFile('probe_web.py')}`
    return [tries, report]
  })
}
