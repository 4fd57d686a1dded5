/** The service that a pull reads from: its address, its headers, and which lists it has. */

export const pullSources = ['openai', 'azure', 'spool'] as const
export type PullSource = (typeof pullSources)[number]

export interface PullSettings {
  from: PullSource
  /** Required, except for `openai`. */
  url?: string | undefined
  /** Sent as `api-key` to `azure`, else as a bearer token. */
  key?: string | undefined
  /** A bearer token, for `azure` only. */
  token?: string | undefined
  /** For `azure` only. */
  apiVersion?: string | undefined
}

export interface Endpoint {
  from: PullSource
  /** Without a slash at the end. */
  url: string
  headers: Record<string, string>
  /** Added to every request. */
  query: Record<string, string>
  /** Whether the service lists threads. */
  listsThreads: boolean
}

/** The pull cannot start or continue. The message is for the user. */
export class PullStopped extends Error {
  override readonly name = 'PullStopped'
}

const openaiUrl = 'https://api.openai.com/v1'
/** The path that the clients of each service use when an address has none. */
const usualPaths = { openai: '/v1', azure: '/openai', spool: '/v1' }

const keyVariables = {
  openai: 'OPENAI_API_KEY',
  azure: 'AZURE_OPENAI_API_KEY or AZURE_OPENAI_AD_TOKEN',
  spool: 'SPOOL_PULL_KEY',
}

/** Throws `PullStopped` for settings that cannot be used. */
export function endpointOf({ from, url, key, token, apiVersion }: PullSettings): Endpoint {
  const address = addressOf(from, url)
  if (key === undefined && token === undefined) {
    throw new PullStopped(`There is no key for '${from}': set ${keyVariables[from]}, or --key.`)
  }
  const isAzureKey = from === 'azure' && token === undefined
  return {
    from,
    url: address,
    headers: {
      ...(isAzureKey ? { 'api-key': key ?? '' } : { authorization: `Bearer ${token ?? key}` }),
      ...(from !== 'azure' && { 'openai-beta': 'assistants=v2' }),
    },
    query: from === 'azure' ? { 'api-version': apiVersion ?? usualVersion(address) } : {},
    listsThreads: from !== 'openai',
  }
}

function addressOf(from: PullSource, given: string | undefined): string {
  const text = given ?? (from === 'openai' ? openaiUrl : undefined)
  if (text === undefined)
    throw new PullStopped(`A pull from '${from}' needs the address of the service: --url URL.`)
  const url = URL.canParse(text) ? new URL(text) : undefined
  if (!url || !/^https?:$/.test(url.protocol) || url.username !== '' || url.search !== '') {
    throw new PullStopped(
      '--url must be an address such as https://example.com/v1, without a key or a query.',
    )
  }
  const path = url.pathname.replace(/\/+$/, '')
  return url.origin + (path === '' ? usualPaths[from] : path)
}

/** The default API version: projects of Azure AI Foundry have other versions than Azure OpenAI. */
function usualVersion(url: string): string {
  return url.includes('/api/projects/') ? 'v1' : '2024-05-01-preview'
}
