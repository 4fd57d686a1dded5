import { strFromU8, strToU8, unzipSync } from 'fflate'
import { describe, expect, test } from 'vitest'
import {
  docx,
  docxParagraph,
  epub,
  odt,
  pdf,
  pdfForm,
  pdfWithCmap,
  pptxOf,
  workbook,
  zip,
} from './make-files.ts'
import { documentReader } from './reader.ts'

const reader = documentReader()

describe('blanks of every kind separate words', () => {
  test('in a web page', async () => {
    expect(await reader.text('a.html', 'The annual&nbsp;report of&nbsp;the year')).toBe(
      'The annual report of the year\n\n',
    )
    expect(await reader.text('a.html', '<p>one&emsp;<b>two</b>&thinsp;three<i>&#x3000;四</i>五')).toBe(
      'one two three 四五\n\n',
    )
  })

  test('next to the border of a span in an OpenDocument text', async () => {
    const body =
      '<text:p>annual\u00a0<text:span>report</text:span>\u2003of<text:span>\u00a0</text:span>2024</text:p>'
    expect(await reader.text('a.odt', odt(body))).toBe('annual report of 2024\n\n')
  })

  test('in an RTF file', async () => {
    expect(await reader.text('a.rtf', "{\\rtf1 annual\\~report\\'a0of\\u8195 ?the\\emspace year}")).toBe(
      'annual report of the year\n\n',
    )
  })

  test('soft hyphens are removed', async () => {
    expect(await reader.text('a.html', '<p>Ver&shy;trag, auto\u200bmatic')).toBe('Vertrag, automatic\n\n')
  })
})

describe('web pages', () => {
  test('the text of a button is kept, within a heading and alone', async () => {
    const page =
      '<h2><button>Why blue?</button></h2><p>Because.<div><button>How long?</button><div>An hour.</div></div>'
    expect(await reader.sections('a.html', page)).toEqual([
      { heading: 'Why blue?', text: '## Why blue?\n\nBecause.\n\nHow long?\n\nAn hour.\n\n' },
    ])
  })

  test('the parts of a form do not run together', async () => {
    const page = '<p>one<textarea>typed</textarea><label>Name</label>two</p>'
    expect(await reader.text('a.html', page)).toBe('one typed Name two\n\n')
  })

  test('a menu without an end tag does not remove the rest of the page', async () => {
    expect(await reader.text('a.html', '<body><nav><a>Home</a><h1>Bees</h1><p>They dance.</body>')).toBe(
      'Home\n\n# Bees\n\nThey dance.\n\n',
    )
    expect(await reader.text('a.html', '<div><select><option>One</div><p>Rest')).toBe('One\n\nRest\n\n')
    expect(await reader.text('a.html', '<svg><text>12</text><p>Rest')).toBe('12\n\nRest\n\n')
    expect(await reader.text('a.html', '<nav><nav>in</nav>out</nav>Rest')).toBe('Rest\n\n')
  })

  test('parts of a heading do not run together', async () => {
    expect(await reader.text('a.html', '<h1>Annual<br>Report</h1>x')).toBe('# Annual Report\n\nx\n\n')
    expect(await reader.text('a.html', '<h1><div>Annual</div><div>Report</div></h1>x')).toBe(
      '# Annual Report\n\nx\n\n',
    )
    expect(
      await reader.text(
        'a.docx',
        docx(docxParagraph('Annual</w:t><w:br/><w:t>Report', '<w:pStyle w:val="berschrift1"/>')),
      ),
    ).toBe('# Annual Report\n\n')
    expect(await reader.text('a.odt', odt('<text:h>Annual<text:line-break/>Report</text:h>'))).toBe(
      '# Annual Report\n\n',
    )
  })

  test('lines of preformatted text are kept', async () => {
    expect(await reader.text('a.html', '<pre>a<br>  b</pre><h3>never closed')).toBe(
      'a\n  b\n\n### never closed\n\n',
    )
  })

  test('an empty XHTML element does not remove the rest of the page', async () => {
    const page =
      '<?xml version="1.0"?><html><head><title/><script src="x"/></head><body><nav/><p>Here</p></body></html>'
    expect(await reader.text('a.xhtml', page)).toBe('Here\n\n')
    expect(await reader.text('a.epub', epub(['<script src="x"/><p>Here</p>']))).toBe('Here\n\n')
  })
})

