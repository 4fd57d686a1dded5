import { expect, test } from 'vitest'
import { CodeReader, readCode } from './code-arguments.ts'

function inPieces(text: string, size: number): string {
  const reader = new CodeReader()
  let code = ''
  for (let at = 0; at < text.length; at += size) code += reader.read(text.slice(at, at + size))
  return code
}

const cell = 'x = 1\nprint(x)'

test.each([
  ['code', JSON.stringify({ code: cell })],
  ['input', JSON.stringify({ input: cell })],
  ['python', JSON.stringify({ language: 'python', python: cell })],
  ['source', JSON.stringify({ source: cell })],
  ['plain text', cell],
  ['fenced text', `\`\`\`python\n${cell}\n\`\`\`\n`],
  ['a fence without a language', `\n\`\`\`\n${cell}\n\`\`\``],
  ['a fence inside of the field', JSON.stringify({ code: `\`\`\`py\n${cell}\n\`\`\`` })],
  ['a fence that is not closed', `\`\`\`python\n${cell}`],
])('code in the form of %s is read, and streamed as it is run', (_form, text) => {
  expect(readCode(text)).toEqual({ code: cell, problem: undefined })
  for (const size of [1, 2, 5, 1000]) expect(inPieces(text, size)).toBe(cell)
})

test('backticks and white space inside a cell are kept', () => {
  const text = 'text = """\n```\nquoted\n```\n"""\n\n'
  expect(readCode(JSON.stringify({ code: text })).code).toBe(text)
  expect(readCode(`\`\`\`\n${text}\n\`\`\``).code).toBe(text.trimEnd())
})

test.each([
  ['nothing', '', 'hold no code'],
  ['an empty object', '{}', 'hold no code'],
  ['null for the code', '{"code": null}', 'hold no code'],
  ['blank code', '{"code": " \\n"}', 'hold no code'],
  ['an empty fence', '```python\n```', 'hold no code'],
  ['the code one level too deep', '{"arguments": {"code": "1"}}', 'hold no code'],
  ['quotation marks that are not escaped', '{"code": "print("hi")"}', 'are not valid JSON'],
  ['arguments that were cut off', '{"code": "delete(', 'end in the middle'],
])('for %s the model gets the reason', (_what, text, problem) => {
  expect(readCode(text).problem).toContain(`Nothing was run: the arguments ${problem}`)
})
