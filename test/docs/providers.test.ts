/**
 * The settings in docs/providers.md configure Spool for each provider, and a run with a function works against a
 * server that speaks as that provider does. Only addresses and keys are replaced.
 */
import { readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { readConfig } from '../../src/config/config.ts'
import { openModels } from '../../src/models/open.ts'
import type { ModelSettings } from '../../src/models/settings.ts'
import { anthropic, anthropicKey } from '../harness/native-upstreams/anthropic.ts'
import { nativeUpstream, type NativeProvider } from '../harness/native-upstreams/base.ts'
import { gemini, geminiKey } from '../harness/native-upstreams/gemini.ts'
import { testServer } from '../harness/server.ts'
import { stories, weatherTool } from '../harness/stories.ts'
import { strictUpstream, type Provider } from '../harness/strict-upstreams/base.ts'
import { deepseek } from '../harness/strict-upstreams/deepseek.ts'
import { groq } from '../harness/strict-upstreams/groq.ts'
import { llamaCpp } from '../harness/strict-upstreams/llama-cpp.ts'
import { lmStudio } from '../harness/strict-upstreams/lm-studio.ts'
import { mistral } from '../harness/strict-upstreams/mistral.ts'
import { ollama } from '../harness/strict-upstreams/ollama.ts'
import { openaiReasoning } from '../harness/strict-upstreams/openai-reasoning.ts'
import { vllmOld } from '../harness/strict-upstreams/vllm-old.ts'

const page = readFileSync(resolve(import.meta.dirname, '../../docs/providers.md'), 'utf8')

/** The variables that the section exports. */
function variablesOf(heading: string): Record<string, string> {
  const section = page.split(/^## /m).find((text) => text.startsWith(`${heading}\n`)) ?? ''
  const [, snippet = ''] = /^```sh\n([^]*?)^```$/m.exec(section) ?? []
  expect(snippet.trim().split('\n').length, `lines of ${heading}`).toBeLessThanOrEqual(3)
  const exported = [...snippet.matchAll(/([A-Z_]+)=(?:'([^']*)'|(\S+))/g)]
  return Object.fromEntries(exported.map(([, name = '', quoted, plain]) => [name, quoted ?? plain ?? '']))
}

function modelsOf(heading: string): ModelSettings {
  return readConfig({}, variablesOf(heading)).models
}

/** The settings with another address. */
function at(settings: ModelSettings, address: { base_url: string; api_key?: string }): ModelSettings {
  const providers = Object.entries(settings.providers).map(([name, one]) => [name, { ...one, ...address }])
  return { ...settings, providers: Object.fromEntries(providers) as ModelSettings['providers'] }
}

interface Scripted {
  address: { base_url: string; api_key?: string }
  accepted: any[]
  close(): Promise<void>
}

async function compatible(provider: Provider): Promise<Scripted> {
  const { url, ...rest } = await strictUpstream(provider)
  return { ...rest, address: { base_url: url } }
}

async function native(provider: NativeProvider, api_key: string, version: string): Promise<Scripted> {
  const { origin, ...rest } = await nativeUpstream(provider)
  return { ...rest, address: { base_url: `${origin}/${version}`, api_key } }
}

const sections: [string, string | RegExp, () => Promise<Scripted>][] = [
  ['Ollama', 'llama3.1:8b', () => compatible(ollama)],
  ['LM Studio', 'qwen3-8b', () => compatible(lmStudio)],
  ['llama.cpp', 'default', () => compatible(llamaCpp)],
  ['vLLM', 'Qwen/Qwen3-8B', () => compatible(vllmOld)],
  ['OpenAI', 'gpt-4o', () => compatible(openaiReasoning)],
  ['Anthropic (Claude)', 'claude-sonnet-5', () => native(anthropic, anthropicKey, 'v1')],
  ['Google (Gemini)', /gemini/, () => native(gemini, geminiKey, 'v1beta')],
  ['Mistral', 'mistral-large-latest', () => compatible(mistral)],
  ['Azure', 'gpt-4o', () => compatible(openaiReasoning)],
  ['DeepSeek', 'deepseek-v4-pro', () => compatible(deepseek)],
  ['Groq', 'openai/gpt-oss-120b', () => compatible(groq)],
]

describe.each(sections)('%s', (heading, model, open) => {
  let upstream: Scripted
  let server: Awaited<ReturnType<typeof testServer>>
  beforeAll(async () => {
    upstream = await open()
    server = await testServer({ models: at(modelsOf(heading), upstream.address) })
  })
  afterAll(async () => {
    server.complaints.splice(0)
    await server.close()
    await upstream.close()
  })

  test('a run of an assistant for gpt-4o calls a function and completes', async () => {
    const { newAssistant, newThread, start, rest, post } = stories(() => server)
    const assistant = await newAssistant({ model: 'gpt-4o', tools: [weatherTool] })
    const thread = await newThread('Please call get_weather')
    const run = await rest(await start({ assistant, thread }))
    expect(run.last_error).toBeNull()
    const [call] = run.required_action.submit_tool_outputs.tool_calls
    await post(`/threads/${thread.id}/runs/${run.id}/submit_tool_outputs`, {
      tool_outputs: [{ tool_call_id: call.id, output: 'sunny' }],
    })
    expect((await rest(run)).status).toBe('completed')
    for (const body of upstream.accepted) if ('model' in body) expect(body.model).toMatch(model)
  })
})

test('Ollama is the first section, and every section with lines to paste is tested', () => {
  const headings = [...page.matchAll(/^## (.*)\n(?:(?!^## )[^])*?^```sh$/gm)].map(([, heading]) => heading)
  expect(headings[0]).toBe('Ollama')
  expect(headings).toEqual([...sections.map(([heading]) => heading), 'Amazon Bedrock'])
})

test('Amazon Bedrock: without the package the start names the command of the page', () => {
  const settings = modelsOf('Amazon Bedrock')
  expect(settings.providers.bedrock).toMatchObject({ type: 'bedrock', options: { region: 'eu-central-1' } })
  expect(() => openModels(settings, () => undefined)).toThrow(/npm install @ai-sdk\/amazon-bedrock@4/)
  expect(page).toContain('npm install @ai-sdk/amazon-bedrock@4')
})
