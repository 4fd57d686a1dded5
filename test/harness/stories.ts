/** What most tests start with: an assistant, a thread, a run in a certain state. */
import type { Answer, TestServer } from './server.ts'
import type { ScriptedCall } from './scripted-model.ts'

export interface Place {
  assistant: any
  thread: any
}

/** A wait fails after this time: longer than a busy machine needs, shorter than the time limit of a test. */
const waitMs = 60_000

/** Repeats a GET until its body meets the condition, and returns the body. */
export async function until(ask: () => Promise<Answer>, holds: (body: any) => boolean): Promise<any> {
  let body: any
  await eventually(
    async () => {
      ;({ body } = await ask())
      return holds(body)
    },
    () => `the expected body; last seen: ${JSON.stringify(body)}`,
  )
  return body
}

/** Waits until a condition holds. `what` names it in the error of a wait that takes too long. */
export async function eventually(
  holds: () => boolean | Promise<boolean>,
  what: string | (() => string) = 'a condition',
): Promise<void> {
  const end = performance.now() + waitMs
  while (!(await holds())) {
    if (performance.now() > end) {
      throw new Error(`waited too long for ${typeof what === 'string' ? what : what()}`)
    }
    await new Promise((resolve) => setTimeout(resolve, 5))
  }
}

/** A promise, and the function that resolves it. */
export function gate(): { promise: Promise<void>; open: () => void } {
  let open = () => {}
  const promise = new Promise<void>((resolve) => {
    open = resolve
  })
  return { promise, open }
}

/** The thing made, or the error as a failure of the test. */
export async function made(answer: Promise<Answer>): Promise<any> {
  const { status, body } = await answer
  if (status !== 200) throw new Error(`expected 200, got ${status}: ${JSON.stringify(body)}`)
  return body
}

export const weatherTool = {
  type: 'function',
  function: {
    name: 'get_weather',
    description: 'Tells the weather of a city',
    parameters: { type: 'object', properties: { city: { type: 'string' } }, required: ['city'] },
  },
}
export const timeTool = { type: 'function', function: { name: 'get_time' } }

export function stories(server: () => TestServer) {
  const post = (path: string, body?: object) => made(server().request('POST', path, body))
  const get = (path: string) => made(server().request('GET', path))
  const newAssistant = (fields: object = {}) => post('/assistants', { model: 'gpt-4o', ...fields })
  const newThread = (...texts: string[]) =>
    post('/threads', { messages: texts.map((content) => ({ role: 'user', content })) })

  /** An assistant, and a thread that says hello. */
  async function place(assistantFields: object = {}): Promise<Place> {
    return { assistant: await newAssistant(assistantFields), thread: await newThread('Hello') }
  }

  const start = ({ assistant, thread }: Place, fields: object = {}) =>
    post(`/threads/${thread.id}/runs`, { assistant_id: assistant.id, ...fields })

  /** Waits until the run has one of the statuses. */
  const reach = (run: any, ...statuses: string[]) =>
    until(
      () => server().request('GET', `/threads/${run.thread_id}/runs/${run.id}`),
      (body) => statuses.includes(body.status),
    )

  /** Waits for a status that changes only by a request. */
  const rest = (run: any) =>
    reach(run, 'requires_action', 'completed', 'failed', 'incomplete', 'expired', 'cancelled')

  const runToRest = async (where: Place, fields: object = {}) => rest(await start(where, fields))

  /** A run that waits for the outputs of these calls. */
  async function waitingRun(calls: ScriptedCall[], tools: object[] = [weatherTool, timeTool]) {
    server().model.script([{ calls }])
    const where = await place({ tools })
    const run = await runToRest(where)
    if (run.status !== 'requires_action') throw new Error(`expected a wait, got ${JSON.stringify(run)}`)
    return { ...where, run, path: `/threads/${run.thread_id}/runs/${run.id}` }
  }

  return {
    post,
    get,
    newAssistant,
    newThread,
    place,
    start,
    reach,
    rest,
    runToRest,
    waitingRun,
    steps: (run: any, query = 'order=asc') => get(`/threads/${run.thread_id}/runs/${run.id}/steps?${query}`),
    messages: (thread: any, query = 'order=asc') => get(`/threads/${thread.id}/messages?${query}`),
  }
}
