/**
 * The port for code sandboxes. A driver is a directory here and an entry in `sandbox.ts`; it must pass the contract
 * suite and the escape list in test/contracts. Code runs only in a driver whose self-test passed.
 */
import type { Readable } from 'node:stream'

export type SandboxDriverName = 'bwrap' | 'landlock' | 'deno'

export interface SandboxLimits {
  /** Wall time of one cell; after it the cell is interrupted, and `graceMs` later the process is killed. */
  wallMs: number
  graceMs: number
  /** Memory of the whole process tree, MiB. */
  memoryMb: number
  processes: number
  /** Largest single file, disk use of /mnt/data, and of /tmp, each in MiB. */
  fileMb: number
  diskMb: number
  tmpMb: number
  /** The most text of one cell, bytes. Of a longer text, a note replaces the middle. */
  outputBytes: number
  images: number
  /**
   * Files of one cell that are stored for the user, and the sum of their lengths in MiB; a sparse file counts in full.
   */
  files: number
  filesMb: number
}

/** The limits of a session and of its cells that the server uses. */
export const defaultLimits: SandboxLimits = {
  wallMs: 120_000,
  graceMs: 2000,
  memoryMb: 1024,
  processes: 64,
  fileMb: 256,
  diskMb: 1024,
  tmpMb: 64,
  outputBytes: 256 * 1024,
  images: 20,
  files: 50,
  filesMb: 512,
}

/** What a cell produced, in order. */
export type CellEvent =
  /** stdout and stderr in order, with the value of the last expression and the traceback of an error. */
  | { type: 'logs'; text: string }
  | { type: 'image'; png: Buffer }
  /** A regular file under /mnt/data that is new or changed; `name` is relative to /mnt/data. */
  | { type: 'file'; name: string; bytes: number }

export interface CellEnd {
  status: 'ok' | 'error' | 'timeout' | 'memory' | 'disk' | 'crashed' | 'cancelled'
  /** True when variables and processes are lost: the next cell needs a new session. */
  sessionLost: boolean
}

export interface SandboxSession {
  /** False once the process of the session has ended, also when that happened while no cell ran. */
  isAlive(): boolean
  /** Puts a file at /mnt/data/`name` (a plain name, no slashes); never counted as produced by a cell. */
  put(name: string, source: Readable | Buffer): Promise<void>
  /** Makes /mnt/data/`alias` read as /mnt/data/`name`. */
  link(name: string, alias: string): Promise<void>
  /**
   * Runs one cell. Calls are made one at a time. Variables are kept until close() or until the session is lost. On
   * abort the cell is killed and the promise resolves with `cancelled`. It never rejects because of what the code does.
   */
  run(code: string, onEvent: (event: CellEvent) => void, signal: AbortSignal): Promise<CellEnd>
  /** The memory of all its processes, bytes; 0 when they have ended. */
  memoryBytes(): Promise<number>
  /** Ends the running cell, and the session with it, because all sessions together take too much memory. */
  stopForMemory(): void
  /** Reads a file that a cell has reported: a regular file of limited size; links are not followed. */
  read(name: string): Promise<Readable>
  /** Ends the session and removes its folder. Safe to call twice. */
  close(): Promise<void>
}

export interface SandboxDriver {
  readonly name: SandboxDriverName
  /** Tries to escape, and to compute 1+1. `libraries`: which of numpy, pandas, matplotlib … can be imported. */
  selfTest(): Promise<{ ok: boolean; why?: string; libraries: string[] }>
  open(limits: SandboxLimits): Promise<SandboxSession>
  /** Ends every session. */
  close(): Promise<void>
}
