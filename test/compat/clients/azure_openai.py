"""`AzureOpenAI` of the PyPI package `openai`, configured by its own variables."""

from openai import AuthenticationError, AzureOpenAI

from scenario import ANSWER, OUTPUT, QUESTION, WEATHER

client = AzureOpenAI()
threads = client.beta.threads
assistant = client.beta.assistants.create(model="my-deployment", tools=[WEATHER])
thread = threads.create(messages=[{"role": "user", "content": QUESTION}])
waiting = threads.runs.create_and_poll(thread_id=thread.id, assistant_id=assistant.id)
assert waiting.status == "requires_action", waiting
call = waiting.required_action.submit_tool_outputs.tool_calls[0]
run = threads.runs.submit_tool_outputs_and_poll(
    run_id=waiting.id, thread_id=thread.id, tool_outputs=[{"tool_call_id": call.id, "output": OUTPUT}]
)
assert run.status == "completed", run
assert threads.messages.list(thread.id).data[0].content[0].text.value == ANSWER

threads.messages.create(thread.id, role="user", content="say one two three")
with threads.runs.stream(thread_id=thread.id, assistant_id=assistant.id) as stream:
    assert "".join(stream.text_deltas) == "one two three"

file = client.files.create(file=("lamp.txt", b"The lamp is lit."), purpose="assistants")
store = client.vector_stores.create(name="Lamps")
kept = client.vector_stores.files.create_and_poll(file.id, vector_store_id=store.id)
assert kept.status == "completed", kept
client.files.delete(file.id)

messages = [{"role": "user", "content": "say hello"}]
chat = client.chat.completions.create(model="my-deployment", messages=messages)
assert chat.choices[0].message.content == "hello"
try:
    AzureOpenAI(api_key="wrong").beta.assistants.list()
except AuthenticationError as error:
    assert error.code == "401", error
else:
    raise AssertionError("a wrong key was accepted")
print("pass scenario")
