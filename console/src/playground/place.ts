/** What the address of the playground says: the assistant and the thread. */
import { useCallback } from 'react'
import { useSearchParams } from 'wouter'

export interface Place {
  assistant?: string
  thread?: string
}

/** Stands in the address while a new assistant is written. */
export const newAssistant = 'new'

/** The id of an assistant that exists. */
export function knownAssistant({ assistant }: Place): string | undefined {
  return assistant === newAssistant ? undefined : assistant
}

export function usePlace(): [Place, (place: Place) => void] {
  const [search, setSearch] = useSearchParams()
  const assistant = search.get('assistant')
  const thread = search.get('thread')
  const set = useCallback(
    (place: Place) =>
      setSearch(Object.entries(place).filter((entry): entry is [string, string] => entry[1] !== undefined)),
    [setSearch],
  )
  return [{ ...(assistant !== null && { assistant }), ...(thread !== null && { thread }) }, set]
}
