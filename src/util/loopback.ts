/** Names and addresses of this machine itself. */

/** `host` as in a URL or a Host header, without a port. */
export function isLoopbackName(host: string): boolean {
  return host === 'localhost' || host === '[::1]' || host === '::1' || /^127(\.\d{1,3}){3}$/.test(host)
}
