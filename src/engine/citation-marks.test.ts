import { expect, test } from 'vitest'
import type { Mark } from '../sql/run-steps.ts'
import { MarkFinder } from './citation-marks.ts'

const cited: Mark = { text: '【4:0†food.txt】', type: 'file_citation', file_id: 'file-a' }
const short: Mark = { text: 'sandbox:/mnt/data/a', type: 'file_path', file_id: 'file-b' }
const long: Mark = { text: 'sandbox:/mnt/data/a.csv', type: 'file_path', file_id: 'file-c' }

function read(pieces: string[], marks: Mark[] = [cited, short, long]): string[] {
  const finder = new MarkFinder(marks)
  const found = [...pieces.flatMap((piece) => finder.push(piece)), ...finder.end()]
  return found.map(({ text, mark }) => (mark ? `<${text}>` : text))
}

test('a mark that comes in pieces comes out whole', () => {
  expect(read(['cake', '【4:', '0†food', '.txt】', '.'])).toEqual(['cake', '<【4:0†food.txt】>', '.'])
})

test('a mark that points nowhere is left as text', () => {
  expect(read(['cake【9:9†food.txt】.']).join('')).toBe('cake【9:9†food.txt】.')
})

test.each([
  '【4:0†source】',
  '【4:0】',
  '【4:0†food】',
  '【4:0†】',
  '【4：0†food.txt】',
  '【４：０†來源】',
  '【 4:0 †food.txt】',
  '【4: 0】',
])('%s is a mark of the passage with its numbers', (text) => {
  const finder = new MarkFinder([cited])
  const pieces = Array.from(`cake${text}.`).flatMap((letter) => finder.push(letter))
  expect(pieces.filter(({ mark }) => mark)).toEqual([{ text, mark: { ...cited, text } }])
  expect(pieces.map((piece) => piece.text).join('')).toBe(`cake${text}.`)
})

test('the numbers of one passage with the name of another are left as text', () => {
  const other: Mark = { text: '【4:1†towns.txt】', type: 'file_citation', file_id: 'file-d' }
  expect(read(['【4:0†towns.txt】'], [cited, other])).toEqual(['【4:0†towns.txt】'])
  expect(read(['【4:1†towns】'], [cited, other])).toEqual(['<【4:1†towns】>'])
})

test.each(['【4:0†Towns.txt】', '【4:0†towns】', '【4:0†ＴＯＷＮＳ.txt】'])(
  '%s has the numbers of one passage and the name of another in another spelling, and is left as text',
  (text) => {
    const other: Mark = { text: '【4:1†towns.txt】', type: 'file_citation', file_id: 'file-d' }
    expect(read([text], [cited, other])).toEqual([text])
  },
)

test.each([
  ['food.txt', 'food.pdf'],
  ['Plan.docx', 'plan.odt'],
  ['2024.csv', '２０２４.tsv'],
])('the numbers of %s with the name of %s, another passage, are left as text', (own, name) => {
  const marks: Mark[] = [own, name].map((file, at) => ({
    text: `【4:${at}†${file}】`,
    type: 'file_citation',
    file_id: `file-${at}`,
  }))
  expect(read([`【4:0†${name}】`], marks)).toEqual([`【4:0†${name}】`])
  expect(read([`【4:0†${own.toUpperCase()}】`], marks)).toEqual([`<【4:0†${own.toUpperCase()}】>`])
})

test('a name without its extension is that of the passage with the numbers, also when another file has it', () => {
  const other: Mark = { text: '【4:1†food.pdf】', type: 'file_citation', file_id: 'file-d' }
  expect(read(['【4:0†food】【4:1†Food】'], [cited, other])).toEqual(['<【4:0†food】>', '<【4:1†Food】>'])
})

test.each(['【4:0†foo\n】', '【4:', '【list】 of 【4 things】', '【4:0†【4:0†】'])(
  '%j is read to its end',
  (text) => {
    expect(read(Array.from(text)).join('').replace(/[<>]/g, '')).toBe(text)
  },
)

test('the longer of two paths is taken', () => {
  expect(read(['(sandbox:/mnt/data/a', '.csv)'])).toEqual(['(', '<sandbox:/mnt/data/a.csv>', ')'])
  expect(read(['(sandbox:/mnt/data/a', '.txt)']).join('')).toBe('(<sandbox:/mnt/data/a>.txt)')
})

test('a beginning that the text ends with is text', () => {
  expect(read(['x【4:0†fo']).join('')).toBe('x【4:0†fo')
})

test('without marks every piece goes through as it is', () => {
  expect(read(['a【', 'b'], [])).toEqual(['a【', 'b'])
})

test.each([1, 2, 3, 5, 8])(
  'several marks in one sentence, in deltas of %i characters, are all found',
  (size) => {
    const other: Mark = { text: '【4:10†food.txt】', type: 'file_citation', file_id: 'file-d' }
    const text = `Cake${cited.text}${other.text}, or 【plum】 pie ${other.text}; see ${long.text}${cited.text}.`
    const deltas = text.match(new RegExp(`[^]{1,${size}}`, 'gu')) ?? []
    expect(read(deltas, [cited, other, short, long]).join('')).toBe(
      'Cake<【4:0†food.txt】><【4:10†food.txt】>, or 【plum】 pie <【4:10†food.txt】>; see <sandbox:/mnt/data/a.csv><【4:0†food.txt】>.',
    )
  },
)

test('two marks side by side are two', () => {
  expect(read([`${cited.text}${cited.text}`])).toEqual([`<${cited.text}>`, `<${cited.text}>`])
})

test('numbers that are too long for a mark are not held back', () => {
  const digits = Array.from({ length: 100 }, () => '1234567890')
  for (const [start, ...rest] of [
    ['【', ...digits],
    ['【4:', ...digits],
    ['【 4 ：', ...digits],
  ]) {
    const finder = new MarkFinder([cited])
    const shown = [start ?? '', ...rest].flatMap((piece) => finder.push(piece)).map(({ text }) => text)
    expect(shown.join('')).toBe([start, ...rest].join(''))
  }
})