describe('pdf files', () => {
  test.each([
    ['UniGB-UCS2-H', 'GB1', '4f60597d4e16754c', '你好世界'],
    ['90ms-RKSJ-H', 'Japan1', '93fa967b8cea', '日本語'],
    ['KSCms-UHC-H', 'Korea1', 'c7d1b1b9', '한국'],
    ['ETen-B5-H', 'CNS1', 'a4a4a4e5', '中文'],
    ['UniJIS-UTF16-H', 'Japan1', '65e5672c', '日本'],
    ['GBK-EUC-V', 'GB1', 'd6d0cec4', '中文'],
  ])('with the predefined character map %s are read', async (cmap, collection, codes, text) => {
    expect(await reader.sections('a.pdf', pdfWithCmap({ cmap, collection }, [codes]))).toEqual([
      { text: `${text}\n\n`, page: 1 },
    ])
  })

  test('say which pages have no text', async () => {
    const { text, warnings } = await reader.read('a.pdf', pdf(['One', '', 'Three']))
    expect(text).toBe('One\n\nThree\n\n')
    expect(warnings).toEqual(['1 of 3 pages have no text: 2'])
  })

  test('are refused when nearly all pages are scanned', async () => {
    const scanned = pdf(['Scanned by the library', ...Array<string>(30).fill('')])
    expect(await reader.failure('a.pdf', scanned)).toMatch(/^invalid_file: .* no text layer/)
  })

  test('show the values of a form', async () => {
    const form = pdfForm('Application', [
      '/Subtype /Widget /FT /Tx /T (name) /TU (Full name) /V (Ada Lovelace)',
      '/Subtype /Widget /FT /Tx /T (city) /V <feff004b00f6006c006e>',
      '/Subtype /Widget /FT /Ch /T (country) /Opt [(UK) (FR)] /V (UK)',
      '/Subtype /Widget /FT /Btn /T (member) /V /Yes /AS /Yes /AP << /N << /Yes 3 0 R /Off 3 0 R >> >>',
      '/Subtype /Widget /FT /Btn /T (guest) /V /Off /AS /Off /AP << /N << /Yes 3 0 R /Off 3 0 R >> >>',
      '/Subtype /Widget /FT /Tx /T (empty)',
      '/Subtype /Widget /FT /Tx /T (secret) /V (hidden) /F 2',
      '/Subtype /FreeText /Contents (typed beside it) /DA (/F1 9 Tf)',
    ])
    expect(await reader.text('a.pdf', form)).toBe(
      'Application\n\ntyped beside it\nFull name: Ada Lovelace\ncity: Köln\ncountry: UK\nmember: Yes\n\n',
    )
  })

  test('are read when a form is their only text', async () => {
    const form = pdfForm('', ['/Subtype /Widget /FT /Tx /T (note) /V (only here)'])
    expect(await reader.text('a.pdf', form)).toBe('note: only here\n\n')
  })
})

