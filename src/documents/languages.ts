/** Detects the language of a text, and loads stemmer and stop words of a language. */

/** How the words of a language are compared. */
export interface Language {
  /** ISO 639-1, or `--` for texts of no known language. */
  code: string
  /** Returns the stem of a word in lower case: the common part of its forms. */
  stem: (word: string) => string
  /** Frequent words that are ignored, in lower case. */
  stopwords: ReadonlySet<string>
}

/** For texts of no known language: words are compared unchanged. */
export const plainLanguage: Language = { code: '--', stem: (word) => word, stopwords: new Set() }

type Load = () => Promise<[{ stemmer: (word: string) => string }, { stopwords: string[] }]>

/** For languages whose words have one form. */
const unchanged = async () => ({ stemmer: (word: string) => word })

/** Removes the article before stemming, because the stemmer removes other endings from words with an article. */
async function arabic() {
  const { stemmer } = await import('@orama/stemmers/arabic')
  return { stemmer: (word: string) => stemmer(word.replace(/^(?:[وفبك]?ال|لل)(?=.{3})/, '')) }
}

/** Removes prepositions and the article, because Hebrew writes them together with the next word. */
async function hebrew() {
  return { stemmer: (word: string) => word.replace(/^[והבכלמש]{1,3}(?=.{4})/, '') }
}

/** Removes the endings of cases and keeps at least four letters. No maintained library has a stemmer for these languages. */
const withoutCase = (endings: RegExp) => async () => ({
  stemmer: (word: string) => word.replace(endings, ''),
})
const czech = withoutCase(
  /(?<=.{4})(?:ových|ovými|ovém|ové|ová|ový|atech|ětem|atům|ách|ich|ích|ého|ěmi|emi|ému|ěti|ího|ími|ímu|ých|ama|ami|ovi|ými|em|ém|ím|ům|am|ám|ým|mi|ou|[aeiouyáéíýěů])$/,
)
const polish = withoutCase(
  /(?<=.{4})(?:iego|iemu|iami|iach|ego|emu|ami|ach|ych|ymi|ich|imi|owi|owie|om|ów|em|ym|im|iej|ej|ie|ia|ią|ię|iu|[aąeęioóuy])$/,
)

/** Stop words of languages for which the other library has no list, or a poor one. */
async function stopwordsOf(language: 'ces' | 'heb' | 'hin' | 'pol' | 'vie') {
  const lists = await import('stopword')
  return { stopwords: lists[language] }
}

