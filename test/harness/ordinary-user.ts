/** For tests of missing rights: root may read and remove everything. */

/** The id of `nobody` on most systems. */
const nobody = 65534

/** Runs `action` without the rights of root. An ordinary user does not have them. */
export async function asOrdinaryUser<T>(action: () => Promise<T>): Promise<T> {
  if (process.getuid?.() !== 0) return await action()
  process.seteuid?.(nobody)
  try {
    return await action()
  } finally {
    process.seteuid?.(0)
  }
}