describe('slides', () => {
  const shape = (type: string, line: string) =>
    `<p:sp><p:nvSpPr><p:nvPr><p:ph type="${type}"/></p:nvPr></p:nvSpPr><p:txBody><a:p><a:r><a:t>${line}</a:t></a:r></a:p></p:txBody></p:sp>`
  const row = (...cells: string[]) =>
    `<a:tr>${cells.map((cell) => `<a:tc><a:txBody><a:p><a:r><a:t>${cell}</a:t></a:r></a:p></a:txBody></a:tc>`).join('')}</a:tr>`
  const table = `<p:graphicFrame><a:graphic><a:tbl>${row('city', 'rain')}${row('Oslo', '763')}</a:tbl></a:graphic></p:graphicFrame>`

  test.each(['sldNum', 'dt', 'ftr'])('a table after a placeholder of kind %s is kept', async (kind) => {
    expect(await reader.sections('a.pptx', pptxOf([shape(kind, '77') + table]))).toEqual([
      { slide: 1, text: 'city | rain\nOslo | 763\n\n' },
    ])
  })

  test('a row of a table is not read as a title', async () => {
    const [section] = await reader.sections('a.pptx', pptxOf([shape('title', '') + table]))
    expect(section).toEqual({ slide: 1, text: 'city | rain\nOslo | 763\n\n' })
  })

  test('a shape with a fallback for old programs is read once', async () => {
    const both = `<mc:AlternateContent><mc:Choice>${shape('body', 'Once')}</mc:Choice><mc:Fallback>${shape('body', 'Once')}</mc:Fallback></mc:AlternateContent>`
    expect(await reader.text('a.pptx', pptxOf([both]))).toBe('Once\n\n')
  })
})

test('numbers in a sheet keep their digits', async () => {
  const rows = [[4006381333931, 0.1 + 0.2, 1e21, 123456789012345, 1 / 3, -5e-7, 12, 'x']]
  for (const kind of ['xlsx', 'biff8', 'ods'] as const) {
    const name = kind === 'biff8' ? 'a.xls' : `a.${kind}`
    expect(await reader.text(name, workbook({ S: rows }, kind))).toBe(
      '# S\n4006381333931 | 0.3 | 1000000000000000000000 | 123456789012345 | 0.333333333333333 | -5e-7 | 12 | x\n\n',
    )
  }
})

test('times of a sheet are rounded to seconds, large numbers keep 15 digits', async () => {
  const rows = [[new Date(2024, 2, 1, 8, 5), 6.02214076e23, -1.5e22]]
  expect(await reader.text('a.xlsx', workbook({ S: rows }, 'xlsx'))).toBe(
    '# S\n2024-03-01 08:05 | 602214076000000000000000 | -15000000000000000000000\n\n',
  )
})

test('formatted numbers of a sheet are read as they are displayed', async () => {
  const parts = unzipSync(workbook({ S: [[1234.5, 0.256]] }, 'xlsx'))
  const name = 'xl/worksheets/sheet1.xml'
  const styles = strFromU8(parts['xl/styles.xml'] ?? new Uint8Array())
  const formats = '<cellXfs count="3"><xf numFmtId="0"/><xf numFmtId="4"/><xf numFmtId="9"/></cellXfs>'
  parts['xl/styles.xml'] = strToU8(styles.replace(/<cellXfs.*<\/cellXfs>/s, formats))
  const sheet = strFromU8(parts[name] ?? new Uint8Array())
  parts[name] = strToU8(sheet.replace('r="A1"', 'r="A1" s="1"').replace('r="B1"', 'r="B1" s="2"'))
  expect(await reader.text('a.xlsx', zip(parts))).toBe('# S\n1,234.50 | 26%\n\n')
})

