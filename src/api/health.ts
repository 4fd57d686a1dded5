/** The answers of the health endpoints. */
import { z } from 'zod'

export const Health = z.strictObject({ status: z.literal('ok') })

/** `ready`, and a key for each part that requests need. */
export const Readiness = z.looseObject({ ready: z.boolean() })
export type Readiness = z.output<typeof Readiness>
