"""What a program sees beside the objects: errors, headers, models."""

from pathlib import Path


@chapter("errors")
async def _():
    missing = await refused(
        openai.NotFoundError, lambda: beta.assistants.retrieve("asst_000000000000000000000000")
    )
    same(missing.body["message"], "No assistant found with id 'asst_000000000000000000000000'.")
    assert str(missing).startswith("Error code: 404 - ")
    assert re.fullmatch(r"req_[0-9a-f]{32}", missing.request_id)
    unknown = await refused(
        openai.BadRequestError,
        lambda: beta.assistants.create(model=MODEL, extra_body={"file_ids": []}),
    )
    same(
        (unknown.body["message"], unknown.param, unknown.code, unknown.type),
        ("Unknown parameter: 'file_ids'.", "file_ids", "unknown_parameter", "invalid_request_error"),
    )
    stranger = AsyncOpenAI(api_key="sk-wrong")
    await refused(openai.AuthenticationError, lambda: stranger.beta.threads.create())
    no_beta = await refused(
        openai.BadRequestError,
        lambda: beta.threads.create(extra_headers={"OpenAI-Beta": openai.Omit()}),
    )
    same(no_beta.code, "invalid_beta")

    assistant = await make_assistant()
    thread = await make_thread("call get_weather {}")
    run = await beta.threads.runs.create_and_poll(thread_id=thread, assistant_id=assistant)
    locked = await refused(
        openai.BadRequestError,
        lambda: beta.threads.messages.create(thread, role="user", content="Hurry"),
    )
    same(locked.body["message"], f"Can't add messages to {thread} while a run {run.id} is active.")

    async def stream_again():
        async with beta.threads.runs.stream(thread_id=thread, assistant_id=assistant) as stream:
            await stream.until_done()

    busy = await refused(openai.BadRequestError, stream_again)
    same(busy.body["message"], f"Thread {thread} already has an active run {run.id}.")
    await beta.threads.runs.cancel(run.id, thread_id=thread)


@chapter("raw-responses")
async def _():
    raw = await beta.threads.with_raw_response.create()
    same(raw.headers["openai-version"], "2020-10-01")
    assert raw.parse().id.startswith("thread_")
    made = await beta.threads.create()
    assert re.fullmatch(r"req_[0-9a-f]{32}", made._request_id)
    async with beta.threads.with_streaming_response.retrieve(made.id) as response:
        same(response.headers["content-type"].split(";")[0], "application/json")
        same((await response.parse()).id, made.id)
    assistant = await make_assistant()
    thread = await make_thread("say hello")
    async with beta.threads.runs.with_streaming_response.create(
        thread, assistant_id=assistant, stream=True
    ) as response:
        same(response.headers["content-type"], "text/event-stream; charset=utf-8")
        lines = [line async for line in response.iter_lines()]
    same([line for line in lines if line][-2:], ["event: done", "data: [DONE]"])
    page = (await beta.threads.runs.with_raw_response.list(thread)).parse()
    same(len(page.data), 1)


@chapter("models")
async def _():
    listed = [model.id async for model in client.models.list()]
    assert listed
    same((await client.models.retrieve(listed[0])).object, "model")


@chapter("chat")
async def _():
    messages = [{"role": "user", "content": "slow 20\nsay one two three"}]
    whole = await client.chat.completions.create(model=MODEL, messages=messages)
    same(whole.choices[0].message.content, "one two three")
    stream = await client.chat.completions.create(model=MODEL, messages=messages, stream=True)
    same("".join([chunk.choices[0].delta.content or "" async for chunk in stream]), "one two three")


@chapter("completeness")
async def _():
    source = "".join(path.read_text() for path in Path(FOLDER).glob("*.py"))
    threads = beta.threads
    stores = client.vector_stores
    of_threads = [beta.assistants, threads, threads.messages, threads.runs, threads.runs.steps]
    of_files = [stores, stores.files, stores.file_batches, client.files, client.uploads, client.uploads.parts]
    for resource in of_threads + of_files:
        names = [name for name in dir(type(resource)) if not name.startswith("_")]
        for name in names:
            assert f".{name}(" in source or f".{name}." in source, f"{resource}.{name} is not part of this story"
