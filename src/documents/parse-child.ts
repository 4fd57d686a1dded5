/**
 * The child process in which files are read and chunked. It gets one job at a time over IPC and answers it. A second
 * thread ends the process when it exceeds its memory or processor time, or when the parent has ended, even while the
 * first thread is busy.
 */
import { Worker } from 'node:worker_threads'
import { chunkFile, type ChunkJob, type ChunkResult } from './chunk-file.ts'
import { extractFile, type ExtractJob, type ExtractResult } from './extract/extract-file.ts'
import { ParseFailure, type ParseFailureCode } from './parse-failure.ts'

export type ParseJob = ExtractJob | ChunkJob

export interface ParseRequest {
  job: ParseJob
  /** Processor time that the job may use. */
  cpuMs: number
}

export type ParseAnswer =
  | { ok: true; result: ExtractResult | ChunkResult; rssBytes: number }
  /** `detail` is for the log. */
  | { ok: false; code: ParseFailureCode; message: string; detail: string; rssBytes: number }

async function answer(job: ParseJob): Promise<ParseAnswer> {
  try {
    const result = job.kind === 'extract' ? await extractFile(job) : await chunkFile(job)
    return { ok: true, result, rssBytes: process.memoryUsage.rss() }
  } catch (error) {
    const isKnown = error instanceof ParseFailure
    const { code, message } = isKnown
      ? error
      : { code: 'server_error' as const, message: 'An internal error occurred.' }
    const detail = String(isKnown ? error.cause : error)
    return { ok: false, code, message, detail, rssBytes: process.memoryUsage.rss() }
  }
}

/** The time limit starts with each message; a message without a time removes it. */
function startWatchdog(maxRssBytes: number): Worker {
  const source = `
    const { parentPort, workerData } = require('node:worker_threads')
    const usedMs = () => { const { user, system } = process.cpuUsage(); return (user + system) / 1000 }
    let untilMs = Infinity
    parentPort.on('message', (cpuMs) => { untilMs = cpuMs === undefined ? Infinity : usedMs() + cpuMs })
    setInterval(() => {
      if (process.ppid !== workerData.parent || process.memoryUsage.rss() > workerData.maxRssBytes)
        process.kill(process.pid, 'SIGKILL')
      if (usedMs() > untilMs)
        process.kill(process.pid, process.platform === 'win32' ? 'SIGKILL' : 'SIGXCPU')
    }, 50)`
  const watchdog = new Worker(source, {
    eval: true,
    execArgv: [],
    workerData: { maxRssBytes, parent: process.ppid },
  })
  watchdog.unref()
  return watchdog
}

const watchdog = startWatchdog(Number(process.argv[2]))
process.on('message', ({ job, cpuMs }: ParseRequest) => {
  watchdog.postMessage(cpuMs)
  void answer(job).then((reply) => {
    watchdog.postMessage(undefined)
    process.send?.(reply)
  })
})
process.on('disconnect', () => process.exit(0))
