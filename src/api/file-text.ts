/** Beyond the original API: the text of a file, with pages, slides and headings. */
import { z } from 'zod'

const Section = z.strictObject({
  text: z.string(),
  page: z.int().optional(),
  slide: z.int().optional(),
  heading: z.string().optional(),
})
export type TextSection = z.output<typeof Section>

export const FileText = z.strictObject({
  object: z.literal('file.text'),
  file_id: z.string(),
  sections: z.array(Section),
  /** Whether the text is longer than the answer. */
  is_cut: z.boolean(),
  /** Why no text could be read, or null. */
  problem: z.string().nullable(),
})
export type FileText = z.output<typeof FileText>
