# The calls that ruby-openai makes, with Ruby's own net/http: its gem comes from a registry that may be out of reach.
require 'json'
require 'net/http'

BASE = URI(ENV.fetch('OPENAI_BASE_URL'))
HEADERS = {
  'Content-Type' => 'application/json',
  'Authorization' => "Bearer #{ENV.fetch('OPENAI_API_KEY')}",
  'OpenAI-Beta' => 'assistants=v2'
}.freeze
OUTPUT = '{"temperature": 22}'.freeze

def send_request(request, &block)
  Net::HTTP.start(BASE.host, BASE.port) do |http|
    http.request(request) do |response|
      check(response.code == '200') { "#{request.method} #{request.path}: #{response.body}" }
      block ? response.read_body(&block) : response.read_body
    end
  end
end

def call(kind, path, body = nil)
  request = kind.new("#{BASE.path}/#{path}", HEADERS)
  request.body = body.to_json if body
  JSON.parse(send_request(request).body)
end

def get(path) = call(Net::HTTP::Get, path)
def post(path, body) = call(Net::HTTP::Post, path, body)
def delete(path) = call(Net::HTTP::Delete, path)

def check(is_right)
  raise yield unless is_right
end

# Events of a stream as [name, data].
def stream(path, body)
  request = Net::HTTP::Post.new("#{BASE.path}/#{path}", HEADERS)
  request.body = body.to_json
  text = +''
  send_request(request) { |chunk| text << chunk }
  blocks = text.split("\n\n").map { |block| block.scan(/^(event|data): (.*)$/).to_h }
  check(blocks.last == { 'event' => 'done', 'data' => '[DONE]' }) { text }
  blocks[..-2].map { |block| [block['event'], JSON.parse(block['data'])] }
end

def settled(thread, run)
  loop do
    found = get("threads/#{thread}/runs/#{run}")
    return found unless %w[queued in_progress].include?(found['status'])

    sleep 0.05
  end
end

weather = { name: 'get_weather', parameters: { type: 'object', properties: { city: { type: 'string' } } } }
assistant = post('assistants', { model: 'gpt-4o', name: 'Forecaster', tools: [{ type: 'function', function: weather }] })['id']
thread = post('threads', {})['id']
post("threads/#{thread}/messages", { role: 'user', content: 'call get_weather {"city": "Rome"}' })
run = post("threads/#{thread}/runs", { assistant_id: assistant })['id']
waiting = settled(thread, run)
check(waiting['status'] == 'requires_action') { waiting.to_s }
tool_call = waiting.dig('required_action', 'submit_tool_outputs', 'tool_calls', 0)
check(JSON.parse(tool_call.dig('function', 'arguments')) == { 'city' => 'Rome' }) { tool_call.to_s }
outputs = [{ tool_call_id: tool_call['id'], output: OUTPUT }]
post("threads/#{thread}/runs/#{run}/submit_tool_outputs", { tool_outputs: outputs })
check(settled(thread, run)['status'] == 'completed') { 'the run did not complete' }
newest = get("threads/#{thread}/messages?limit=1").dig('data', 0)
check(newest.dig('content', 0, 'text', 'value') == "get_weather answered: #{OUTPUT}") { newest.to_s }

post("threads/#{thread}/messages", { role: 'user', content: 'say one two three' })
events = stream("threads/#{thread}/runs", { assistant_id: assistant, stream: true })
deltas = events.select { |name, _| name == 'thread.message.delta' }
said = deltas.map { |_, data| data.dig('delta', 'content', 0, 'text', 'value') }.join
check(said == 'one two three' && events.last[0] == 'thread.run.completed') { events.to_s }

form = Net::HTTP::Post.new("#{BASE.path}/files", HEADERS.except('Content-Type'))
form.set_form(
  [['purpose', 'assistants'], ['file', 'The lamp is lit.', { filename: 'lamp.txt', content_type: 'text/plain' }]],
  'multipart/form-data'
)
file = JSON.parse(send_request(form).body)['id']
check(get("files/#{file}")['filename'] == 'lamp.txt') { 'the name of the file is lost' }
check(delete("files/#{file}")['deleted']) { 'the file was not deleted' }
check(delete("assistants/#{assistant}")['deleted']) { 'the assistant was not deleted' }
puts 'pass scenario'
