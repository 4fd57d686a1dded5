import { expect, test } from 'vitest'
import { modelMap, windowFor } from './model-map.ts'

const providers = ['openai', 'ollama']

test('an exact name wins over every pattern, and the longer pattern over the shorter', () => {
  const map = modelMap(
    { '*': 'openai', 'gpt-*': 'ollama/a', 'gpt-4*': 'ollama/b', '*-4o': 'ollama/c', 'gpt-4o': 'ollama/d' },
    providers,
  )
  expect(['gpt-4o', 'gpt-4.1', 'gpt-3', 'x-4o', 'other'].map((name) => map.find(name))).toEqual([
    { provider: 'ollama', model: 'd' },
    { provider: 'ollama', model: 'b' },
    { provider: 'ollama', model: 'a' },
    { provider: 'ollama', model: 'c' },
    { provider: 'openai', model: 'other' },
  ])
})

test('of two patterns that say as much, the one whose beginning is fixed wins', () => {
  const map = modelMap({ '*-mini': 'openai/a', 'gpt-4*': 'openai/b', 'gpt-*x': 'openai/c' }, providers)
  expect(map.find('gpt-4-mini')?.model).toBe('b')
})

test('an upstream name may hold slashes, and a * repeats what the pattern caught', () => {
  const map = modelMap({ 'fast-*': 'openai/meta-llama/*:free', sonnet: 'ollama/a/b' }, providers)
  expect(map.find('fast-llama$&')).toEqual({ provider: 'openai', model: 'meta-llama/llama$&:free' })
  expect(map.find('sonnet')).toEqual({ provider: 'ollama', model: 'a/b' })
})

test('a name that no pattern fits leads nowhere, and pattern letters are only letters', () => {
  const map = modelMap({ 'gpt-4.1': 'openai', 'a+(b)*': 'openai' }, providers)
  expect(map.find('gpt-4x1')).toBeUndefined()
  expect(map.find('constructor')).toBeUndefined()
  expect(map.find('a+(b)c')?.provider).toBe('openai')
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

test('context windows follow the same rules', () => {
  const windows = { '*': 8_000, 'gpt-*': 9_000, 'gpt-4o': 10_000 }
  expect(['gpt-4o', 'gpt-5', 'x'].map((name) => windowFor(windows, name))).toEqual([10_000, 9_000, 8_000])
  expect(windowFor({}, 'constructor')).toBeUndefined()
})
