/** The certificate of an https server, read once at the start. */
import { readFileSync } from 'node:fs'
import { createSecureContext } from 'node:tls'
import { describeError } from '../util/describe-error.ts'
import { ConfigError } from './config-error.ts'
import type { TlsFiles } from './config.ts'

export interface Tls {
  cert: string
  key: string
}

/** Reads and checks PEM files. Throws `ConfigError`. */
export function readTls(files: TlsFiles): Tls {
  const cert = read(files.cert, 'SPOOL_TLS_CERT')
  const key = read(files.key, 'SPOOL_TLS_KEY')
  check({ cert }, `SPOOL_TLS_CERT is ${files.cert}, which has no certificate in PEM form`)
  check({ key }, `SPOOL_TLS_KEY is ${files.key}, which has no private key in PEM form without a passphrase`)
  check(
    { cert, key },
    `The key ${files.key} (SPOOL_TLS_KEY) does not belong to ${files.cert} (SPOOL_TLS_CERT)`,
  )
  return { cert, key }
}

function read(path: string, setting: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch (error) {
    throw new ConfigError(`${setting} is ${path}, which cannot be read: ${describeError(error)}.`)
  }
}

function check(parts: Partial<Tls>, problem: string): void {
  try {
    createSecureContext(parts)
  } catch (error) {
    throw new ConfigError(`${problem}: ${describeError(error)}.`)
  }
}
