/**
 * Decides the character encoding of a file and decodes it. All formats whose bytes are text use this one rule:
 * byte order mark, UTF-16 by its zero bytes, declared encoding, UTF-8 by its share of well-formed sequences, else a
 * detection library. Text that cannot be decoded reliably is refused.
 */
import { createReadStream } from 'node:fs'
import { TextDecoder } from 'node:util'
import { parseFailures } from '../parse-failure.ts'
import { TextSurvey } from './text-survey.ts'

/** Finds the encoding that a file declares in its first bytes, read as Latin-1. */
export type DeclaredEncoding = (head: string) => string | undefined

/** The encodings that detection may return: the library's name -> the label of `TextDecoder`. */
const detectable: Record<string, string> = {
  big5: 'big5',
  cp932: 'shift_jis',
  'euc-jp': 'euc-jp',
  cp949: 'euc-kr',
  gb18030: 'gb18030',
  'koi8-r': 'koi8-r',
  'koi8-u': 'koi8-u',
  cp866: 'ibm866',
  ibm866: 'ibm866',
  cp874: 'windows-874',
  'windows-1251': 'windows-1251',
  'windows-1253': 'windows-1253',
  'iso-8859-7': 'iso-8859-7',
  'windows-1255': 'windows-1255',
  'windows-1256': 'windows-1256',
  'windows-1258': 'windows-1258',
}
const latin: Record<string, string> = {
  'windows-1252': 'windows-1252',
  'windows-1250': 'windows-1250',
  'iso-8859-2': 'iso-8859-2',
  'windows-1254': 'windows-1254',
  'windows-1257': 'windows-1257',
  'mac-roman': 'macintosh',
  macroman: 'macintosh',
}
/** Below this confidence, a result is a guess. The library's confidence is low for correct results too. */
const leastConfidence = 0.02
/** The best encoding must score this many times better than the second one when the two give different texts. */
const lead = 1.5
/** Another Latin encoding must score this many times better than Windows-1252. */
const latinLead = 1.25
/** Below this confidence, another Latin encoding counts as a guess. */
const leastLatinConfidence = 0.03
/** From this share of words in two alphabets on, a detected encoding counts as wrong. */
const mostMixed = 0.3
/** From this share of damaged characters on, a detected encoding counts as wrong. */
const mostDamaged = 0.02
/** This many valid multi-byte sequences prove UTF-8, also when the file declares another encoding. */
const provesUtf8 = 4

/**
 * The text of a file, in pieces. Bytes that are invalid in the encoding become U+FFFD. Throws `ParseFailure` for a file
 * that is not text or whose encoding is unknown.
 */
export async function* decodeFile(path: string, declared?: DeclaredEncoding): AsyncGenerator<string> {
  const decoder = new TextDecoder(await encodingOfFile(path, declared))
  for await (const bytes of createReadStream(path)) {
    yield decoder.decode(bytes as Buffer, { stream: true })
  }
  yield decoder.decode()
}

/** Reads the whole file. Throws as `encodingOf` does. */
export async function encodingOfFile(path: string, declared?: DeclaredEncoding): Promise<string> {
  const survey = new TextSurvey()
  for await (const bytes of createReadStream(path)) survey.add(bytes as Buffer)
  return encodingOf(survey, declared)
}

/** The kind of UTF-16 that the first bytes of a file show; undefined for every other encoding. */
export function wideEncodingOf(head: Buffer): string | undefined {
  const survey = new TextSurvey()
  survey.add(head)
  return survey.wideEncoding()
}

/** The label for `TextDecoder`. Throws `ParseFailure` when the bytes are not text or the encoding is unknown. */
export async function encodingOf(survey: TextSurvey, declared?: DeclaredEncoding): Promise<string> {
  const wide = survey.wideEncoding()
  if (wide) return wide
  if (survey.isBinary()) throw parseFailures.unsupported()
  const label = knownEncoding(declared?.(survey.head.toString('latin1')))
  const isUtf8 = survey.wellFormed > survey.illFormed
  if (label !== undefined && label !== 'utf-8') {
    const isContradicted = survey.illFormed === 0 && survey.wellFormed >= provesUtf8
    return isContradicted ? 'utf-8' : label
  }
  if (isUtf8) return 'utf-8'
  if (survey.high === 0) return survey.isIso2022Jp ? 'iso-2022-jp' : 'utf-8'
  return detectEncoding(survey)
}

