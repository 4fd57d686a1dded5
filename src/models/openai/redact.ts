/** Removes a provider's keys and addresses from texts that a user or a log may see. */

/** Keys such as `sk-…`, also with the stars that OpenAI puts into a key that it quotes, and any text after `Bearer`. */
const keyShapes = /\b(?:sk|pk|rk|key|api|sess|org|proj)-[A-Za-z0-9*_.-]{8,}|\bBearer\s+\S+/g

interface RedactedSettings {
  base_url?: string | undefined
  api_key?: string | undefined
  headers?: Record<string, string> | undefined
}

/** Creates the function for one provider. Links to other hosts, such as a page about rate limits, are kept. */
export function redactor(settings: RedactedSettings): (text: string) => string {
  const base = settings.base_url === undefined ? undefined : new URL(settings.base_url)
  const secrets = [settings.api_key, base?.password, ...secretHeaders(settings)]
    .filter((secret): secret is string => secret !== undefined && secret.length >= 4)
    .toSorted((left, right) => right.length - left.length)
  const addresses =
    base === undefined
      ? []
      : [settings.base_url ?? '', base.origin, base.host, ...(base.port === '' ? [] : [base.hostname])]
  return (text) => {
    let shown = text
    for (const secret of secrets) shown = shown.replaceAll(secret, '[key]')
    for (const address of addresses) shown = shown.replaceAll(address, '[address]')
    return shown.replaceAll(keyShapes, '[key]')
  }
}

function secretHeaders(settings: RedactedSettings): string[] {
  return Object.entries(settings.headers ?? {})
    .filter(([name]) => /auth|key|token|secret/i.test(name))
    .map(([, value]) => value)
}
