/** Reads Jupyter notebooks: Markdown, code and printed output in the order of the cells; no pictures. */
import type { SectionSink } from '../sections.ts'
import { decodeFile } from './decode-text.ts'
import { extractJson } from './json.ts'
import { MarkdownReader } from './text.ts'

/** Jupyter writes a text as one string or as a list of lines. */
type NotebookText = string | string[]

interface NotebookOutput {
  text?: NotebookText
  data?: Record<string, unknown>
  traceback?: string[]
}

interface NotebookCell {
  cell_type?: string
  source?: NotebookText
  /** Code of format version 3. */
  input?: NotebookText
  outputs?: NotebookOutput[]
}

/** A file that is not a notebook is read as JSON. */
export async function extractNotebook(path: string, sink: SectionSink): Promise<void> {
  let source = ''
  for await (const text of decodeFile(path)) source += text
  const cells = cellsOf(source)
  if (!cells) {
    await extractJson(path, sink)
    return
  }
  const reader = new MarkdownReader(sink)
  for (const cell of cells) for (const line of linesOf(cell)) reader.add(line)
  reader.end()
}

function cellsOf(source: string): NotebookCell[] | undefined {
  try {
    const notebook = JSON.parse(source) as { cells?: unknown; worksheets?: { cells?: unknown }[] } | null
    const cells = notebook?.cells ?? notebook?.worksheets?.flatMap((sheet) => sheet.cells ?? [])
    return Array.isArray(cells)
      ? cells.filter((cell) => typeof cell === 'object' && cell !== null)
      : undefined
  } catch {
    return undefined
  }
}

function linesOf(cell: NotebookCell): string[] {
  const source = textOf(cell.source ?? cell.input)
  if (cell.cell_type !== 'code') return splitLines(`${source.trimEnd()}\n\n`)
  const outputs = Array.isArray(cell.outputs) ? cell.outputs.map(outputText) : []
  return [source, ...outputs]
    .filter((text) => text.trim() !== '')
    .flatMap((text) => splitLines(`\`\`\`\n${text.trimEnd()}\n\`\`\`\n\n`))
}

function outputText(output: NotebookOutput): string {
  const traceback = Array.isArray(output.traceback) ? output.traceback.join('\n') : ''
  const text = textOf(output.text ?? output.data?.['text/plain']) || traceback
  // eslint-disable-next-line no-control-regex
  return text.replace(/\u001b\[[0-9;]*m/g, '')
}

function textOf(value: unknown): string {
  if (typeof value === 'string') return value
  return Array.isArray(value) ? value.filter((line) => typeof line === 'string').join('') : ''
}

function splitLines(text: string): string[] {
  return text.split(/(?<=\n)/)
}
