/** Chooses the user that the database runs as: PostgreSQL refuses root, so a root server needs another user for it. */
import { execFile } from 'node:child_process'
import { lchownSync, lstatSync, readdirSync, statSync } from 'node:fs'
import { userInfo } from 'node:os'
import { dirname, join } from 'node:path'
import {
  EmbeddedUnsupported,
  programsCopied,
  programsInPlace,
  type Programs,
  type ProgramsPackage,
} from './programs.ts'

/** A user, and how to start a program as this user. */
export interface Identity {
  name: string
  /** A command that precedes the program and its arguments. */
  prefix: string[]
  /** For `spawn`; absent when the program runs as the user of this process. */
  uid?: number
  gid?: number
  /** The owner of the database's files, as this process sees it; undefined on systems without such owners. */
  owner?: { uid: number; gid: number }
}

export interface Runner {
  identity: Identity
  programs: Programs
}

const nobody = 65534

/**
 * Finds the first identity that can write into `folder` and run the programs, and makes it the owner of the folder.
 * Throws `EmbeddedUnsupported` with all reasons when there is none.
 */
export async function chooseRunner(source: ProgramsPackage, folder: string): Promise<Runner> {
  const reasons: string[] = []
  for (const identity of identities(folder)) {
    const outcome = await tryIdentity(identity, source, folder)
    if (typeof outcome !== 'string') return outcome
    reasons.push(`${identity.name}: ${outcome}`)
  }
  throw new EmbeddedUnsupported(`The embedded PostgreSQL cannot run here (${reasons.join('; ')}).`)
}

/**
 * Under root on Linux: a user namespace first, because it needs no file to be open to other users. A user without a
 * name, as containers have, also needs one: `initdb` refuses such a user.
 */
function identities(folder: string): Identity[] {
  const uid = process.getuid?.()
  const gid = process.getgid?.()
  if (uid === undefined || gid === undefined) return [{ name: 'this user', prefix: [] }]
  const namespace: Identity = {
    name: `user ${uid} in a user namespace`,
    prefix: ['unshare', '--user', `--map-user=${nobody}`, `--map-group=${nobody}`, '--'],
    owner: { uid, gid },
  }
  if (uid !== 0) {
    const self = { name: `user ${uid}`, prefix: [], owner: { uid, gid } }
    return hasName() || process.platform !== 'linux' ? [self] : [namespace, self]
  }
  const { uid: hostUid, gid: hostGid } = statSync(dirname(dirname(folder)))
  const { uid: ownUid, gid: ownGid } = lstatSync(folder)
  return [
    // With a command under sudo, the files keep their owner, who could not open the database otherwise.
    ...(ownUid === 0 ? [] : [switchTo(ownUid, ownGid)]),
    ...(process.platform === 'linux' ? [namespace] : []),
    // With sudo in the folder of a user, the files keep their owner.
    ...(hostUid === 0 ? [] : [switchTo(hostUid, hostGid)]),
    switchTo(nobody, nobody),
  ]
}

/** Whether the system knows the user of this process. */
function hasName(): boolean {
  try {
    return userInfo().username !== ''
  } catch {
    return false
  }
}

function switchTo(uid: number, gid: number): Identity {
  return { name: `user ${uid}`, prefix: [], uid, gid, owner: { uid, gid } }
}

/** The runner, or the reason why there is none. */
async function tryIdentity(
  identity: Identity,
  source: ProgramsPackage,
  folder: string,
): Promise<Runner | string> {
  const owned = giveTo(folder, identity)
  if (owned !== undefined) return owned
  if (process.platform !== 'win32') {
    const blocked = await attempt(identity, ['test', '-w', folder, '-a', '-x', folder], {})
    if (blocked !== undefined) return `may not write into ${folder} (${blocked})`
  }
  const inPlace = programsInPlace(source, folder)
  const failure = await attempt(identity, [inPlace.postgres, '--version'], inPlace.env)
  if (failure === undefined) return { identity, programs: inPlace }
  if (!/permission denied|EACCES/i.test(failure)) return failure
  const copied = programsCopied(source, folder)
  giveTo(folder, identity)
  const failureOfCopy = await attempt(identity, [copied.postgres, '--version'], copied.env)
  return failureOfCopy ?? { identity, programs: copied }
}

/** Undefined when the command succeeds, else the reason in one line. */
function attempt(
  identity: Identity,
  command: string[],
  env: Record<string, string>,
): Promise<string | undefined> {
  const [program = '', ...args] = [...identity.prefix, ...command]
  return new Promise((resolve) => {
    execFile(
      program,
      args,
      { env, uid: identity.uid, gid: identity.gid, timeout: 30_000 },
      (error, _stdout, stderr) => {
        if (error === null) return resolve(undefined)
        resolve((stderr.trim() || error.message).split('\n')[0])
      },
    )
  })
}

/**
 * Changes the owner of the folder and its contents to the identity, because PostgreSQL must own its files. An earlier
 * start may have used another identity: without root, or where user namespaces were forbidden.
 */
function giveTo(folder: string, { owner, name }: Identity): string | undefined {
  if (owner === undefined) return undefined
  const files = [folder, join(folder, 'cluster'), join(folder, 'programs')]
  const foreign = files.find(
    (file) => (lstatSync(file, { throwIfNoEntry: false })?.uid ?? owner.uid) !== owner.uid,
  )
  if (foreign === undefined) return undefined
  if (process.getuid?.() !== 0) {
    return `${foreign} belongs to user ${lstatSync(foreign).uid}; start as that user or give the folder to ${name}`
  }
  for (const file of readdirSync(folder, { recursive: true, encoding: 'utf8' })) {
    lchownSync(join(folder, file), owner.uid, owner.gid)
  }
  lchownSync(folder, owner.uid, owner.gid)
  return undefined
}
