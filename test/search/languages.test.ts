import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { hashTerm } from '../../src/documents/index.ts'
import { testServer, type TestServer } from '../harness/server.ts'
import { storeOf } from '../harness/vector-stores.ts'

let server: TestServer
beforeAll(async () => {
  server = await testServer()
})
afterAll(() => server.close())

async function search(id: string, query: string): Promise<string[]> {
  const page = await server.openai.vectorStores.search(id, { query })
  return page.data.map(({ content }) => content[0]?.text ?? '')
}

function storeOfSentences(sentences: readonly string[]): Promise<{ id: string }> {
  return storeOf(server, Object.fromEntries(sentences.map((text, at) => [`${at}.txt`, text])))
}

/** Similar sentences, and questions that have one word of only one of them. */
const collections: Record<string, { sentences: string[]; questions: Record<string, number> }> = {
  German: {
    sentences: [
      'Die Pumpe in der Halle wird jeden Montag von der Werkstatt geprüft.',
      'Das Ventil in der Halle wird jeden Dienstag von der Werkstatt geprüft.',
      'Der Zirkonfilter wird nach der Prüfung in das Lager gebracht.',
      'Die Kennung der Anlage steht auf dem Schild neben der Tür.',
      'Was in der Anlage ausfällt, wird in der Werkstatt gemeldet.',
      'Wer die Halle betritt, muss einen Helm und eine Weste tragen.',
      'Die Türen der Anlage werden am Abend von dem Wächter verschlossen.',
      'In der Woche nach Ostern bleibt die Werkstatt der Anlage geschlossen.',
    ],
    questions: {
      'Wie ist das eigentlich, was muss man denn in der Halle von der Anlage über Zirkonfilter wissen?': 2,
      'Kannst du mir bitte sagen, was in der Halle mit den Wächtern ist?': 6,
    },
  },
  Russian: {
    sentences: [
      'Насос в цехе каждый понедельник проверяет мастерская.',
      'Клапан в цехе каждый вторник проверяет мастерская.',
      'Циркониевый фильтр после проверки относят на склад.',
      'Номер установки написан на табличке возле двери.',
      'О том, что сломалось в установке, сообщают в мастерскую.',
      'Тот, кто входит в цех, должен надеть каску и жилет.',
      'Двери установки вечером закрывает сторож.',
      'На неделе после праздника мастерская установки закрыта.',
    ],
    questions: {
      'Скажи, пожалуйста, что нужно знать в цехе об установке и о циркониевых фильтрах?': 2,
      'Что в цехе бывает с табличками?': 3,
    },
  },
  Korean: {
    sentences: [
      '공장의 펌프는 매주 월요일에 정비소에서 점검합니다.',
      '공장의 밸브는 매주 화요일에 정비소에서 점검합니다.',
      '지르콘필터는 점검한 뒤에 창고로 옮깁니다.',
      '설비의 번호는 문 옆의 표지판에 적혀 있습니다.',
      '설비에서 고장 난 것은 정비소에 알립니다.',
      '공장에 들어가는 사람은 안전모와 조끼를 입어야 합니다.',
      '설비의 문은 저녁에 경비원이 잠급니다.',
      '명절 다음 주에는 설비의 정비소가 문을 닫습니다.',
    ],
    questions: {
      '공장의 설비에서 지르콘필터에 대해 무엇을 알아야 합니까?': 2,
      '공장에서 경비원은 무엇을 합니까?': 6,
    },
  },
  Arabic: {
    sentences: [
      'يتم فحص المضخة في المصنع كل يوم اثنين من قبل الورشة.',
      'يتم فحص الصمام في المصنع كل يوم ثلاثاء من قبل الورشة.',
      'ينقل مرشح الزركون بعد الفحص إلى المخزن.',
      'رقم المنشأة مكتوب على اللوحة بجانب الباب.',
      'ما يتعطل في المنشأة يتم إبلاغ الورشة عنه.',
      'من يدخل المصنع يجب أن يرتدي خوذة وسترة.',
      'أبواب المنشأة يغلقها الحارس في المساء.',
      'في الأسبوع بعد العيد تبقى الورشة في المنشأة مغلقة.',
    ],
    questions: {
      'ما الذي نعرفه في المصنع وفي المنشأة عن زركون؟': 2,
      'ما هو عمل الحارس في المصنع؟': 6,
    },
  },
  Japanese: {
    sentences: [
      '工場のポンプは毎週月曜日に整備所で点検します。',
      '工場のバルブは毎週火曜日に整備所で点検します。',
      'ジルコンフィルターは点検の後で倉庫に運びます。',
      '設備の番号は扉の横の札に書いてあります。',
      '設備で壊れたものは整備所に知らせます。',
      '工場に入る人はヘルメットとベストを着なければなりません。',
      '設備の扉は夕方に守衛が閉めます。',
      '連休の次の週は設備の整備所が閉まっています。',
    ],
    questions: { '工場の設備のジルコンフィルターとは何ですか？': 2, 札: 3 },
  },
}

describe.each(Object.entries(collections))('in %s', (_, { sentences, questions }) => {
  test('the sentence with the one rare word of a question is first', async () => {
    const { id } = await storeOfSentences(sentences)
    for (const [question, at] of Object.entries(questions)) {
      expect((await search(id, question))[0], question).toBe(sentences[at])
    }
  })
})

test('in a store of many languages the sentence with the one rare word of a question is first', async () => {
  const { id } = await storeOfSentences(Object.values(collections).flatMap(({ sentences }) => sentences))
  for (const { sentences, questions } of Object.values(collections)) {
    for (const [question, at] of Object.entries(questions)) {
      expect((await search(id, question))[0], question).toBe(sentences[at])
    }
  }
})

test.each([
  ['the first version, without a header', []],
  ['version 2', [2, ...Buffer.from('de')]],
])('terms of %s are searched until workers have made them again', async (_, header) => {
  const text = 'Die Häuser am Hafen wurden im letzten Jahr verkauft.'
  const other = 'Der Garten am Hafen blieb im letzten Jahr geschlossen.'
  const { id } = await storeOfSentences([text, other])
  for (const [word, of] of Object.entries({ drift: other, hafen: text })) {
    const old = Buffer.alloc(5, 1)
    old.writeUInt32LE(hashTerm(word))
    await server.db.query({
      text: 'update chunks set terms = $3 where vector_store_id = $1 and text = $2',
      values: [id, of, Buffer.from([...header, ...old])],
    })
  }
  /** How well the words of the query fit each text. */
  const fits = async (query: string) => {
    const answer = await server.request('POST', `/vector_stores/${id}/search?include[]=scores`, { query })
    const results: any[] = answer.body.data
    return [text, other].map((one) => results.find(({ content }) => content[0].text === one).scores.words)
  }
  expect(await fits('drift')).toEqual([0, expect.closeTo(0.7, 1)])
  const versions = async () => {
    const rows = await server.db.query<{ terms: Buffer }>({
      text: 'select terms from chunks where vector_store_id = $1',
      values: [id],
    })
    return rows.map(({ terms }) => terms.subarray(0, 3).toString('latin1'))
  }
  await expect.poll(versions, { timeout: 30_000 }).toEqual(['\u0003de', '\u0003de'])
  await expect.poll(() => fits('drift')).toEqual([0, 0])
  expect(await fits('Haus')).toEqual([expect.closeTo(0.7, 1), 0])
})
