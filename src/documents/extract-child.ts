/**
 * The child process in which files are read and cut up. It takes one job at a time over IPC and answers it; a second
 * thread ends the process when it grows too big or its parent is gone, however busy the first one is.
 */
import { Worker } from 'node:worker_threads'
import { chunkFile, type ChunkJob, type ChunkResult } from './chunk-file.ts'
import { extractFile, type ExtractJob, type ExtractResult } from './extract/extract-file.ts'
import { ParseFailure, type ParseFailureCode } from './parse-failure.ts'

export type ParseJob = ExtractJob | ChunkJob

export type ParseAnswer =
  | { ok: true; result: ExtractResult | ChunkResult; rssBytes: number }
  /** `detail` is for the log. */
  | { ok: false; code: ParseFailureCode; message: string; detail: string; rssBytes: number }

async function answer(job: ParseJob): Promise<ParseAnswer> {
  try {
    const result = job.kind === 'extract' ? await extractFile(job) : await chunkFile(job)
    return { ok: true, result, rssBytes: process.memoryUsage.rss() }
  } catch (error) {
    const known = error instanceof ParseFailure
    const { code, message } = known
      ? error
      : { code: 'server_error' as const, message: 'An internal error occurred.' }
    const detail = String(known ? error.cause : error)
    return { ok: false, code, message, detail, rssBytes: process.memoryUsage.rss() }
  }
}

function startWatchdog(maxRssBytes: number): void {
  const source = `
    const { workerData } = require('node:worker_threads')
    setInterval(() => {
      if (process.ppid !== workerData.parent || process.memoryUsage.rss() > workerData.maxRssBytes)
        process.kill(process.pid, 'SIGKILL')
    }, 50)`
  const watchdog = new Worker(source, {
    eval: true,
    execArgv: [],
    workerData: { maxRssBytes, parent: process.ppid },
  })
  watchdog.unref()
}

startWatchdog(Number(process.argv[2]))
process.on('message', (job: ParseJob) => {
  void answer(job).then((reply) => process.send?.(reply))
})
process.on('disconnect', () => process.exit(0))
