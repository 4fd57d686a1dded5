/** Replaces the characters that PostgreSQL cannot store, unpaired surrogates and U+0000, by U+FFFD. */
export function storableText(text: string): string {
  return text.toWellFormed().replaceAll('\0', '\uFFFD')
}
