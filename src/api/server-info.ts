/** Beyond the original API: the server itself, for people who run it. It holds no secrets. */
import { z } from 'zod'

const Provider = z.strictObject({
  name: z.string(),
  type: z.string(),
  /** Its address or file. */
  place: z.string(),
  has_key: z.boolean(),
})

const ModelInfo = z.strictObject({
  description: z.string(),
  is_demo: z.boolean(),
  providers: z.array(Provider),
  map: z.array(z.strictObject({ pattern: z.string(), target: z.string() })),
  /** Names that assistants use; `target` is null for a name that no provider serves, whose runs fail. */
  in_use: z.array(z.strictObject({ model: z.string(), assistants: z.int(), target: z.string().nullable() })),
  embedder: z.strictObject({ id: z.string(), dimensions: z.int() }),
  /** Model servers that answer on this machine, searched while only the demo model is configured. */
  found: z.array(z.strictObject({ name: z.string(), base_url: z.string(), models: z.array(z.string()) })),
})
export type ModelInfo = z.output<typeof ModelInfo>

export const ServerInfo = z.strictObject({
  object: z.literal('server'),
  version: z.string(),
  node: z.string(),
  platform: z.string(),
  /** Unix seconds. */
  started_at: z.int(),
  /** Of the key of the request. */
  project: z.string(),
  asks_for_keys: z.boolean(),
  roles: z.array(z.string()),
  database: z.strictObject({ description: z.string(), version: z.string(), bytes: z.int() }),
  models: ModelInfo,
  sandbox: z.looseObject({}),
  storage: z.strictObject({
    /** How many there are in the project, by kind. */
    objects: z.record(z.string(), z.int()),
    /** Of all projects. */
    file_bytes: z.int(),
    place: z.string(),
    /** The disk of the data folder; null where the system does not report it. */
    disk: z.strictObject({ total_bytes: z.int(), free_bytes: z.int() }).nullable(),
  }),
  memory: z.strictObject({
    process_bytes: z.int(),
    heap_bytes: z.int(),
    total_bytes: z.int(),
    free_bytes: z.int(),
  }),
  /** By the key in the config file; secrets are replaced by a word, null is not set. */
  settings: z.array(z.strictObject({ name: z.string(), value: z.unknown() })),
})
export type ServerInfo = z.output<typeof ServerInfo>

/** Settings by their keys in the config file, as a reload found them. */
export const ReloadReport = z.strictObject({
  object: z.literal('server.reload'),
  /** Taken over: requests and runs that begin from now on use them. */
  changed: z.array(z.string()),
  /** Different too, and not in force before a restart. */
  needs_restart: z.array(z.string()),
})
export type ReloadReport = z.output<typeof ReloadReport>
