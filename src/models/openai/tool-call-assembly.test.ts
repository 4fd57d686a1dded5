import { afterEach, expect, test, vi } from 'vitest'
import type { ModelPart } from '../port.ts'
import { ToolCallAssembly } from './tool-call-assembly.ts'

afterEach(() => vi.restoreAllMocks())

/** Sends the fragments as a server does that repeats the name and sends no ids. */
function assemble(...fragments: string[]): string[] {
  const assembly = new ToolCallAssembly()
  const parts: ModelPart[] = []
  for (const written of fragments) {
    assembly.take({ index: 0, function: { name: 'f', arguments: written } }, parts)
  }
  const calls: string[] = []
  for (const part of parts) {
    if (part.type === 'tool-call-delta') calls[part.index] = (calls[part.index] ?? '') + part.arguments
  }
  return calls
}

test('the end of the arguments is found where brackets and quotation marks are in texts', () => {
  const first = ['{"a":"}', '\\"]', '\\', '\\', '"', ',"b":[{}', ']', '} ']
  const second = ['[{"c":"\\\\"}', ']']
  expect(assemble(...first, ...second, '{', '}')).toEqual([first.join(''), second.join(''), '{}'])
})

test('arguments that are not JSON stay one call', () => {
  const texts = [
    ['{a}', '{b}'],
    ["{'a': 'x}", "'}", '1'],
    ['}', '{}', '{'],
    ['one', ' two'],
  ]
  for (const text of texts) expect(assemble(...text)).toEqual([text.join('')])
})

test('long arguments are parsed once, not with each fragment', () => {
  const fragments = ['{"text":"', ...Array.from({ length: 10_000 }, () => 'word '), '"}']
  const parse = vi.spyOn(JSON, 'parse')
  expect(assemble(...fragments, '{}')).toEqual([fragments.join(''), '{}'])
  const parsed = parse.mock.calls.reduce((sum, [text]) => sum + text.length, 0)
  expect(parsed).toBeLessThan(2 * fragments.join('').length)
})
