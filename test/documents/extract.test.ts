import { strFromU8, strToU8, unzipSync } from 'fflate'
import { expect, test } from 'vitest'
import {
  billionLaughs,
  doc,
  docx,
  docxParagraph,
  encryptedPdf,
  epub,
  odt,
  pdf,
  pptx,
  workbook,
  zip,
} from './make-files.ts'
import { documentReader } from './reader.ts'

const reader = documentReader()

const damaged =
  'invalid_file: The file could not be parsed because it is damaged or not of the type that its name says.'

test('a pdf is read page by page, and pages without text are left out', async () => {
  const sections = await reader.sections('a.pdf', pdf(['First page\nsecond line', '', 'Third page']))
  expect(sections).toEqual([
    { text: 'First page\nsecond line\n\n', page: 1 },
    { text: 'Third page\n\n', page: 3 },
  ])
})

test('a pdf of scanned pages is refused because it has no text', async () => {
  expect(await reader.failure('a.pdf', pdf(['', '']))).toMatch(/^invalid_file: .* no text layer/)
})

test('a pdf with a password is refused as encrypted', async () => {
  expect(await reader.failure('a.pdf', encryptedPdf())).toMatch(
    /^invalid_file: .* encrypted with a password\.$/,
  )
})

test('a truncated pdf and a pdf of noise are refused as damaged', async () => {
  expect(await reader.failure('a.pdf', pdf(['x']).subarray(0, 60))).toBe(damaged)
  expect(await reader.failure('a.pdf', 'not a pdf at all')).toBe(damaged)
})

test('a docx keeps headings of translated styles, lists, tables and notes', async () => {
  const cell = (text: string) => `<w:tc>${docxParagraph(text)}</w:tc>`
  const body = [
    docxParagraph('Preface'),
    docxParagraph('Results &amp; more', '<w:pStyle w:val="berschrift1"/>'),
    docxParagraph('Rain fell.'),
    docxParagraph('one', '<w:numPr/>'),
    docxParagraph('two', '<w:numPr/>'),
    `<w:tbl><w:tr>${cell('city')}${cell('mm')}</w:tr><w:tr>${cell('Oslo')}${cell('763')}</w:tr></w:tbl>`,
    docxParagraph('The end.'),
  ].join('')
  const notes = { 'word/footnotes.xml': `<w:footnotes>${docxParagraph('Measured in 2019.')}</w:footnotes>` }
  const sections = await reader.sections('a.docx', docx(body, notes))
  expect(sections).toEqual([
    { text: 'Preface\n\n' },
    {
      heading: 'Results & more',
      text: '# Results & more\n\nRain fell.\n- one\n- two\n\ncity | mm\nOslo | 763\n\nThe end.\n\n',
    },
    { text: 'Measured in 2019.\n\n' },
  ])
})

test('the slides of a pptx come in the order in which they are shown, with their notes', async () => {
  const deck = pptx([
    { title: 'Opening', lines: ['Welcome'], notes: 'Smile here' },
    { title: 'Closing', lines: ['Thanks', 'Questions'] },
  ])
  expect(await reader.sections('a.pptx', deck)).toEqual([
    { slide: 1, heading: 'Opening', text: 'Opening\nWelcome\n\nSmile here\n\n' },
    { slide: 2, heading: 'Closing', text: 'Closing\nThanks\nQuestions\n\n' },
  ])
})

test('an odt keeps headings, lists and tables, an odp its slides', async () => {
  const text =
    '<office:text><text:h text:outline-level="2">Soil</text:h><text:p>Clay<text:s/>holds water.</text:p>' +
    '<text:list><text:list-item><text:p>lime</text:p></text:list-item></text:list>' +
    '<table:table><table:table-row><table:table-cell><text:p>a</text:p></table:table-cell>' +
    '<table:table-cell><text:p>b</text:p></table:table-cell></table:table-row></table:table></office:text>'
  const [section] = await reader.sections('a.odt', odt(text))
  expect(section).toMatchObject({ heading: 'Soil' })
  expect(section?.text).toBe('## Soil\n\nClay holds water.\n\n- lime\n\na | b\n\n')
  const slides = '<draw:page><text:p>One</text:p></draw:page><draw:page><text:p>Two</text:p></draw:page>'
  expect(await reader.sections('a.odp', odt(slides))).toMatchObject([
    { slide: 1, text: 'One\n\n' },
    { slide: 2, text: 'Two\n\n' },
  ])
})

test('the chapters of an epub come in reading order', async () => {
  const text = await reader.text(
    'a.epub',
    epub(['<h1>Dawn</h1><p>It was cold.</p>', '<h1>Dusk</h1><p>It was dark.</p>']),
  )
  expect(text).toBe('# Dawn\n\nIt was cold.\n\n# Dusk\n\nIt was dark.\n\n')
})

test.each(['xlsx', 'xls', 'ods'] as const)(
  'the sheets of an %s show cells as a reader sees them',
  async (kind) => {
    const sheets = {
      Stock: [
        ['part', 'count', 'on'],
        ['bolt', 12, new Date(2024, 2, 5, 14, 30)],
      ],
      Empty: [],
    }
    const sections = await reader.sections(`a.${kind}`, workbook(sheets, kind === 'xls' ? 'biff8' : kind))
    expect(sections).toHaveLength(1)
    expect(sections[0]?.heading).toBe('Stock')
    expect(sections[0]?.text).toContain('part | count | on\nbolt | 12 | 2024-03-05 14:30')
  },
)

