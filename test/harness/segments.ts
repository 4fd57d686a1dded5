/** The segments of a store, kept in memory. */
import type { Segment, SegmentPages, SegmentStore } from '../../src/search/port.ts'
import { SegmentsChanged, type SegmentWriter } from '../../src/search/segments.ts'

export function memorySegments(): SegmentStore & SegmentWriter & { requests: number } {
  const held = new Map<string, Segment>()
  const contents = new Map<string, readonly Uint8Array[]>()
  let made = 0
  return {
    requests: 0,
    async request() {
      this.requests += 1
    },
    list: async () => [...held.values()],
    async pages(segments, pages) {
      const found = new Map<string, SegmentPages>()
      for (const id of segments) {
        const content = contents.get(id)
        if (!content) throw new SegmentsChanged()
        found.set(
          id,
          new Map(pages.flatMap((page) => (content[page] ? [[page, content[page]] as const] : []))),
        )
      }
      return found
    },
    async add({ pages, ...segment }, known) {
      if (known.length !== held.size || known.some((id) => !held.has(id))) throw new SegmentsChanged()
      made += 1
      const id = String(made)
      held.set(id, { id, ...segment })
      contents.set(id, pages)
      return id
    },
    async remove(segments) {
      for (const id of segments) {
        held.delete(id)
        contents.delete(id)
      }
    },
  }
}
