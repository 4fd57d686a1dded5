/** The files that can be searched: those with an extension of the live API, and further ones. */

/** One reader serves many extensions. */
export type FileFormat =
  | 'text'
  | 'markdown'
  | 'json'
  | 'notebook'
  | 'html'
  | 'pdf'
  | 'docx'
  | 'pptx'
  | 'opendocument'
  | 'epub'
  | 'spreadsheet'
  | 'rtf'
  | 'doc'

const liveText = '.c .cpp .cs .css .go .java .js .php .py .rb .sh .tex .ts .txt'

/** Plain text that the live API refuses. */
const moreText =
  '.adoc .bash .bat .bib .cc .cfg .clj .cmake .conf .cts .cxx .csv .dart .diff .ex .exs .erl .f90 .fs .gradle .graphql ' +
  '.groovy .h .hpp .hs .ini .jl .jsx .kt .kts .less .log .lua .m .mjs .cjs .ml .mts .org .patch .pl .pm ' +
  '.properties .proto .ps1 .r .rs .rst .sass .scala .scss .sql .srt .svelte .swift .tf .toml .tsv .tsx .vb .vtt .vue ' +
  '.xml .yaml .yml .zig'

const formats: Record<FileFormat, string> = {
  text: `${liveText} ${moreText}`,
  markdown: '.md .markdown .mdx',
  json: '.json .jsonl .ndjson .geojson',
  notebook: '.ipynb',
  html: '.html .htm .xhtml',
  pdf: '.pdf',
  docx: '.docx .docm .dotx',
  pptx: '.pptx .pptm .ppsx',
  opendocument: '.odt .ott .odp .otp',
  epub: '.epub',
  spreadsheet: '.xlsx .xlsm .xls .ods',
  rtf: '.rtf',
  doc: '.doc',
}

const formatByExtension: ReadonlyMap<string, FileFormat> = new Map(
  Object.entries(formats).flatMap(([format, extensions]) =>
    extensions.split(' ').map((extension): [string, FileFormat] => [extension, format as FileFormat]),
  ),
)

/** Every extension that can be searched, with its dot, in order. */
export const supportedExtensions: readonly string[] = [...formatByExtension.keys()].toSorted()

/** `.pdf` for `Report.PDF`; empty when the name has no extension, as `.bashrc`. */
export function extensionOf(filename: string): string {
  const base = filename.slice(Math.max(filename.lastIndexOf('/'), filename.lastIndexOf('\\')) + 1)
  const dot = base.lastIndexOf('.')
  return dot > 0 ? base.slice(dot).toLowerCase() : ''
}

const images: ReadonlySet<string> = new Set('.png .jpg .jpeg .webp .tif .tiff .bmp .gif'.split(' '))

/** The format of a file by its name; undefined when it cannot be searched. Pictures can be searched with OCR only. */
export function formatOf(filename: string, hasOcr = false): FileFormat | 'image' | undefined {
  const extension = extensionOf(filename)
  return formatByExtension.get(extension) ?? (hasOcr && images.has(extension) ? 'image' : undefined)
}
