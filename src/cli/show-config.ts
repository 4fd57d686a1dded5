/** `config check` and `config print`. Reading the settings has checked them already. */
import type { Config } from '../config/config.ts'
import { shownSettings } from '../config/shown-settings.ts'

export function showConfig(config: Config, action: string, print: (line: string) => void): void {
  for (const warning of config.warnings) print(`Warning: ${warning}`)
  if (action === 'check') print('The settings are valid.')
  else print(JSON.stringify(withoutSecrets(config), null, 2))
}

/** The settings in force, by their keys in the config file. */
function withoutSecrets({ settings }: Config): object {
  return Object.fromEntries(shownSettings(settings).map(({ name, value }) => [name, value]))
}
