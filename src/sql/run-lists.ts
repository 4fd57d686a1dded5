/** Lists of the runs of all threads of a project. */
import type { Run, RunStatus } from '../api/runs.ts'
import type { Queryable } from '../database/database.ts'
import { listRows, mapPage, type Page, type PageQuery } from './pages.ts'
import { runColumns, toRun, type RunRow } from './runs.ts'

export interface RunFilters {
  status?: RunStatus | undefined
  assistant_id?: string | undefined
  model?: string | undefined
  error_code?: string | undefined
}

const openStatuses: readonly RunStatus[] = ['queued', 'in_progress', 'requires_action', 'cancelling']

export async function listProjectRuns(
  db: Queryable,
  project: string,
  { status, assistant_id, model, error_code, ...page }: RunFilters & PageQuery,
): Promise<Page<Run>> {
  const rows = await listRows<RunRow>(db, {
    table: 'runs',
    columns: runColumns,
    where: { project },
    // The planner uses a partial index only where the statement contains the status itself.
    conditions: status === undefined ? [] : conditionsFor(status),
    filter: {
      assistant_id,
      // As JSON text: the settings may contain characters that the type text does not allow.
      "(settings -> 'model')::text": model && JSON.stringify(model),
      "last_error ->> 'code'": error_code,
    },
    page,
  })
  return mapPage(rows, toRun)
}

/** `status` is a member of the enum. */
function conditionsFor(status: RunStatus): string[] {
  const own = `status = '${status}'`
  if (!openStatuses.includes(status)) return [own]
  return [own, `status in (${openStatuses.map((one) => `'${one}'`).join(', ')})`]
}

/** How many runs each project has that are queued, and that are queued, in progress or being cancelled. */
export async function countRunsAtWork(
  db: Queryable,
): Promise<{ project: string; queued: number; runs: number }[]> {
  return db.query({
    name: 'count_runs_at_work',
    text: `select project, count(*) filter (where status = 'queued') as queued, count(*) as runs
           from runs where status in ('queued', 'in_progress', 'cancelling') group by project`,
  })
}
