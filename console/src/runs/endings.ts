/** What a status means, and what to do about an ending that is not `completed`. */
import type { Run, RunTrace } from '../api/types.ts'

export interface Ending {
  what: string
  todo?: string
}

const meanings: Record<Run['status'], string> = {
  queued: 'It waits for a worker.',
  in_progress: 'A worker is at it.',
  requires_action: 'It waits for the outputs of functions, which your program submits.',
  cancelling: 'It was cancelled and is being stopped.',
  cancelled: 'It was cancelled before it was done.',
  failed: 'It failed.',
  completed: 'The answer is complete.',
  incomplete: 'It stopped before the answer was whole.',
  expired: 'It took longer than it was given.',
}

/** Words in the description of a failure, and what to do; the first match counts. */
const causes: [RegExp, string][] = [
  [
    /does not exist|model_not_found/i,
    'The model map has no route for this name, or the provider does not know it. Look at Models and add a route in spool.config.json.',
  ],
  [
    /rate limit|quota|429/i,
    'The provider limits how much is asked of it. Wait, ask for a higher limit, or route the name to another provider.',
  ],
  [
    /api key|401|403|authentication|permission/i,
    'The provider refused the key. Look at the key of that provider in spool.config.json or OPENAI_API_KEY.',
  ],
  [
    /context|too long|maximum.*tokens|longer than/i,
    'The conversation is longer than the model can read. Set truncation_strategy, shorten the instructions, or take a model with a longer context.',
  ],
  [
    /sandbox|code_interpreter|python/i,
    'Python cannot run here. The page Server says which sandbox there is and why not.',
  ],
  [/vector store.*expired/i, 'A vector store has expired. Make a new one, or set its expires_after.'],
  [
    /ECONNREFUSED|could not be reached|fetch failed|socket|ENOTFOUND/i,
    'The provider cannot be reached from this server. Look at its base_url under Models and test it there.',
  ],
]

/** What happened, and what to do where something can be done. */
export function endingOf(run: Run, trace?: RunTrace): Ending {
  if (run.status === 'failed') return failureOf(run, trace)
  if (run.status === 'incomplete') {
    const reason = run.incomplete_details?.reason
    if (reason === 'max_completion_tokens')
      return {
        what: 'It used up max_completion_tokens.',
        todo: 'Give the run a larger max_completion_tokens, or leave it out.',
      }
    if (reason === 'max_prompt_tokens')
      return {
        what: 'It used up max_prompt_tokens.',
        todo: 'Give the run a larger max_prompt_tokens, or let truncation_strategy leave out more of the thread.',
      }
    return {
      what: 'The provider filtered the content.',
      todo: 'The provider’s content filter stopped the answer. Rephrase, or use another provider.',
    }
  }
  if (run.status === 'expired') {
    return {
      what: meanings.expired,
      todo: 'A run may take SPOOL_RUN_EXPIRES_SECONDS; the timeline shows what took so long. Functions must be answered within that time.',
    }
  }
  return { what: meanings[run.status] }
}

function failureOf(run: Run, trace: RunTrace | undefined): Ending {
  const said = run.last_error ? `${run.last_error.code}: ${run.last_error.message}` : meanings.failed
  const note = trace?.data.findLast(({ kind }) => kind === 'failed')
  const cause = typeof note?.cause === 'string' ? note.cause : ''
  const request = trace?.work.findLast((one) => one.kind === 'model_request' && one.error !== null)
  const all = `${said} ${cause} ${request?.kind === 'model_request' ? (request.error?.message ?? '') : ''}`
  const todo = causes.find(([words]) => words.test(all))?.[1]
  const fallback = 'Look at the model requests below: the last one shows what was sent and what came back.'
  return { what: cause === '' || said.includes(cause) ? said : `${said} — ${cause}`, todo: todo ?? fallback }
}
