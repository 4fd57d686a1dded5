import { expect, test } from 'vitest'
import { docx, docxParagraph, encodeText, epub, zip } from './make-files.ts'
import { documentReader } from './reader.ts'

const reader = documentReader()

const chinese = '这是一份关于公司年度报告的中文文件。我们在本年度取得了良好的业绩。\n'
const taiwan = '這是一份關於公司年度報告的中文文件。我們在本年度取得了良好的業績。\n'
const japanese = 'これは会社の年次報告書です。今年度は良い業績を収めました。\n'
const korean = '이것은 회사의 연간 보고서입니다. 올해 좋은 실적을 거두었습니다.\n'
const russian = 'Это годовой отчёт компании. В этом году мы достигли хороших результатов.\n'
const greek = 'Αυτή είναι η ετήσια έκθεση της εταιρείας. Φέτος πετύχαμε καλά αποτελέσματα.\n'
const german = 'Die Straße führt über die Brücke nach München. Größe und Höhe sind wichtig.\n'
const polish = 'Zażółć gęślą jaźń. To jest roczne sprawozdanie spółki za ubiegły rok.\n'
const thai = 'นี่คือรายงานประจำปีของบริษัท ปีนี้เราได้ผลลัพธ์ที่ดี\n'

test.each([
  ['gbk', chinese],
  ['big5', taiwan],
  ['shift_jis', japanese],
  ['euc-jp', japanese],
  ['euc-kr', korean],
  ['windows-1251', russian],
  ['koi8-r', russian],
  ['ibm866', russian],
  ['windows-1253', greek],
  ['windows-1252', german],
  ['windows-1250', polish],
  ['windows-874', thai],
])('text in %s without a declared encoding is decoded', async (label, text) => {
  expect(await reader.text('a.txt', encodeText(text, label))).toBe(text)
  expect(await reader.text('a.md', encodeText(text, label))).toBe(text)
})

test.each(['csv', 'json', 'html', 'xml', 'ipynb'])(
  'a .%s in an old encoding is decoded',
  async (extension) => {
    const content = `<p>"name","${russian.trim()}"\n`
    expect(await reader.text(`a.${extension}`, encodeText(content, 'windows-1251'))).toContain(russian.trim())
  },
)

test('English texts with a few accents or symbols and a short table are read as Windows-1252', async () => {
  for (const text of [
    'naïve café\nline two',
    '25 °C ± 2',
    'name,city\nJosé,São Paulo\n',
    '“quoted” – €5',
    '\\section{Größe} äöü',
  ])
    expect(await reader.text('a.csv', encodeText(text, 'windows-1252'))).toBe(text)
})

test('a Chinese comment in source code is decoded', async () => {
  const code = `// ${chinese}int main() { return 0; }\n`
  expect(await reader.text('a.c', encodeText(code, 'gbk'))).toBe(code)
})

test('UTF-8 with an invalid byte is read as UTF-8, with a warning', async () => {
  const bytes = Buffer.concat([
    Buffer.from(german.repeat(3)),
    Buffer.from([0xff]),
    Buffer.from(`\n${japanese}`),
  ])
  const { text, warnings } = await reader.read('a.txt', bytes)
  expect(text).toBe(`${german.repeat(3)}\ufffd\n${japanese}`)
  expect(warnings).toEqual(['1 characters could not be decoded'])
})

test('UTF-8 that ends within a character is read as UTF-8', async () => {
  for (const text of [`${german}ä`, `${japanese}語`, `${russian}😀`]) {
    const cut = Buffer.from(text).subarray(0, -1)
    expect(await reader.text('a.txt', cut)).toBe(`${text.slice(0, text.lastIndexOf('\n') + 1)}\ufffd`)
    expect(await reader.text('a.html', Buffer.concat([Buffer.from('<p>'), cut]))).toContain(text.slice(0, 20))
  }
})

test('UTF-8 with a line in another encoding is read as UTF-8', async () => {
  const bytes = Buffer.concat([Buffer.from(russian.repeat(5)), encodeText('Grüße\n', 'windows-1252')])
  expect(await reader.text('a.csv', bytes)).toBe(`${russian.repeat(5)}Gr\ufffd\ufffde\n`)
})

test('a web page in Latin-1 without a charset is decoded', async () => {
  const page = encodeText(`<html><body><h1>Grüße</h1><p>${german}</p></body></html>`, 'windows-1252')
  expect(await reader.text('a.html', page)).toBe(`# Grüße\n\n${german}\n`)
})

test('a web page that names its charset late, in an http-equiv or in XML is decoded', async () => {
  const filler = `<!-- ${'x'.repeat(9000)} -->`
  for (const head of [
    `${filler}<meta charset="koi8-r">`,
    '<META HTTP-EQUIV="Content-Type" CONTENT="text/html; charset=koi8-r">',
  ]) {
    const page = encodeText(`<html><head>${head}</head><body><p>Да</body></html>`, 'koi8-r')
    expect(await reader.text('a.html', page)).toBe('Да\n\n')
  }
  const xhtml = encodeText(
    '<?xml version="1.0" encoding="shift_jis"?><html><body><p>犬</p></body></html>',
    'shift_jis',
  )
  expect(await reader.text('a.xhtml', xhtml)).toBe('犬\n\n')
})

