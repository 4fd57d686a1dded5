import { expect, test } from 'vitest'
import { modelMap } from './model-map.ts'
import { patternTable } from './patterns.ts'

const providers = ['openai', 'ollama']

test('an exact name wins over every pattern, and the longer pattern over the shorter', () => {
  const map = modelMap(
    { '*': 'openai', 'gpt-*': 'ollama/a', 'gpt-4*': 'ollama/b', '*-4o': 'ollama/c', 'gpt-4o': 'ollama/d' },
    providers,
  )
  expect(['gpt-4o', 'gpt-4.1', 'gpt-3', 'x-4o', 'other'].map((name) => map.find(name)[0])).toMatchObject([
    { provider: 'ollama', model: 'd' },
    { provider: 'ollama', model: 'b' },
    { provider: 'ollama', model: 'a' },
    { provider: 'ollama', model: 'c' },
    { provider: 'openai', model: 'other' },
  ])
})

test('of two patterns with the same number of letters, the one with the later * wins', () => {
  const map = modelMap({ '*-mini': 'openai/a', 'gpt-4*': 'openai/b', 'gpt-*x': 'openai/c' }, providers)
  expect(map.find('gpt-4-mini')[0]?.model).toBe('b')
})

test('an upstream name may contain slashes, and its * repeats the text that the * of the pattern matched', () => {
  const map = modelMap({ 'fast-*': 'openai/meta-llama/*:free', sonnet: 'ollama/a/b' }, providers)
  expect(map.find('fast-llama$&')).toMatchObject([{ provider: 'openai', model: 'meta-llama/llama$&:free' }])
  expect(map.find('sonnet')).toMatchObject([{ provider: 'ollama', model: 'a/b' }])
})

test('a name that matches no pattern leads nowhere, and only * has a meaning in a pattern', () => {
  const map = modelMap({ 'gpt-4.1': 'openai', 'a+(b)*': 'openai' }, providers)
  expect(map.find('gpt-4x1')).toEqual([])
  expect(map.find('constructor')).toEqual([])
  expect(map.find('a+(b)c')[0]?.provider).toBe('openai')
})

test.for([
  [{ fast: 'gpt-4o', 'gpt-4o': 'openai' }, /another name in the map.*write "openai"/],
  [{ fast: 'nobody/x' }, /no such provider.*openai, ollama/],
  [{ fast: 'openai/' }, /after the slash is missing/],
  [{ fast: 'openai/*' }, /what the one \* of the pattern/],
  [{ '*-*': 'openai/*' }, /what the one \* of the pattern/],
] as [Record<string, string>, RegExp][])('the map %j is refused with a reason', ([models, reason]) => {
  expect(() => modelMap(models, providers)).toThrow(reason)
})

test('a list leads to its targets in order', () => {
  const map = modelMap({ 'gpt-*': ['openai', 'ollama/llama3'] }, providers)
  expect(map.find('gpt-4o')).toEqual([
    { provider: 'openai', model: 'gpt-4o', isWritten: false },
    { provider: 'ollama', model: 'llama3', isWritten: true },
  ])
  expect(() => modelMap({ x: ['openai', 'nobody'] }, providers)).toThrow(/no such provider/)
})

test('other tables of names follow the same rules', () => {
  const windows = patternTable(Object.entries({ '*': 8_000, 'gpt-*': 9_000, 'gpt-4o': 10_000 }))
  expect(['gpt-4o', 'gpt-5', 'x'].map((name) => windows(name)?.value)).toEqual([10_000, 9_000, 8_000])
  expect(patternTable([])('constructor')).toBeUndefined()
})
