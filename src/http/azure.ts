/** Azure's dialect: other paths for the same operations, the model of a deployment in the path, no beta header. */
import type { FastifyInstance, FastifyRequest } from 'fastify'

/** `/openai`, `/openai/v1` and `/api/projects/NAME`, which Azure's clients put before the path of an operation. */
const prefix = /^\/(?:api\/projects\/[^/?]+|openai(?:\/v1)?)(?=\/)/
const deployment = /^\/openai\/deployments\/([^/?]+)(?=\/(?:chat\/completions|embeddings)(?:[/?]|$))/

/** The URL of the same operation under `/v1`; other URLs are returned as they are. */
export function withoutAzurePath(url: string): string {
  return url.replace(deployment, '/v1').replace(prefix, '/v1')
}

/** Whether the client used one of Azure's paths. */
export function isAzure({ originalUrl }: FastifyRequest): boolean {
  return prefix.test(originalUrl)
}

/** A deployment in the path is the model of the body. */
export function takeDeploymentAsModel(http: FastifyInstance): void {
  http.addHook('preValidation', async (request) => {
    const [, name] = deployment.exec(request.originalUrl) ?? []
    if (name === undefined || typeof request.body !== 'object' || request.body === null) return
    request.body = { ...request.body, model: decodeURIComponent(name) }
  })
}
