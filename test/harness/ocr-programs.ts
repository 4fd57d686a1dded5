/** A folder with a scripted program for OCR and a scripted `pdftoppm`. */
import { chmodSync, mkdtempSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { OcrSettings } from '../../src/documents/parse-processes.ts'

/** The picture of a page names the page. */
const pdftoppm = `#!/bin/sh
while [ "$1" != -f ]; do shift; done
page=$2
for last; do :; done
echo "page $page" > "$last.png"
`

/** `script` is a shell script with the path of the picture as $1. */
export function ocrProgram(script: string, pageMs = 60_000): OcrSettings {
  const folder = mkdtempSync(join(tmpdir(), 'spool-ocr-'))
  for (const [name, content] of Object.entries({ pdftoppm, ocr: `#!/bin/sh\n${script}\n` })) {
    writeFileSync(join(folder, name), content)
    chmodSync(join(folder, name), 0o755)
  }
  return { command: ['ocr', '{input}'], path: `${folder}:/usr/bin:/bin`, pageMs }
}
