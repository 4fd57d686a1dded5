/** Puts a thread's messages and runs in the order in which they are read. */
import type { Message, Run } from '../api/types.ts'

export type Item =
  | { kind: 'message'; key: string; at: number; message: Message }
  | { kind: 'run'; key: string; at: number; run_id: string; run: Run | undefined; messages: Message[] }

/**
 * `messages` and `runs` oldest first. A run has the place of its first message; one without a message comes after
 * the messages before its start. Runs older than every message here are left out while older messages are not loaded.
 */
export function itemsOf(messages: readonly Message[], runs: readonly Run[], hasOlder: boolean): Item[] {
  const items: Item[] = []
  const turns = new Map<string, Extract<Item, { kind: 'run' }>>()
  const byId = new Map(runs.map((run) => [run.id, run]))
  for (const message of messages) {
    const { run_id } = message
    if (run_id === null || (message.role === 'user' && !byId.has(run_id))) {
      items.push({ kind: 'message', key: message.id, at: message.created_at, message })
      continue
    }
    const turn = turns.get(run_id)
    if (turn) turn.messages.push(message)
    else {
      const at = message.created_at
      const made = {
        kind: 'run' as const,
        key: run_id,
        at,
        run_id,
        run: byId.get(run_id),
        messages: [message],
      }
      turns.set(run_id, made)
      items.push(made)
    }
  }
  const first = messages[0]?.created_at ?? 0
  for (const run of runs) {
    if (turns.has(run.id) || (hasOlder && run.created_at < first)) continue
    const place = items.findLastIndex((item) => item.at <= run.created_at) + 1
    const made: Item = { kind: 'run', key: run.id, at: run.created_at, run_id: run.id, run, messages: [] }
    items.splice(place, 0, made)
  }
  return items
}
