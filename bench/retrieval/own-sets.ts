/**
 * Sets made by script, the same in every run: code and identifiers, tables, long documents. Each has 200 questions, and
 * for each question other texts that share nearly all of its words.
 */
import { list, seededRandom } from './distractors.ts'
import type { RetrievalSet } from './sets.ts'

const questions = 200

export function setsByScript(): RetrievalSet[] {
  return [codeSet(), tableSet(), documentSet()]
}

const capital = (word: string) => word.charAt(0).toUpperCase() + word.slice(1)
const camel = (words: string[]) => words.map((word, at) => (at === 0 ? word : capital(word))).join('')
const snake = (words: string[]) => words.join('_')

/** All pairs of entries, in a random order that is the same in every run. */
function pairs(ones: string[], others: string[], seed: number): [string, string][] {
  const random = seededRandom(seed)
  return ones
    .flatMap((one) => others.map((other): [string, string] => [one, other]))
    .map((pair) => ({ pair, place: random() }))
    .toSorted((one, other) => one.place - other.place)
    .map(({ pair }) => pair)
}

/** Functions, and callers of each: the right text defines what the question names. */
function codeSet(): RetrievalSet {
  const verbs = list(
    'parse|retry|merge|verify|rotate|compress|schedule|revoke|flatten|export|lock|count|copy|split',
  )
  const nouns = list(
    'invoice header|upload part|session token|audit entry|tenant quota|backup chunk|mail queue|price rule|cache shard|user avatar|search index|webhook secret|report page|payment intent|log segment',
  )
  const all = pairs(verbs, nouns, 17).slice(0, questions)
  const nameOf = (at: number) => {
    const [verb = '', noun = ''] = all[at] ?? []
    const words = [verb, ...noun.split(' ')]
    return at % 2 === 0 ? camel(words) : snake(words)
  }
  const codeOf = (at: number) => `ERR_${4000 + at * 7}`
  const definitions = all.map(([verb, noun], at) => {
    const called = nameOf((at + 61) % questions)
    return at % 2 === 0
      ? `/** Used to ${verb} the ${noun} before it is stored. */\nexport async function ${nameOf(at)}(input: Buffer, limit = ${at + 3}) {\n  if (input.length > limit) throw new Failure('${codeOf(at)}')\n  const value = await ${called}(input)\n  return value ?? defaults[${at}]\n}`
      : `def ${nameOf(at)}(source, limit=${at + 3}):\n    """Used to ${verb} the ${noun} after it was read."""\n    if len(source) > limit:\n        raise Failure("${codeOf(at)}")\n    return ${called}(source)`
  })
  const callers = all.map(([, noun], at) => {
    const names = [at, at + 1, at + 2].map((one) => nameOf(one % questions))
    return `test('the ${noun} of customer ${at}', async () => {\n  const first = await ${names[0]}(sample)\n  expect(await ${names[1]}(first)).toEqual(await ${names[2]}(other))\n})`
  })
  const ask = [
    (at: number) => `where is ${nameOf(at)} defined`,
    (at: number) => `What happens when ${codeOf(at)} is thrown?`,
    (at: number) => `function to ${all[at]?.[0]} the ${all[at]?.[1]}`,
    // The words of the name, in another spelling.
    (at: number) => `${snake([...(all[at] ?? [])].join(' ').split(' '))} limit`,
  ]
  return {
    name: 'code',
    measure: 'recall@1',
    texts: [...definitions, ...callers],
    queries: all.map((_, at) => ({ text: ask[at % ask.length]?.(at) ?? '', right: new Set([at]) })),
  }
}

