/** Ollama: ignores `tool_choice` in all its forms, and refuses nothing else that is sent. */
import type { Provider } from './base.ts'

export const ollama: Provider = { name: 'ollama', ignoresToolChoice: true, check() {} }
