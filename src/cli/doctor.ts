/** `doctor`: checks an installation, running or not, and prints the fix for each problem. */
import { X509Certificate } from 'node:crypto'
import http from 'node:http'
import https from 'node:https'
import { tmpdir } from 'node:os'
import { embedderChoice, modelSettings, namesWithoutRoute } from '../app/open-models.ts'
import { hasTable, newestMigration } from '../database/migrate.ts'
import { attachDatabase, type AttachedDatabase } from '../database/open.ts'
import type { Queryable } from '../database/database.ts'
import { openBlobStore } from '../blobs/open.ts'
import type { Config } from '../config/config.ts'
import { readTls } from '../config/tls.ts'
import { chooseEmbedder, type EmbedderChoice } from '../app/default-embedder.ts'
import { openEmbedder } from '../embedders/open.ts'
import type { Embedder } from '../embedders/port.ts'
import { openModels, type Models } from '../models/open.ts'
import { openReranker } from '../models/reranker.ts'
import { openSandbox } from '../sandbox/sandbox.ts'
import { describeError } from '../util/describe-error.ts'
import { checkTemporaryFolder, prepareDataFolder, freeBytes } from '../util/folder.ts'
import type { Log } from '../util/log.ts'
import { databaseSettings, migrations } from './attached.ts'
import { askModel } from './models.ts'
import { checkPort } from './start-errors.ts'

/** `fail` must be fixed before the server can work, `warn` need not. */
export interface Finding {
  level: 'ok' | 'warn' | 'fail'
  text: string
}

interface Check {
  name: string
  /** Throws for a problem; the message names the fix. */
  run(): Promise<string | Finding>
}

const answerMs = 30_000
const demoOnly =
  'the built-in demo model answers, because no other model is configured. Set OPENAI_API_KEY or OPENAI_BASE_URL (docs/providers.md).'
const warnClockSeconds = 5
const gibibyte = 1024 ** 3

/** Prints a line for each check. Resolves with true when none failed. */
export async function doctor(config: Config, log: Log, print: (line: string) => void): Promise<boolean> {
  let isGood = true
  for (const warning of config.warnings) print(`warn  settings: ${warning}`)
  const models = openModels(await modelSettings(config, log), log)
  const database = new CheckedDatabase(config, log)
  try {
    for (const check of checksOf(config, models, { database, log })) {
      const { level, text } = await outcomeOf(check)
      if (level === 'fail') isGood = false
      print(`${level.padEnd(5)} ${check.name}: ${text}`)
    }
  } finally {
    await database.close()
    await models.close()
  }
  return isGood
}

async function outcomeOf(check: Check): Promise<Finding> {
  try {
    const found = await check.run()
    return typeof found === 'string' ? { level: 'ok', text: found } : found
  } catch (error) {
    return { level: 'fail', text: describeError(error) }
  }
}

function checksOf(
  config: Config,
  models: Models,
  { database, log }: { database: CheckedDatabase; log: Log },
): Check[] {
  const choice = embedderChoice(config, { settings: models.settings, models })
  return [
    { name: 'Node.js', run: async () => process.versions.node },
    { name: 'data folder', run: () => checkFolder(config) },
    { name: 'temporary files', run: () => checkTemporary(config) },
    { name: 'TLS', run: async () => checkCertificate(config) },
    { name: 'port', run: () => checkListening(config) },
    { name: 'database', run: () => checkDatabase(config, database) },
    { name: 'file contents', run: () => checkBlobs(config) },
    ...Object.entries(models.settings.providers).map(([provider, { type }]) => ({
      name: `provider ${provider}`,
      run: () => (type === 'rerank' ? checkReranker(config, log) : checkProvider(models, provider)),
    })),
    { name: 'names of models', run: () => checkNames(models, database) },
    { name: 'embedder', run: () => checkEmbedder(choice, database, log) },
    { name: 'sandbox', run: () => checkSandbox(config, log) },
  ]
}

