/**
 * Declares each setting once: its key in the config file, environment variable, schema, default and meaning. The reader
 * of the environment, the error messages and the table in docs/configuration.md come from here.
 */
import { z } from 'zod'
import { BlobStoreSettings } from '../blobs/settings.ts'
import { ModelSettings } from '../models/settings.ts'

/** `default` is shown in the documentation where the schema has no default. */
function setting<Schema extends z.ZodType>(
  variable: string,
  description: string,
  schema: Schema,
  shown: { default?: string } = {},
): Schema {
  return schema.meta({ variable, description, ...(shown.default && { shown: shown.default }) })
}

const Origin = z.string().refine((text) => text === '*' || originOf(text) === text, {
  error: ({ input }) => {
    const origin = originOf(String(input)) ?? originOf(`https://${String(input)}`)
    return `an origin is needed, such as ${origin ?? 'https://app.example.com'}, or *`
  },
})

function originOf(text: string): string | undefined {
  const isWeb = URL.canParse(text) && /^https?:$/.test(new URL(text).protocol)
  return isWeb ? new URL(text).origin : undefined
}

const count = (min: number, max?: number) =>
  max === undefined ? z.int().min(min) : z.int().min(min).max(max)

const Server = z.strictObject({
  host: setting('HOST', 'the address to listen on', z.string().min(1).default('127.0.0.1')),
  port: setting('PORT', 'the port to listen on; 0 takes a free one', count(0, 65_535).default(8080)),
  tls_cert: setting(
    'SPOOL_TLS_CERT',
    'the file of a certificate with its chain (PEM): the server then answers https only',
    z.string().min(1).optional(),
  ),
  tls_key: setting(
    'SPOOL_TLS_KEY',
    'the file of the private key of the certificate (PEM, without a passphrase)',
    z.string().min(1).optional(),
  ),
  data_dir: setting(
    'SPOOL_DATA_DIR',
    'the folder of the embedded database, file contents and sandbox assets',
    z.string().min(1).default('./data'),
  ),
  database_url: setting(
    'DATABASE_URL',
    'a PostgreSQL 15 or newer (UTF8) instead of the embedded one: `postgres://user:password@host:5432/name`',
    z.string().min(1).optional(),
  ),
  database_pool: setting('SPOOL_DATABASE_POOL', 'connections for statements', count(2, 200).default(10)),
  database_timeout_seconds: setting(
    'SPOOL_DATABASE_TIMEOUT_SECONDS',
    'how long a statement may take before it counts as failed and its connection as lost',
    count(1, 600).default(20),
  ),
  roles: setting(
    'SPOOL_ROLES',
    'which parts this process runs; the embedded database needs both',
    z
      .array(z.enum(['api', 'worker']))
      .min(1)
      .default(['api', 'worker']),
  ),
  api_keys: setting(
    'SPOOL_API_KEY',
    '`key` or `key@project`, several in a list; with none, any key is accepted from this machine',
    z.array(z.string().min(1)).default([]),
  ),
  insecure: setting(
    'SPOOL_INSECURE',
    'whether a server without keys may listen on other addresses than this machine',
    z.boolean().default(false),
  ),
  cors_origins: setting(
    'SPOOL_CORS_ORIGINS',
    'origins of web pages that may call, such as `https://app.example.com`; `*` for all',
    z.array(Origin).default([]),
  ),
  strict_beta: setting(
    'SPOOL_STRICT_BETA',
    'whether the `OpenAI-Beta` header is required where the original requires it',
    z.boolean().default(true),
  ),
  body_limit_mb: setting('SPOOL_BODY_LIMIT_MB', 'the largest JSON body, MiB', count(1, 1024).default(16)),
  request_timeout_seconds: setting(
    'SPOOL_REQUEST_TIMEOUT_SECONDS',
    'how long the headers of a request, its JSON body, or 64 KiB of an upload may take to arrive',
    count(1, 3600).default(60),
  ),
  max_connections: setting(
    'SPOOL_MAX_CONNECTIONS',
    'connections that may be open at once; more are closed',
    count(1, 1_000_000).default(8192),
  ),
  max_requests: setting(
    'SPOOL_MAX_REQUESTS',
    'requests that this process answers at once, open streams not counted; more get 503',
    count(1).default(2048),
  ),
  max_project_requests: setting(
    'SPOOL_MAX_PROJECT_REQUESTS',
    'the same for one project; more get 429',
    count(1).default(1024),
  ),
  console: setting(
    'SPOOL_CONSOLE',
    'whether the console is served at `/console/`',
    z.boolean().default(true),
  ),
  log_level: setting(
    'SPOOL_LOG_LEVEL',
    'the least severe log lines that are printed',
    z.enum(['debug', 'info', 'warn', 'error']).default('info'),
  ),
})

const Work = z.strictObject({
  run_expires_seconds: setting(
    'SPOOL_RUN_EXPIRES_SECONDS',
    'how long a run may take from its creation',
    count(1).default(600),
  ),
  drain_seconds: setting(
    'SPOOL_DRAIN_SECONDS',
    'how long a stop signal waits for runs and streams',
    count(0).default(25),
  ),
  run_log_days: setting(
    'SPOOL_RUN_LOG_DAYS',
    'how many days the event log of an ended run is kept for `GET …/events`; 0: as long as the thread',
    count(0).default(30),
  ),
  trace_days: setting(
    'SPOOL_TRACE_DAYS',
    'how many days `GET …/trace` keeps requests to models and tool calls, with their texts; 0 keeps none',
    count(0).default(7),
  ),
  max_runs: setting('SPOOL_MAX_RUNS', 'runs that this process works on at once', count(1).default(512)),
  max_queued_runs: setting(
    'SPOOL_MAX_QUEUED_RUNS',
    'runs that may wait for a worker, of all projects and processes; more get 503',
    count(1).default(10_000),
  ),
  max_project_runs: setting(
    'SPOOL_MAX_PROJECT_RUNS',
    'runs of one project that may wait or be in progress, in all processes; more get 429',
    count(1).default(10_000),
  ),
  max_ingests: setting(
    'SPOOL_MAX_INGESTS',
    'files that this process reads into vector stores at once',
    count(1, 64).default(2),
  ),
  search_memory_mb: setting(
    'SPOOL_SEARCH_MEMORY_MB',
    'memory for the vector stores that are searched, MiB',
    count(16).default(512),
  ),
})

