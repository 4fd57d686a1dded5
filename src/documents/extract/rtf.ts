/** Reads Rich Text Format: control words, groups and code pages, as far as text needs them. */
import { readFile } from 'node:fs/promises'
import { TextDecoder } from 'node:util'
import { parseFailures } from '../parse-failure.ts'
import type { SectionSink } from '../sections.ts'
import { decodeBytes, knownEncoding } from './decode-text.ts'
import { SectionFlow } from './section-flow.ts'
import { TextSurvey } from './text-survey.ts'

/** Groups that have no text of the document. */
const silent = new Set(
  (
    'fonttbl colortbl stylesheet info pict object objdata themedata colorschememapping latentstyles datastore ' +
    'listtable listoverridetable rsidtbl generator xmlnstbl fldinst header headerl headerr headerf footer footerl ' +
    'footerr footerf shprslt pntext listtext bkmkstart bkmkend filetbl revtbl mmathPr wgrffmtfilter datafield'
  ).split(' '),
)
const characters: Record<string, string> = {
  emdash: '—',
  endash: '–',
  bullet: '•',
  lquote: '‘',
  rquote: '’',
  ldblquote: '“',
  rdblquote: '”',
  emspace: ' ',
  enspace: ' ',
  qmspace: ' ',
  tab: ' ',
}
/** Labels of `TextDecoder` for code pages other than Windows 125x. */
const codePages: Record<number, string> = {
  866: 'ibm866',
  874: 'windows-874',
  932: 'shift_jis',
  936: 'gbk',
  949: 'euc-kr',
  950: 'big5',
  1361: 'euc-kr',
  10000: 'macintosh',
  10007: 'x-mac-cyrillic',
  20866: 'koi8-r',
  21866: 'koi8-u',
  51932: 'euc-jp',
  54936: 'gb18030',
  65001: 'utf-8',
}
/** `\fcharset` of a font to its code page; 0 and 1 mean the code page of the document. */
const charsets: Record<number, number> = {
  77: 10000,
  128: 932,
  129: 949,
  130: 1361,
  134: 936,
  136: 950,
  161: 1253,
  162: 1254,
  163: 1258,
  177: 1255,
  178: 1256,
  186: 1257,
  204: 1251,
  222: 874,
  238: 1250,
}

interface Group {
  /** Whether the group has no text of the document. */
  silent: boolean
  /** Whether the text is not shown: `\v` or `\deleted`. */
  hidden: boolean
  /** How many characters after each `\u` replace it for old readers. */
  skip: number
  /** The number of the font. Its charset decides how bytes are decoded. */
  font: number
  isFontTable: boolean
}

export async function extractRtf(path: string, sink: SectionSink): Promise<void> {
  const bytes = await readFile(path)
  const source = bytes.toString('latin1')
  if (!source.startsWith('{\\rtf')) throw parseFailures.damaged('no rtf header')
  const survey = new TextSurvey()
  survey.add(bytes)
  const flow = new SectionFlow(sink)
  // Bytes above 127 should be escaped. Programs that do not escape them write UTF-8 or the code page.
  new RtfReader(source, flow, survey.wellFormed > survey.illFormed).read()
  flow.end()
}

class RtfReader {
  readonly #source: string
  readonly #flow: SectionFlow
  readonly #isUtf8: boolean
  #at = 0
  #groups: Group[] = []
  #group: Group = { silent: false, hidden: false, skip: 1, font: 0, isFontTable: false }
  #codePage = 1252
  #defaultFont = 0
  /** Font number to code page. */
  readonly #fonts = new Map<number, number>()
  readonly #decoders = new Map<number, TextDecoder>()
  /** Consecutive bytes, decoded together: a character of a wide code page has two bytes. */
  #bytes: number[] = []
  #bytesCodePage = 1252
  #toSkip = 0
  #cells = 0

  constructor(source: string, flow: SectionFlow, isUtf8: boolean) {
    this.#source = source
    this.#flow = flow
    this.#isUtf8 = isUtf8
  }

  read(): void {
    while (this.#at < this.#source.length) {
      const character = this.#source[this.#at] ?? ''
      if (character === '\\') {
        this.#control()
        continue
      }
      this.#at += 1
      if (character === '{') this.#open()
      else if (character === '}') this.#close()
      else if (character !== '\r' && character !== '\n') this.#plain(character)
    }
    this.#writeBytes()
  }

