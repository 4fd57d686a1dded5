/** Finds the sentence that answers a question best in the passages of a file_search call. */

interface Sentence {
  text: string
  words: Set<string>
  /** The citation mark of the passage. */
  mark: string
}

/** A mark as file_search writes it before each passage. */
const markPattern = /【[^【】†]*†[^【】]*】/g
/** A quote that is shorter gets the next sentence too, in characters. */
const enough = 60
const longestQuote = 400
/** Characters of the passages that are read. */
const longestOutput = 100_000
/** Words are compared by their beginning, so that `kills` and `killed` are the same. */
const stemLength = 4

/** English words of questions that name no subject. */
const plainWords = new Set(
  `a about an and any are as at be been by can could did do does for from had has have he hello her hi him his how i if in
  is it its many may me much my no not of on or our please she should so tell than that the their them there these they
  this those to us was we were what when where which who whose why will with would you your`.split(/\s+/),
)

const segmenters = {
  sentence: new Intl.Segmenter(undefined, { granularity: 'sentence' }),
  word: new Intl.Segmenter(undefined, { granularity: 'word' }),
}

/**
 * The sentence that shares the rarest words with the question, and its mark. Where that sentence is a question
 * itself, as in a list of questions and answers, the quote begins after it. Says so when no sentence shares a word.
 */
export function quotePassage(question: string, output: string): string {
  const sentences = readSentences(output.slice(0, longestOutput))
  const wanted = wordsOf(question)
  const holders = new Map<string, number>()
  for (const { words } of sentences) for (const word of words) holders.set(word, (holders.get(word) ?? 0) + 1)
  const scoreOf = ({ words }: Sentence) => {
    let score = 0
    for (const word of words) {
      if (wanted.has(word)) score += Math.log(1 + sentences.length / (holders.get(word) ?? 1))
    }
    return score
  }
  let best = -1
  let bestScore = 0
  for (const [index, sentence] of sentences.entries()) {
    const score = scoreOf(sentence)
    if (score <= bestScore) continue
    best = index
    bestScore = score
  }
  if (isQuestion(sentences[best]) && sentences[best + 1]) best += 1
  const mark = sentences[best]?.mark
  if (mark === undefined)
    return 'I found nothing about that in the files: as a demo model I only compare words.'
  let quote = ''
  for (const sentence of sentences.slice(best)) {
    if (quote.length >= enough || sentence.mark !== mark) break
    quote += ` ${sentence.text}`
  }
  return `${cut(quote.trim(), longestQuote)} ${mark}`
}

function readSentences(output: string): Sentence[] {
  const marks = [...output.matchAll(markPattern)]
  return marks.flatMap((found, index) => {
    const [mark] = found
    const passage = output.slice(found.index + mark.length, marks[index + 1]?.index)
    // The rest of the mark's own line names the place: page, slide or heading.
    const text = passage.slice(passage.indexOf('\n') + 1)
    return sentencesOf(text).map((sentence) => ({ text: sentence, words: wordsOf(sentence), mark }))
  })
}

/** Blank lines and list items end a sentence; other line breaks do not. Headings are left out. */
function sentencesOf(text: string): string[] {
  const body = text.replaceAll(/^#{1,6} .*$/gm, '')
  return body.split(/\n[ \t]*\n|\n(?=[ \t]*(?:[-*+|>]|\d{1,3}[.)]))/).flatMap((block) => {
    const line = block.replace(/^\s*(?:[-*+|>]|\d{1,3}[.)])\s/, '').replaceAll(/\s+/g, ' ')
    return Array.from(segmenters.sentence.segment(line), ({ segment }) => segment.trim()).filter(hasWords)
  })
}

function wordsOf(text: string): Set<string> {
  const words = new Set<string>()
  for (const { segment, isWordLike } of segmenters.word.segment(text.toLowerCase())) {
    if (isWordLike && !plainWords.has(segment)) words.add(segment.slice(0, stemLength))
  }
  return words
}

function hasWords(text: string): boolean {
  return /[\p{L}\p{N}]/u.test(text)
}

function isQuestion(sentence: Sentence | undefined): boolean {
  return /[?？؟]$/.test(sentence?.text ?? '')
}

/** Shortens a text to a number of characters; an ellipsis takes the place of the rest. */
export function cut(text: string, length: number): string {
  return text.length <= length ? text : `${text.slice(0, length - 1).trimEnd()}…`
}
