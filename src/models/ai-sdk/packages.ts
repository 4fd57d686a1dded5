/** The packages of the AI SDK by provider type, and how one is loaded. */
import type { LanguageModelV3 } from '@ai-sdk/provider'
import { createRequire } from 'node:module'
import { resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import type { AiSdkProviderSettings } from '../settings.ts'
import { limitedFetch } from './limited-fetch.ts'

interface Package {
  name: string
  /** The exported function that creates the provider from its settings. */
  factory: string
  /** The release line whose packages run on Node.js 20. */
  line: string
}

const packages: Record<Exclude<AiSdkProviderSettings['type'], 'ai-sdk'>, Package> = {
  anthropic: { name: '@ai-sdk/anthropic', factory: 'createAnthropic', line: '3' },
  google: { name: '@ai-sdk/google', factory: 'createGoogleGenerativeAI', line: '3' },
  mistral: { name: '@ai-sdk/mistral', factory: 'createMistral', line: '3' },
  azure: { name: '@ai-sdk/azure', factory: 'createAzure', line: '3' },
  bedrock: { name: '@ai-sdk/amazon-bedrock', factory: 'createAmazonBedrock', line: '4' },
  'google-vertex': { name: '@ai-sdk/google-vertex', factory: 'createVertex', line: '4' },
}

/** A provider of the AI SDK: a function from a model's name to the model. */
export type AiSdkProvider = (model: string) => LanguageModelV3

type Factory = (settings: object) => AiSdkProvider

/** Where a package is looked for: beside Spool, then in the working directory. */
const places = () => [import.meta.url, pathToFileURL(resolve('package.json')).href]

/** Whether the package of this type is installed. */
export function isInstalled(type: keyof typeof packages): boolean {
  const { name } = packages[type]
  return places().some((place) => pathOf(place, name) !== undefined)
}

/** Loads the package and creates the provider. */
export async function openPackage(settings: AiSdkProviderSettings, provider: string): Promise<AiSdkProvider> {
  const { path, factory } = findPackage(settings, provider)
  const module = (await import(pathToFileURL(path).href)) as Record<string, unknown>
  const create = module[factory]
  if (typeof create !== 'function') {
    throw new TypeError(`The package of the provider "${provider}" has no function ${factory}.`)
  }
  const { api_key, base_url, headers, options } = settings
  return (create as Factory)({
    ...(api_key !== undefined && { apiKey: api_key }),
    ...(base_url !== undefined && { baseURL: base_url }),
    ...(headers !== undefined && { headers }),
    fetch: limitedFetch,
    ...options,
  })
}

/** Throws an error with the command that installs the package, when it is not installed. */
export function findPackage(
  settings: AiSdkProviderSettings,
  provider: string,
): { path: string; factory: string } {
  const { name, factory, line } = packageOf(settings, provider)
  for (const place of places()) {
    const path = pathOf(place, name)
    if (path !== undefined) return { path, factory }
  }
  const version = line === undefined ? '' : `@${line}`
  throw new Error(`The provider "${provider}" needs the package ${name}: npm install ${name}${version}`)
}

function pathOf(place: string, name: string): string | undefined {
  try {
    return createRequire(place).resolve(name)
  } catch {
    return undefined
  }
}

function packageOf(
  settings: AiSdkProviderSettings,
  provider: string,
): { name: string; factory: string; line?: string } {
  if (settings.type !== 'ai-sdk') return packages[settings.type]
  if (settings.package !== undefined && settings.factory !== undefined) {
    return { name: settings.package, factory: settings.factory }
  }
  throw new Error(`The provider "${provider}" of type ai-sdk needs "package" and "factory".`)
}
