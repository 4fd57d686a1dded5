/** The log of a component. `cli/logger.ts` decides the destination and the format. */

/** `fields` must not contain keys, prompts or file contents. */
export type Log = (level: 'debug' | 'info' | 'warn' | 'error', message: string, fields?: object) => void
