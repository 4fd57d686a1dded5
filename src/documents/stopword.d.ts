/** The package has no types. Each list has words in lower case. */
declare module 'stopword' {
  export const ces: string[]
  export const heb: string[]
  export const hin: string[]
  export const pol: string[]
  export const vie: string[]
}
