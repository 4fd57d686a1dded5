/** A request as curl, Node and Python, ready to paste. */

/** A call of the SDK, named as Python names it: `beta.threads.runs.create`. */
export interface SdkCall {
  name: string
  /** Ids that come before the parameters. */
  ids?: string[]
  params?: object
}

export interface RequestCode {
  method: 'GET' | 'POST' | 'DELETE'
  /** Below /v1, with its query. */
  path: string
  body?: object
  /** A file to upload, by name, in place of a JSON body. */
  upload?: { filename: string; purpose: string }
  /** Absent where the SDKs have no such call. */
  sdk?: SdkCall
}

export type Language = 'curl' | 'node' | 'python'

export function codeFor(language: Language, request: RequestCode, origin = location.origin): string {
  switch (language) {
    case 'curl':
      return curl(request, origin)
    case 'node':
      return node(request, origin)
    case 'python':
      return python(request, origin)
  }
}

function curl({ method, path, body, upload }: RequestCode, origin: string): string {
  const lines = [`curl -s ${shell(`${origin}/v1${path}`)}`]
  if (method === 'DELETE' || (method === 'POST' && !body && !upload)) lines[0] += ` -X ${method}`
  lines.push('-H "Authorization: Bearer $SPOOL_API_KEY"')
  if (/^\/(assistants|threads)/.test(path)) lines.push('-H "OpenAI-Beta: assistants=v2"')
  if (upload) lines.push(`-F purpose=${upload.purpose}`, `-F ${shell(`file=@${upload.filename}`)}`)
  if (body) lines.push('-H "Content-Type: application/json"', `-d ${shell(JSON.stringify(body, null, 2))}`)
  return lines.join(' \\\n  ')
}

/** A word that no shell reads anything into. */
function shell(text: string): string {
  return `'${text.replaceAll("'", String.raw`'\''`)}'`
}

function node({ method, path, body, upload, sdk }: RequestCode, origin: string): string {
  const head = [
    ...(upload ? ["import fs from 'node:fs'"] : []),
    "import OpenAI from 'openai'",
    '',
    `const openai = new OpenAI({ baseURL: '${origin}/v1', apiKey: process.env.SPOOL_API_KEY ?? 'any-key' })`,
  ]
  const verb = method.toLowerCase()
  const options = body ? `, { body: ${JSON.stringify(body, null, 2)} }` : ''
  const called = upload
    ? `openai.files.create({ file: fs.createReadStream(${JSON.stringify(upload.filename)}), purpose: '${upload.purpose}' })`
    : sdk
      ? `openai.${camel(sdk.name)}(${[...(sdk.ids ?? []).map(text), ...objectOf(sdk.params)].join(', ')})`
      : `openai.${verb}(${text(path)}${options})`
  return [...head, `const answer = await ${called}`, 'console.log(answer)'].join('\n')
}

function python({ method, path, body, upload, sdk }: RequestCode, origin: string): string {
  const head = [
    'import os',
    'from openai import OpenAI',
    '',
    `client = OpenAI(base_url="${origin}/v1", api_key=os.environ.get("SPOOL_API_KEY", "any-key"))`,
  ]
  const options = body ? `, body=${literal(body)}` : ''
  const called = upload
    ? `client.files.create(file=open(${text(upload.filename)}, "rb"), purpose="${upload.purpose}")`
    : sdk
      ? `client.${sdk.name}(${[...(sdk.ids ?? []).map(text), ...keywords(sdk.params)].join(', ')})`
      : `client.${method.toLowerCase()}(${text(path)}${options}, cast_to=object)`
  return [...head, `answer = ${called}`, 'print(answer)'].join('\n')
}

function text(value: string): string {
  return JSON.stringify(value)
}

function objectOf(params: object | undefined): string[] {
  if (!params || Object.keys(params).length === 0) return []
  return [JSON.stringify(params, null, 2)]
}

function keywords(params: object | undefined): string[] {
  return Object.entries(params ?? {}).map(([name, value]) => `${name}=${literal(value)}`)
}

/** JSON in Python's words. */
function literal(value: unknown): string {
  if (value === null || value === undefined) return 'None'
  if (value === true) return 'True'
  if (value === false) return 'False'
  if (Array.isArray(value)) return `[${value.map(literal).join(', ')}]`
  if (typeof value !== 'object') return JSON.stringify(value)
  const entries = Object.entries(value).map(([key, one]) => `${text(key)}: ${literal(one)}`)
  return `{${entries.join(', ')}}`
}

function camel(name: string): string {
  return name.replaceAll(/_(\w)/g, (_, letter: string) => letter.toUpperCase())
}
