/** The keys of the services that `pull` reads from, in the variables that the services' own clients use. */
import type { Environment } from './environment.ts'

export interface PullKeys {
  readonly openai?: string | undefined
  /** Sent as `api-key`. */
  readonly azure?: string | undefined
  /** Sent as a bearer token. */
  readonly azureToken?: string | undefined
  readonly spool?: string | undefined
}

/** An empty variable counts as not set. */
export function pullKeysOf(environment: Environment): PullKeys {
  const { OPENAI_API_KEY, AZURE_OPENAI_API_KEY, AZURE_OPENAI_AD_TOKEN, SPOOL_PULL_KEY } = environment
  return {
    openai: OPENAI_API_KEY || undefined,
    azure: AZURE_OPENAI_API_KEY || undefined,
    azureToken: AZURE_OPENAI_AD_TOKEN || undefined,
    spool: SPOOL_PULL_KEY || undefined,
  }
}
