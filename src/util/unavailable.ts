/** Thrown when a part of the server that a call needs cannot work now. The same call may succeed later. */
export class Unavailable extends Error {
  /** A text for clients after "The server is not ready: ". It must contain no path and no address. */
  readonly reason: string

  constructor(reason: string, message: string, options?: ErrorOptions) {
    super(message, options)
    this.reason = reason
  }
}
