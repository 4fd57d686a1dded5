"""Functions: a run waits, the program answers, the run goes on."""

ASK = 'call get_weather {"city":"Paris"}'
ANSWER = "get_weather answered: 21 degrees"


async def waiting():
    """A run that waits, its thread, and what answers it."""
    thread = await make_thread(ASK)
    run = await beta.threads.runs.create_and_poll(thread_id=thread, assistant_id=await make_assistant())
    same((run.status, run.required_action.type), ("requires_action", "submit_tool_outputs"))
    [call] = calls_asked(run)
    same((call.function.name, json.loads(call.function.arguments)), ("get_weather", {"city": "Paris"}))
    return run, thread, [{"tool_call_id": call.id, "output": "21 degrees"}]


class ToolHandler(AsyncAssistantEventHandler):
    """Notes what the SDK tells of tool calls."""

    def __init__(self):
        super().__init__()
        self.seen = []
        self.arguments = ""

    async def on_tool_call_created(self, tool_call):
        self.seen.append(f"created {tool_call.function.name}")

    async def on_tool_call_delta(self, delta, snapshot):
        self.arguments += (delta.function and delta.function.arguments) or ""
        same(snapshot.function.arguments, self.arguments)

    async def on_tool_call_done(self, tool_call):
        self.seen.append(f"done {tool_call.function.arguments}")

    async def on_run_step_delta(self, delta, snapshot):
        same(delta.step_details.type, "tool_calls")


@chapter("functions")
async def _():
    runs = beta.threads.runs
    run, thread, outputs = await waiting()
    resumed = await runs.submit_tool_outputs(run.id, thread_id=thread, tool_outputs=outputs)
    same(resumed.status, "queued")
    same((await runs.poll(run.id, thread_id=thread)).status, "completed")
    same(await answer_in(thread), ANSWER)

    run, thread, outputs = await waiting()
    done = await runs.submit_tool_outputs_and_poll(run_id=run.id, thread_id=thread, tool_outputs=outputs)
    same(done.status, "completed")
    same(await answer_in(thread), ANSWER)

    run, thread, outputs = await waiting()
    stream = await runs.submit_tool_outputs(run.id, thread_id=thread, tool_outputs=outputs, stream=True)
    events = [event.event async for event in stream]
    same((events[0], events[-1]), ("thread.run.step.completed", "thread.run.completed"))

    thread = await make_thread(ASK)
    handler = ToolHandler()
    assistant = await make_assistant()
    async with runs.stream(thread_id=thread, assistant_id=assistant, event_handler=handler) as stream:
        await stream.until_done()
    asking = handler.current_run
    same(asking.status, "requires_action")
    same(handler.seen, ["created get_weather", 'done {"city":"Paris"}'])
    [call] = calls_asked(asking)
    answer = [{"tool_call_id": call.id, "output": "21 degrees"}]
    streaming = runs.submit_tool_outputs_stream(run_id=asking.id, thread_id=thread, tool_outputs=answer)
    async with streaming as stream:
        same([text_of(message) for message in await stream.get_final_messages()], [ANSWER])
        same((await stream.get_final_run()).status, "completed")


@chapter("parallel-functions")
async def _():
    runs = beta.threads.runs
    assistant = await make_assistant()
    thread = await make_thread(f'{ASK}\ncall get_weather {{"city":"Oslo"}}')
    async with runs.stream(thread_id=thread, assistant_id=assistant) as stream:
        asking = await stream.get_final_run()
        same(len(await stream.get_final_run_steps()), 1)
    asked = calls_asked(asking)
    same([json.loads(call.function.arguments)["city"] for call in asked], ["Paris", "Oslo"])
    half = [{"tool_call_id": asked[0].id, "output": "warm"}]
    await refused(
        openai.BadRequestError,
        lambda: runs.submit_tool_outputs(asking.id, thread_id=thread, tool_outputs=half),
    )
    outputs = [
        {"tool_call_id": call.id, "output": output} for call, output in zip(asked, ["warm", "cold"])
    ]
    done = await runs.submit_tool_outputs_and_poll(
        run_id=asking.id, thread_id=thread, tool_outputs=outputs, poll_interval_ms=50
    )
    same(done.status, "completed")
    same(await answer_in(thread), "get_weather answered: warm\nget_weather answered: cold")
