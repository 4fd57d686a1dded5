/** One log line. Where it goes and how it is formatted is decided by the caller at the top. */

/** `fields` hold no key, prompt or file content. */
export type Log = (level: 'debug' | 'info' | 'warn' | 'error', message: string, fields?: object) => void
