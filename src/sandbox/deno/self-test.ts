/** The self-test of the Pyodide tier: the same canaries, reached for through JavaScript. */
import type { SandboxLimits, SandboxSession } from '../port.ts'
import { runnerFile } from '../runner-bundle.ts'
import { probe, type SelfTest } from '../native/self-test.ts'

const report = `
import json
print(CANARIES["mark"] + json.dumps({"sum": 1 + 1, "escaped": list(js.reached), "libraries": []}))`

/** Never rejects. */
export async function denoSelfTest(
  open: (limits: SandboxLimits) => Promise<SandboxSession>,
): Promise<SelfTest> {
  return probe(open, async (canaries) => {
    const asked = JSON.stringify(JSON.stringify({ ...canaries, pid: process.pid }))
    const tries = `import json\nCANARIES = json.loads(${asked})\n${await runnerFile('probe_web.py')}`
    // Attempts that answer later have half a second before the last cell looks at what they reached.
    return [tries, 'import time\ntime.sleep(0.25)', 'time.sleep(0.25)', report]
  })
}
