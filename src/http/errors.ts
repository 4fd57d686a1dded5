/** Converts any error that was thrown to an answer. */
import type { FastifyError, FastifyReply, FastifyRequest } from 'fastify'
import { ApiError, errors } from '../api/errors.ts'
import type { Log } from '../util/log.ts'
import { Unavailable } from '../util/unavailable.ts'
import { azureBody, azureError } from './azure.ts'

/** How long clients wait before they try again. */
const retryMs = 1000

export function answerError(log: Log, error: unknown, request: FastifyRequest, reply: FastifyReply): void {
  const failure = toApiError(log, error, request)
  if (reply.raw.headersSent) {
    reply.raw.destroy()
    return
  }
  if (failure.headers) void reply.headers(failure.headers)
  const isFiles = /^\/+v1\/+files(\/|\?|$)/.test(request.url)
  const azure = azureError(failure, request)
  void reply
    .code(failure.status)
    .type('application/json')
    .send(azure ? azureBody(azure) : failure.toBody(isFiles ? { detail: true } : {}))
}

function toApiError(log: Log, error: unknown, request: FastifyRequest): ApiError {
  if (error instanceof ApiError) return error
  const known = fromFastify(error as FastifyError, request)
  if (known) return known
  const { id: request_id, method } = request
  const fields = { request_id, method, route: request.routeOptions.url, error }
  if (error instanceof Unavailable) {
    log('warn', 'a request failed because a part of the server is unavailable', fields)
    return errors.unavailable(error.reason, retryMs)
  }
  log('error', 'a request failed', fields)
  return errors.serverError(request_id)
}

function fromFastify(error: FastifyError, request: FastifyRequest): ApiError | undefined {
  switch (error.code) {
    case 'FST_ERR_CTP_BODY_TOO_LARGE': {
      const length = Number(request.headers['content-length'] ?? 0)
      return errors.bodyTooLarge(request.routeOptions.bodyLimit, length)
    }
    case 'FST_ERR_CTP_INVALID_MEDIA_TYPE':
      return errors.unsupportedContentType(request.headers['content-type'] ?? '')
    default:
      return error.statusCode === 400 ? errors.invalidJson() : undefined
  }
}
