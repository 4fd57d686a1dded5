/** What a part of the house says about itself; where it goes and how it looks is decided at the top. */

/** `fields` carry no key, prompt or file content. */
export type Log = (level: 'info' | 'warn' | 'error', message: string, fields?: object) => void
