/** A setting that cannot be used; the message is a sentence for the person who wrote it. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError'
}
