/** The settings of models in spool.config.json. */
import { z } from 'zod'

const EmbedderSettings = z.strictObject({
  /** The length of a vector. */
  dimensions: z.int().min(1).max(16_384),
  /** How many tokens of a text the model reads. */
  window_tokens: z.int().min(16).optional(),
})

/** Any endpoint that speaks Chat Completions: OpenAI, Azure, vLLM, Ollama, llama.cpp, LM Studio, OpenRouter … */
export const OpenAiProviderSettings = z.strictObject({
  type: z.literal('openai'),
  /** Up to and including `/v1`; a query string (Azure's `api-version`) is kept. */
  base_url: z.url({ protocol: /^https?$/ }),
  /** Sent as `Authorization: Bearer`. */
  api_key: z.string().min(1).optional(),
  /** Sent with every request; they replace ours of the same name. `api-key` for Azure goes here. */
  headers: z.record(z.string().min(1), z.string()).optional(),
  /**
   * The server's field for the token limit of an answer. Default: `max_completion_tokens` for OpenAI, Azure, OpenRouter
   * and OpenAI's reasoning models; `max_tokens` for all others, because servers that do not know the newer name ignore
   * it silently or refuse it.
   */
  max_tokens_field: z.enum(['max_tokens', 'max_completion_tokens']).optional(),
  /** How often a call is tried again before its first part. 4 when absent. */
  max_retries: z.int().min(0).max(20).optional(),
  /** Time limit for the connection; default 10,000. There is no time limit for the answer. */
  connect_timeout_ms: z.int().min(100).max(120_000).optional(),
  /** Embedding models by upstream name; those of OpenAI need no entry. */
  embedders: z.record(z.string().min(1), EmbedderSettings).optional(),
})

/** The built-in demo model. */
export const DemoProviderSettings = z.strictObject({ type: z.literal('demo') })

/** A GGUF file run by node-llama-cpp in a process of its own. */
export const LocalProviderSettings = z.strictObject({
  type: z.literal('local'),
  path: z.string().min(1),
  /** The folder whose node_modules holds node-llama-cpp, when it is not installed beside Spool. */
  library: z.string().min(1).optional(),
  /** The context size in tokens. Default: that of the model, at most 8,192. */
  context_size: z.int().min(64).optional(),
  /** How many conversations are answered at once; others wait. Default 1. */
  sequences: z.int().min(1).max(64).optional(),
  /** How many threads compute. Default: one less than there are cores, because one busy core delays all threads. */
  threads: z.int().min(1).max(1024).optional(),
  /** `false` uses the processor only; it is the default except on a Mac. A graphics card needs a build of the package for it. */
  gpu: z.enum(['auto', 'cuda', 'metal', 'vulkan']).or(z.literal(false)).optional(),
})

/** Providers with an API of their own, through a provider package of the AI SDK. */
export const AiSdkProviderSettings = z.strictObject({
  /** `ai-sdk` uses any other package, named by `package` and `factory`. */
  type: z.literal(['anthropic', 'google', 'mistral', 'azure', 'bedrock', 'google-vertex', 'ai-sdk']),
  /** Default: the usual environment variable of the provider. */
  api_key: z.string().min(1).optional(),
  /** Up to and including the version: `…/v1`, `…/v1beta`. Default: the provider's own address. */
  base_url: z.url({ protocol: /^https?$/ }).optional(),
  /** Sent with every request. */
  headers: z.record(z.string().min(1), z.string()).optional(),
  /** How often a call is tried again before its first part. 4 when absent. */
  max_retries: z.int().min(0).max(20).optional(),
  /** Further settings of the package, such as `region`. */
  options: z.record(z.string().min(1), z.unknown()).optional(),
  /** For `ai-sdk`: the package and its exported function that creates the provider. */
  package: z.string().min(1).optional(),
  factory: z.string().min(1).optional(),
})

/** A server with `/rerank`: Cohere, Jina, vLLM and others, and text-embeddings-inference. */
export const RerankProviderSettings = z.strictObject({
  type: z.literal('rerank'),
  /** The address without `/rerank`. */
  base_url: z.url({ protocol: /^https?$/ }),
  /** Absent for text-embeddings-inference, which serves one model and calls the documents `texts`. */
  model: z.string().min(1).optional(),
  /** Sent as `Authorization: Bearer`. */
  api_key: z.string().min(1).optional(),
  /** Sent with every request. */
  headers: z.record(z.string().min(1), z.string()).optional(),
  /** How long a search waits; default 10,000. */
  timeout_ms: z.int().min(100).max(120_000).optional(),
})

export const ProviderSettings = z.discriminatedUnion('type', [
  AiSdkProviderSettings,
  OpenAiProviderSettings,
  DemoProviderSettings,
  LocalProviderSettings,
  RerankProviderSettings,
])

/** What a model can do. An absent fact is not known: the provider decides. */
export const ModelFacts = z.strictObject({
  /** Tokens that a prompt and its answer may hold together. */
  context_window: z.int().min(256).optional(),
  /** The most tokens of one answer. */
  output_tokens: z.int().min(1).optional(),
  /** Whether it reads images. */
  vision: z.boolean().optional(),
  /** Whether it calls functions. */
  tools: z.boolean().optional(),
  /** Whether it answers by a JSON schema. */
  json_schema: z.boolean().optional(),
  /** Whether it thinks before it answers. */
  reasoning: z.boolean().optional(),
  /** US dollars for a million tokens. */
  input_price: z.number().min(0).optional(),
  cached_input_price: z.number().min(0).optional(),
  output_price: z.number().min(0).optional(),
})

const providerName = /^[A-Za-z0-9][A-Za-z0-9._-]*$/

const Target = z.string().min(1)

export const ModelSettings = z.strictObject({
  /** By the name, without slashes, that `models` uses. */
  providers: z.record(z.string().regex(providerName), ProviderSettings),
  /**
   * Pattern (`*` stands for any text) -> `provider/upstream-name`, or `provider` to keep the name. A list is tried in
   * its order while providers do not answer.
   */
  models: z.record(z.string().min(1), Target.or(z.array(Target).min(1))),
  /** `provider/upstream-name` of the embedding model for vector stores, or `built-in`. */
  default_embedder: z.string().min(1).optional(),
  /** Model name or pattern -> tokens that a prompt and its answer may hold together. */
  context_windows: z.record(z.string().min(1), z.int().min(256)).optional(),
  /** Model name or pattern -> facts that win over those of the data file. */
  model_facts: z.record(z.string().min(1), ModelFacts).optional(),
  /** Retired name or pattern -> the name to use instead; `false` keeps the retired name. */
  retired_models: z.record(z.string().min(1), z.string().min(1).or(z.literal(false))).optional(),
})

export type OpenAiProviderSettings = z.infer<typeof OpenAiProviderSettings>
export type AiSdkProviderSettings = z.infer<typeof AiSdkProviderSettings>
export type RerankProviderSettings = z.infer<typeof RerankProviderSettings>
export type LocalProviderSettings = z.infer<typeof LocalProviderSettings>
export type ModelFacts = z.infer<typeof ModelFacts>
export type ProviderSettings = z.infer<typeof ProviderSettings>
export type ModelSettings = z.infer<typeof ModelSettings>
