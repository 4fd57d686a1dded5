"""Streams, with the SDK's own helper and without."""

TOLD = "one two three four five"
TELL = f"slow 20\nsay {TOLD}"


class Handler(AsyncAssistantEventHandler):
    """Overrides every callback that a text stream can reach."""

    def __init__(self):
        super().__init__()
        self.seen = []
        self.text = ""
        self.deltas = 0
        self.events = []

    async def on_event(self, event):
        self.events.append(event.event)

    async def on_run_step_created(self, run_step):
        self.seen.append("run_step_created")

    async def on_run_step_done(self, run_step):
        self.seen.append(f"run_step_done {run_step.status}")

    async def on_message_created(self, message):
        self.seen.append("message_created")

    async def on_message_delta(self, delta, snapshot):
        self.deltas += 1
        same(delta.content[0].index, 0)

    async def on_message_done(self, message):
        self.seen.append(f"message_done {text_of(message)}")

    async def on_text_created(self, text):
        self.seen.append("text_created")

    async def on_text_delta(self, delta, snapshot):
        self.text += delta.value
        same(snapshot.value, self.text)

    async def on_text_done(self, text):
        self.seen.append(f"text_done {text.value}")

    async def on_image_file_done(self, image_file):
        self.seen.append("image_file_done")

    async def on_exception(self, exception):
        self.seen.append(f"exception {exception}")

    async def on_timeout(self):
        self.seen.append("timeout")

    async def on_end(self):
        self.seen.append("end")


@chapter("streams")
async def _():
    runs = beta.threads.runs
    assistant = await make_assistant()
    thread = await make_thread(TELL)
    async with runs.stream(thread_id=thread, assistant_id=assistant, event_handler=Handler()) as handler:
        await handler.until_done()
        run = await handler.get_final_run()
        steps = await handler.get_final_run_steps()
        messages = await handler.get_final_messages()
    same(
        handler.seen,
        [
            "run_step_created",
            "message_created",
            "text_created",
            f"text_done {TOLD}",
            f"message_done {TOLD}",
            "run_step_done completed",
            "end",
        ],
    )
    same((handler.text, run.status), (TOLD, "completed"))
    assert handler.deltas > 1, f"the text came in {handler.deltas} piece"
    assert run.usage.completion_tokens > 0
    # This SDK keeps steps as they were when they began.
    same([step.type for step in steps], ["message_creation"])
    same([text_of(message) for message in messages], [TOLD])
    same((handler.events[0], handler.events[-1]), ("thread.run.created", "thread.run.completed"))

    async with runs.create_and_stream(thread_id=thread, assistant_id=assistant) as stream:
        same("".join([text async for text in stream.text_deltas]), TOLD)
        same(text_of(stream.current_message_snapshot), TOLD)

    raw = await runs.create(thread, assistant_id=assistant, stream=True)
    names = [event.event async for event in raw]
    same((names[0], names[-1]), ("thread.run.created", "thread.run.completed"))


@chapter("thread-and-run")
async def _():
    threads = beta.threads
    assistant = await make_assistant()
    body = {"assistant_id": assistant, "thread": {"messages": [{"role": "user", "content": TELL}]}}
    plain = await threads.create_and_run(**body)
    same(plain.status, "queued")
    same((await threads.runs.poll(plain.id, thread_id=plain.thread_id)).status, "completed")
    polled = await threads.create_and_run_poll(**body)
    same((polled.status, await answer_in(polled.thread_id)), ("completed", TOLD))
    async with threads.create_and_run_stream(**body, event_handler=Handler()) as handler:
        await handler.until_done()
    same(handler.events[:2], ["thread.created", "thread.run.created"])
    same((handler.text, handler.current_run.status), (TOLD, "completed"))
    raw = await threads.create_and_run(**body, model=MODEL, stream=True)
    same([event.event async for event in raw][-1], "thread.run.completed")


@chapter("hang-up")
async def _():
    runs = beta.threads.runs
    assistant = await make_assistant()
    thread = await make_thread(TELL)
    run = None
    async with runs.stream(thread_id=thread, assistant_id=assistant) as stream:
        async for _ in stream.text_deltas:
            run = stream.current_run.id
            break
    same((await runs.poll(run, thread_id=thread)).status, "completed")
    same(await answer_in(thread), TOLD)


@chapter("idle-streams")
async def _():
    idle = AsyncOpenAI(base_url=os.environ["SPOOL_COMPAT_IDLE_URL"])
    assistant = await make_assistant(idle)
    thread = await make_thread("slow 1200\nsay one two three", idle)
    async with idle.beta.threads.runs.stream(
        thread_id=thread, assistant_id=assistant, event_handler=Handler()
    ) as handler:
        await handler.until_done()
    same((handler.text, handler.current_run.status), ("one two three", "completed"))
    same(handler.seen[-1], "end")
    raw = await idle.beta.threads.runs.create(thread, assistant_id=assistant, stream=True)
    same([event.event async for event in raw][-1], "thread.run.completed")
