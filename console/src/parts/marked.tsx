/** A text with the words marked that were looked for. */
export function Marked({ text, words }: { text: string; words: readonly string[] }) {
  const wanted = words
    .filter((word) => word.length > 1)
    .map((word) => word.replaceAll(/[\\^$.|?*+()[\]{}]/g, String.raw`\$&`))
  if (wanted.length === 0) return <>{text}</>
  const pieces = text.split(new RegExp(`(${wanted.join('|')})`, 'gi'))
  return <>{pieces.map((piece, index) => (index % 2 === 1 ? <mark key={index}>{piece}</mark> : piece))}</>
}
