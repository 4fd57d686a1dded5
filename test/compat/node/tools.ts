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
}
