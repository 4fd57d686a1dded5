/**
 * Azure's variant of the API: other paths for the same operations, the deployment in the path as the model, no beta
 * header, and the errors for which Azure has its own text.
 */
import type { FastifyInstance, FastifyRequest } from 'fastify'
import { errors, type ApiError } from '../api/errors.ts'
import { isObject } from '../util/is-object.ts'

/** `/openai`, `/openai/v1` and `/api/projects/NAME`, which Azure's clients put before the path of an operation. */
const prefix = /^\/+(?:api\/+projects\/+[^/?]+|openai(?:\/+v1)?)(?=[/?]|$)/
const deployment = /^\/+openai\/+deployments\/+([^/?]+)(?=\/+(?:chat\/+completions|embeddings)\/*(?:\?|$))/

/** The URL of the same operation under `/v1`; other URLs are returned as they are. */
export function withoutAzurePath(url: string): string {
  const pattern = deploymentOf(url) === undefined ? prefix : deployment
  return url.replace(pattern, '/v1')
}

/** Whether the client used one of Azure's paths. */
export function isAzure({ originalUrl }: FastifyRequest): boolean {
  return prefix.test(originalUrl)
}

/** A deployment in the path is the model of the body. */
export function takeDeploymentAsModel(http: FastifyInstance): void {
  http.addHook('preValidation', async (request) => {
    const model = deploymentOf(request.originalUrl)
    if (model !== undefined && isObject(request.body)) request.body = { ...request.body, model }
  })
}

/** The deployment that the path names; undefined where there is none, or where its name cannot be decoded. */
function deploymentOf(url: string): string | undefined {
  const [, name] = deployment.exec(url) ?? []
  try {
    return name === undefined ? undefined : decodeURIComponent(name)
  } catch {
    return undefined
  }
}

/** What Azure answers instead of `failure` on its own paths; undefined where it answers the same. */
export function azureError(failure: ApiError, request: FastifyRequest): ApiError | undefined {
  if (!isAzure(request)) return undefined
  if (failure.status === 401) return errors.azureAccessDenied()
  if (failure.status !== 404) return undefined
  if (failure.code === errors.modelNotFound.kind.code && deploymentOf(request.originalUrl) !== undefined) {
    return errors.azureDeploymentNotFound()
  }
  return request.routeOptions.url === undefined ? errors.azureNotFound() : undefined
}

/** Azure's own errors have two keys. */
export function azureBody({ code, message }: ApiError): { error: { code: string | null; message: string } } {
  return { error: { code, message } }
}
