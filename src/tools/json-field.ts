/** One text field of a JSON object that a model is still writing. */

/**
 * The field's text as far as it is written, `undefined` while it has not begun. Models that write the bare text in
 * place of an object are understood too.
 */
export function partialField(json: string, field: string): string | undefined {
  const start = json.trimStart()
  if (start === '') return undefined
  if (!start.startsWith('{')) return json
  const opening = new RegExp(`"${field}"\\s*:\\s*"`).exec(json)
  if (!opening) return undefined
  const written = json.slice(opening.index + opening[0].length)
  const [literal = ''] = /^(?:[^"\\]|\\u[0-9a-fA-F]{4}|\\[^u])*/s.exec(written) ?? []
  // The second half of a character that is written as two escapes may still be to come.
  const whole = literal.replace(/\\u[dD][89abAB][0-9a-fA-F]{2}$/, '')
  return unescape(whole)
}

function unescape(literal: string): string {
  try {
    return JSON.parse(
      `"${literal.replaceAll('\n', '\\n').replaceAll('\r', '\\r').replaceAll('\t', '\\t')}"`,
    ) as string
  } catch {
    return literal
  }
}

/** The field of an object that is complete, or the whole text where it is no such object. */
export function wholeField(json: string, field: string): string {
  try {
    const value: unknown = JSON.parse(json)
    if (typeof value === 'string') return value
    const found = (value as Record<string, unknown> | null)?.[field]
    return typeof found === 'string' ? found : ''
  } catch {
    return partialField(json, field) ?? ''
  }
}
