/** Reads Rich Text Format: control words, groups and code pages, as far as text needs them. */
import { TextDecoder } from 'node:util'
import { readFile } from 'node:fs/promises'
import { parseFailures } from '../parse-failure.ts'
import type { SectionSink } from '../sections.ts'
import { SectionFlow } from './section-flow.ts'

/** Groups that hold no text of the document. */
const silent = new Set(
  (
    'fonttbl colortbl stylesheet info pict object objdata themedata colorschememapping latentstyles datastore ' +
    'listtable listoverridetable rsidtbl generator xmlnstbl fldinst header headerl headerr headerf footer footerl ' +
    'footerr footerf pntext listtext bkmkstart bkmkend filetbl revtbl mmathPr wgrffmtfilter datafield'
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
/** Names that `TextDecoder` has for Windows code pages other than 125x. */
const codePages: Record<number, string> = {
  932: 'shift_jis',
  936: 'gbk',
  949: 'euc-kr',
  950: 'big5',
  10000: 'macintosh',
  65001: 'utf-8',
}

interface Group {
  silent: boolean
  /** Characters that stand in for each `\u` for old readers. */
  skip: number
}

export async function extractRtf(path: string, sink: SectionSink): Promise<void> {
  const source = (await readFile(path)).toString('latin1')
  if (!source.startsWith('{\\rtf')) throw parseFailures.damaged('no rtf header')
  const flow = new SectionFlow(sink)
  new RtfReader(source, flow).read()
  flow.end()
}

class RtfReader {
  readonly #source: string
  readonly #flow: SectionFlow
  #at = 0
  #groups: Group[] = []
  #group: Group = { silent: false, skip: 1 }
  #decoder = new TextDecoder('windows-1252')
  /** Bytes of `\'hh` in a row: one character of a wide code page is two of them. */
  #bytes: number[] = []
  #toSkip = 0
  #cells = 0

  constructor(source: string, flow: SectionFlow) {
    this.#source = source
    this.#flow = flow
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
    this.#group = this.#groups.pop() ?? { silent: false, skip: 1 }
    this.#toSkip = 0
  }

  #plain(character: string): void {
    if (this.#toSkip > 0) this.#toSkip -= 1
    else if (character > '\u007f') this.#bytes.push(character.charCodeAt(0))
    else this.#write(character)
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
      else if (!Number.isNaN(byte)) this.#bytes.push(byte)
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
    else if (word === 'ansicpg') this.#decoder = decoderOf(value ?? 1252)
    else if (silent.has(word)) this.#group.silent = true
    else if (character !== undefined) this.#write(character)
    else if (word === 'par' || word === 'line' || word === 'sect' || word === 'page') this.#break()
    else if (word === 'cell') this.#cell()
    else if (word === 'row') this.#row()
  }

  #unicode(value: number): void {
    this.#writeBytes()
    if (!this.#group.silent) this.#flow.text(String.fromCharCode(value & 0xffff))
    this.#toSkip = this.#group.skip
  }

  #cell(): void {
    this.#cells += 1
    this.#writeBytes()
    if (!this.#group.silent) this.#flow.cell()
  }

  #row(): void {
    this.#cells = 0
    this.#writeBytes()
    if (!this.#group.silent) this.#flow.line()
  }

  #break(): void {
    this.#writeBytes()
    if (this.#group.silent) return
    if (this.#cells > 0) this.#flow.text(' ')
    else this.#flow.line()
  }

  #write(text: string): void {
    this.#writeBytes()
    if (!this.#group.silent) this.#flow.text(text)
  }

  #writeBytes(): void {
    if (this.#bytes.length === 0) return
    const text = this.#decoder.decode(Uint8Array.from(this.#bytes))
    this.#bytes = []
    if (!this.#group.silent) this.#flow.text(text)
  }
}

function decoderOf(codePage: number): TextDecoder {
  try {
    return new TextDecoder(codePages[codePage] ?? `windows-${codePage}`)
  } catch {
    return new TextDecoder('windows-1252')
  }
}
