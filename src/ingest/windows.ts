/** Cuts chunks into windows that fit into the input of an embedder. Chunks share the windows of their common text. */
import type { Embedder } from '../embedders/port.ts'
import { guessTokens } from '../util/count-tokens.ts'

export interface WindowSource {
  text: string
  /** Where the text lies in the document, in UTF-16 units. */
  start: number
  end: number
}

export interface TextWindow {
  text: string
  /** Indices of the chunks that contain the whole window, in order. */
  chunks: number[]
}

type Limits = Pick<Embedder, 'windowTokens'>

/** Whether every chunk fits into the input of the embedder. */
export function readsWhole(chunks: Pick<WindowSource, 'text'>[], limits: Limits): boolean {
  return chunks.every(({ text }) => guessTokens(text) <= limits.windowTokens)
}

/**
 * `chunks` are consecutive chunks of one document. Where all of them fit, each is one window, because a cut would lose
 * context. Otherwise the text is cut at every start and end of a chunk, and between these at sentences into windows of
 * about equal length. A caller that cuts a document in parts passes the same `isWhole` for all parts.
 */
export function cutWindows(
  chunks: WindowSource[],
  limits: Limits,
  isWhole = readsWhole(chunks, limits),
): TextWindow[] {
  if (isWhole) return chunks.map(({ text }, index) => ({ text, chunks: [index] }))
  const cuts = [...new Set(chunks.flatMap(({ start, end }) => [start, end]))].toSorted(
    (one, other) => one - other,
  )
  const windows: TextWindow[] = []
  for (const [index, start] of cuts.entries()) {
    const end = cuts[index + 1] ?? start
    const holders = [...chunks.keys()].filter((at) => covers(chunks[at], start, end))
    const holder = chunks[holders[0] ?? -1]
    if (!holder || end === start) continue
    const span = holder.text.slice(start - holder.start, end - holder.start)
    for (const text of cutSpan(span, limits.windowTokens)) windows.push({ text, chunks: holders })
  }
  return windows
}

function covers(chunk: WindowSource | undefined, start: number, end: number): boolean {
  return chunk !== undefined && chunk.start <= start && end <= chunk.end
}

function cutSpan(span: string, most: number): string[] {
  const pieces = span.split(/(?<=[.!?…]["'”’)\]]*\s+|[。！？]|\n)/).flatMap((piece) => shorten(piece, most))
  const sizes = pieces.map(guessTokens)
  const total = sizes.reduce((sum, size) => sum + size, 0)
  // The parts are equal, because a last window of three words would match anything.
  const goal = total / Math.max(1, Math.ceil(total / most))
  const windows: string[] = []
  let [text, tokens, done] = ['', 0, 0]
  for (const [index, piece] of pieces.entries()) {
    const size = sizes[index] ?? 0
    const target = goal * (windows.length + 1)
    const isNearest = Math.abs(done + size - target) > Math.abs(done - target)
    if ((isNearest || tokens + size > most) && text.trim() !== '') {
      windows.push(text)
      ;[text, tokens] = ['', 0]
    }
    text += piece
    tokens += size
    done += size
  }
  windows.push(text)
  return windows.map((window) => window.trim()).filter((window) => window !== '')
}

/** Cuts a sentence that is longer than a window between words, and such a word in its middle. */
function shorten(piece: string, most: number): string[] {
  if (piece === '') return []
  if (guessTokens(piece) <= most || piece.length < 2) return [piece]
  const middle = Math.floor(piece.length / 2)
  const blank = piece.lastIndexOf(' ', middle) + 1
  const at = blank > piece.length / 4 ? blank : wholeCharacter(piece, middle)
  return [...shorten(piece.slice(0, at), most), ...shorten(piece.slice(at), most)]
}

function wholeCharacter(text: string, at: number): number {
  return /[\udc00-\udfff]/.test(text[at] ?? '') && at > 1 ? at - 1 : at
}