async function checkFolder({ dataDir, minFreeDiskBytes }: Config): Promise<Finding> {
  await prepareDataFolder(dataDir)
  const free = await freeBytes(dataDir)
  const text = `${dataDir} can be written, ${(free / gibibyte).toFixed(1)} GiB are free`
  if (free >= minFreeDiskBytes) return { level: 'ok', text }
  return { level: 'fail', text: `${text}, less than SPOOL_MIN_FREE_DISK_MB. Free some space, or lower it.` }
}

async function checkTemporary({ minFreeDiskBytes }: Config): Promise<Finding> {
  await checkTemporaryFolder()
  const free = await freeBytes(tmpdir())
  const text = `${tmpdir()} can be written, ${(free / gibibyte).toFixed(1)} GiB are free`
  if (free >= minFreeDiskBytes) return { level: 'ok', text }
  return { level: 'warn', text: `${text}, which is little for large files. Set TMPDIR to a larger disk.` }
}

/** Passes when the port is free, or when this server itself uses it. */
async function checkListening(config: Config): Promise<string> {
  try {
    await checkPort(config)
    return `${config.host}:${config.port} is free`
  } catch (error) {
    if (await isSpoolAt(config)) return `a Spool server answers at ${config.host}:${config.port}`
    throw error
  }
}

/** Does not check the certificate, because the request goes to this machine. */
function isSpoolAt({ host, port, tls }: Config): Promise<boolean> {
  return new Promise((resolve) => {
    const options = { host, port, path: '/healthz', timeout: 2_000, rejectUnauthorized: false }
    const request = (tls ? https : http).get(options, (answer) => {
      answer.resume()
      resolve(String(answer.headers['x-request-id']).startsWith('req_'))
    })
    request.on('timeout', () => request.destroy())
    request.on('close', () => resolve(false))
    request.on('error', () => resolve(false))
  })
}

/** The server starts with an expired certificate, but clients refuse it. */
function checkCertificate({ tls }: Config): Finding {
  if (!tls) return { level: 'ok', text: 'off: plain http' }
  const { validTo, subjectAltName = 'no name' } = new X509Certificate(readTls(tls).cert)
  const text = `the certificate for ${subjectAltName} is valid until ${validTo}`
  if (new Date(validTo) >= new Date()) return { level: 'ok', text }
  return { level: 'fail', text: `${text}. Renew it, and start the server again.` }
}

/** The database for the checks. The first check that needs it connects; when that fails, all of them fail. */
class CheckedDatabase {
  readonly #config: Config
  readonly #log: Log
  #attached: Promise<AttachedDatabase> | undefined

  constructor(config: Config, log: Log) {
    this.#config = config
    this.#log = log
  }

