/** The key of this browser tab. It lives in session storage: never in an address, gone with the tab. */
const name = 'spool.key'

/** The key that is sent before one was entered: a server without keys accepts any. */
const anyKey = 'console'

export function apiKey(): string {
  return sessionStorage.getItem(name) ?? anyKey
}

export function hasOwnKey(): boolean {
  return sessionStorage.getItem(name) !== null
}

export function keepKey(key: string): void {
  sessionStorage.setItem(name, key)
}

export function forgetKey(): void {
  sessionStorage.removeItem(name)
}
