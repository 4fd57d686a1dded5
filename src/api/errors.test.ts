import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { ApiError, type ErrorKind, errors } from './errors.ts'

/** Arguments for one call of each entry; an entry without an example here is a failing test. */
const examples: { [Name in keyof typeof errors]: Parameters<(typeof errors)[Name]> } = {
  invalidUrl: ['POST', '/v1/threadz'],
  methodNotAllowed: ['PUT', '/v1/assistants'],
  noApiKey: [],
  incorrectApiKey: ['sk-abcdefghij'],
  azureAccessDenied: [],
  azureNotFound: [],
  azureDeploymentNotFound: [],
  hostNotAllowed: ['evil.example'],
  originNotAllowed: ['evil.example'],
  requestLoop: [],
  reloadNotAllowed: ['team'],
  settingsRefused: ['PORT=x cannot be used: a whole number is needed.'],
  missingBeta: [],
  invalidBetaHeader: ['v1'],
  unknownBeta: ['vector_stores'],
  deprecatedBeta: [],
  invalidJson: [],
  invalidForm: ['Unexpected end of multipart data'],
  unreadableRequest: ['Invalid method encountered'],
  plainHttp: [],
  headersTooLarge: [16_384],
  requestTimedOut: [],
  unsupportedContentType: ['text/plain'],
  bodyTooLarge: [26214400, 26214401],
  idempotencyInProgress: [],
  idempotencyKeyReused: [],
  serverError: ['req_1'],
  rateLimited: ['active runs', 'default', { limit: 5, retryAfterMs: 1000 }],
  unavailable: ['the database restarts', 500],
  missingParameter: ['assistant_id'],
  unknownParameter: ['file_ids'],
  invalidType: ['stream', 'a boolean', 'a string'],
  invalidBody: ['an object', 'an array'],
  invalidValue: ['tools[0].type', 'retrieval', ['code_interpreter', 'function', 'file_search']],
  invalidId: ['assistant_id', 'abc', 'asst'],
  stringTooLong: ['name', 256, 300],
  emptyString: ['content'],
  patternMismatch: ['tools[0].function.name', '^[a-zA-Z0-9_-]+$'],
  arrayTooLong: ['tools', 128, 129],
  emptyArray: ['content'],
  integerTooBig: ['limit', 100, 101],
  integerTooSmall: ['max_prompt_tokens', 256, 16],
  decimalTooBig: ['temperature', 2, 3],
  decimalTooSmall: ['temperature', 0, -1],
  tooManyProperties: ['metadata', 16, 17],
  propertyNameTooLong: ['metadata', 'k', { limit: 64, value: 65 }],
  mutuallyExclusive: ['file_ids', 'files'],
  notSupportedYet: ['tools[0]', 'file_search'],
  unstorableText: ['name', 'a NUL character'],
  nestedTooDeep: [512],
  tooManyValues: [200_000],
  invalidImageUrl: ['content[0].image_url.url'],
  chunkOverlapTooBig: ['chunking_strategy.static.chunk_overlap_tokens', 400, 500],
  belowMinimum: ['dimensions', 1, -42],
  notOneOf: ['purpose', 'world_domination', ['fine-tune', 'assistants']],
  requiredProperty: ['file'],
  notFound: ['step', 'step_123'],
  fileNotFound: ['fake_id'],
  fileNotInVectorStore: ['file-x', 'vs_x'],
  modelNotFound: ['fake_id'],
  requestedModelNotFound: ['x'],
  threadLocked: ['thread_X', 'run_Y'],
  activeRun: ['thread_X', 'run_Y'],
  invalidThread: [],
  toolOutputsNotAccepted: ['in_progress'],
  toolOutputsMismatch: [['call_a', 'call_b'], ['call_a']],
  cannotCancel: ['cancelled'],
  jsonSchemaNeedsFunctions: [],
  invalidFunctionSchema: ['tools[0].function.parameters', 'f', 'no.'],
  invalidResponseSchema: ['f', 'no.'],
  duplicateFunction: ['f'],
  duplicateTool: ['file_search'],
  reservedFunctionName: ['tools[0].function.name', 'file_search'],
  toolChoiceAbsent: ["the function 'f'"],
  toolChoiceNeedsTools: [],
  vectorStoreExpired: ['vs_x'],
  embedderChanged: ['vs_1', 'minilm-words/128', 'text-embedding-3-large/256'],
  unsupportedFile: [['.png']],
  unsupportedImageFile: ['content[0].image_file.file_id', 'file-x'],
  contentNotImported: ['file-x'],
  downloadForbidden: ['assistants'],
  rangeNotSatisfiable: [10],
  fileTooLarge: [536870912],
  emptyFile: [],
  uploadNotPending: ['upload_x', 'completed'],
  uploadBytesMismatch: [7, 8],
  uploadMd5Mismatch: ['aa', 'bb'],
  duplicatePart: ['part_x'],
  partTooLarge: [67108864],
}

const entries = Object.entries(errors) as [keyof typeof errors, { kind: ErrorKind }][]

function example<Name extends keyof typeof errors>(name: Name): ApiError {
  const make = errors[name] as (...args: Parameters<(typeof errors)[Name]>) => ApiError
  return make(...examples[name])
}

