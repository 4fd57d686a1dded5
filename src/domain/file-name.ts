/** The name of a file as it was sent: data, and never a path. */

/** Longer ones would make headers that clients refuse. */
export const maxFileNameLength = 512

/** What stands behind the last slash of either kind; undefined when no name is left. */
export function bareFileName(sent: string): string | undefined {
  const name = sent.split(/[/\\]/).at(-1) ?? ''
  return name === '' || name === '.' || name === '..' ? undefined : name
}
