<?php
// The calls that openai-php/client makes, with PHP's own curl: its packages come from a registry that may be out of reach.
declare(strict_types=1);

const OUTPUT = '{"temperature": 22}';

function request(string $method, string $path, array|null $body = null, bool $isForm = false): CurlHandle
{
    $handle = curl_init(getenv('OPENAI_BASE_URL') . '/' . $path);
    $headers = ['Authorization: Bearer ' . getenv('OPENAI_API_KEY'), 'OpenAI-Beta: assistants=v2'];
    if ($body !== null) {
        if (!$isForm) $headers[] = 'Content-Type: application/json';
        curl_setopt($handle, CURLOPT_POSTFIELDS, $isForm ? $body : json_encode($body, JSON_THROW_ON_ERROR));
    }
    curl_setopt_array($handle, [
        CURLOPT_CUSTOMREQUEST => $method,
        CURLOPT_HTTPHEADER => $headers,
        CURLOPT_RETURNTRANSFER => true,
    ]);
    return $handle;
}

function call(string $method, string $path, array|null $body = null, bool $isForm = false): array
{
    $handle = request($method, $path, $body, $isForm);
    $answer = curl_exec($handle);
    check(curl_getinfo($handle, CURLINFO_RESPONSE_CODE) === 200, "$method $path: $answer");
    return json_decode($answer, true, 512, JSON_THROW_ON_ERROR);
}

/** Events of a stream as [name, data]. */
function stream(string $path, array $body): array
{
    $handle = request('POST', $path, $body);
    $events = [];
    $event = '';
    foreach (explode("\n", curl_exec($handle)) as $line) {
        if (str_starts_with($line, 'event:')) $event = trim(substr($line, 6));
        if (!str_starts_with($line, 'data:')) continue;
        $data = trim(substr($line, 5));
        if ($data === '[DONE]') return $events;
        $events[] = [$event, json_decode($data, true, 512, JSON_THROW_ON_ERROR)];
    }
    throw new Exception('the stream has no end');
}

function settled(string $thread, string $run): array
{
    do {
        usleep(50_000);
        $found = call('GET', "threads/$thread/runs/$run");
    } while (in_array($found['status'], ['queued', 'in_progress'], true));
    return $found;
}

function check(bool $isRight, string $why): void
{
    if (!$isRight) throw new Exception($why);
}

// PHP encodes an empty map as [].
$assistant = call('POST', 'assistants', [
    'model' => 'gpt-4o',
    'name' => 'Forecaster',
    'metadata' => [],
    'tools' => [['type' => 'function', 'function' => ['name' => 'get_weather', 'parameters' => ['type' => 'object', 'properties' => ['city' => ['type' => 'string']]]]]],
]);
$thread = call('POST', 'threads', [])['id'];
call('POST', "threads/$thread/messages", ['role' => 'user', 'content' => 'call get_weather {"city": "Rome"}']);
$run = call('POST', "threads/$thread/runs", ['assistant_id' => $assistant['id']])['id'];
$waiting = settled($thread, $run);
check($waiting['status'] === 'requires_action', json_encode($waiting));
$call = $waiting['required_action']['submit_tool_outputs']['tool_calls'][0];
check(json_decode($call['function']['arguments'], true) === ['city' => 'Rome'], json_encode($call));
call('POST', "threads/$thread/runs/$run/submit_tool_outputs", ['tool_outputs' => [['tool_call_id' => $call['id'], 'output' => OUTPUT]]]);
check(settled($thread, $run)['status'] === 'completed', 'the run did not complete');
$newest = call('GET', "threads/$thread/messages?limit=1")['data'][0];
check($newest['content'][0]['text']['value'] === 'get_weather answered: ' . OUTPUT, json_encode($newest));

call('POST', "threads/$thread/messages", ['role' => 'user', 'content' => 'say one two three']);
$said = '';
$names = [];
foreach (stream("threads/$thread/runs", ['assistant_id' => $assistant['id'], 'stream' => true]) as [$name, $data]) {
    $names[] = $name;
    if ($name === 'thread.message.delta') $said .= $data['delta']['content'][0]['text']['value'];
}
check($said === 'one two three' && end($names) === 'thread.run.completed', $said . json_encode($names));

$lamp = new CURLStringFile('The lamp is lit.', 'lamp.txt', 'text/plain');
$file = call('POST', 'files', ['purpose' => 'assistants', 'file' => $lamp], true)['id'];
check(call('GET', "files/$file")['filename'] === 'lamp.txt', 'the name of the file is lost');
check(call('DELETE', "files/$file")['deleted'], 'the file was not deleted');
check(call('DELETE', "assistants/{$assistant['id']}")['deleted'], 'the assistant was not deleted');
echo "pass scenario\n";