test('docs/errors.md lists exactly the catalogue, text for text', () => {
  const page = readFileSync(new URL('../../docs/errors.md', import.meta.url), 'utf8')
  const listed = page.split('\n').filter((line) => line.startsWith('| `'))
  const expected = entries.map(
    ([name, { kind }]) =>
      `| \`${name}\` | ${kind.status} | ${kind.type} | ${kind.code ?? 'null'} | \`\` ${kind.message} \`\` |`,
  )
  expect(listed).toEqual(expected)
})

test.each(entries.map(([name]) => name))('%s fills every gap of its text', (name) => {
  const error = example(name)
  expect(error).toBeInstanceOf(ApiError)
  expect(error.message).not.toMatch(/\{\w+\}|undefined|NaN/)
  expect(Object.keys(error.toBody().error)).toEqual(['message', 'type', 'param', 'code'])
  expect(error.status).toBeGreaterThanOrEqual(400)
})

test('only a key that is still being answered gets a 409, which the SDKs repeat by themselves', () => {
  const names = entries.filter(([, { kind }]) => kind.status === 409).map(([name]) => name)
  expect(names).toEqual(['idempotencyInProgress'])
})

test('the catalogue cannot be changed at run time', () => {
  expect(Object.isFrozen(errors)).toBe(true)
  for (const [, make] of entries) {
    expect(Object.isFrozen(make)).toBe(true)
    expect(Object.isFrozen(make.kind)).toBe(true)
  }
})

test.each([
  ['missingParameter', "Missing required parameter: 'assistant_id'."],
  ['unknownParameter', "Unknown parameter: 'file_ids'."],
  ['invalidType', "Invalid type for 'stream': expected a boolean, but got a string instead."],
  [
    'invalidValue',
    "Invalid value: 'retrieval'. Supported values are: 'code_interpreter', 'function', and 'file_search'.",
  ],
  ['invalidId', "Invalid 'assistant_id': 'abc'. Expected an ID that begins with 'asst'."],
  ['notFound', "No run step found with id 'step_123'."],
  ['threadLocked', "Can't add messages to thread_X while a run run_Y is active."],
  ['activeRun', 'Thread thread_X already has an active run run_Y.'],
  ['toolOutputsNotAccepted', 'Runs in status "in_progress" do not accept tool outputs.'],
  ['toolOutputsMismatch', "Expected tool outputs for call_ids ['call_a', 'call_b'], got ['call_a']"],
  ['cannotCancel', "Cannot cancel run with status 'cancelled'."],
  ['modelNotFound', "The model 'fake_id' does not exist"],
  ['belowMinimum', "-42 is less than the minimum of 1 - 'dimensions'"],
  ['notOneOf', "'world_domination' is not one of ['fine-tune', 'assistants'] - 'purpose'"],
  ['downloadForbidden', 'Not allowed to download files of purpose: assistants'],
  ['invalidUrl', 'Invalid URL (POST /v1/threadz)'],
  [
    'methodNotAllowed',
    'Not allowed to PUT on /v1/assistants. (HINT: Perhaps you meant to use a different HTTP method?)',
  ],
  ['bodyTooLarge', 'Maximum content size limit (26214400) exceeded (26214401 bytes read)'],
] as const)('%s speaks as the live service does', (name, message) => {
  expect(example(name).message).toBe(message)
})

test('the error for a missing file is repeated under detail', () => {
  expect(JSON.stringify(errors.fileNotFound('fake_id').toBody())).toBe(
    '{"error":{"message":"No such File object: fake_id","type":"invalid_request_error","param":"id","code":null},"detail":{"message":"No such File object: fake_id","code":null}}',
  )
})

test('any error can be repeated under detail', () => {
  expect(errors.noApiKey().toBody()).not.toHaveProperty('detail')
  expect(errors.noApiKey().toBody({ detail: true }).detail?.code).toBeNull()
  expect(errors.emptyFile().toBody({ detail: false })).not.toHaveProperty('detail')
})

test.each([
  ['short', '*****'],
  ['sk-abcdefghij', 'sk-ab***ij'],
  ['sk-abcdefghijklmnopqrstuvwxyz', 'sk-abcde*****************wxyz'],
])('a wrong key is shown masked: %s as %s', (key, shown) => {
  expect(errors.incorrectApiKey(key).message).toContain(`provided: ${shown}. You`)
})

test('a very long key does not make a very long error', () => {
  expect(errors.incorrectApiKey(`sk-${'a'.repeat(100_000)}`).message.length).toBeLessThan(300)
})

test('lists are printed as Python prints them, quotes and line ends included', () => {
  const { message } = errors.toolOutputsMismatch([], ["it's", 'a\nb', 'back\\slash', `both ' and "`])
  expect(message).toBe(
    `Expected tool outputs for call_ids [], got ["it's", 'a\\nb', 'back\\\\slash', 'both \\' and "']`,
  )
})

test('a text of the client is not read as a placeholder', () => {
  expect(errors.invalidId('assistant_id', '{prefix}{path}', 'asst').message).toBe(
    "Invalid 'assistant_id': '{prefix}{path}'. Expected an ID that begins with 'asst'.",
  )
})

test('a long text of the client is shortened in the error', () => {
  const error = errors.invalidValue('x'.repeat(1e6), 'y'.repeat(1e6), ['a'])
  expect(error.message.length).toBeLessThan(2000)
  expect(error.param?.length).toBeLessThan(2000)
})

test('an error with a waiting time has it in both units', () => {
  expect(errors.unavailable('the database restarts', 1500).headers).toEqual({
    'retry-after': '2',
    'retry-after-ms': '1500',
  })
})
