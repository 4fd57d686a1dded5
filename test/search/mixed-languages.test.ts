/** One store has sentences in fourteen languages that say the same things. A question has one rare word of one of them. */
import { afterAll, beforeAll, expect, test } from 'vitest'
import { testServer, type TestServer } from '../harness/server.ts'
import { storeOf } from '../harness/vector-stores.ts'

/**
 * Of each language sentences about a pump, a valve with a code, filters, somebody with a name, and a watchman; and questions for the
 * last four: the code as it is, the others in another form where the language has forms.
 */
const languages: Record<string, { sentences: string[]; questions: string[] }> = {
  German: {
    sentences: [
      'Die Pumpe in der Halle wird jeden Montag geprüft.',
      'Das Ventil mit der Nummer KV-7731 ist in der Halle.',
      'Die Zirkonfilterpatronen werden in das Lager gebracht.',
      'Den Schlüssel der Halle hat Frau Brandstätter.',
      'Der Wächter schließt am Abend die Türen der Halle.',
    ],
    questions: [
      'Was ist in der Halle KV-7731?',
      'Was ist in der Halle mit der Zirkonfilterpatrone?',
      'Was ist in der Halle mit Brandstätters Aufgabe?',
      'Was ist in der Halle mit den Wächtern?',
    ],
  },
  English: {
    sentences: [
      'The pump in the hall is checked every Monday.',
      'The valve with the number EN-1204 is in the hall.',
      'Zirconium filters are taken to the store room.',
      'The key of the hall is with Mrs Featherstonehaugh.',
      'In the evening the watchman closes the doors of the hall.',
    ],
    questions: [
      'What is EN-1204 in the hall?',
      'What is done in the hall with a zirconium filter?',
      "What is Featherstonehaugh's task in the hall?",
      "What is the watchman's task in the hall?",
    ],
  },
  Russian: {
    sentences: [
      'Насос в цехе проверяют каждый понедельник.',
      'Клапан с номером RU-7420 находится в цехе.',
      'Циркониевые фильтры относят на склад.',
      'Ключ от цеха хранит Переверзев.',
      'Вечером сторож закрывает двери цеха.',
    ],
    questions: [
      'Что в цехе означает RU-7420?',
      'Что в цехе делают с циркониевым фильтром?',
      'Что в цехе известно о Переверзеве?',
      'Что в цехе известно о сторожах?',
    ],
  },
  Korean: {
    sentences: [
      '공장의 펌프는 매주 월요일에 점검합니다.',
      '번호가 KR-3347인 밸브는 공장에 있습니다.',
      '지르콘필터는 창고로 옮깁니다.',
      '공장의 열쇠는 남궁민수가 가지고 있습니다.',
      '저녁에 경비원이 공장의 문을 닫습니다.',
    ],
    questions: [
      '공장의 KR-3347은 무엇입니까?',
      '공장에서 지르콘필터를 어떻게 합니까?',
      '공장에서 남궁민수는 무엇을 합니까?',
      '공장에서 경비원은 무엇을 합니까?',
    ],
  },
  Arabic: {
    sentences: [
      'يتم فحص المضخة في المصنع كل يوم اثنين.',
      'الصمام رقم AR-6675 موجود في المصنع.',
      'ينقل مرشح الزركونيوم إلى المخزن.',
      'مفتاح المصنع عند القحطاني.',
      'في المساء يغلق الحارس أبواب المصنع.',
    ],
    questions: [
      'ما هو AR-6675 في المصنع؟',
      'ما هو زركونيوم في المصنع؟',
      'ما هو عمل قحطاني في المصنع؟',
      'ما هو عمل حارس في المصنع؟',
    ],
  },
  Chinese: {
    sentences: [
      '工厂的水泵每周一检查。',
      '编号为ZH-1183的阀门在工厂里。',
      '锆滤芯被送到仓库。',
      '工厂的钥匙在欧阳建国那里。',
      '晚上保安关闭工厂的大门。',
    ],
    questions: [
      '工厂里的ZH-1183是什么？',
      '工厂里的锆滤芯是什么？',
      '工厂里欧阳建国做什么？',
      '工厂里的保安做什么？',
    ],
  },
  Japanese: {
    sentences: [
      '工場のポンプは毎週月曜日に点検します。',
      '番号JP-5029のバルブは工場にあります。',
      'ジルコンフィルターは倉庫に運びます。',
      '工場の鍵は長谷川さんが持っています。',
      '夕方に守衛が工場の扉を閉めます。',
    ],
    questions: [
      '工場のJP-5029は何ですか。',
      '工場のジルコンフィルターは何ですか。',
      '工場で長谷川さんは何をしますか。',
      '工場の守衛は何をしますか。',
    ],
  },
  Thai: {
    sentences: [
      'ปั๊มในโรงงานถูกตรวจทุกวันจันทร์',
      'วาล์วหมายเลข TH-9917 อยู่ในโรงงาน',
      'ไส้กรองเซอร์โคเนียมถูกย้ายไปที่คลังสินค้า',
      'กุญแจของโรงงานอยู่กับคุณสมศักดิ์',
      'ตอนเย็นยามปิดประตูของโรงงาน',
    ],
    questions: [
      'ในโรงงาน TH-9917 คืออะไร',
      'ในโรงงานเซอร์โคเนียมคืออะไร',
      'ในโรงงานสมศักดิ์ทำอะไร',
      'ในโรงงานใครปิดประตู',
    ],
  },
  Hindi: {
    sentences: [
      'कारखाने का पंप हर सोमवार को जाँचा जाता है।',
      'HI-2290 नंबर का वाल्व कारखाने में है।',
      'ज़िरकॉन के फ़िल्टर गोदाम में ले जाए जाते हैं।',
      'कारखाने की चाबी चतुर्वेदी के पास है।',
      'शाम को चौकीदार कारखाने के दरवाज़े बंद करता है।',
    ],
    questions: [
      'कारखाने में HI-2290 क्या है?',
      'कारखाने में फ़िल्टरों का क्या होता है?',
      'कारखाने में चतुर्वेदी क्या करते हैं?',
      'कारखाने में चौकीदारों का क्या काम है?',
    ],
  },
  Turkish: {
    sentences: [
      'Atölyedeki pompa her pazartesi kontrol edilir.',
      'TR-4408 numaralı vana atölyede bulunur.',
      'Zirkonyum filtreleri depoya götürülür.',
      "Atölyenin anahtarı Karaosmanoğlu'ndadır.",
      'Akşam bekçi atölyenin kapılarını kapatır.',
    ],
    questions: [
      'Atölyede TR-4408 nedir?',
      'Atölyede filtreler ne yapılır?',
      'Atölyede Karaosmanoğlu ne yapar?',
      'Atölyede bekçiler ne yapar?',
    ],
  },
  Polish: {
    sentences: [
      'Pompa w hali jest sprawdzana w każdy poniedziałek.',
      'Zawór o numerze PL-8820 znajduje się w hali.',
      'Filtry cyrkonowe są po każdym przeglądzie wynoszone do magazynu.',
      'Klucz do hali ma Kowalczyk.',
      'Wieczorem strażnik zamyka wszystkie drzwi, które są w hali.',
    ],
    questions: [
      'Co w hali oznacza PL-8820?',
      'Co w hali wiadomo o materiale cyrkonowym?',
      'Co w hali wiadomo o Kowalczyku?',
      'Co w hali wiadomo o strażnikach?',
    ],
  },
  Czech: {
    sentences: [
      'Čerpadlo v hale se kontroluje každé pondělí.',
      'Ventil s číslem CZ-5512 je v hale.',
      'Zirkonové filtry se odnášejí do skladu.',
      'Klíč od haly má Novotný.',
      'Večer hlídač zavírá dveře haly.',
    ],
    questions: [
      'Co v hale znamená CZ-5512?',
      'Co v hale víme o zirkonovém dílu?',
      'Co v hale víme o Novotném?',
      'Co v hale víme o hlídačích?',
    ],
  },
  Vietnamese: {
    sentences: [
      'Máy bơm trong xưởng được kiểm tra vào mỗi thứ hai.',
      'Van có mã số VN-6604 nằm trong xưởng.',
      'Bộ lọc zirconi được chuyển đến kho.',
      'Chìa khóa của xưởng do ông Quyết giữ.',
      'Buổi tối người bảo vệ đóng cửa xưởng.',
    ],
    questions: [
      'Trong xưởng VN-6604 là gì?',
      'Zirconi ở xưởng là gì?',
      'Trong xuong Quyet lam gi?',
      'Trong xuong bao ve lam gi?',
    ],
  },
  Hebrew: {
    sentences: [
      'המשאבה באולם נבדקת בכל יום שני.',
      'השסתום שמספרו HB-3391 נמצא באולם.',
      'מסנני הזירקון מועברים למחסן.',
      'המפתח של האולם נמצא אצל אברמוביץ.',
      'בערב השומר סוגר את הדלתות של האולם.',
    ],
    questions: [
      'מה באולם אומר HB-3391?',
      'מה באולם עשוי מזירקון?',
      'מה באולם יש לאברמוביץ?',
      'מה באולם ידוע על שומר?',
    ],
  },
}

let server: TestServer
let store: string
beforeAll(async () => {
  server = await testServer()
  const sentences = Object.values(languages).flatMap((one) => one.sentences)
  store = (await storeOf(server, Object.fromEntries(sentences.map((text, at) => [`${at}.txt`, text])))).id
})
afterAll(() => server.close())

test.each(Object.entries(languages))(
  'in %s the sentence with the rare word of a question is first',
  async (_, { sentences, questions }) => {
    const found = []
    for (const query of questions) {
      const { data } = await server.openai.vectorStores.search(store, { query })
      found.push([query, data[0]?.content[0]?.text])
    }
    expect(found).toEqual(questions.map((query, at) => [query, sentences[at + 1]]))
  },
)
