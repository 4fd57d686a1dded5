/** The passage behind a citation mark. */
import { Stack, Text } from '@mantine/core'
import { Link } from 'wouter'
import { useSteps } from '../api/queries.ts'
import type { Annotation, RunStep } from '../api/types.ts'
import { FileChip } from '../parts/files.tsx'
import { Failed, Loading } from '../parts/states.tsx'

interface PassageProps {
  thread_id: string
  run_id: string | null
  annotation: Annotation
}

export function Passage({ thread_id, run_id, annotation }: PassageProps) {
  const steps = useSteps(thread_id, run_id ?? '', run_id !== null)
  if (run_id !== null && steps.isPending) return <Loading rows={3} />
  if (steps.isError) return <Failed error={steps.error} retry={() => steps.refetch()} />
  const found = passageOf(steps.data ?? [], annotation)
  const file_id =
    annotation.type === 'file_citation' ? annotation.file_citation.file_id : annotation.file_path.file_id
  return (
    <Stack gap={12}>
      <FileChip id={file_id} />
      {found ? (
        <>
          <Text size="sm">
            Score <b className="num">{found.score.toFixed(3)}</b>
            {run_id !== null && (
              <>
                , found by <Link href={`/runs/${run_id}?tab=passages`}>this run</Link>
              </>
            )}
          </Text>
          <blockquote className="passage">
            {(found.content ?? []).map((part) => part.text ?? '').join('\n')}
          </blockquote>
        </>
      ) : (
        <Text size="sm">The passage is no longer kept; the file is the one above.</Text>
      )}
    </Stack>
  )
}

type Result = NonNullable<
  Extract<
    NonNullable<Extract<RunStep['step_details'], { type: 'tool_calls' }>['tool_calls'][number]>,
    { type: 'file_search' }
  >['file_search']['results']
>[number]

/** A mark holds the number of the passage within its search: of the run's searches, the one whose passage is of the cited file. */
export function passageOf(steps: readonly RunStep[], annotation: Annotation): Result | undefined {
  if (annotation.type !== 'file_citation') return undefined
  const { file_id } = annotation.file_citation
  const [, index] = /^【\d+:(\d+)†/.exec(annotation.text) ?? []
  const searches = steps.flatMap(({ step_details }) =>
    step_details.type === 'tool_calls'
      ? step_details.tool_calls.flatMap((call) =>
          call.type === 'file_search' ? [call.file_search.results ?? []] : [],
        )
      : [],
  )
  const exact = searches
    .map((results) => results[Number(index)])
    .find((result) => result?.file_id === file_id)
  return exact ?? searches.flat().find((result) => result.file_id === file_id)
}
