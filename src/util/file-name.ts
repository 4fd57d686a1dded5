/** The name of a file as a client sent it: it is data, and never used as a path. */

/** In UTF-16 units. Longer names would make headers that clients refuse. */
export const maxFileNameLength = 512

/** The text after the last slash or backslash. Undefined when that is not a file name: empty, `.` or `..`. */
export function plainFileName(sent: string): string | undefined {
  const name = sent.split(/[/\\]/).at(-1) ?? ''
  return name === '' || name === '.' || name === '..' ? undefined : name
}
