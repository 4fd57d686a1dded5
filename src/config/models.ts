/** The providers and the model map, from the settings and the usual variables of the providers. */
import { isInstalled } from '../models/ai-sdk/packages.ts'
import { targetsOf } from '../models/model-map.ts'
import { ModelSettings } from '../models/settings.ts'
import { isObject } from '../util/is-object.ts'
import { ConfigError } from './config-error.ts'
import type { Environment } from './environment.ts'
import type { Settings } from './settings.ts'

/** A provider that variables configure, and the model names that it serves when there are other providers. */
interface Found {
  name: string
  provider: object
  patterns: string[]
  /** The variable with its address, if there is one. */
  urlVariable?: string | undefined
}

/** The providers that the usual variables configure, except those whose name is in the settings. */
export function providersOf(environment: Environment, providers: unknown): Found[] {
  const found = [
    openai(environment),
    anthropic(environment),
    google(environment),
    mistral(environment),
    azure(environment),
    bedrock(environment),
  ]
  return found
    .filter((one) => one !== undefined)
    .filter(({ name }) => !isObject(providers) || !Object.hasOwn(providers, name))
}

function openai({ OPENAI_API_KEY: api_key, OPENAI_BASE_URL }: Environment): Found | undefined {
  if (!api_key && !OPENAI_BASE_URL) return undefined
  const base_url = OPENAI_BASE_URL || 'https://api.openai.com/v1'
  const provider = { type: 'openai', base_url, ...(api_key && { api_key }) }
  return {
    name: 'openai',
    provider,
    patterns: ['*'],
    urlVariable: OPENAI_BASE_URL ? 'OPENAI_BASE_URL' : undefined,
  }
}

function anthropic({ ANTHROPIC_API_KEY: api_key }: Environment): Found | undefined {
  return api_key
    ? { name: 'anthropic', provider: { type: 'anthropic', api_key }, patterns: ['claude-*'] }
    : undefined
}

function google({ GEMINI_API_KEY, GOOGLE_GENERATIVE_AI_API_KEY }: Environment): Found | undefined {
  const api_key = GEMINI_API_KEY || GOOGLE_GENERATIVE_AI_API_KEY
  return api_key
    ? { name: 'google', provider: { type: 'google', api_key }, patterns: ['gemini-*'] }
    : undefined
}

/** Mistral offers Chat Completions. */
function mistral({ MISTRAL_API_KEY: api_key }: Environment): Found | undefined {
  if (!api_key) return undefined
  const provider = { type: 'openai', base_url: 'https://api.mistral.ai/v1', api_key }
  return { name: 'mistral', provider, patterns: ['*stral-*'] }
}

/** Azure offers Chat Completions; its model names are those of deployments. */
function azure({ AZURE_OPENAI_ENDPOINT, AZURE_OPENAI_API_KEY }: Environment): Found | undefined {
  if (!AZURE_OPENAI_ENDPOINT || !AZURE_OPENAI_API_KEY) return undefined
  const base_url = `${AZURE_OPENAI_ENDPOINT.replace(/\/+$/, '')}/openai/v1`
  const provider = { type: 'openai', base_url, headers: { 'api-key': AZURE_OPENAI_API_KEY } }
  return { name: 'azure', provider, patterns: ['*'], urlVariable: 'AZURE_OPENAI_ENDPOINT' }
}

/**
 * AWS's variables are set on many machines for other reasons. Bedrock is configured only when its own key is set, or
 * when its package is installed. Its model names begin with the vendor, or with a region and the vendor.
 */
function bedrock(environment: Environment): Found | undefined {
  const { AWS_BEARER_TOKEN_BEDROCK: api_key, AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY } = environment
  const region = environment.AWS_REGION || environment.AWS_DEFAULT_REGION
  const hasKeys = Boolean(AWS_ACCESS_KEY_ID && AWS_SECRET_ACCESS_KEY) && isInstalled('bedrock')
  if (!api_key && !hasKeys) return undefined
  const options = region ? { options: { region } } : {}
  const provider = { type: 'bedrock', ...(api_key && { api_key }), ...options }
  const vendors = ['ai21', 'amazon', 'anthropic', 'cohere', 'deepseek', 'meta', 'mistral', 'qwen']
  return { name: 'bedrock', provider, patterns: vendors.map((vendor) => `*${vendor}.*`) }
}

/**
 * Throws `ConfigError` when no model is left. `warnings` receives messages about settings that are probably a mistake.
 */
export function modelSettings(
  settings: Settings,
  { found, warnings }: { found: readonly Found[]; warnings: string[] },
): ModelSettings {
  const { providers, demo_model } = settings
  const models = { ...settings.models }
  // A reranker serves no model name.
  const names = Object.keys(providers).filter((name) => providers[name]?.type !== 'rerank')
  const real = names.filter((name) => providers[name]?.type !== 'demo')
  if (demo_model === false && names.length === 0) {
    throw new ConfigError(
      'SPOOL_DEMO_MODEL turns the demo model off and there is no other: set OPENAI_API_KEY, ANTHROPIC_API_KEY, GEMINI_API_KEY or OPENAI_BASE_URL.',
    )
  }
  for (const { name, patterns } of found) for (const pattern of patterns) models[pattern] ??= name
  // Names that match no pattern go to the first provider of the variables.
  if (found[0]) models['*'] ??= found[0].name
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

function isReached(provider: string, models: ModelSettings['models']): boolean {
  const targets = Object.values(models).flatMap(targetsOf)
  return targets.some((target) => target === provider || target.startsWith(`${provider}/`))
}
