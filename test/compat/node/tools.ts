/** Runs with the tools that the server has itself. */
import assert from 'node:assert/strict'
import { makeThread, model, textFile, textOf } from './make.ts'
import type { Chapters } from './story.ts'

export const tools: Chapters = {
  'code-interpreter': async ({ openai, calls }) => {
    const data = await openai.files.create({
      file: await textFile('n.csv', '1\n2\n39\n'),
      purpose: 'assistants',
    })
    const { id: assistant_id } = await openai.beta.assistants.create({
      model,
      tools: [{ type: 'code_interpreter' }],
      tool_resources: { code_interpreter: { file_ids: [data.id] } },
    })
    const code = [
      'total = sum(map(int, open("/mnt/data/n.csv")))',
      'open("/mnt/data/total.txt", "w").write(str(total))',
      'print("the total is", total)',
    ]
    const thread = await makeThread(openai, `python\n\`\`\`\n${code.join('\n')}\n\`\`\``)
    const stream = openai.beta.threads.runs.stream(thread, { assistant_id })
    const inputs: string[] = []
    const logs: string[] = []
    stream.on('toolCallDelta', (delta) => {
      if (delta.type !== 'code_interpreter') return
      inputs.push(delta.code_interpreter?.input ?? '')
      for (const output of delta.code_interpreter?.outputs ?? [])
        if (output.type === 'logs') logs.push(output.logs ?? '')
    })
    const run = await stream.finalRun()
    assert.deepEqual([run.status, run.last_error], ['completed', null])
    assert.match(inputs.join(''), /the total is/)
    assert.match(logs.join(''), /the total is 42/)
    const steps = await calls.listSteps(thread, run.id, { order: 'asc' })
    const details = steps.data[0]?.step_details
    assert.ok(details?.type === 'tool_calls')
    const [call] = details.tool_calls
    assert.ok(call?.type === 'code_interpreter')
    assert.deepEqual(
      call.code_interpreter.outputs.map((output) => output.type),
      ['logs'],
    )
    const [message] = await stream.finalMessages()
    assert.match(textOf(message), /42/)
    const { data: stored } = await openai.beta.threads.messages.list(thread, { run_id: run.id })
    const made = stored[0]?.attachments?.[0]?.file_id ?? ''
    assert.equal((await openai.files.retrieve(made)).purpose, 'assistants_output')
    assert.equal(await (await openai.files.content(made)).text(), '42')
  },

  'file-search': async ({ openai, calls }) => {
    const store = (await openai.vectorStores.create({})).id
    const text = 'The tide in the harbour of Saint-Malo rises by twelve metres.'
    const file = await openai.vectorStores.files.uploadAndPoll(store, await textFile('tides.txt', text))
    const { id: assistant_id } = await openai.beta.assistants.create({
      model,
      tools: [{ type: 'file_search' }],
      tool_resources: { file_search: { vector_store_ids: [store] } },
    })
    const thread = await makeThread(openai, 'How high is the tide in the harbour?')
    const stream = openai.beta.threads.runs.stream(thread, { assistant_id })
    const cited: string[] = []
    stream.on('textDelta', (delta) => {
      for (const one of delta.annotations ?? [])
        if (one.type === 'file_citation') cited.push(one.file_citation?.file_id ?? '')
    })
    const run = await stream.finalRun()
    assert.deepEqual([run.status, run.last_error], ['completed', null])
    assert.deepEqual(cited, [file.id])
    const { data } = await openai.beta.threads.messages.list(thread, { run_id: run.id })
    const [part] = data[0]?.content ?? []
    assert.ok(part?.type === 'text')
    assert.match(part.text.value, /twelve metres/)
    const [annotation] = part.text.annotations
    assert.ok(annotation?.type === 'file_citation')
    assert.equal(annotation.file_citation.file_id, file.id)
    assert.equal(part.text.value.slice(annotation.start_index, annotation.end_index), annotation.text)
    const include: ['step_details.tool_calls[*].file_search.results[*].content'] = [
      'step_details.tool_calls[*].file_search.results[*].content',
    ]
    const steps = await calls.listSteps(thread, run.id, { order: 'asc', include })
    const details = steps.data[0]?.step_details
    assert.ok(details?.type === 'tool_calls' && details.tool_calls[0]?.type === 'file_search')
    const [result] = details.tool_calls[0].file_search.results ?? []
    assert.deepEqual([result?.file_name, result?.content?.[0]?.text], ['tides.txt', text])
    await calls.deleteStore(store)
  },
}
