/** The data that a provider needs back with an earlier turn: reasoning with its signatures, stored as JSON text. */
import type { SharedV3ProviderMetadata } from '@ai-sdk/provider'
import type { Extras } from '../port.ts'

/** A part of the reasoning, unchanged, with its text. */
export interface KeptReasoning {
  text: string
  metadata?: SharedV3ProviderMetadata | undefined
}

/** What belongs to the whole turn. */
export interface KeptTurn {
  reasoning?: KeptReasoning[]
  /** Belongs to the text of the turn. */
  text?: SharedV3ProviderMetadata
}

export function packTurn({ reasoning = [], text }: KeptTurn): Extras | undefined {
  if (reasoning.length === 0 && text === undefined) return undefined
  return JSON.stringify({ ...(reasoning.length > 0 && { reasoning }), ...(text && { text }) })
}

export function unpackTurn(extras: Extras | undefined): KeptTurn {
  return extras === undefined ? {} : (JSON.parse(extras) as KeptTurn)
}

export function packCall(metadata: SharedV3ProviderMetadata | undefined): Extras | undefined {
  return metadata === undefined ? undefined : JSON.stringify(metadata)
}

export function unpackCall(extras: Extras | undefined): SharedV3ProviderMetadata | undefined {
  return extras === undefined ? undefined : (JSON.parse(extras) as SharedV3ProviderMetadata)
}
