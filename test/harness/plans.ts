/** What `explain (analyze, format json)` tells about a statement. */

export interface Plan {
  'Relation Name'?: string
  'Index Name'?: string
  'Actual Rows': number
  'Actual Loops': number
  'Rows Removed by Filter'?: number
  Plans?: Plan[]
}

/** Rows that the scans at the bottom of a plan have read from tables and indexes. */
export function rowsRead(plan: Plan): number {
  if (plan.Plans) return plan.Plans.reduce((sum, child) => sum + rowsRead(child), 0)
  if (!plan['Relation Name'] && !plan['Index Name']) return 0
  return (plan['Actual Rows'] + (plan['Rows Removed by Filter'] ?? 0)) * plan['Actual Loops']
}
