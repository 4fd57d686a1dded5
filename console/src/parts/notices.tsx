/** Short notices at the edge of the page: what was done, or why it was not. */
import { CloseButton, Paper, Text } from '@mantine/core'
import { useSyncExternalStore } from 'react'
import { failureOf } from '../api/client.ts'

interface Notice {
  id: number
  text: string
  isBad: boolean
}

const shownMs = 6000

class Notices {
  #list: Notice[] = []
  #count = 0
  readonly #listeners = new Set<() => void>()

  readonly subscribe = (listener: () => void) => {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  readonly list = () => this.#list

  add(text: string, isBad: boolean): void {
    const id = ++this.#count
    this.#set([...this.#list, { id, text, isBad }])
    setTimeout(() => this.remove(id), isBad ? shownMs * 2 : shownMs)
  }

  remove(id: number): void {
    this.#set(this.#list.filter((notice) => notice.id !== id))
  }

  #set(list: Notice[]): void {
    this.#list = list
    for (const listener of this.#listeners) listener()
  }
}

const notices = new Notices()

export function say(text: string): void {
  notices.add(text, false)
}

export function complain(error: unknown): void {
  const { message, requestId } = failureOf(error)
  notices.add(requestId === undefined ? message : `${message} (request ${requestId})`, true)
}

/** Performs an action of the user; an error is shown and not thrown. */
export async function attempt<Result>(
  work: () => Promise<Result>,
  done?: string,
): Promise<Result | undefined> {
  try {
    const result = await work()
    if (done !== undefined) say(done)
    return result
  } catch (error) {
    complain(error)
    return undefined
  }
}

export function NoticeList() {
  const list = useSyncExternalStore(notices.subscribe, notices.list)
  return (
    <div className="notices" role="status" aria-live="polite">
      {list.map(({ id, text, isBad }) => (
        <Paper key={id} shadow="md" withBorder className={isBad ? 'notice bad' : 'notice'}>
          <Text size="sm">{text}</Text>
          <CloseButton size="sm" aria-label="Close this notice" onClick={() => notices.remove(id)} />
        </Paper>
      ))}
    </div>
  )
}
