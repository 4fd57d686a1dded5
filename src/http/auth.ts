/** Who calls: the key, the project behind it, and the beta header. */
import type { FastifyRequest } from 'fastify'
import { createHash, timingSafeEqual } from 'node:crypto'
import { errors } from '../api/errors.ts'

/** The project of every key while none is configured. */
const openProject = 'default'

/** Answers the project; throws 401. */
export function authenticate(request: FastifyRequest, keys: ReadonlyMap<string, string>): string {
  const key = keyOf(request)
  if (key === undefined || key === '') throw errors.noApiKey()
  if (keys.size === 0) return openProject
  for (const [known, project] of keys) if (isSame(known, key)) return project
  throw errors.incorrectApiKey(key)
}

/** Bearer, Basic with the key as password, or Azure's own header. */
function keyOf(request: FastifyRequest): string | undefined {
  const { authorization } = request.headers
  const azure = request.headers['api-key']
  if (authorization === undefined) return typeof azure === 'string' ? azure : undefined
  const [, scheme = '', value = ''] = /^(\S+)\s+(.*)$/.exec(authorization.trim()) ?? []
  if (scheme.toLowerCase() === 'bearer') return value.trim()
  if (scheme.toLowerCase() !== 'basic') return undefined
  const pair = Buffer.from(value, 'base64').toString('utf8')
  return pair.slice(pair.indexOf(':') + 1)
}

/** Takes the same time whatever was guessed. */
function isSame(known: string, given: string): boolean {
  const digest = (text: string) => createHash('sha256').update(text).digest()
  return timingSafeEqual(digest(known), digest(given))
}

/** Whether a path belongs to the part of the API that is a beta. */
export function needsBeta(url: string): boolean {
  return /^\/v1\/(assistants|threads)(\/|\?|$)/.test(url)
}

/** The betas that a client may name beside ours. */
const knownBetas: ReadonlySet<string> = new Set(['assistants', 'responses', 'realtime'])

/** Throws unless `assistants=v2` is among the values. */
export function checkBeta(header: string | string[] | undefined): void {
  const values = [header ?? []].flat().flatMap((value) => value.split(','))
  const betas = values.map((value) => value.trim()).filter((value) => value !== '')
  if (betas.length === 0) throw errors.missingBeta()
  if (betas.includes('assistants=v2')) return
  for (const beta of betas) {
    const [, name] = /^([a-z0-9_-]+)=v\d+$/i.exec(beta) ?? []
    if (name === undefined) throw errors.invalidBetaHeader(beta)
    if (!knownBetas.has(name)) throw errors.unknownBeta(name)
  }
  if (betas.includes('assistants=v1')) throw errors.deprecatedBeta()
  throw errors.missingBeta()
}
