/** Which provider answers for a model name: exact names first, then the pattern with the most letters. */

/** Where a name leads. */
export interface ModelTarget {
  provider: string
  /** The provider's own name of the model. */
  model: string
}

export interface ModelMap {
  find(name: string): ModelTarget | undefined
  /** Names without wildcards, in the order of the file. */
  readonly names: string[]
  /** Providers that a wildcard leads to under their own names, so that all they list can be asked for. */
  readonly openProviders: string[]
}

interface Entry {
  pattern: string
  provider: string
  /** undefined: the name stays as it is. */
  upstream: string | undefined
  expression: RegExp
}

/**
 * Reads the map. Throws a sentence for a target that is not a provider. Most often that is another name of the
 * map: chains of names are refused because they are hard to follow.
 */
export function modelMap(models: Record<string, string>, providers: string[]): ModelMap {
  const entries = Object.entries(models).map(([pattern, target]) =>
    readEntry(pattern, target, { models, providers }),
  )
  const exact = new Map(
    entries.filter(({ pattern }) => !pattern.includes('*')).map((entry) => [entry.pattern, entry]),
  )
  const wild = entries.filter(({ pattern }) => pattern.includes('*')).toSorted(moreSpecificFirst)
  return {
    find(name) {
      const entry = exact.get(name) ?? wild.find(({ expression }) => expression.test(name))
      return entry === undefined ? undefined : { provider: entry.provider, model: upstreamName(entry, name) }
    },
    names: [...exact.keys()],
    openProviders: [
      ...new Set(wild.filter(({ upstream }) => upstream === undefined).map(({ provider }) => provider)),
    ],
  }
}

/** A context window that the user wrote down for this name, by the same rules. */
export function windowFor(windows: Record<string, number>, name: string): number | undefined {
  if (Object.hasOwn(windows, name)) return windows[name]
  const wild = Object.entries(windows)
    .filter(([pattern]) => pattern.includes('*'))
    .map(([pattern, window]) => ({ pattern, window, expression: wildcard(pattern) }))
    .toSorted(moreSpecificFirst)
  return wild.find(({ expression }) => expression.test(name))?.window
}

function readEntry(
  pattern: string,
  target: string,
  known: { models: Record<string, string>; providers: string[] },
): Entry {
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
  return { pattern, provider, upstream, expression: wildcard(pattern) }
}

function unknownProvider(
  pattern: string,
  target: string,
  { models, providers }: { models: Record<string, string>; providers: string[] },
): string {
  const said = `models["${pattern}"] is "${target}"`
  if (Object.hasOwn(models, target)) {
    return `${said}, which is another name in the map. A name must lead to a provider: write "${models[target]}" here too.`
  }
  return `${said}, but there is no such provider. Write "provider/model" or "provider", with one of: ${providers.join(', ')}.`
}

function upstreamName(entry: Entry, name: string): string {
  if (entry.upstream === undefined) return name
  const captured = entry.expression.exec(name)?.[1] ?? ''
  // A function, because `$&` and the like in a name must stay as they are.
  return entry.upstream.replace('*', () => captured)
}

/** `*` matches any text, also none; everything else matches itself. */
function wildcard(pattern: string): RegExp {
  const literal = pattern.split('*').map((text) => text.replaceAll(/[\\^$.|?+()[\]{}]/g, '\\$&'))
  return new RegExp(`^${literal.join('(.*)')}$`, 's')
}

function moreSpecificFirst(left: { pattern: string }, right: { pattern: string }): number {
  const literals = (pattern: string) => pattern.replaceAll('*', '').length
  const byLength = literals(right.pattern) - literals(left.pattern)
  return byLength === 0 ? right.pattern.indexOf('*') - left.pattern.indexOf('*') : byLength
}
