/** Authentication: the key and its project; and the beta header. */
import type { FastifyRequest } from 'fastify'
import { createHash, timingSafeEqual } from 'node:crypto'
import { errors } from '../api/errors.ts'

/** Key -> project. */
type Keys = ReadonlyMap<string, string>

/** The project of keys without a project, and of every key when no keys are configured. */
export const openProject = 'default'

/** Returns the project of the request's key; throws 401. */
export function authenticate(request: FastifyRequest, keys: Keys): string {
  const key = keyOf(request)
  if (key === undefined || key === '') throw errors.noApiKey()
  if (keys.size === 0) return openProject
  const project = projectOf(key, keys)
  if (project === undefined) throw errors.incorrectApiKey(key)
  return project
}

/** Whether the request has one of the configured keys. */
export function hasKey(request: FastifyRequest, keys: Keys): boolean {
  return projectOf(keyOf(request) ?? '', keys) !== undefined
}

function projectOf(key: string, keys: Keys): string | undefined {
  for (const [known, project] of keys) if (isSame(known, key)) return project
  return undefined
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

/** Compares in constant time. */
function isSame(known: string, key: string): boolean {
  const digest = (text: string) => createHash('sha256').update(text).digest()
  return timingSafeEqual(digest(known), digest(key))
}

/** Whether a path belongs to the beta part of the API. */
export function needsBeta(url: string): boolean {
  return /^\/v1\/(assistants|threads)(\/|\?|$)/.test(url)
}

/** The betas that the live service knows. */
const knownBetas: ReadonlySet<string> = new Set(['assistants', 'responses', 'realtime'])

/** Throws unless `assistants=v2` is among the values. Where it is not required, only `assistants=v1` is refused. */
export function checkBeta(
  header: string | string[] | undefined,
  { isRequired }: { isRequired: boolean },
): void {
  const values = [header ?? []].flat().flatMap((value) => value.split(','))
  const betas = values.map((value) => value.trim()).filter((value) => value !== '')
  if (betas.includes('assistants=v2')) return
  if (!isRequired) {
    if (betas.includes('assistants=v1')) throw errors.deprecatedBeta()
    return
  }
  if (betas.length === 0) throw errors.missingBeta()
  for (const beta of betas) {
    const [, name] = /^([a-z0-9_-]+)=v\d+$/i.exec(beta) ?? []
    if (name === undefined) throw errors.invalidBetaHeader(beta)
    if (!knownBetas.has(name)) throw errors.unknownBeta(name)
  }
  if (betas.includes('assistants=v1')) throw errors.deprecatedBeta()
  throw errors.missingBeta()
}
