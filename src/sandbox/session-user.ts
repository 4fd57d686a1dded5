/**
 * A user id of its own for each session of a root server. Two sessions under one id could send each other signals
 * and would share one process limit; the server's own id has no limits.
 */
import { readdir, stat } from 'node:fs/promises'
import { createServer, type Server } from 'node:net'
import { randomInt } from 'node:crypto'

export interface SessionUser {
  uid: number
  gid: number
  release(): Promise<void>
}

/** The range that Linux distributions reserve for dynamic user ids. */
const firstUid = 61_184
const lastUid = 65_519

/** Finds an id that neither a process nor another server on this host uses. Needs root. */
export async function takeSessionUser(): Promise<SessionUser> {
  const running = await runningUids()
  const count = lastUid - firstUid + 1
  const start = randomInt(count)
  for (let step = 0; step < count; step += 1) {
    const uid = firstUid + ((start + step) % count)
    const claim = running.has(uid) ? undefined : await claimUid(uid)
    if (claim) return { uid, gid: uid, release: () => new Promise((done) => claim.close(() => done())) }
  }
  throw new Error(`Every user id from ${firstUid} to ${lastUid} is in use.`)
}

/** Locks the id with an abstract socket of that name. The kernel releases it when this process ends. */
async function claimUid(uid: number): Promise<Server | undefined> {
  const server = createServer((socket) => socket.destroy())
  return new Promise((resolve) => {
    server.once('error', () => resolve(undefined))
    server.listen(`\0spool-session-user-${uid}`, () => {
      server.unref()
      resolve(server)
    })
  })
}

async function runningUids(): Promise<Set<number>> {
  const names = (await readdir('/proc')).filter((name) => /^\d+$/.test(name))
  const stats = await Promise.all(names.map((name) => stat(`/proc/${name}`).catch(() => undefined)))
  return new Set(stats.flatMap((one) => (one ? [one.uid] : [])))
}
