/**
 * Reads pictures, and PDF pages without text, with a program that the operator configures. `pdftoppm` of the package
 * poppler-utils turns pages into pictures.
 */
import { spawn } from 'node:child_process'
import { rm, writeFile } from 'node:fs/promises'
import { setPriority } from 'node:os'
import { dirname, join } from 'node:path'
import { describeError } from '../util/describe-error.ts'
import type { ExtractJob, ExtractResult } from './extract/extract-file.ts'
import { ParseFailure, parseFailures } from './parse-failure.ts'
import type { OcrSettings, ParseProcesses } from './parse-processes.ts'

export type OcrJob = Omit<ExtractJob, 'format' | 'pages'> & { format: ExtractJob['format'] | 'image' }

const defaultPageMs = 120_000
const dotsPerInch = '200'
const maxOutputBytes = 4 << 20
/** The nice value of the program: a lower priority than the server's. */
const priority = 10

/**
 * Reads a file like `parsers.run`; with a program for OCR also pictures and pages without text. A page that the program
 * cannot read counts as a page without text, and the first error becomes a warning.
 */
export async function readDocument(
  parsers: ParseProcesses,
  { format, ...job }: OcrJob,
  signal: AbortSignal,
): Promise<ExtractResult> {
  const { ocr } = parsers
  if (format === 'image') {
    if (!ocr) throw parseFailures.unsupported()
    return readImage(parsers, ocr, job, signal)
  }
  if (format !== 'pdf' || !ocr) return parsers.run({ ...job, format }, signal)
  const first = await parsers.run({ ...job, format, pages: 'any' }, signal)
  if (first.blankPages.length === 0) return first
  const folder = dirname(job.output)
  const texts: Record<number, string> = {}
  const failures = new Set<string>()
  for (const page of first.blankPages) {
    try {
      texts[page] = await ocrPage(ocr, { input: job.input, page, folder }, signal)
    } catch (error) {
      signal.throwIfAborted()
      failures.add(describeError(error))
    }
  }
  const pages = join(folder, 'pages')
  await writeFile(pages, JSON.stringify(texts), { mode: 0o600 })
  const [failure] = failures
  if (failure === undefined) return parsers.run({ ...job, format, pages }, signal)
  try {
    const result = await parsers.run({ ...job, format, pages }, signal)
    return { ...result, warnings: [...result.warnings, `OCR: ${failure}`] }
  } catch (error) {
    if (error instanceof ParseFailure) throw new ParseFailure(error.code, error.message, { cause: failure })
    throw error
  }
}

async function readImage(
  parsers: ParseProcesses,
  ocr: OcrSettings,
  job: Omit<ExtractJob, 'format'>,
  signal: AbortSignal,
): Promise<ExtractResult> {
  const input = `${job.output}.text`
  try {
    await writeFile(input, await readPicture(ocr, job.input, signal), { mode: 0o600 })
  } catch (error) {
    signal.throwIfAborted()
    throw new ParseFailure('invalid_file', 'The file could not be parsed because OCR failed on it.', {
      cause: error,
    })
  }
  return parsers.run({ ...job, input, format: 'text' }, signal)
}

async function ocrPage(
  ocr: OcrSettings,
  { input, page, folder }: { input: string; page: number; folder: string },
  signal: AbortSignal,
): Promise<string> {
  const picture = join(folder, `page-${page}`)
  const place = ['-f', String(page), '-l', String(page), '-singlefile']
  try {
    await run(ocr, ['pdftoppm', '-r', dotsPerInch, '-png', ...place, input, picture], signal)
    return await readPicture(ocr, `${picture}.png`, signal)
  } finally {
    await rm(`${picture}.png`, { force: true })
  }
}

function readPicture(ocr: OcrSettings, path: string, signal: AbortSignal): Promise<string> {
  const command = ocr.command.map((part) => part.replaceAll('{input}', path))
  return run(ocr, command, signal)
}

/** Resolves with the program's output. The program gets no keys of the server; all its processes are ended with it. */
function run(
  { path, pageMs = defaultPageMs }: OcrSettings,
  [program = '', ...args]: readonly string[],
  signal: AbortSignal,
): Promise<string> {
  signal.throwIfAborted()
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, {
      env: { ...(path !== undefined && { PATH: path }), LANG: 'C.UTF-8', OMP_THREAD_LIMIT: '1' },
      stdio: ['ignore', 'pipe', 'pipe'],
      detached: process.platform !== 'win32',
    })
    if (child.pid !== undefined) setPriority(child.pid, priority)
    const pieces: Buffer[] = []
    let [bytes, lastError] = [0, '']
    const fail = (error: unknown) => {
      settle()
      killGroup(child.pid)
      reject(error)
    }
    const onAbort = () => fail(signal.reason)
    const timer = setTimeout(() => fail(new Error(`${program} took longer than ${pageMs / 1000} s`)), pageMs)
    const settle = () => {
      clearTimeout(timer)
      signal.removeEventListener('abort', onAbort)
    }
    signal.addEventListener('abort', onAbort, { once: true })
    child.stdout.on('data', (piece: Buffer) => {
      bytes += piece.length
      if (bytes > maxOutputBytes) fail(new Error(`${program} printed more than ${maxOutputBytes} bytes`))
      else pieces.push(piece)
    })
    child.stderr.on('data', (piece: Buffer) => {
      lastError = (lastError + piece.toString('utf8')).slice(-1000)
    })
    child.on('error', (error) => fail(new Error(`${program} cannot be started: ${error.message}`)))
    child.on('close', (code, killedBy) => {
      settle()
      if (code === 0) resolve(Buffer.concat(pieces).toString('utf8'))
      else
        reject(new Error(`${program} ended with ${killedBy ?? code}: ${lastError.trim().split('\n').at(-1)}`))
    })
  })
}

function killGroup(pid: number | undefined): void {
  if (pid === undefined) return
  try {
    process.kill(process.platform === 'win32' ? pid : -pid, 'SIGKILL')
  } catch {
    // It has ended.
  }
}
