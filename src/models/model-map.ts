/** Which providers answer for a model name: exact names first, then the pattern with the most letters. */
import { patternTable } from './patterns.ts'

/** The provider and the model that a name leads to. */
export interface ModelTarget {
  provider: string
  /** The provider's own name of the model. */
  model: string
  /** Whether the map gives the whole name of the model; otherwise it depends on the requested name. */
  isWritten: boolean
}

export interface ModelMap {
  /** The targets in the order in which they are tried; empty when no pattern fits. */
  find(name: string): ModelTarget[]
  /** Names without wildcards, in the order of the file. */
  readonly names: string[]
  /** Providers that a wildcard leads to under unchanged names: all models that they list can be requested. */
  readonly openProviders: string[]
}

/** A target, or several that are tried one after another. */
export type Route = string | readonly string[]

interface Goal {
  provider: string
  /** undefined: the name stays as it is. */
  upstream: string | undefined
}

interface Known {
  models: Readonly<Record<string, Route>>
  providers: string[]
}

/**
 * Reads the map. Throws when a target is not a provider. Most often it is another name of the map: such chains are
 * refused because they are hard to follow.
 */
export function modelMap(models: Readonly<Record<string, Route>>, providers: string[]): ModelMap {
  const routes = Object.entries(models).map(
    ([pattern, route]) => [pattern, readRoute(pattern, route, { models, providers })] as const,
  )
  const find = patternTable(routes)
  const names = routes.map(([pattern]) => pattern).filter((pattern) => !pattern.includes('*'))
  const open = routes.flatMap(([pattern, [first]]) =>
    pattern.includes('*') && first?.upstream === undefined ? [first?.provider ?? ''] : [],
  )
  return {
    find(name) {
      const found = find(name)
      return (found?.value ?? []).map(({ provider, upstream }) => ({
        provider,
        // A function, because `$&` and the like in a name must stay as they are.
        model: upstream === undefined ? name : upstream.replace('*', () => found?.caught ?? ''),
        isWritten: found?.pattern === name || (upstream !== undefined && !upstream.includes('*')),
      }))
    },
    names,
    openProviders: [...new Set(open)],
  }
}

/** The targets of a route as a list. */
export function targetsOf(route: Route): readonly string[] {
  return typeof route === 'string' ? [route] : route
}

function readRoute(pattern: string, route: Route, known: Known): Goal[] {
  return targetsOf(route).map((target) => readTarget(pattern, target, known))
}

function readTarget(pattern: string, target: string, known: Known): Goal {
  const slash = target.indexOf('/')
  const provider = slash === -1 ? target : target.slice(0, slash)
  const upstream = slash === -1 ? undefined : target.slice(slash + 1)
  if (upstream === '')
    throw new Error(`models["${pattern}"] is "${target}": the model's name after the slash is missing.`)
  if (!known.providers.includes(provider)) throw new Error(unknownProvider(pattern, target, known))
  const stars = (text: string) => text.split('*').length - 1
  if (upstream !== undefined && stars(upstream) > 0 && (stars(upstream) > 1 || stars(pattern) !== 1)) {
    throw new Error(
      `models["${pattern}"] is "${target}": a * there repeats what the one * of the pattern stands for.`,
    )
  }
  return { provider, upstream }
}

function unknownProvider(pattern: string, target: string, { models, providers }: Known): string {
  const entry = `models["${pattern}"] is "${target}"`
  const other = Object.hasOwn(models, target) ? models[target] : undefined
  if (other !== undefined) {
    return `${entry}, which is another name in the map. A name must lead to a provider: write "${targetsOf(other).join('", "')}" here too.`
  }
  return `${entry}, but there is no such provider. Write "provider/model" or "provider", with one of: ${providers.join(', ')}.`
}
