/** Claude with a compatible endpoint: temperature and top_p exclude each other, and the newest models refuse both. */
import { refuse, type Provider } from './base.ts'

export const claude: Provider = {
  name: 'claude',
  check(body) {
    if ('temperature' in body && 'top_p' in body) {
      refuse('`temperature` and `top_p` cannot both be specified for this model. Please use only one.')
    }
  },
}

export const claudeNewest: Provider = {
  name: 'claude-newest',
  check(body) {
    for (const field of ['temperature', 'top_p']) {
      if (field in body) refuse(`\`${field}\` is deprecated for this model.`)
    }
  },
}
