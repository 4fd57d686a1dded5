/** `Assistant`, `Tool` and `Thread` of Experts.js: an assistant whose function is another assistant. */
import assert from 'node:assert/strict'
import { load } from './story.mjs'

const { Assistant, Thread, Tool } = load('experts')

class EchoTool extends Tool {
  constructor() {
    const parameters = { type: 'object', properties: { message: { type: 'string' } } }
    super({
      name: 'Echo',
      instructions: 'Echo the text.',
      parentsTools: [{ type: 'function', function: { name: 'echo', parameters } }],
    })
  }
}

class Forecaster extends Assistant {
  constructor() {
    super({ name: 'Forecaster', instructions: 'Be brief.' })
    this.addAssistantTool(EchoTool)
  }
}

const assistant = await Forecaster.create()
const thread = await Thread.create()
const deltas = []
assistant.on('textDelta', ({ value }) => deltas.push(value))
const asked = await assistant.ask('call echo {"message": "say hello"}', thread.id)
assert.match(asked, /^echo answered: .*hello/)
assert.equal(deltas.join(''), asked)
// The tool keeps a thread of its own, which the metadata of the main thread names.
const { metadata } = await Thread.find(thread.id)
assert.equal(metadata.assistant, 'Forecaster')
assert.equal((await Thread.find(metadata.echo)).metadata.tool, 'Echo')
assert.equal(await assistant.ask('say three four', thread.id), 'three four')
const again = await Assistant.create({ id: assistant.id, name: 'Other' })
assert.equal(again.id, assistant.id)
console.log('pass scenario')
