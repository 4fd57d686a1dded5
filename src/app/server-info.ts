/** Collects the answer of GET /v1/server. */
import { statfs } from 'node:fs/promises'
import { freemem, totalmem } from 'node:os'
import type { ModelInfo, ServerInfo } from '../api/server-info.ts'
import type { Config } from '../config/config.ts'
import { shownSettings, withoutPassword } from '../config/shown-settings.ts'
import type { Context } from '../domain/context.ts'
import { version } from '../util/version.ts'
import { findServer } from '../models/discover.ts'
import { targetsOf } from '../models/model-map.ts'
import type { Models } from '../models/open.ts'
import type { ProviderSettings } from '../models/settings.ts'
import { findServerFacts, modelsInUse } from '../sql/server-facts.ts'
import { nowSeconds } from '../util/clock.ts'

interface ServerParts {
  /** A reload replaces it. */
  config: () => Config
  context: Pick<Context, 'clock' | 'db' | 'modelBehind' | 'retrieval'>
  models: Models
  database: { description: string }
  sandbox: { describe(): object }
}

/** Returns a function that describes the server as it is now, for a key of the given project. */
export function openServerInfo(parts: ServerParts): (project: string) => Promise<ServerInfo> {
  const { context, database, sandbox } = parts
  const started_at = nowSeconds(context.clock)
  return async (project) => {
    const config = parts.config()
    const facts = await findServerFacts(context.db, project)
    const { rss, heapUsed } = process.memoryUsage()
    return {
      object: 'server',
      version,
      node: process.version,
      platform: `${process.platform} ${process.arch}`,
      started_at,
      project,
      asks_for_keys: config.keys.size > 0,
      roles: [...config.roles],
      database: { description: database.description, version: facts.version, bytes: facts.bytes },
      models: await modelInfo(parts, project),
      sandbox: { ...sandbox.describe() },
      storage: {
        objects: facts.objects,
        file_bytes: facts.file_bytes,
        place: placeOf(config.blobs),
        disk: await diskOf(config.dataDir),
      },
      memory: { process_bytes: rss, heap_bytes: heapUsed, total_bytes: totalmem(), free_bytes: freemem() },
      settings: shownSettings(config.settings),
    }
  }
}

/** Where file contents are, for the operator. */
export function placeOf(blobs: Config['blobs']): string {
  return blobs.type === 'disk' ? blobs.folder : `${blobs.bucket} at ${blobs.endpoint}`
}

async function modelInfo({ context, models }: ServerParts, project: string): Promise<ModelInfo> {
  const { providers, models: map } = models.settings
  const used = await modelsInUse(context.db, project)
  const { id, dimensions } = context.retrieval.embedder
  return {
    description: models.description,
    is_demo: models.isDemo,
    providers: Object.entries(providers).map(([name, provider]) => ({ name, ...shownProvider(provider) })),
    map: Object.entries(map).map(([pattern, target]) => ({
      pattern,
      target: targetsOf(target).join(', then '),
    })),
    in_use: used.map((one) => ({ ...one, target: context.modelBehind(one.model) ?? null })),
    embedder: { id, dimensions },
    found: models.isDemo ? await findModelServers() : [],
  }
}

function shownProvider(provider: ProviderSettings): Omit<ModelInfo['providers'][number], 'name'> {
  const { type } = provider
  if (type === 'demo') return { type, place: 'built in', has_key: false }
  if (type === 'local') return { type, place: provider.path, has_key: false }
  const place = provider.base_url === undefined ? type : withoutPassword(provider.base_url)
  return { type, place, has_key: provider.api_key !== undefined }
}

/** Where servers that people run beside this one listen by default. */
const knownServers = [
  { name: 'Ollama', base_url: 'http://127.0.0.1:11434/v1' },
  { name: 'LM Studio', base_url: 'http://127.0.0.1:1234/v1' },
]

async function findModelServers(): Promise<ModelInfo['found']> {
  const found = await Promise.all(knownServers.map(({ name, base_url }) => findServer(base_url, name)))
  return found.flatMap((server) => (server ? [{ ...server, models: server.models.slice(0, 50) }] : []))
}

async function diskOf(folder: string): Promise<{ total_bytes: number; free_bytes: number } | null> {
  try {
    const { bsize, blocks, bavail } = await statfs(folder)
    return { total_bytes: bsize * blocks, free_bytes: bsize * bavail }
  } catch {
    return null
  }
}
