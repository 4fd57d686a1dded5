/** The headers of every answer. */
import type { FastifyInstance, FastifyRequest } from 'fastify'

/** How long the SDKs' poll helpers wait before they look at a file of a vector store again, ms. */
export const ingestPollAfterMs = 500

/** How many chunks a search did not look at, because the indexes of a large store are still being made. */
export const leftOutHeader = 'spool-chunks-left-out'

export function addHeaders(http: FastifyInstance): void {
  http.addHook('onRequest', async (request, reply) => {
    request.startedMs = performance.now()
    void reply.headers(firstHeaders(request))
  })
  http.addHook('onSend', async (request, reply) => {
    void reply.headers(answerHeaders(request))
  })
}

export const versionHeader = { 'openai-version': '2020-10-01' }

/** Known as soon as the request arrives. */
export function firstHeaders(request: FastifyRequest): Record<string, string> {
  return { 'x-request-id': request.id, ...versionHeader }
}

/** Known when the answer starts. */
export function answerHeaders({ startedMs, project }: FastifyRequest): Record<string, string> {
  const ms = Math.max(1, Math.round(performance.now() - startedMs))
  const headers: Record<string, string> = { 'openai-processing-ms': String(ms) }
  if (project === '') return headers
  return { ...headers, 'openai-organization': 'spool', 'openai-project': project }
}

/** Any text as the value of a header: one short line of ASCII. */
export function headerText(text: string): string {
  return text
    .slice(0, 200)
    .replaceAll(/[^ -~]/gu, (sign) => (/\p{Surrogate}/u.test(sign) ? '%EF%BF%BD' : encodeURIComponent(sign)))
}