const Files = z.strictObject({
  blobs: BlobStoreSettings.optional(),
  max_file_mb: setting(
    'SPOOL_MAX_FILE_MB',
    'the largest file in one request, MiB; larger ones come as uploads',
    count(1, 8192).default(512),
  ),
  min_free_disk_mb: setting(
    'SPOOL_MIN_FREE_DISK_MB',
    'below this much free space in the data folder, MiB, files are refused and `/readyz` is not ready; 0 turns it off',
    count(0).default(256),
  ),
  ocr_command: setting(
    'SPOOL_OCR_COMMAND',
    'a program that prints the text of a picture, such as `tesseract {input} stdout`: reads images and pages without text',
    z
      .string()
      .refine((text) => /^\S.*\{input\}/.test(text), {
        error: 'a program and its arguments are needed, with {input} for the file',
      })
      .optional(),
  ),
  allow_all_downloads: setting(
    'SPOOL_ALLOW_ALL_DOWNLOADS',
    'whether contents of files of every purpose may be downloaded',
    z.boolean().default(false),
  ),
})

const Sandbox = z.strictObject({
  driver: setting(
    'SPOOL_SANDBOX',
    'where `code_interpreter` runs; `auto` takes the strongest that works here',
    z.enum(['auto', 'bwrap', 'landlock', 'deno', 'off']).default('auto'),
  ),
  python: setting('SPOOL_PYTHON', 'the Python of the native sandboxes', z.string().min(1).optional(), {
    default: '/usr/bin/python3',
  }),
  downloads: setting(
    'SPOOL_SANDBOX_DOWNLOADS',
    'whether the Deno sandbox may fetch numpy, pandas and matplotlib from their CDN',
    z.boolean().default(false),
  ),
  memory_mb: setting(
    'SPOOL_SANDBOX_MEMORY_MB',
    'the memory that all Python sessions of this process together may take',
    count(256).optional(),
    { default: "half of the machine's memory" },
  ),
})

const Models = z.strictObject({
  ...ModelSettings.partial().shape,
  providers: setting(
    'SPOOL_PROVIDERS',
    'model providers by name: see [adding-a-model.md](adding-a-model.md). `OPENAI_API_KEY`, `ANTHROPIC_API_KEY` and others add one each: see [providers.md](providers.md)',
    ModelSettings.shape.providers.default({}),
    { default: 'the demo model' },
  ),
  models: setting(
    'SPOOL_MODELS',
    'model name or pattern with `*` -> `provider/name`, or `provider` to keep the name; a list is tried in its order',
    ModelSettings.shape.models.default({}),
    { default: 'every name goes to the only provider' },
  ),
  discovery: setting(
    'SPOOL_DISCOVERY',
    'whether a start without a provider looks for Ollama, LM Studio, llama.cpp and vLLM on this machine, and asks a configured one for its embedding model',
    z.boolean().default(true),
  ),
  demo_model: setting(
    'SPOOL_DEMO_MODEL',
    'whether the model name `demo` leads to the built-in demo model',
    z.boolean().optional(),
    { default: 'only without another provider' },
  ),
  default_embedder: setting(
    'SPOOL_DEFAULT_EMBEDDER',
    '`provider/name` of the embedding model for vector stores, the name of a local model that `models pull` fetched, or `built-in`',
    ModelSettings.shape.default_embedder,
    {
      default:
        'that of a provider that serves one, else a local model, else `built-in`: see [retrieval.md](retrieval.md#embedders)',
    },
  ),
  model_source: setting(
    'SPOOL_MODEL_SOURCE',
    'where the files of a local embedding model come from: an address or a folder that has them below it, or a tar archive',
    z.string().min(1).optional(),
    { default: "the model's own address" },
  ),
  downloads: setting(
    'SPOOL_DOWNLOADS',
    'whether a server without another embedder fetches the weights of a local one when it starts',
    z.boolean().default(false),
  ),
  context_windows: setting(
    'SPOOL_CONTEXT_WINDOWS',
    'model name or pattern -> tokens that a prompt and its answer may hold',
    ModelSettings.shape.context_windows,
    { default: 'known by name' },
  ),
  model_facts: setting(
    'SPOOL_MODEL_FACTS',
    'model name or pattern -> limits, abilities and prices: see [providers.md](providers.md#what-models-can-do)',
    ModelSettings.shape.model_facts,
    { default: 'known by name' },
  ),
  retired_models: setting(
    'SPOOL_RETIRED_MODELS',
    'retired name or pattern -> name to ask for instead, or `false`: see [providers.md](providers.md#retired-names)',
    ModelSettings.shape.retired_models,
    { default: 'the names that the vendors recommend' },
  ),
})

/** The schema of the config file. The environment wins over it. */
export const Settings = z.strictObject({
  ...Server.shape,
  ...Models.shape,
  ...Work.shape,
  ...Files.shape,
  sandbox: Sandbox.prefault({}),
})
export type Settings = z.infer<typeof Settings>
