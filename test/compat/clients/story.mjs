/** What the scenarios of Node.js share. Each is started with the folder that its packages are installed under. */
import { createRequire } from 'node:module'
import { join } from 'node:path'

/** Loads a package from that folder. */
export const load = createRequire(join(process.argv[2] ?? '.', 'package.json'))

/** The demo model calls the function, and quotes its output afterwards. */
export const question = 'call get_weather {"city": "Rome"}'
export const output = '{"temperature": 22}'
export const answer = `get_weather answered: ${output}`

export const weather = {
  name: 'get_weather',
  description: 'The weather of a city',
  parameters: { type: 'object', properties: { city: { type: 'string' } }, required: ['city'] },
}

/** Calls `read` until `isDone` accepts its result. */
export async function until(isDone, read) {
  for (;;) {
    const result = await read()
    if (isDone(result)) return result
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
}

export const isSettled = ({ status }) => status !== 'queued' && status !== 'in_progress'
