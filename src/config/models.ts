/** Providers and the model map, from the settings and the two variables of the OpenAI SDKs. */
import { ModelSettings } from '../models/settings.ts'
import { isObject } from '../util/is-object.ts'
import { ConfigError } from './config-error.ts'
import type { Environment } from './environment.ts'
import type { Settings } from './settings.ts'

/** The provider of `OPENAI_API_KEY` and `OPENAI_BASE_URL`, unless one of its name stands in the settings already. */
export function openaiProvider(
  { OPENAI_API_KEY: api_key, OPENAI_BASE_URL }: Environment,
  providers: unknown,
): { provider: object; urlVariable: string | undefined } | undefined {
  if (!api_key && !OPENAI_BASE_URL) return undefined
  if (isObject(providers) && Object.hasOwn(providers, 'openai')) return undefined
  const base_url = OPENAI_BASE_URL || 'https://api.openai.com/v1'
  const provider = { type: 'openai', base_url, ...(api_key && { api_key }) }
  return { provider, urlVariable: OPENAI_BASE_URL ? 'OPENAI_BASE_URL' : undefined }
}

/** Throws `ConfigError` when no model is left. `warnings` gets what works but is hardly meant. */
export function modelSettings(
  settings: Settings,
  { isOpenaiFromEnvironment, warnings }: { isOpenaiFromEnvironment: boolean; warnings: string[] },
): ModelSettings {
  const { providers, demo_model } = settings
  const models = { ...settings.models }
  const names = Object.keys(providers)
  const real = names.filter((name) => providers[name]?.type !== 'demo')
  if (demo_model === false && names.length === 0) {
    throw new ConfigError(
      'SPOOL_DEMO_MODEL turns the demo model off and there is no other: set OPENAI_API_KEY or OPENAI_BASE_URL.',
    )
  }
  if (isOpenaiFromEnvironment) models['*'] ??= 'openai'
  const [only] = names
  if (names.length === 1 && only && Object.keys(models).length === 0) models['*'] = only
  for (const name of real.filter((one) => !isReached(one, models))) {
    warnings.push(
      `No model name leads to the provider '${name}': add one to 'models', for example {"*": "${name}"}.`,
    )
  }
  const all = { ...providers }
  if (demo_model && real.length > 0) {
    all.demo ??= { type: 'demo' }
    models.demo ??= 'demo'
  }
  return ModelSettings.strip().parse({ ...settings, providers: all, models })
}

function isReached(provider: string, models: Record<string, string>): boolean {
  return Object.values(models).some((target) => target === provider || target.startsWith(`${provider}/`))
}
