/** Token counts of steps and runs. */
import { noUsage, type Usage } from '../api/runs.ts'
import type { StepRow } from '../sql/run-steps.ts'

/** The usage of a step so far. An open step shows no usage, but its recorded turn has one. */
export function spentOn(step: Pick<StepRow, 'usage' | 'turn'> | undefined): Usage | null {
  return step?.usage ?? step?.turn?.usage ?? null
}

/** The sum; null counts as no usage. */
export function sumUsage(all: readonly (Usage | null)[]): Usage {
  return all.reduce<Usage>((sum, usage) => {
    if (!usage) return sum
    return {
      prompt_tokens: sum.prompt_tokens + usage.prompt_tokens,
      completion_tokens: sum.completion_tokens + usage.completion_tokens,
      total_tokens: sum.total_tokens + usage.total_tokens,
      prompt_token_details: {
        cached_tokens:
          (sum.prompt_token_details?.cached_tokens ?? 0) + (usage.prompt_token_details?.cached_tokens ?? 0),
      },
      completion_tokens_details: {
        reasoning_tokens:
          (sum.completion_tokens_details?.reasoning_tokens ?? 0) +
          (usage.completion_tokens_details?.reasoning_tokens ?? 0),
      },
    }
  }, noUsage)
}
