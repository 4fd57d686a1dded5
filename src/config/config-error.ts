/** A setting that cannot be used; the message is for the user who wrote it. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError'
}
