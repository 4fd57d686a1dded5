/** Embeddings that depend on the words of a text only: texts that share words have similar vectors. */

/** Answers the body of POST /embeddings; vectors have `dimensions` numbers, at most 4,096, 64 when it does not say. */
export function embedScripted(body: any): object {
  const inputs: unknown[] = Array.isArray(body?.input) ? body.input : [body?.input]
  const dimensions = Math.min(body?.dimensions ?? 64, 4096)
  const data = inputs.map((input, index) => {
    const vector = wordVector(String(input), dimensions)
    const embedding =
      body?.encoding_format === 'base64' ? Buffer.from(vector.buffer).toString('base64') : [...vector]
    return { object: 'embedding', index, embedding }
  })
  const tokens = inputs.reduce<number>((count, input) => count + words(String(input)).length, 0)
  return {
    object: 'list',
    data,
    model: body?.model,
    usage: { prompt_tokens: tokens, total_tokens: tokens },
  }
}

function wordVector(text: string, dimensions: number): Float32Array {
  const vector = new Float32Array(dimensions)
  for (const word of words(text)) {
    let hash = 2166136261
    for (const letter of word) hash = Math.imul(hash ^ (letter.codePointAt(0) ?? 0), 16777619) >>> 0
    const place = hash % dimensions
    vector[place] = (vector[place] ?? 0) + 1
  }
  return vector
}

function words(text: string): string[] {
  return text.toLowerCase().match(/[\p{L}\p{N}]+/gu) ?? []
}
