"""Runs with the tools that the server has itself."""


class CodeHandler(AsyncAssistantEventHandler):
    """Gathers what the SDK tells of code and its output."""

    def __init__(self):
        super().__init__()
        self.input = ""
        self.logs = ""
        self.done = []

    async def on_tool_call_delta(self, delta, snapshot):
        if delta.type == "code_interpreter" and delta.code_interpreter:
            self.input += delta.code_interpreter.input or ""
            for output in delta.code_interpreter.outputs or []:
                self.logs += output.logs

    async def on_tool_call_done(self, tool_call):
        self.done.append(tool_call.code_interpreter.outputs[0].logs)


@chapter("code-interpreter")
async def _():
    data = await client.files.create(file=("n.csv", b"1\n2\n39\n"), purpose="assistants")
    assistant = await beta.assistants.create(
        model=MODEL,
        tools=[{"type": "code_interpreter"}],
        tool_resources={"code_interpreter": {"file_ids": [data.id]}},
    )
    code = [
        'total = sum(map(int, open("/mnt/data/n.csv")))',
        'open("/mnt/data/total.txt", "w").write(str(total))',
        'print("the total is", total)',
    ]
    thread = await make_thread("\n".join(["python", "```", *code, "```"]))
    runs = beta.threads.runs
    handler = CodeHandler()
    streaming = runs.stream(thread_id=thread, assistant_id=assistant.id, event_handler=handler)
    async with streaming as stream:
        run = await stream.get_final_run()
        [message] = await stream.get_final_messages()
    same((run.status, run.last_error), ("completed", None))
    assert "the total is" in handler.input
    assert "the total is 42" in handler.logs
    # This SDK emits it again at the end of each later step and of the run.
    same(set(handler.done), {"the total is 42\n"})
    assert "42" in text_of(message)
    steps = await runs.steps.list(run.id, thread_id=thread, order="asc")
    same([output.type for output in steps.data[0].step_details.tool_calls[0].code_interpreter.outputs], ["logs"])
    stored = (await beta.threads.messages.list(thread, run_id=run.id)).data[0]
    made = await client.files.retrieve(stored.attachments[0].file_id)
    same(made.purpose, "assistants_output")
    same((await client.files.content(made.id)).text, "42")


@chapter("file-search")
async def _():
    store = await make_store()
    file = await client.vector_stores.files.upload_and_poll(
        vector_store_id=store, file=("tides.txt", TIDES.encode())
    )
    assistant = await beta.assistants.create(
        model=MODEL,
        tools=[{"type": "file_search"}],
        tool_resources={"file_search": {"vector_store_ids": [store]}},
    )
    thread = await make_thread("How high is the tide in the harbour?")
    runs = beta.threads.runs
    async with runs.stream(thread_id=thread, assistant_id=assistant.id) as stream:
        run = await stream.get_final_run()
        [told] = await stream.get_final_messages()
    same((run.status, run.last_error), ("completed", None))
    stored = (await beta.threads.messages.list(thread, run_id=run.id)).data[0]
    for text in (told.content[0].text, stored.content[0].text):
        assert "twelve metres" in text.value
        [annotation] = text.annotations
        same((annotation.type, annotation.file_citation.file_id), ("file_citation", file.id))
        same(text.value[annotation.start_index : annotation.end_index], annotation.text)
    content = "step_details.tool_calls[*].file_search.results[*].content"
    steps = await runs.steps.list(run.id, thread_id=thread, order="asc", include=[content])
    [result] = steps.data[0].step_details.tool_calls[0].file_search.results
    same((result.file_name, result.content[0].text), ("tides.txt", TIDES))
    await client.vector_stores.delete(store)