/** By ISO 639-1. Modules are loaded with the first text of the language. */
const loaders: Readonly<Record<string, Load>> = {
  ar: () => Promise.all([arabic(), import('@orama/stopwords/arabic')]),
  bg: () => Promise.all([import('@orama/stemmers/bulgarian'), import('@orama/stopwords/bulgarian')]),
  cs: () => Promise.all([czech(), stopwordsOf('ces')]),
  da: () => Promise.all([import('@orama/stemmers/danish'), import('@orama/stopwords/danish')]),
  de: () => Promise.all([import('@orama/stemmers/german'), import('@orama/stopwords/german')]),
  el: () => Promise.all([import('@orama/stemmers/greek'), import('@orama/stopwords/greek')]),
  en: () => Promise.all([import('@orama/stemmers/english'), import('@orama/stopwords/english')]),
  es: () => Promise.all([import('@orama/stemmers/spanish'), import('@orama/stopwords/spanish')]),
  fi: () => Promise.all([import('@orama/stemmers/finnish'), import('@orama/stopwords/finnish')]),
  fr: () => Promise.all([import('@orama/stemmers/french'), import('@orama/stopwords/french')]),
  he: () => Promise.all([hebrew(), stopwordsOf('heb')]),
  hi: () => Promise.all([import('@orama/stemmers/indian'), stopwordsOf('hin')]),
  hu: () => Promise.all([import('@orama/stemmers/hungarian'), import('@orama/stopwords/hungarian')]),
  hy: () => Promise.all([import('@orama/stemmers/armenian'), import('@orama/stopwords/armenian')]),
  it: () => Promise.all([import('@orama/stemmers/italian'), import('@orama/stopwords/italian')]),
  ja: () => Promise.all([unchanged(), import('@orama/stopwords/japanese')]),
  lt: () => Promise.all([import('@orama/stemmers/lithuanian'), import('@orama/stopwords/lithuanian')]),
  // The detector has no Indonesian, which is recognised as Malay.
  ms: () => Promise.all([import('@orama/stemmers/indonesian'), import('@orama/stopwords/indonesian')]),
  nl: () => Promise.all([import('@orama/stemmers/dutch'), import('@orama/stopwords/dutch')]),
  no: () => Promise.all([import('@orama/stemmers/norwegian'), import('@orama/stopwords/norwegian')]),
  pl: () => Promise.all([polish(), stopwordsOf('pol')]),
  pt: () => Promise.all([import('@orama/stemmers/portuguese'), import('@orama/stopwords/portuguese')]),
  ro: () => Promise.all([import('@orama/stemmers/romanian'), import('@orama/stopwords/romanian')]),
  ru: () => Promise.all([import('@orama/stemmers/russian'), import('@orama/stopwords/russian')]),
  sr: () => Promise.all([import('@orama/stemmers/serbian'), import('@orama/stopwords/serbian')]),
  sv: () => Promise.all([import('@orama/stemmers/swedish'), import('@orama/stopwords/swedish')]),
  ta: () => Promise.all([import('@orama/stemmers/tamil'), import('@orama/stopwords/tamil')]),
  tr: () => Promise.all([import('@orama/stemmers/turkish'), import('@orama/stopwords/turkish')]),
  uk: () => Promise.all([import('@orama/stemmers/ukrainian'), import('@orama/stopwords/ukrainian')]),
  vi: () => Promise.all([unchanged(), stopwordsOf('vie')]),
  zh: () => Promise.all([unchanged(), import('@orama/stopwords/mandarin')]),
}

/** How much of a text is used for detection, in UTF-16 units. */
const sampleUnits = 2000
/** How many stems are cached for each language. */
const keptStems = 50_000

/** Loads each language once. Use one object for many texts. */
export class Languages {
  readonly #loaded = new Map<string, Promise<Language>>()

  /** Returns the plain language for a code without a stemmer. Throws when an import fails. */
  load(code: string): Promise<Language> {
    const loader = loaders[code]
    if (!loader) return Promise.resolve(plainLanguage)
    const known = this.#loaded.get(code)
    if (known) return known
    const loading = loader().then(([{ stemmer }, { stopwords }]) => ({
      code,
      stem: keepResults(stemmer),
      // Texts are split at apostrophes, so stop words must be as well.
      stopwords: new Set(stopwords.flatMap((word) => [word, ...word.split(/['’]/)])),
    }))
    this.#loaded.set(code, loading)
    return loading
  }

  /** The language of a text; the plain one when it is not certain. */
  async of(text: string): Promise<Language> {
    return this.load((await this.detect(text)) ?? plainLanguage.code)
  }

  /** The code of the language of a text; undefined when it is not certain. */
  async detect(text: string): Promise<string | undefined> {
    const { eld } = await import('eld/extrasmall')
    const found = eld.detect(text.slice(0, sampleUnits))
    return found.isReliable() ? found.language : undefined
  }
}

function keepResults(stemmer: (word: string) => string): (word: string) => string {
  const kept = new Map<string, string>()
  return (word) => {
    const known = kept.get(word)
    if (known !== undefined) return known
    if (kept.size >= keptStems) kept.clear()
    const stem = stemOrWord(stemmer, word)
    kept.set(word, stem)
    return stem
  }
}

/** Returns the word itself when the stemmer throws, as the Bulgarian one does for some words. */
function stemOrWord(stemmer: (word: string) => string, word: string): string {
  try {
    return stemmer(word)
  } catch {
    return word
  }
}
