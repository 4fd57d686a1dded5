/** A blob store that cannot store contents now: the disk is full or read-only, or the server cannot be reached. */
import { Unavailable } from '../util/unavailable.ts'
import { codeOf } from '../util/error-code.ts'

export class BlobsUnavailable extends Unavailable {
  override readonly name = 'BlobsUnavailable'
}

const diskReasons: Record<string, string> = {
  ENOSPC: 'the disk for file contents is full',
  EDQUOT: 'the disk for file contents is full',
  EROFS: 'the disk for file contents is read-only',
  EACCES: 'the disk for file contents cannot be written',
  EPERM: 'the disk for file contents cannot be written',
  EIO: 'the disk for file contents cannot be written',
}

/** Settles like `work`, with `BlobsUnavailable` in place of an error of the disk. */
export async function onDisk<Result>(work: Promise<Result>): Promise<Result> {
  try {
    return await work
  } catch (error) {
    const code = codeOf(error)
    const reason = diskReasons[code]
    if (reason === undefined || !(error instanceof Error)) throw error
    throw new BlobsUnavailable(reason, `${reason}: ${error.message}`, { cause: error })
  }
}

/** The error for contents that would leave less than the configured free space. */
export function lowOnSpace(folder: string, minFreeBytes: number): BlobsUnavailable {
  const reason = 'the disk for file contents is nearly full'
  const leastMb = Math.round(minFreeBytes / 1024 / 1024)
  return new BlobsUnavailable(
    reason,
    `${reason}: less than ${leastMb} MiB would be left in ${folder} (SPOOL_MIN_FREE_DISK_MB)`,
  )
}
