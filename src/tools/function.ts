/** Functions of the user's program: the client runs the call and submits its output. */
import type { FunctionToolCall } from '../api/run-steps.ts'
import type { Tool } from './port.ts'

function functionCall(id: string, name: string, argumentsText: string): FunctionToolCall {
  return { id, type: 'function', function: { name, arguments: argumentsText, output: null } }
}

export const functionTool: Tool = {
  type: 'function',
  async offer(tool) {
    if (tool.type !== 'function') throw new Error(`expected a function, found ${tool.type}`)
    const { name } = tool.function
    return {
      type: 'function',
      chat: { type: 'function', function: tool.function },
      begin: (id) => functionCall(id, name, ''),
      reader: () => (fragment) =>
        fragment === '' ? undefined : { type: 'function', function: { arguments: fragment } },
      complete: (id, argumentsText) => functionCall(id, name, argumentsText),
    }
  },
}