async function detectEncoding(survey: TextSurvey): Promise<string> {
  const { detectAll } = await import('jschardet')
  const sample = survey.sample()
  // In Latin script a letter with an accent is between plain letters; in other scripts such bytes come in runs.
  const allowed = survey.isLatinScript ? latin : { ...detectable, ...latin }
  const found = detectAll(sample, { detectEncodings: Object.keys(allowed), minimumThreshold: 0 }).flatMap(
    ({ encoding, confidence }) => {
      const label = allowed[encoding?.toLowerCase() ?? '']
      return label === undefined ? [] : [{ label, confidence }]
    },
  )
  const best = found[0]
  if (survey.isLatinScript || (best && Object.values(latin).includes(best.label))) return latinEncoding(found)
  if (!best || best.confidence < leastConfidence) throw parseFailures.unknownEncoding()
  const text = decodeBytes(new TextDecoder(best.label), sample)
  // `GrцЯe` is not a word: these bytes are letters with accents.
  if (mixesScripts(text))
    return latinEncoding(found.filter(({ label }) => Object.values(latin).includes(label)))
  const rivals = found.slice(1).filter(({ confidence }) => confidence * lead > best.confidence)
  const isAmbiguous = rivals.some(({ label }) => differs(text, decodeBytes(new TextDecoder(label), sample)))
  if (isAmbiguous || isDamaged(text)) throw parseFailures.unknownEncoding()
  return best.label
}

/** Whether many words of another alphabet contain Latin letters. Ignores Chinese and Japanese. */
function mixesScripts(text: string): boolean {
  const words = text.match(/[\p{L}]*[\u0370-\u1fff][\p{L}]*/gu) ?? []
  return words.filter((word) => /[A-Za-z]/.test(word)).length > words.length * mostMixed
}

/** Windows-1252 unless another encoding is clearly better: its letters are those of most European languages. */
function latinEncoding(found: { label: string; confidence: number }[]): string {
  const western = found.find(({ label }) => label === 'windows-1252')?.confidence ?? 0
  const best = found[0]
  if (!best || best.confidence < leastLatinConfidence) return 'windows-1252'
  return best.confidence > western * latinLead ? best.label : 'windows-1252'
}

/** Whether most characters differ: encodings of one script agree on nearly all letters. */
function differs(text: string, other: string): boolean {
  let equal = 0
  for (let at = 0; at < text.length; at += 1) if (text[at] === other[at]) equal += 1
  return equal < text.length / 2
}

function isDamaged(text: string): boolean {
  const damaged = text.match(/[\ufffd\u0080-\u009f\ue000-\uf8ff]/g)?.length ?? 0
  return damaged > text.length * mostDamaged
}

/** Decodes all bytes as a stream, because in a single call Node 20 reads Windows-1252 as Latin-1. */
export function decodeBytes(decoder: TextDecoder, bytes: Uint8Array): string {
  return decoder.decode(bytes, { stream: true }) + decoder.decode()
}

/** The label of `TextDecoder` for a declared name; undefined for an unknown name. */
export function knownEncoding(name: string | undefined): string | undefined {
  if (name === undefined) return undefined
  try {
    const { encoding } = new TextDecoder(name)
    // The declaration was read as Latin-1, so the file is not UTF-16.
    return encoding.startsWith('utf-16') ? undefined : encoding
  } catch {
    return undefined
  }
}

/** `<?xml version="1.0" encoding="koi8-r"?>` */
export function xmlEncoding(head: string): string | undefined {
  return /^[^<]{0,4}<\?xml[^>]*?\sencoding\s*=\s*["']([\w.:-]+)/i.exec(head)?.[1]
}

/** `<meta charset="…">`, `<meta http-equiv="Content-Type" content="text/html; charset=…">`, or the XML declaration. */
export function htmlEncoding(head: string): string | undefined {
  return xmlEncoding(head) ?? /<meta[^>]*?charset\s*=\s*["']?([\w.:-]+)/i.exec(head)?.[1]
}

/** The XML declaration, `@charset` of a style sheet, or the `coding:` comment of editors in the first two lines. */
export function sourceEncoding(head: string): string | undefined {
  const lines = head.split('\n', 2).join('\n')
  return (
    xmlEncoding(head) ??
    /^@charset "([\w.:-]+)";/.exec(head)?.[1] ??
    /^[ \t\f]*(?:#|\/\/|\/\*|--|;|%|").*?coding[:=][ \t]*([-\w.]+)/m.exec(lines)?.[1]
  )
}