test('a web page is read without its scripts and menus', async () => {
  const page =
    '<html><head><title>Bees</title><style>p{}</style></head><body><nav>Home</nav><h2>Hive</h2>' +
    '<p>Bees   dance.<br>Often.</p><ul><li>wax</li><li>honey</li></ul><script>alert(1)</script>' +
    '<pre>a\n  b</pre><table><tr><td>x</td><td>y</td></tr></table></body></html>'
  const sections = await reader.sections('a.html', page)
  expect(sections).toEqual([
    { text: 'Bees\n\n' },
    { heading: 'Hive', text: '## Hive\n\nBees dance.\nOften.\n\n- wax\n- honey\n\na\n  b\n\nx | y\n\n' },
  ])
})

test('a web page is read in the encoding that it declares', async () => {
  const page = Buffer.from('<meta charset="iso-8859-1"><p>caf\u00e9</p>', 'latin1')
  expect(await reader.text('a.htm', page)).toBe('café\n\n')
})

test('an rtf file is read without fonts and pictures', async () => {
  const source =
    "{\\rtf1\\ansi\\ansicpg1252{\\fonttbl{\\f0 Arial;}}{\\*\\generator x;}\\f0 Gr\\'fc\\'dfe\\par " +
    'second \\b line\\b0\\par\\u8364 ?5 {\\pict 0000ffff}\\{ok\\}}'
  expect(await reader.text('a.rtf', source)).toBe('Grüße\nsecond line\n€5 {ok}\n\n')
})

test('a word 97 document is read', async () => {
  expect(await reader.text('a.doc', doc('Old but\ngold: façade'))).toBe('Old but\ngold: façade\n\n')
})

test('text is read in utf-8, utf-16 and windows-1252, with and without a byte order mark', async () => {
  const words = 'naïve café\nline two'
  const swapped = Buffer.from(`\ufeff${words}`, 'utf16le').swap16()
  expect(await reader.text('a.txt', words)).toBe(words)
  expect(await reader.text('a.txt', `\ufeff${words}`)).toBe(words)
  expect(await reader.text('a.txt', Buffer.from(`\ufeff${words}`, 'utf16le'))).toBe(words)
  expect(await reader.text('a.txt', Buffer.from(words, 'utf16le'))).toBe(words)
  expect(await reader.text('a.txt', swapped)).toBe(words)
  expect(await reader.text('a.txt', Buffer.from(words, 'latin1'))).toBe(words)
})

test('a binary file with the extension of a text file is refused', async () => {
  const picture = Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a, 0, 0, 0, 0x0d, 1, 2, 3])
  expect(await reader.failure('a.txt', picture)).toBe('unsupported_file: The file type is not supported.')
})

test('markdown headings are read, except within code', async () => {
  const sections = await reader.sections('a.md', 'intro\n# One\ntext\n```sh\n# comment\n```\n## Two ##\nmore')
  expect(sections).toEqual([
    { text: 'intro\n' },
    { heading: 'One', text: '# One\ntext\n```sh\n# comment\n```\n' },
    { heading: 'Two', text: '## Two ##\nmore' },
  ])
})

test('source code, json and csv are read unchanged', async () => {
  const code = 'def f():\n    return {"a": 1}\n'
  for (const name of ['a.py', 'a.json', 'a.csv', 'a.tex', 'a.ts'])
    expect(await reader.text(name, code)).toBe(code)
})

test.each(['a.txt', 'a.md', 'a.pdf', 'a.docx', 'a.xlsx', 'a.html', 'a.rtf', 'a.doc', 'a.epub'])(
  'an empty %s says that it is empty',
  async (name) => {
    expect(await reader.failure(name, '')).toBe(
      'invalid_file: The file could not be parsed because it is empty.',
    )
  },
)

test.each(['docx', 'pptx', 'odt', 'epub', 'xlsx', 'ods', 'xls', 'doc', 'rtf'])(
  'an .%s that is something else is refused as damaged',
  async (extension) => {
    expect(await reader.failure(`a.${extension}`, 'just words')).toBe(damaged)
    expect(await reader.failure(`a.${extension}`, zip({ 'other.txt': 'hello' }))).toBe(damaged)
  },
)

test('a truncated docx is refused as damaged', async () => {
  const whole = docx(docxParagraph('x'.repeat(5000)))
  expect(await reader.failure('a.docx', whole.subarray(0, whole.length - 300))).toBe(damaged)
})

test('a docx with a password is refused as encrypted', async () => {
  expect(await reader.failure('a.docx', doc('any compound file'))).toMatch(/encrypted with a password\.$/)
})

test('entities that a document declares are not expanded', async () => {
  const part = `${billionLaughs()}<w:document><w:body>${docxParagraph('ha &l9; ha')}</w:body></w:document>`
  expect(await reader.text('a.docx', docx('', { 'word/document.xml': part }))).toBe('ha &l9; ha\n\n')
})

test('a sheet with one cell in its last row and column becomes one line', async () => {
  const far = workbook({ Far: [['near']] }, 'xlsx')
  const parts = unzipSync(far)
  const name = 'xl/worksheets/sheet1.xml'
  const sheet = strFromU8(parts[name] ?? new Uint8Array())
  const corner = '<row r="1048576"><c r="XFD1048576" t="inlineStr"><is><t>far</t></is></c></row></sheetData>'
  parts[name] = strToU8(sheet.replace('</sheetData>', corner).replace(/ref="[^"]*"/, 'ref="A1:XFD1048576"'))
  expect(await reader.text('a.xlsx', zip(parts))).toBe('# Far\nnear\nfar\n\n')
})
