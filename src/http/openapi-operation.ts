/** What the API's description says of one route. */
import type { Operation } from './route.ts'

export type { Operation } from './route.ts'

type OperationParts = Omit<Operation, 'method' | 'path' | 'id' | 'summary'>

/** `operation('get /v1/threads', 'listThreads', 'Lists the threads of the project', {…})`. */
export function operation(
  route: `${Lowercase<Operation['method']>} /${string}`,
  id: string,
  summary: string,
  parts: OperationParts,
): Operation {
  const [method, path = ''] = route.split(' ')
  return { method: method?.toUpperCase() as Operation['method'], path, id, summary, ...parts }
}
