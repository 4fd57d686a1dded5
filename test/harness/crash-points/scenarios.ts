/** Runs without a fault: what the model answers, and what the client does. */
import type { CreateRunRequest } from '../../../src/api/runs.ts'
import { ModelFailure, type ModelPart } from '../../../src/models/port.ts'

/** What somebody does while the model speaks; then the model waits until it is stopped. */
export type Interruption = { type: 'interrupted'; by: 'cancel' | 'deadline' }
export type Said = ModelPart | Interruption | { type: 'failure'; error: ModelFailure }

export interface Scenario {
  name: string
  tools: CreateRunRequest['tools']
  /** What the model says in each of its turns. */
  turns: Said[][]
  /** What the client does when the run waits for it. */
  answer: 'submit' | 'cancel' | 'let expire'
  /** How the run ends. */
  status: 'completed' | 'cancelled' | 'expired' | 'failed' | 'incomplete'
  /** Texts of the run's messages in order. */
  texts: string[]
  /** Calls that its steps hold, with their outputs where they are known. */
  calls: string[]
}

/** Each turn costs this. */
export const turnUsage = { prompt_tokens: 10, completion_tokens: 5, cached_tokens: 0, reasoning_tokens: 0 }

const text = (...texts: string[]): Said[] => texts.map((one) => ({ type: 'text-delta', text: one }))
const end = (finish_reason: 'stop' | 'tool_calls' | 'length'): Said => ({
  type: 'end',
  finish_reason,
  usage: turnUsage,
})
const interrupted = (by: Interruption['by']): Said => ({ type: 'interrupted', by })

function calls(...made: [id: string, name: string, args: object][]): Said[] {
  return [
    ...made.flatMap(([id, name, args], index): Said[] => {
      const json = JSON.stringify(args)
      const [first, second] = [json.slice(0, 4), json.slice(4)]
      return [
        { type: 'tool-call-start', index, id, name },
        { type: 'tool-call-delta', index, arguments: first },
        { type: 'tool-call-delta', index, arguments: second },
      ]
    }),
    end('tool_calls'),
  ]
}

const time: [string, string, object] = ['call_time', 'get_time', { zone: 'UTC' }]
const weather: [string, string, object] = ['call_weather', 'get_weather', { city: 'Lindau' }]
const code: [string, string, object] = ['call_code', 'code_interpreter', { code: 'print(1)' }]
const search: [string, string, object] = ['call_search', 'file_search', { queries: ['lighthouse'] }]

const functionTools: Scenario['tools'] = ['get_time', 'get_weather'].map((name) => ({
  type: 'function',
  function: { name },
}))
const allTools: Scenario['tools'] = [
  ...functionTools,
  { type: 'code_interpreter' },
  { type: 'file_search', file_search: {} },
]

const plain = {
  tools: [],
  answer: 'submit' as const,
  status: 'completed' as const,
  texts: ['Hello world'],
  calls: [],
}
const answer = [...text('Hello', ' world'), end('stop')]
const link = 'It is [here](sandbox:/mnt/data/made.txt).'

export const scenarios: Scenario[] = [
  { ...plain, name: 'text', turns: [answer] },
  {
    ...plain,
    name: 'refusal',
    turns: [
      [{ type: 'refusal-delta', text: 'I ' }, { type: 'refusal-delta', text: 'will not' }, end('stop')],
    ],
    texts: ['I will not'],
  },
  {
    ...plain,
    name: 'an answer that is cut',
    turns: [[...text('Hello', ' wor'), end('length')]],
    status: 'incomplete',
    texts: ['Hello wor'],
  },
  {
    ...plain,
    name: 'submit',
    tools: functionTools,
    turns: [calls(time), answer],
    calls: ['call_time'],
  },
  {
    ...plain,
    name: 'text then calls',
    tools: functionTools,
    turns: [[...text('Let me', ' see'), ...calls(time)], answer],
    texts: ['Let me see', 'Hello world'],
    calls: ['call_time'],
  },
  {
    ...plain,
    name: 'parallel calls',
    tools: functionTools,
    turns: [calls(time, weather), answer],
    calls: ['call_time', 'call_weather'],
  },
  {
    ...plain,
    name: 'function and built-in mixed',
    tools: allTools,
    turns: [[...text('Let me see'), ...calls(time, code, search)], answer],
    texts: ['Let me see', 'Hello world'],
    calls: ['call_time', 'call_code', 'call_search'],
  },
  {
    ...plain,
    name: 'code with files',
    tools: allTools,
    turns: [
      [...text('I run it'), ...calls(code)],
      [...text(link), end('stop')],
    ],
    texts: ['I run it', link],
    calls: ['call_code'],
  },
  {
    ...plain,
    name: 'two turns of code',
    tools: allTools,
    turns: [
      [...text('One'), ...calls(code)],
      [...text('Two'), ...calls(['call_more', 'code_interpreter', { code: 'print(2)' }])],
      answer,
    ],
    texts: ['One', 'Two', 'Hello world'],
    calls: ['call_code', 'call_more'],
  },
  { ...plain, name: 'file_search', tools: allTools, turns: [calls(search), answer], calls: ['call_search'] },
  {
    ...plain,
    name: 'cancel while the model speaks',
    turns: [[...text('Hello', ' wor'), interrupted('cancel')]],
    status: 'cancelled',
    texts: ['Hello wor'],
  },
  {
    ...plain,
    name: 'cancel while the model makes calls',
    tools: functionTools,
    turns: [[...text('Let me see'), ...calls(time).slice(0, 2), interrupted('cancel')]],
    status: 'cancelled',
    texts: ['Let me see'],
    calls: ['call_time'],
  },
  {
    ...plain,
    name: 'cancel while the client is asked',
    tools: functionTools,
    turns: [calls(time)],
    answer: 'cancel',
    status: 'cancelled',
    texts: [],
    calls: ['call_time'],
  },
  {
    ...plain,
    name: 'the deadline while the model speaks',
    turns: [[...text('Hello', ' wor'), interrupted('deadline')]],
    status: 'expired',
    texts: ['Hello wor'],
  },
  {
    ...plain,
    name: 'the deadline while the client is asked',
    tools: functionTools,
    turns: [[...text('Let me see'), ...calls(time)]],
    answer: 'let expire',
    status: 'expired',
    texts: ['Let me see'],
    calls: ['call_time'],
  },
  {
    ...plain,
    name: 'an error of the provider',
    tools: allTools,
    turns: [
      [...text('One'), ...calls(code)],
      [...text('Hello', ' wor'), { type: 'failure', error: new ModelFailure('server_error', 'It broke.') }],
    ],
    status: 'failed',
    texts: ['One', 'Hello wor'],
    calls: ['call_code'],
  },
]
