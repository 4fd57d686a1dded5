/** `config check` and `config print`. Reading the settings has checked them already. */
import type { Config } from '../config/config.ts'

const hidden = '(hidden)'

export function showConfig(config: Config, action: string, print: (line: string) => void): void {
  for (const warning of config.warnings) print(`Warning: ${warning}`)
  if (action === 'check') print('The settings are valid.')
  else print(JSON.stringify(withoutSecrets(config), null, 2))
}

/** The settings in force. Keys and passwords are replaced. */
export function withoutSecrets(config: Config): object {
  const { keys, roles, warnings: _, startedByNpm: _npm, databaseUrl, pullKeys, ...others } = config
  const shown = {
    ...others,
    databaseUrl: databaseUrl?.replace(/:\/\/([^:/@]*):[^@]*@/, `://$1:${hidden}@`),
    roles: [...roles],
    pullKeys: Object.keys(pullKeys),
    keys: [...keys.values()].map((project) => `${hidden}@${project}`),
  }
  return JSON.parse(
    JSON.stringify(shown, (key, value: unknown) =>
      /key|secret|password/i.test(key) && typeof value === 'string' ? hidden : value,
    ),
  ) as object
}
