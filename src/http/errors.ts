/** The one place that turns what was thrown into an answer. */
import type { FastifyError, FastifyReply, FastifyRequest } from 'fastify'
import { ApiError, errors } from '../api/errors.ts'
import type { Log } from '../util/log.ts'
import { Unavailable } from '../util/unavailable.ts'

/** How long clients wait before they try again. */
const retryMs = 1000

export function answerError(log: Log, error: unknown, request: FastifyRequest, reply: FastifyReply): void {
  const failure = toApiError(log, error, request)
  if (reply.raw.headersSent) {
    reply.raw.destroy()
    return
  }
  if (failure.headers) void reply.headers(failure.headers)
  const isFiles = /^\/v1\/files(\/|\?|$)/.test(request.url)
  void reply
    .code(failure.status)
    .type('application/json')
    .send(failure.toBody(isFiles ? { detail: true } : {}))
}

function toApiError(log: Log, error: unknown, request: FastifyRequest): ApiError {
  if (error instanceof ApiError) return error
  if (error instanceof Unavailable) {
    log('warn', 'a request failed: a part of the server is unavailable', { request_id: request.id, error })
    return errors.unavailable(error.reason, retryMs)
  }
  const known = fromFastify(error as FastifyError, request)
  if (known) return known
  const { id: request_id, method, url } = request
  log('error', 'a request failed', { request_id, method, url, error })
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
