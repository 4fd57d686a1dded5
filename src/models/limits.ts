/** Limits for what a provider sends: a server that never stops must neither fill the memory nor hold up a run. */

/** The limit of one event in characters. The largest real events, whole tool calls, are far smaller. */
export const longestEvent = 8 * 1024 * 1024
/** How many characters are read of an answer that is not a stream of events. */
export const longestWhole = 64 * 1024 * 1024
/** How long an answer may take that is not streamed, such as that of an embedder. A streamed one ends with its run. */
export const wholeMs = 600_000
/** How many characters are kept of one answer. */
export const longestAnswer = 32 * 1024 * 1024
/** A turn with more calls is treated as a fault of the server. */
export const mostCalls = 1_000
/** How long the text of an error may take. The status is enough to go on without it. */
export const errorMs = 5_000
export const longestError = 64 * 1024
