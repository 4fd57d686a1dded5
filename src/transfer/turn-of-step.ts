/** Rebuilds the model turn of an imported step, so that later prompts contain its calls. */
import type { RunStep, StepToolCall } from '../api/run-steps.ts'
import { noUsage } from '../api/runs.ts'
import type { RecordedCall, RecordedTurn } from '../sql/run-steps.ts'

/** Null for a step without calls, or whose calls have no content for a model. */
export function turnOf({ step_details, usage }: RunStep): RecordedTurn | null {
  if (step_details.type !== 'tool_calls') return null
  const calls = step_details.tool_calls.flatMap(recordedCall)
  return calls.length === 0 ? null : { calls, usage: usage ?? noUsage }
}

function recordedCall(call: StepToolCall): RecordedCall[] {
  const { id } = call
  if (call.type === 'function') {
    const { name, arguments: written, output } = call.function
    return [{ id, name, arguments: written, output }]
  }
  if (call.type === 'code_interpreter') {
    const { input, outputs } = call.code_interpreter
    const image_file_ids = outputs.flatMap((one) => (one.type === 'image' ? [one.image.file_id] : []))
    const output = outputs.map((one) => (one.type === 'logs' ? one.logs : '[image]')).join('\n')
    const recorded = { id, name: 'code_interpreter', arguments: JSON.stringify({ code: input }), output }
    return [image_file_ids.length > 0 ? { ...recorded, image_file_ids } : recorded]
  }
  const texts = call.file_search.results.flatMap(({ content = [] }) => content.map(({ text }) => text))
  // Exports never have the queries, and rarely the passages.
  if (texts.length === 0) return []
  return [{ id, name: 'file_search', arguments: JSON.stringify({ queries: [] }), output: texts.join('\n\n') }]
}
