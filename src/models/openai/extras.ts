/** Fields of an answer that the provider needs back later: thought signatures (Gemini), reasoning (DeepSeek and others). */
import type { Extras } from '../port.ts'
import { asRecord } from './failure.ts'

/** Fields with reasoning as text. A server uses one of these names, and needs it back under the same name. */
const textFields = ['reasoning_content', 'reasoning'] as const

/** Collects the extras of one message while it arrives. */
export class MessageExtras {
  readonly #texts = new Map<string, string>()
  #details: Record<string, unknown>[] = []
  #content: Record<string, unknown> | undefined

  /** Takes a delta, or the whole message. Returns the number of characters that it kept. */
  take(delta: Record<string, unknown>): number {
    let kept = 0
    for (const field of textFields) {
      const text = delta[field]
      if (typeof text !== 'string' || text === '') continue
      this.#texts.set(field, (this.#texts.get(field) ?? '') + text)
      kept += text.length
    }
    const details: unknown[] = Array.isArray(delta.reasoning_details) ? delta.reasoning_details : []
    for (const detail of details) {
      const entry = asRecord(detail)
      if (entry === undefined) continue
      addDetail(this.#details, entry)
      kept += JSON.stringify(entry).length
    }
    const content = asRecord(delta.extra_content)
    if (content !== undefined) {
      this.#content = { ...this.#content, ...content }
      kept += JSON.stringify(content).length
    }
    return kept
  }

  get extras(): Extras | undefined {
    const all = {
      ...Object.fromEntries(this.#texts),
      ...(this.#details.length > 0 && { reasoning_details: this.#details }),
      ...(this.#content && { extra_content: this.#content }),
    }
    return Object.keys(all).length > 0 ? JSON.stringify(all) : undefined
  }
}

/** Pieces of one detail have the same type and index: their texts are joined, and their other fields are replaced. */
function addDetail(details: Record<string, unknown>[], piece: Record<string, unknown>): void {
  const last = details.at(-1)
  const isPiece = last !== undefined && last.type === piece.type && last.index === piece.index
  if (!isPiece || last.type === 'reasoning.encrypted') {
    details.push({ ...piece })
    return
  }
  for (const [name, value] of Object.entries(piece)) {
    const before = last[name]
    const isText = (name === 'text' || name === 'summary') && typeof before === 'string'
    if (isText && typeof value === 'string') last[name] = before + value
    else if (value !== null && value !== undefined) last[name] = value
  }
}

/** The fields for an assistant message of a request. */
export function extrasOfMessage(extras: Extras | undefined): object {
  return pick(extras, [...textFields, 'reasoning_details', 'extra_content'])
}

/** The fields for a call of a request. */
export function extrasOfCall(extras: Extras | undefined): object {
  return pick(extras, ['extra_content'])
}

function pick(extras: Extras | undefined, names: readonly string[]): object {
  if (extras === undefined) return {}
  const all = asRecord(JSON.parse(extras)) ?? {}
  return Object.fromEntries(names.filter((name) => name in all).map((name) => [name, all[name]]))
}
