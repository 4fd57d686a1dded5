/** Names that vendors have retired, and the names that they recommend instead; see decision 0023. */
import { patternTable, readTable } from './patterns.ts'
import type { ModelSettings, ProviderSettings } from './settings.ts'

interface Retired {
  replacement: string
  /** `2026-10-23`; the name counts as retired from this day on. */
  date: string
}

type Table = ReturnType<typeof patternTable<Retired>>

const tables = tablesOfVendors()
/** A replacement may be retired itself. */
const longestChain = 8

function tablesOfVendors(): Map<string, Table> {
  const byVendor = new Map<string, [string, Retired][]>()
  for (const [vendor = '', name = '', replacement = '', date = ''] of readTable('retired-models')) {
    byVendor.set(vendor, [...(byVendor.get(vendor) ?? []), [name, { replacement, date }]])
  }
  return new Map([...byVendor].map(([vendor, entries]) => [vendor, patternTable(entries)]))
}

export interface RetiredModels {
  /** The name that the vendor recommends today; undefined when the name is not retired or the settings keep it. */
  replacementOf(vendor: string | undefined, name: string): string | undefined
}

/** `today` returns a date such as `2026-11-28`. */
export function retiredModels(
  settings: Pick<ModelSettings, 'retired_models'>,
  today: () => string = () => new Date().toISOString().slice(0, 10),
): RetiredModels {
  const own = patternTable(Object.entries(settings.retired_models ?? {}))
  return {
    replacementOf(vendor, name) {
      const written = own(name)
      if (written) return written.value === false ? undefined : written.value
      return vendor === undefined ? undefined : living(vendor, name, today())
    },
  }
}

/** Follows the table while the replacement is retired as well. */
function living(vendor: string, name: string, today: string): string | undefined {
  let current = name
  for (let step = 0; step < longestChain; step += 1) {
    const found = tables.get(vendor)?.(current)?.value
    if (!found || found.date > today) break
    current = found.replacement
  }
  return current === name ? undefined : current
}

/** The vendor whose models a provider serves; undefined when it is not certain. Azure's names are those of deployments. */
export function vendorOf(settings: ProviderSettings): string | undefined {
  if (settings.type === 'openai') {
    const { hostname } = new URL(settings.base_url)
    if (/(^|\.)openai\.com$/.test(hostname)) return 'openai'
    return hostname === 'api.mistral.ai' ? 'mistral' : undefined
  }
  return ['anthropic', 'google', 'mistral', 'bedrock', 'google-vertex'].includes(settings.type)
    ? settings.type
    : undefined
}

/** The vendor of a model, from the name alone. */
export function vendorOfName(name: string): string | undefined {
  if (/^(gpt-|o\d|chatgpt-)/.test(name)) return 'openai'
  if (name.startsWith('claude-')) return 'anthropic'
  if (name.startsWith('gemini-')) return 'google'
  return /^(open-)?(mistral|mixtral|codestral|pixtral)-/.test(name) ? 'mistral' : undefined
}