describe('json', () => {
  test('escapes are decoded, and the layout and long numbers are kept', async () => {
    expect(
      await reader.text(
        'a.json',
        '{\n  "stra\\u00dfe": "Gr\\u00fc\\u00dfe\\n\\"a\\" \\ud83d\\ude00",\n  "id": 12345678901234567890\n}',
      ),
    ).toBe('{\n  "straße": "Grüße\n"a" 😀",\n  "id": 12345678901234567890\n}')
    expect(await reader.text('a.jsonl', '{"a":"\\u65e5\\u672c"}\n{"b":"C:\\\\x\\/y"}\n')).toBe(
      '{"a":"日本"}\n{"b":"C:\\x/y"}\n',
    )
  })

  test('binary data is left out, and long words are kept', async () => {
    const picture = Buffer.from('\u0001\u0002Spool'.repeat(900)).toString('base64')
    const lines = picture.replace(/(.{76})/g, '$1\\n')
    const words = 'word\\n'.repeat(300)
    const text = await reader.text(
      'a.json',
      `{"a":"${picture}","b":"data:image/png;base64,${picture}","c":"${lines}","d":"${words}"}`,
    )
    expect(text).toBe(`{"a":"","b":"","c":"","d":"${'word\n'.repeat(300)}"}`)
  })

  test('text that is not well formed is kept', async () => {
    for (const text of ['{"a": "never closed \\', 'not json \\u00e9 "a\nb"', '"bad \\x escape"', '{"a": "x'])
      expect(await reader.text('a.json', text)).toBe(text)
  })

  test('a string across two reads is decoded', async () => {
    for (const shift of [0, 1, 2, 3, 4, 5, 6, 7]) {
      const before = `${'x'.repeat(shift)} ${'y '.repeat(32_760)}`
      expect(await reader.text('a.json', `["${before}","\\u00e9\\\\"]`)).toBe(`["${before}","é\\"]`)
    }
  })

  test('a notebook is read with its text, code and printed output, and without images', async () => {
    const notebook = {
      nbformat: 4,
      cells: [
        { cell_type: 'markdown', source: ['# Rain\n', 'Monthly figures für Köln.'] },
        {
          cell_type: 'code',
          source: 'plot(data)',
          outputs: [
            { output_type: 'stream', text: ['mean 63.5\n'] },
            {
              output_type: 'display_data',
              data: { 'image/png': 'iVBORw0KGgo='.repeat(500), 'text/plain': ['<Figure>'] },
            },
            { output_type: 'error', traceback: ['\u001b[31mValueError\u001b[0m: no data'] },
          ],
        },
      ],
    }
    expect(await reader.sections('a.ipynb', JSON.stringify(notebook))).toEqual([
      {
        heading: 'Rain',
        text: '# Rain\nMonthly figures für Köln.\n\n```\nplot(data)\n```\n\n```\nmean 63.5\n```\n\n```\n<Figure>\n```\n\n```\nValueError: no data\n```\n\n',
      },
    ])
    const old = {
      worksheets: [{ cells: [{ cell_type: 'code', input: ['1 + 1'], outputs: [{ text: '2' }] }] }],
    }
    expect(await reader.text('a.ipynb', JSON.stringify(old))).toBe('```\n1 + 1\n```\n\n```\n2\n```\n\n')
  })
})

describe('names of XML', () => {
  const word = 'http://schemas.openxmlformats.org/wordprocessingml/2006/main'

  test.each([
    [
      'another prefix',
      `<ns0:document xmlns:ns0="${word}"><ns0:body><ns0:p><ns0:r><ns0:t>Here</ns0:t></ns0:r></ns0:p></ns0:body></ns0:document>`,
    ],
    ['no prefix', `<document xmlns="${word}"><body><p><r><t>Here</t></r></p></body></document>`],
    [
      'the strict namespace',
      '<x:document xmlns:x="http://purl.oclc.org/ooxml/wordprocessingml/main"><x:body><x:p><x:r><x:t>Here</x:t></x:r></x:p></x:body></x:document>',
    ],
    [
      'a prefix that is declared late',
      `<w:document><w:body><q:p xmlns:q="${word}"><q:r><q:t>Here</q:t></q:r></q:p></w:body></w:document>`,
    ],
  ])('a docx with %s is read', async (_, part) => {
    expect(await reader.text('a.docx', docx('', { 'word/document.xml': part }))).toBe('Here\n\n')
  })

  test('a known prefix with an unknown namespace is not read as a known element', async () => {
    const part = `<d:document xmlns:d="${word}" xmlns:w="urn:other"><d:body><d:p><w:t>other</w:t><d:r><d:t>Here</d:t></d:r></d:p></d:body></d:document>`
    expect(await reader.text('a.docx', docx('', { 'word/document.xml': part }))).toBe('Here\n\n')
  })

  test('an OpenDocument text and the parts of an e-book with other prefixes are read', async () => {
    const ns = 'urn:oasis:names:tc:opendocument:xmlns'
    const content = `<o:document-content xmlns:o="${ns}:office:1.0" xmlns:t="${ns}:text:1.0"><o:body><t:p>Here</t:p></o:body></o:document-content>`
    expect(await reader.text('a.odt', zip({ 'content.xml': content }))).toBe('Here\n\n')
    const book = zip({
      'META-INF/container.xml': `<c:container xmlns:c="${ns}:container"><c:rootfile full-path="b.opf"/></c:container>`,
      'b.opf':
        '<x:package xmlns:x="http://www.idpf.org/2007/opf"><x:item id="a" href="a.xhtml"/><x:itemref idref="a"/></x:package>',
      'a.xhtml': '<p>Here</p>',
    })
    expect(await reader.text('a.epub', book)).toBe('Here\n\n')
  })
})

