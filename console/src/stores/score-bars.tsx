/** A score and the parts that it is made of. */

export interface ScoreBarsProps {
  /** 0..1, what results are ranked by. */
  score: number
  /** null: this part did not count. */
  meaning: number | null
  words: number | null
  /** Of the reranker, which replaces the score; undefined without one, null when it failed. */
  rerank?: number | null | undefined
}

export function ScoreBars({ score, meaning, words, rerank }: ScoreBarsProps) {
  const parts: [string, number | null][] = [
    ['Score', score],
    ['Meaning', meaning],
    ['Words', words],
  ]
  if (rerank !== undefined) parts.push(['Reranker', rerank])
  return (
    <dl className="score-bars">
      {parts.map(([name, value]) => (
        <div key={name}>
          <dt>{name}</dt>
          <dd>
            <span className="score-track" aria-hidden>
              <i
                style={{ width: `${Math.max(0, Math.min(1, value ?? 0)) * 100}%` }}
                className={name === 'Score' ? 'whole' : 'part'}
              />
            </span>
            <span className="num">{value === null ? '–' : value.toFixed(3)}</span>
          </dd>
        </div>
      ))}
    </dl>
  )
}
