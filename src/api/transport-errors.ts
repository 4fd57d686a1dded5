/** Errors of the call itself: address, method, key, beta header and body; and errors of the server. */
import { badRequest, define, refusal, serverFailure } from './api-error.ts'

/** Shows enough of a key to recognise it, and too little to use it. */
function masked(key: string): string {
  if (key.length < 8) return '*'.repeat(key.length)
  if (key.length < 20) return `${key.slice(0, 5)}***${key.slice(-2)}`
  return `${key.slice(0, 8)}${'*'.repeat(Math.min(key.length - 12, 40))}${key.slice(-4)}`
}

export const transportErrors = {
  invalidUrl: refusal(404, null, 'Invalid URL ({method} {path})', { param: null }),
  methodNotAllowed: refusal(
    405,
    'method_not_supported',
    'Not allowed to {method} on {path}. (HINT: Perhaps you meant to use a different HTTP method?)',
    { param: null },
  ),
  noApiKey: refusal(
    401,
    null,
    "You didn't provide an API key. You need to provide your API key in an Authorization header using Bearer auth (i.e. Authorization: Bearer YOUR_KEY), or as the password field (with blank username) if you're accessing the API from your browser and are prompted for a username and password. You can obtain an API key from https://platform.openai.com/account/api-keys.",
  ),
  incorrectApiKey: refusal(
    401,
    'invalid_api_key',
    'Incorrect API key provided: {key}. You can find your API key at https://platform.openai.com/account/api-keys.',
    (key: string) => ({ values: { key: masked(key) } }),
  ),
  /** Azure's, on its own paths. */
  azureAccessDenied: refusal(
    401,
    '401',
    'Access denied due to invalid subscription key or wrong API endpoint. Make sure to provide a valid key for an active subscription and use a correct regional API endpoint for your resource.',
  ),
  azureNotFound: refusal(404, '404', 'Resource not found'),
  azureDeploymentNotFound: refusal(
    404,
    'DeploymentNotFound',
    'The API deployment for this resource does not exist. If you created the deployment within the last 5 minutes, please wait a moment and try again.',
  ),
  /** Ours: without keys only loopback names are allowed, as a defence against web pages and DNS rebinding. */
  hostNotAllowed: refusal(
    403,
    'host_not_allowed',
    "The host '{value}' is not allowed. Without an API key configured this server answers local addresses only; set SPOOL_API_KEY to serve others.",
  ),
  /** Ours: a web page of another origin calls. */
  originNotAllowed: refusal(
    403,
    'origin_not_allowed',
    "The origin '{value}' is not allowed. Add it to SPOOL_CORS_ORIGINS on the server to let its web pages call.",
  ),
  /** Ours: a provider's base URL leads back to this server. */
  requestLoop: refusal(
    508,
    'request_loop',
    "This server has sent the request to itself: the base URL of a provider is this server's own address. Set it to the address of the model server.",
  ),
  /** Ours: a key of a single project may not change what others use. */
  reloadNotAllowed: refusal(
    403,
    'reload_not_allowed',
    "A key of the project '{project}' may not reload the settings of this server: use a key without a project.",
  ),
  /** Ours: the settings that a reload read cannot be used. The sentence is that of a start. */
  settingsRefused: badRequest(
    'invalid_settings',
    'The settings were not reloaded, and those in force stay. {reason}',
  ),
  missingBeta: badRequest(
    'invalid_beta',
    "You must provide the 'OpenAI-Beta' header to access the Assistants API. Please try again by setting the header 'OpenAI-Beta: assistants=v2'.",
  ),
  invalidBetaHeader: badRequest(
    'invalid_beta',
    "Invalid beta header provided: '{value}'. The header should be in the format 'OpenAI-Beta: example_beta=v1'.",
  ),
  unknownBeta: badRequest('invalid_beta', "Unknown beta requested: '{name}'."),
  deprecatedBeta: badRequest(
    'invalid_beta',
    "The v1 Assistants API has been deprecated. Please use the v2 API by setting the header 'OpenAI-Beta: assistants=v2'.",
  ),
  invalidJson: badRequest(
    null,
    "We could not parse the JSON body of your request. (HINT: This likely means you aren't using your HTTP library correctly. The OpenAI API expects a JSON payload, but what was sent was not valid JSON. If you have trouble figuring out how to fix this, please contact us through our help center at help.openai.com.)",
  ),
  /** Ours: a multipart body that cannot be parsed or has a field twice. */
  invalidForm: badRequest(null, 'We could not parse the multipart form of your request: {reason}.'),
  /** Ours: bytes that are not an HTTP request. */
  unreadableRequest: badRequest(null, 'We could not read your request as HTTP: {reason}.'),
  /** Ours. */
  plainHttp: badRequest(
    null,
    'This port answers https only, and the request came as plain http: write https:// in the address.',
  ),
  /** Ours. */
  headersTooLarge: refusal(
    431,
    null,
    'The address and headers of your request are longer than {limit} bytes.',
  ),
  /** Ours. */
  requestTimedOut: refusal(408, null, 'Your request took too long to arrive.'),
  unsupportedContentType: badRequest(
    'unsupported_content_type',
    "Unsupported content type: '{value}'. This API method only accepts '{expected}' requests, but you specified the header 'Content-Type: {value}'. Please try again with a supported content type.",
    (value: string, expected: 'application/json' | 'multipart/form-data' = 'application/json') => ({
      values: { value, expected },
    }),
  ),
  bodyTooLarge: refusal(413, null, 'Maximum content size limit ({limit}) exceeded ({bytes} bytes read)'),
  /** Ours: a conflict, which the SDKs retry. */
  idempotencyInProgress: refusal(
    409,
    'idempotency_key_in_progress',
    'A request with the same Idempotency-Key is still being answered.',
    () => retryAfter(1000),
  ),
  idempotencyKeyReused: badRequest(
    'idempotency_key_reused',
    'The Idempotency-Key was used before with another body.',
  ),
  serverError: serverFailure(
    500,
    'The server had an error processing your request. Sorry about that! You can retry your request, or contact us through our help center at help.openai.com if you keep seeing this error. (Please include the request ID {requestId} in your email.)',
  ),
  /** Ours: the live service counts requests and tokens per minute. */
  rateLimited: define(
    {
      status: 429,
      type: 'requests',
      code: 'rate_limit_exceeded',
      message:
        'Rate limit reached for {what} in project {project}: Limit {limit}. Please try again in {seconds}s.',
    },
    (what: string, project: string, { limit, retryAfterMs }: { limit: number; retryAfterMs: number }) => ({
      values: { what, project, limit, seconds: Math.ceil(retryAfterMs / 1000) },
      ...retryAfter(retryAfterMs),
    }),
  ),
  /** Ours: a part of the server is temporarily unavailable, for example the database. */
  unavailable: serverFailure(
    503,
    'The server is not ready: {what}. Please try again in a moment.',
    (what: string, retryAfterMs?: number) => ({ values: { what }, ...retryAfter(retryAfterMs) }),
  ),
}

function retryAfter(ms: number | undefined): { headers?: Record<string, string> } {
  if (ms === undefined) return {}
  return { headers: { 'retry-after': String(Math.ceil(ms / 1000)), 'retry-after-ms': String(Math.ceil(ms)) } }
}