  async attach(): Promise<Queryable> {
    this.#attached ??= attachDatabase(databaseSettings(this.#config, this.#log))
    return (await this.#attached).db
  }

  async close(): Promise<void> {
    const attached = await this.#attached?.catch(() => undefined)
    await attached?.close()
  }
}

async function checkDatabase({ databaseUrl }: Config, database: CheckedDatabase): Promise<Finding> {
  const db = await database.attach()
  const [row] = await db.query<{ version: string; skew: number }>({
    text: `select current_setting('server_version') as version,
                  extract(epoch from clock_timestamp())::float8 - $1 as skew`,
    values: [Date.now() / 1000],
  })
  const text = `PostgreSQL ${row?.version ?? ''}${databaseUrl ? ' at DATABASE_URL' : ', embedded'}, ${await schemaOf(db)}`
  const skew = Math.round(Math.abs(row?.skew ?? 0))
  if (skew <= warnClockSeconds) return { level: 'ok', text }
  return {
    level: 'warn',
    text: `${text}. Its clock differs from this machine's by ${skew} s: synchronise both.`,
  }
}

async function schemaOf(db: Queryable): Promise<string> {
  const newest = newestMigration(migrations)
  if (!(await hasTable(db, 'schema_migrations'))) return 'empty; the first start creates the tables'
  const [row] = await db.query<{ number: number }>({
    text: 'select coalesce(max(number), 0) as number from schema_migrations',
  })
  const number = row?.number ?? 0
  if (number > newest) {
    throw new Error(
      `The tables are of a newer version (migration ${number}; this one knows ${newest}). Use that version.`,
    )
  }
  return number === newest
    ? `migration ${number}`
    : `migration ${number}; the next start applies up to ${newest}`
}

async function checkBlobs(config: Config): Promise<string> {
  const blobs = await openBlobStore(config.blobs, { minFreeBytes: 0 })
  try {
    return `${config.blobs.type === 'disk' ? config.blobs.folder : `bucket ${config.blobs.bucket}`} (${await blobs.identity()})`
  } finally {
    await blobs.close()
  }
}

/** Sends a small request to the first model of the provider. When no name leads to one, requests its list of models. */
async function checkProvider(models: Models, provider: string): Promise<Finding | string> {
  if (models.isDemo) return { level: 'warn', text: demoOnly }
  const names = (await models.list()).map(({ id }) => models.resolve(id))
  const found = names.find((one) => one?.provider === provider)
  if (found) return askModel(found)
  const health = models.health().find((one) => one.provider === provider)
  if (health?.status === 'down')
    throw new Error(`it does not answer: ${health.reason ?? 'no reason is known'}. Check its base_url.`)
  return { level: 'warn', text: 'it answers, but lists no model; name one in "models" to test it' }
}

async function checkNames(models: Models, database: CheckedDatabase): Promise<Finding | string> {
  const db = await database.attach()
  const names = (await hasTable(db, 'assistants')) ? await namesWithoutRoute(db, models) : []
  if (names.length === 0) return 'every name that assistants use leads to a model'
  const text = `these lead to no model: ${names.join(', ')}. Add them or a wildcard to "models"`
  return { level: 'warn', text }
}

async function checkReranker(config: Config, log: Log): Promise<string> {
  const reranker = openReranker(config.models, log)
  try {
    await reranker?.rerank('ready', ['ready', 'steady'], AbortSignal.timeout(answerMs))
    return 'it scores the results of searches'
  } finally {
    reranker?.close()
  }
}

async function checkEmbedder(choice: EmbedderChoice, database: CheckedDatabase, log: Log): Promise<string> {
  const embedder = await embedderInUse(choice, database, log)
  try {
    const [vector] = await embedder.embed(['ready'], 'query', AbortSignal.timeout(answerMs))
    return `${embedder.id} gives vectors of ${vector?.length ?? 0} numbers`
  } finally {
    await embedder.close()
  }
}

/** The embedder that a start would choose. */
async function embedderInUse(choice: EmbedderChoice, database: CheckedDatabase, log: Log): Promise<Embedder> {
  const db = await database.attach()
  return (await hasTable(db, 'vector_stores')) ? chooseEmbedder(choice, db, log) : openEmbedder(choice)
}

async function checkSandbox(config: Config, log: Log): Promise<Finding> {
  if (config.sandbox.choice === 'off') return { level: 'warn', text: 'off (SPOOL_SANDBOX=off)' }
  const sandbox = openSandbox({ ...config.sandbox, dataDir: config.dataDir, log })
  try {
    sandbox.start()
    await sandbox.use('doctor', async () => undefined, AbortSignal.timeout(answerMs * 4))
    const { driver, why } = sandbox.describe()
    const text = `${driver ?? 'none'} works`
    return why === undefined ? { level: 'ok', text } : { level: 'warn', text: `${text}. ${why}` }
  } catch (error) {
    // Only a warning: everything else works without code_interpreter.
    return { level: 'warn', text: `code_interpreter is not available. ${describeError(error)}` }
  } finally {
    await sandbox.close()
  }
}