describe('text that is not shown is left out', () => {
  const run = (text: string, properties = '') => `<w:r><w:rPr>${properties}</w:rPr><w:t>${text}</w:t></w:r>`

  test('in a docx: moved, deleted and hidden text', async () => {
    const styles =
      '<w:styles><w:style w:styleId="Secret"><w:rPr><w:vanish/></w:rPr></w:style><w:style w:styleId="Plain"/></w:styles>'
    const body =
      `<w:p><w:moveFrom>${run('moved away ')}</w:moveFrom><w:del>${run('deleted ')}</w:del>${run('shown ')}` +
      `${run('hidden ', '<w:vanish/>')}${run('on ', '<w:vanish w:val="0"/>')}${run('styled ', '<w:rStyle w:val="Secret"/>')}` +
      `${run('changed ', '<w:rPrChange><w:rPr><w:vanish/></w:rPr></w:rPrChange>')}<w:moveTo>${run('moved here')}</w:moveTo></w:p>` +
      `<w:p><w:pPr><w:pStyle w:val="Secret"/></w:pPr>${run('paragraph')}</w:p>` +
      `<w:p><w:pPr><w:rPr><w:vanish/></w:rPr></w:pPr>${run('its mark only')}</w:p>`
    expect(await reader.text('a.docx', docx(body, { 'word/styles.xml': styles }))).toBe(
      'shown on changed moved here\n\nits mark only\n\n',
    )
  })

  test('in an OpenDocument text: deleted text, hidden styles, paragraphs and sections', async () => {
    const content =
      '<office:document-content><office:automatic-styles><style:style style:name="T9"><style:text-properties text:display="none"/></style:style>' +
      '</office:automatic-styles><office:body><text:tracked-changes><text:p>deleted</text:p></text:tracked-changes>' +
      '<text:p>shown<text:span text:style-name="T9"> hidden</text:span><text:hidden-text> more</text:hidden-text> here</text:p>' +
      '<text:section text:display="none"><text:p>section</text:p></text:section><text:p>end</text:p></office:body></office:document-content>'
    expect(await reader.text('a.odt', zip({ 'content.xml': content }))).toBe('shown here\n\nend\n\n')
  })

  test('in an RTF file: hidden and deleted text, and text boxes are read once', async () => {
    const source =
      '{\\rtf1 shown {\\v hidden }\\v more\\v0 {\\deleted gone }here\\par{\\shp{\\*\\shpinst{\\shptxt box}}{\\shprslt box}}}'
    expect(await reader.text('a.rtf', source)).toBe('shown here\nbox\n\n')
  })
})

test('a document with thousands of styles is read', async () => {
  const style = (index: number) => `<w:style w:styleId="s${index}"><w:name w:val="style ${index}"/></w:style>`
  const styles = `<w:styles>${Array.from({ length: 3000 }, (_, index) => style(index)).join('')}</w:styles>`
  const body = docxParagraph('Here', '<w:pStyle w:val="s2999"/>')
  expect(await reader.text('a.docx', docx(body, { 'word/styles.xml': styles }))).toBe('Here\n\n')
})

test('formulas of Word are read', async () => {
  expect(await reader.text('a.docx', docx('<w:p><m:oMath><m:r><m:t>E=mc²</m:t></m:r></m:oMath></w:p>'))).toBe(
    'E=mc²\n\n',
  )
})
