/** The log of a component; `logger.ts` decides where lines go and how they are formatted. */

/** `fields` contain no key, prompt or file content. */
export type Log = (level: 'debug' | 'info' | 'warn' | 'error', message: string, fields?: object) => void