test('a page of UTF-8 that declares Latin-1 is read as UTF-8, and Latin-1 that declares UTF-8 as Latin-1', async () => {
  const body = `<p>${german.trim()}`
  expect(await reader.text('a.html', `<meta charset="iso-8859-1">${body}`)).toBe(`${german}\n`)
  const wrong = encodeText(`<meta charset="utf-8">${body}`, 'windows-1252')
  expect(await reader.text('a.html', wrong)).toBe(`${german}\n`)
})

test('source code, style sheets and XML are read in the encoding that they declare', async () => {
  for (const [name, first] of [
    ['a.py', '# -*- coding: koi8-r -*-'],
    ['a.css', '@charset "koi8-r";'],
    ['a.xml', '<?xml version="1.0" encoding="koi8-r"?>'],
  ] as const) {
    expect(await reader.text(name, encodeText(`${first}\nДа\n`, 'koi8-r'))).toBe(`${first}\nДа\n`)
  }
})

test('parts of documents are read in the encoding that they declare', async () => {
  const part = `<?xml version="1.0" encoding="windows-1251"?><w:document><w:body>${docxParagraph('Да')}</w:body></w:document>`
  const parts = { 'word/document.xml': encodeText(part, 'windows-1251') }
  expect(await reader.text('a.docx', zip(parts))).toBe('Да\n\n')
  const wide = Buffer.from(
    `\ufeff<w:document><w:body>${docxParagraph('Да')}</w:body></w:document>`,
    'utf16le',
  )
  expect(await reader.text('a.docx', zip({ 'word/document.xml': wide }))).toBe('Да\n\n')
  expect(await reader.text('a.epub', epub(['<title/><script src="x"/><p>Да</p>']))).toBe('Да\n\n')
  expect(await reader.text('a.docx', docx(docxParagraph('plain')))).toBe('plain\n\n')
})

test('UTF-16 without a byte order mark and mail in ISO-2022-JP are decoded', async () => {
  const mixed = 'Name;Āboltiņš;Ķēniņš\r\n'.repeat(20)
  expect(await reader.text('a.csv', Buffer.from(mixed, 'utf16le'))).toBe(mixed.replaceAll('\r', ''))
  const mail = Buffer.from('1b2442467c4b5c386c1b2842', 'hex')
  expect(await reader.text('a.txt', mail)).toBe('日本語')
})

test('the bytes of an RTF file are decoded by the character set of their font', async () => {
  const fonts = (charset: number) =>
    `{\\fonttbl{\\f0\\fnil\\fcharset0 Calibri;}{\\f1\\fnil\\fcharset${charset} Calibri;}}`
  const escaped = (text: string, label: string) =>
    [...encodeText(text, label)].map((byte) => `\\'${byte.toString(16).padStart(2, '0')}`).join('')
  for (const [charset, label, text] of [
    [204, 'windows-1251', 'Привет'],
    [161, 'windows-1253', 'Καλημέρα'],
    [238, 'windows-1250', 'Łódź'],
    [128, 'shift_jis', '日本語'],
    [134, 'gbk', '中文'],
  ] as const) {
    const source = `{\\rtf1\\ansi\\ansicpg1252\\deff0${fonts(charset)}\\f0 Gr\\'fc\\'dfe {\\f1 ${escaped(text, label)}} \\'e4\\par}`
    expect(await reader.text('a.rtf', source)).toBe(`Grüße ${text} ä\n`)
  }
  const plain = `{\\rtf1\\ansi\\deff1${fonts(204)}\\plain ${escaped('Да', 'windows-1251')}\\f0 \\'e4}`
  expect(await reader.text('a.rtf', plain)).toBe('Даä\n\n')
})

test('quotation marks and dashes of Windows are decoded in RTF', async () => {
  expect(await reader.text('a.rtf', "{\\rtf1\\ansi \\'93a\\'94 \\'96 \\'805}")).toBe('“a” – €5\n\n')
})

test('an RTF file with bytes of UTF-8 is read as UTF-8', async () => {
  expect(await reader.text('a.rtf', `{\\rtf1\\ansi ${german.trim()}}`)).toBe(`${german}\n`)
})

test('bytes in no known encoding and binary files are refused', async () => {
  const noise = Buffer.from(
    Array.from({ length: 4000 }, (_, at) => 0x80 + ((at * 7919 + ((at * at) % 251) * 31) % 127)),
  )
  expect(await reader.failure('a.txt', noise)).toBe(
    'invalid_file: The file could not be parsed because its character encoding is not known; save it as UTF-8.',
  )
  // A short list of names that is Japanese in one encoding and Chinese in another.
  const names = encodeText('名前,都市\n田中,東京\n佐藤,大阪\n', 'euc-jp')
  expect(await reader.failure('a.csv', names)).toMatch(/character encoding is not known/)
  const program = Buffer.from(Array.from({ length: 4000 }, (_, at) => 1 + ((at * 7919) % 255)))
  expect(await reader.failure('a.csv', program)).toBe('unsupported_file: The file type is not supported.')
})

test('a file whose text is mostly undecodable is refused', async () => {
  expect(await reader.failure('a.txt', `${'\ufffd'.repeat(60)} only this`)).toBe(
    'invalid_file: The file could not be parsed because most of its text could not be decoded.',
  )
})