/** Tables of one measure and year each: all towns are in all of them. */
function tableSet(): RetrievalSet {
  const measures = list(
    'rainfall in mm|visitors|rent in euros|births|bicycles counted|books lent|power in kWh|ferries',
  )
  const years = list('2011|2012|2013|2014|2015|2016|2017|2018|2019|2020|2021|2022')
  const towns = list(
    'Altsee|Brunnfeld|Carlshafen|Dornau|Eichmoor|Falkental|Grünwerder|Hohenbach|Ilmstadt|Jarnow|Kaltenberg|Lindhorst',
  )
  const random = seededRandom(29)
  const tables = pairs(measures, years, 31)
  const texts = tables.map(([measure, year], at) => {
    const rows = towns.map((town) => [town, ...[1, 2, 3].map(() => Math.floor(random() * 9000) + 100)])
    const head = ['town', 'spring', 'summer', 'autumn']
    const line = (cells: (string | number)[]) => (at % 2 === 0 ? `| ${cells.join(' | ')} |` : cells.join(','))
    return [`${capital(measure)}, ${year}`, line(head), ...rows.map(line)].join('\n')
  })
  const queries = Array.from({ length: questions }, (_, at) => {
    const table = Math.floor(random() * tables.length)
    const [measure = '', year = ''] = tables[table] ?? []
    const town = towns[at % towns.length] ?? ''
    return {
      text:
        at % 2 === 0 ? `What was the ${measure} of ${town} in ${year}?` : `${town} ${measure} summer ${year}`,
      right: new Set([table]),
    }
  })
  return { name: 'tables', measure: 'recall@1', texts, queries }
}

/** Reports of twenty sections: each subject is in every report, and each place in every section of its report. */
function documentSet(): RetrievalSet {
  const places = list(
    'the Halvorsen library|the Mirow lighthouse|the Calder mill|the Orsini baths|the Tamsin theatre|the Benedek archive|the Quilley barracks|the Ravn brewery|the Sorrel greenhouse|the Ulvik station',
  )
  const subjects: [topic: string, finding: string, question: string][] = [
    ['the roof', 'slates slipped and rafters sag by', 'How far do the rafters sag at'],
    ['the cellar', 'groundwater stands on the floor up to', 'How high is the water below ground at'],
    ['the windows', 'panes are cracked, in all', 'How many panes are broken at'],
    ['the heating', 'the boiler burns each day', 'How much fuel does the boiler need at'],
    ['the stairs', 'treads are worn down by', 'How worn are the steps at'],
    ['the wiring', 'cables were last tested in section', 'Which part of the cables was tested last at'],
    ['the fire doors', 'hinges fail after openings, about', 'When do the hinges of the fire doors fail at'],
    ['the paint', 'lead was found in layers numbered', 'In which layers is lead at'],
    ['the drains', 'roots block the pipe after', 'Where do roots block the pipes at'],
    ['the insurance', 'the yearly premium rose to', 'What does the insurance of a year cost at'],
    ['the visitors', 'on open days people come, at most', 'How many people come on open days to'],
    ['the garden', 'trees must be felled, in number', 'How many trees have to go at'],
    ['the lift', 'the cabin stops short of the floor by', 'By how much does the cabin miss the floor at'],
    [
      'the bells',
      'the clapper cracked after strokes, about',
      'After how many strokes did the clapper crack at',
    ],
    ['the masonry', 'mortar is missing to a depth of', 'How deep is the mortar gone at'],
    ['the archive room', 'humidity climbs at night to', 'How damp does the archive room get at night at'],
    ['the kitchen', 'the ovens were bought for', 'What did the ovens cost at'],
    ['the parking', 'bays are free on weekdays, about', 'How many bays are free on weekdays at'],
    ['the flooring', 'boards were laid in the year', 'When were the boards laid at'],
    ['the acoustics', 'the echo lasts for tenths of a second, about', 'How long is the echo at'],
  ]
  const random = seededRandom(41)
  const pick = <Value>(values: Value[]) => values[Math.floor(random() * values.length)] as Value
  const filler = list(
    'The surveyor came twice and spoke with the caretaker.|Earlier papers say little about this.|The council asked for a second opinion.|Photographs are attached at the end.|Work could begin after the winter.|Prices were compared with those of three firms.|Nothing else was noticed during the visit.|The owner agreed to the proposal in writing.',
  )
  const texts = places.flatMap((place) =>
    subjects.map(([topic, finding]) => {
      const others = Array.from({ length: 14 }, () => pick(filler))
      others.splice(4, 0, `As to ${topic} of ${place}: ${finding} ${Math.floor(random() * 400) + 20}.`)
      others.splice(10, 0, `Compared with ${pick(subjects)[0]}, this is urgent.`)
      return others.join(' ')
    }),
  )
  return {
    name: 'long documents',
    measure: 'recall@1',
    texts,
    queries: texts.map((_, at) => ({
      text: `${subjects[at % subjects.length]?.[2]} ${places[Math.floor(at / subjects.length)]}?`,
      right: new Set([at]),
    })),
  }
}