  #open(): void {
    this.#writeBytes()
    this.#groups.push(this.#group)
    this.#group = { ...this.#group }
  }

  #close(): void {
    this.#writeBytes()
    this.#group = this.#groups.pop() ?? this.#group
    this.#toSkip = 0
  }

  #plain(character: string): void {
    if (this.#toSkip > 0) this.#toSkip -= 1
    else if (character > '\u007f') {
      this.#addByte(character.charCodeAt(0), this.#isUtf8 ? 65001 : this.#fontCodePage)
    } else this.#write(character)
  }

  #control(): void {
    const word = /\\([a-zA-Z]+)(-?\d+)? ?/y
    word.lastIndex = this.#at
    const found = word.exec(this.#source)
    if (found) {
      this.#at = word.lastIndex
      this.#word(found[1] ?? '', found[2] === undefined ? undefined : Number(found[2]))
      return
    }
    const symbol = this.#source[this.#at + 1] ?? ''
    this.#at += 2
    if (symbol === "'") {
      const byte = Number.parseInt(this.#source.slice(this.#at, this.#at + 2), 16)
      this.#at += 2
      if (this.#toSkip > 0) this.#toSkip -= 1
      else if (!Number.isNaN(byte)) this.#addByte(byte, this.#fontCodePage)
    } else if (symbol === '*') this.#group.silent = true
    else if (symbol === '~') this.#write(' ')
    else if (symbol === '_') this.#write('-')
    else if (symbol === '\n' || symbol === '\r') this.#break()
    else if ('\\{}'.includes(symbol)) this.#plain(symbol)
  }

  #word(word: string, value: number | undefined): void {
    const character = characters[word]
    if (word === 'u') this.#unicode(value ?? 0)
    else if (word === 'uc') this.#group.skip = value ?? 1
    else if (word === 'bin') this.#at += Math.max(0, value ?? 0)
    else if (word === 'ansicpg') this.#codePage = value ?? 1252
    else if (word === 'mac') this.#codePage = 10000
    else if (word === 'shptxt') this.#group.silent = false
    else if (word === 'v' || word === 'deleted') this.#group.hidden = value !== 0
    else if (silent.has(word)) {
      this.#group.silent = true
      this.#group.isFontTable ||= word === 'fonttbl'
    } else if (character !== undefined) this.#write(character)
    else if (word === 'par' || word === 'line' || word === 'sect' || word === 'page') this.#break()
    else if (word === 'cell') this.#cell()
    else if (word === 'row') this.#row()
    else this.#fontWord(word, value ?? 0)
  }

  #fontWord(word: string, value: number): void {
    const { isFontTable, font } = this.#group
    if (word === 'f' || word === 'af') this.#group.font = value
    else if (word === 'deff') {
      this.#defaultFont = value
      this.#group.font = value
    } else if (word === 'plain') {
      this.#group.font = this.#defaultFont
      this.#group.hidden = false
    } else if (isFontTable && word === 'fcharset') {
      const codePage = charsets[value]
      if (codePage !== undefined) this.#fonts.set(font, codePage)
    } else if (isFontTable && word === 'cpg') this.#fonts.set(font, value)
  }

  get #fontCodePage(): number {
    return this.#fonts.get(this.#group.font) ?? this.#codePage
  }

  get #isShown(): boolean {
    return !this.#group.silent && !this.#group.hidden
  }

  #addByte(byte: number, codePage: number): void {
    if (codePage !== this.#bytesCodePage) this.#writeBytes()
    this.#bytesCodePage = codePage
    this.#bytes.push(byte)
  }

  #unicode(value: number): void {
    this.#writeBytes()
    if (this.#isShown) this.#flow.text(String.fromCharCode(value & 0xffff))
    this.#toSkip = this.#group.skip
  }

  #cell(): void {
    this.#cells += 1
    this.#writeBytes()
    if (this.#isShown) this.#flow.cell()
  }

  #row(): void {
    this.#cells = 0
    this.#writeBytes()
    if (this.#isShown) this.#flow.line()
  }

  #break(): void {
    this.#writeBytes()
    if (!this.#isShown) return
    if (this.#cells > 0) this.#flow.text(' ')
    else this.#flow.line()
  }

  #write(text: string): void {
    this.#writeBytes()
    if (this.#isShown) this.#flow.text(text)
  }

  #writeBytes(): void {
    if (this.#bytes.length === 0) return
    const text = decodeBytes(this.#decoderOf(this.#bytesCodePage), Uint8Array.from(this.#bytes))
    this.#bytes = []
    if (this.#isShown) this.#flow.text(text)
  }

  #decoderOf(codePage: number): TextDecoder {
    const known = this.#decoders.get(codePage)
    if (known) return known
    const decoder = new TextDecoder(
      knownEncoding(codePages[codePage] ?? `windows-${codePage}`) ?? 'windows-1252',
    )
    this.#decoders.set(codePage, decoder)
    return decoder
  }
}
