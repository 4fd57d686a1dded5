import { expect, test } from 'vitest'
import { cutWindows, type WindowSource } from './windows.ts'

const reader = { windowTokens: 30 }
/** As the ingest estimates English: three letters a token. */
const tokensOf = (text: string) => Math.ceil(text.length / 3)

function source(document: string, start: number, end: number): WindowSource {
  return { text: document.slice(start, end), start, end }
}

const sentence = 'Six words are in this one. '
const document = sentence.repeat(20).trim()

test('a chunk that fits into a window is read whole', () => {
  expect(cutWindows([source(document, 0, 53), source(document, 27, 80)], reader)).toEqual([
    { text: document.slice(0, 53), chunks: [0] },
    { text: document.slice(27, 80), chunks: [1] },
  ])
})

test('windows consist of whole sentences and are not longer than allowed', () => {
  const windows = cutWindows([source(document, 0, document.length)], reader)
  expect(windows.map(({ text }) => text).join(' ')).toBe(document)
  for (const { text } of windows) {
    expect(tokensOf(text)).toBeLessThanOrEqual(reader.windowTokens)
    expect(text.endsWith('one.')).toBe(true)
  }
})

test('chunks that overlap share the windows of the overlap', () => {
  const [half, whole] = [sentence.length * 10, document.length]
  const chunks = [source(document, 0, half + sentence.length * 5), source(document, half, whole)]
  const windows = cutWindows(chunks, reader)
  expect(windows.some((window) => window.chunks.length === 2)).toBe(true)
  for (const [index, chunk] of chunks.entries()) {
    const own = windows.filter((window) => window.chunks.includes(index)).map(({ text }) => text)
    expect(own.join(' ')).toBe(chunk.text.trim())
  }
})

test('the windows of a span are of about equal length', () => {
  const long = sentence.repeat(7).trim()
  const sizes = cutWindows([source(long, 0, long.length)], reader).map(({ text }) => tokensOf(text))
  expect(Math.min(...sizes)).toBeGreaterThanOrEqual(15)
})

test('sentences and words that are too long are cut, no character is halved', () => {
  const words = 'word '.repeat(95).trim()
  for (const { text } of cutWindows([source(words, 0, words.length)], reader)) {
    expect(tokensOf(text)).toBeLessThanOrEqual(reader.windowTokens)
    expect(text).toMatch(/^(word ?)+$/)
  }
  const emoji = '😀'.repeat(40)
  for (const { text } of cutWindows([source(emoji, 0, emoji.length)], reader)) {
    expect(text).toMatch(/^(😀)+$/u)
  }
})

test('windows are shorter than the limit', () => {
  const english = 'The committee approved the extraordinary budget. '.repeat(60).trim()
  const windows = cutWindows([source(english, 0, english.length)], { windowTokens: 512 })
  for (const { text } of windows) expect(text.length).toBeLessThanOrEqual(512 * 3)
})
