/** A part of the server that a call needs cannot serve now. The same call may work later. */
export class Unavailable extends Error {
  /** For clients, after "The server is not ready: "; holds no path and no address. */
  readonly reason: string

  constructor(reason: string, message: string, options?: ErrorOptions) {
    super(message, options)
    this.reason = reason
  }
}
