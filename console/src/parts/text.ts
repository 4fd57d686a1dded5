/** Formats numbers, times and names as text. */

const units: [Intl.RelativeTimeFormatUnit, number][] = [
  ['year', 31_536_000],
  ['month', 2_592_000],
  ['day', 86_400],
  ['hour', 3600],
  ['minute', 60],
]
const relative = new Intl.RelativeTimeFormat('en', { numeric: 'always', style: 'narrow' })

/** `5 min. ago`, of a time in Unix seconds. */
export function ago(seconds: number, now = Date.now() / 1000): string {
  const passed = now - seconds
  for (const [unit, length] of units) {
    if (Math.abs(passed) >= length) return relative.format(-Math.round(passed / length), unit)
  }
  return passed < 5 ? 'now' : relative.format(-Math.round(passed), 'second')
}

export function exactTime(seconds: number): string {
  return new Date(seconds * 1000).toLocaleString(undefined, { dateStyle: 'medium', timeStyle: 'long' })
}

export function duration(ms: number): string {
  if (ms < 1000) return `${Math.round(ms)} ms`
  if (ms < 60_000) return `${(ms / 1000).toFixed(ms < 10_000 ? 2 : 1)} s`
  const minutes = Math.floor(ms / 60_000)
  return `${minutes} min ${Math.round((ms % 60_000) / 1000)} s`
}

export function bytes(count: number): string {
  if (count < 1024) return `${count} B`
  const names = ['KiB', 'MiB', 'GiB', 'TiB']
  let value = count
  let index = -1
  while (value >= 1024 && index < names.length - 1) {
    value /= 1024
    index += 1
  }
  return `${value.toFixed(value < 10 ? 1 : 0)} ${names[index]}`
}

const plain = new Intl.NumberFormat('en')

export function number(value: number): string {
  return plain.format(value)
}

export function plural(count: number, one: string, many = `${one}s`): string {
  return `${number(count)} ${count === 1 ? one : many}`
}

export function prettyJson(value: unknown): string {
  return JSON.stringify(value, null, 2)
}

/** JSON text made readable; text that is not JSON (yet) stays as it is. */
export function formattedJson(text: string): string {
  try {
    return prettyJson(JSON.parse(text))
  } catch {
    return text
  }
}

export function message(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
