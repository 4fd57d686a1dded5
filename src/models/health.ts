/** Whether providers answer, known from the latest real call to each. No call is made only to find out. */
import { ModelFailure } from './port.ts'

/** `reason` is short and holds no address; `checked_at` is the Unix time of the call in seconds. */
export interface ProviderHealth {
  provider: string
  status: 'unknown' | 'up' | 'down'
  reason?: string
  checked_at?: number
}

/** For this long after a failure, a provider is tried after the others of a route. */
const avoidMs = 30_000

/** The health of all providers that were opened together. */
export class Health {
  readonly #known: Map<string, ProviderHealth & { atMs: number }>

  constructor(providers: readonly string[]) {
    this.#known = new Map(
      providers.map((provider) => [provider, { provider, status: 'unknown', atMs: -Infinity }]),
    )
  }

  /** Records that the provider answered; a refusal of the request is an answer too. */
  answered(provider: string): void {
    this.#set({ provider, status: 'up' })
  }

  /** Records the error of a call. Ignores errors that are not the provider's failure, such as an abort. */
  failed(provider: string, error: unknown): void {
    if (!(error instanceof ModelFailure)) return
    if (error.code === 'invalid_prompt') this.answered(provider)
    else this.#set({ provider, status: 'down', reason: reasonOf(error) })
  }

  /** Whether a call failed a short time ago, and none succeeded since. */
  isAvoided(provider: string): boolean {
    const known = this.#known.get(provider)
    return known?.status === 'down' && performance.now() - known.atMs < avoidMs
  }

  list(): ProviderHealth[] {
    return Array.from(this.#known.values(), ({ atMs: _, ...health }) => health)
  }

  /** Records the outcome of a call, and returns its result. */
  async watch<Result>(provider: string, call: Promise<Result>): Promise<Result> {
    try {
      const result = await call
      this.answered(provider)
      return result
    } catch (error) {
      this.failed(provider, error)
      throw error
    }
  }

  #set(health: ProviderHealth): void {
    const checked_at = Math.floor(Date.now() / 1000)
    this.#known.set(health.provider, { ...health, checked_at, atMs: performance.now() })
  }
}

function reasonOf(failure: ModelFailure): string {
  const cause = failure.cause as { code?: unknown; message?: string } | undefined
  if (typeof cause?.code === 'string') return cause.code
  return /^HTTP \d+/.exec(cause?.message ?? '')?.[0] ?? 'no usable answer'
}
