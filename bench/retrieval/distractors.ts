/** Texts that answer no question, made of words of the passages and many others; the same in every run. */
import { passages } from './passages.ts'

/** Items that `|` separates. */
export const list = (items: string) => items.split('|')

const openings = list(
  "In many regions|According to an old report|As a rule|After the war|Since last year|For most visitors|Long before that|In the north|On paper|To everyone's surprise|By law|In practice|At first sight|Every autumn|Near the border",
)
const subjects = list(
  'the council|a young engineer|the harbour master|the museum|an insurance firm|the school|a travelling merchant|the hospital|the orchestra|a retired teacher|the laboratory|the ministry|a fishing crew|the editor|the gardener|a team of climbers|the company|the weather service|a group of farmers|the architect',
)
const verbs = list(
  'records|sells|compares|inspects|repairs|paints|measures|collects|delays|finances|describes|replaces|copies|tests|forbids|recommends|moves|stores|rents|opens',
)
const objects = list(
  'wooden boats|the annual accounts|several bridges|old maps|the new timetable|imported fabrics|its archive|paintings of the coast|the water supply|spare parts|tall towers|the garden wall|a set of drums|fresh vegetables|the lighting|school uniforms|glass bottles|the festival|two laboratories|the ferry',
)
const reasons = list(
  'because costs have doubled|although few people asked for it|so that nobody is left out|while the work goes on|until the permit arrives|unless it rains|as the committee had promised|before the season begins|without telling the press|when the market closes',
)

/** Numbers in 0..1 that look random and are the same in every run. */
export function seededRandom(seed: number): () => number {
  let state = seed
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0
    return state / 2 ** 32
  }
}

/** `count` texts of four to seven sentences; each borrows rare words from one of the real passages. */
export function distractors(count: number, seed = 7): string[] {
  const random = seededRandom(seed)
  const pick = <T>(list: T[]): T => list[Math.floor(random() * list.length)] as T
  return Array.from({ length: count }, () => {
    const borrowed = pick(passages).text.match(/\b[a-z]{5,}\b/g) ?? []
    const sentences = Array.from({ length: 4 + Math.floor(random() * 4) }, () => {
      const start = `${pick(openings)} ${pick(subjects)} ${pick(verbs)} ${pick(objects)}`
      return random() < 0.5
        ? `${start} ${pick(reasons)}.`
        : `${start} with ${pick(borrowed)} and ${pick(borrowed)}, ${pick(reasons)}.`
    })
    return sentences.join(' ')
  })
}
