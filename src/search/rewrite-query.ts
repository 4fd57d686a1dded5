/** Turns a question to a person into a query: polite and asking words are left out. */

const openings = [
  /^(?:hi|hello|hey)(?: there)?[,.!]?\s+/i,
  /^(?:please|kindly)[,]?\s+/i,
  /^(?:can|could|would|will) you (?:please |kindly )?(?:tell|show|give|explain to|help) (?:me|us)\s+/i,
  /^(?:can|could|would|will) you (?:please |kindly )?(?=\w)/i,
  /^(?:please )?(?:tell|show|give) (?:me|us)(?: about)?\s+/i,
  /^(?:i|we)(?: would|'d)? (?:want|need|like|wish) to (?:know|find out|learn|understand|see)\s+/i,
  /^(?:i am|i'm|we are|we're) (?:looking for|searching for|interested in)\s+/i,
  /^do you know\s+/i,
]
const closings = [/[,]?\s+(?:please|thanks|thank you)[.!]*$/i]

/** Returns a text that has only such words unchanged, so the result is never empty. */
export function rewriteQuery(query: string): string {
  let text = query.replace(/\s+/g, ' ').trim()
  for (let before = ''; before !== text;) {
    before = text
    for (const pattern of [...openings, ...closings]) text = text.replace(pattern, '')
  }
  text = text.replace(/[?!.\s]+$/, '')
  return text === '' ? query : text
}
