/** Finds the embedded database of a running server, for commands that run beside it. */
import { existsSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { addressOf, asSuperuser, type Address } from './address.ts'
import { foldersIn } from './cluster.ts'
import { probe } from './lock.ts'

/** Undefined when no database answers in this data folder. Close the connections before the address. */
export async function findRunningEmbedded(dataDir: string): Promise<Address | undefined> {
  const folders = foldersIn(resolve(dataDir))
  if (!existsSync(join(folders.cluster, 'postmaster.pid'))) return undefined
  const address = await addressOf(folders.cluster, folders.password)
  if ((await probe(asSuperuser(address))) === 'ready') return address
  address.close()
  return undefined
}
