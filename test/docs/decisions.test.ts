import { readdirSync, readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { expect, test } from 'vitest'

const root = resolve(import.meta.dirname, '../..')
const folder = join(root, 'docs/decisions')
const files = readdirSync(folder).toSorted()
const numbers = files.map((file) => file.slice(0, 4))

test('decisions are numbered without gaps, and each has its number in its title', () => {
  expect(numbers).toEqual(files.map((_, at) => String(at + 1).padStart(4, '0')))
  const titles = files.map((file) => readFileSync(join(folder, file), 'utf8').split('\n')[0]?.slice(0, 7))
  expect(titles).toEqual(numbers.map((number) => `# ${number} `))
})

test('every decision that a text names exists', () => {
  const texts = ['docs', 'src'].flatMap((directory) =>
    readdirSync(join(root, directory), { recursive: true, encoding: 'utf8' })
      .filter((file) => /\.(md|ts)$/.test(file))
      .map((file) => readFileSync(join(root, directory, file), 'utf8')),
  )
  const named = texts.flatMap((text) =>
    [...text.matchAll(/[Dd]ecisions? [^.;\n]*/g)].flatMap(([words]) => words.match(/\b0\d{3}\b/g) ?? []),
  )
  expect(named.length).toBeGreaterThan(5)
  expect(named.filter((number) => !numbers.includes(number))).toEqual([])
})
