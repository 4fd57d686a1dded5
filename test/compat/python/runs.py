"""Runs that are asked for and looked at: plain, polled, cancelled, failed."""


@chapter("runs")
async def _():
    runs = beta.threads.runs
    assistant = await make_assistant()
    thread = await make_thread("say It is sunny.")
    made = await runs.create(
        thread,
        assistant_id=assistant,
        instructions="Answer at once.",
        additional_messages=[{"role": "user", "content": "say It is raining."}],
        metadata={"n": "1"},
    )
    same(made.status, "queued")
    done = await runs.poll(made.id, thread_id=thread)
    same((done.status, done.instructions), ("completed", "Answer at once."))
    assert done.usage.completion_tokens > 0
    same(done.usage.total_tokens, done.usage.prompt_tokens + done.usage.completion_tokens)
    same(await answer_in(thread), "It is raining.")
    changed = await runs.update(made.id, thread_id=thread, metadata={"n": "2"})
    same(changed.metadata, {"n": "2"})
    same(await runs.retrieve(made.id, thread_id=thread), changed)
    again = await runs.create(thread, assistant_id=assistant)
    await runs.poll(again.id, thread_id=thread)
    same([run.id async for run in runs.list(thread, limit=1)], [again.id, made.id])
    own = await beta.threads.messages.list(thread, run_id=made.id)
    same([text_of(message) for message in own.data], ["It is raining."])


@chapter("polling")
async def _():
    runs = beta.threads.runs
    assistant = await make_assistant()
    thread = await make_thread("slow 60\nsay one two three four five six")
    run = await runs.create_and_poll(thread_id=thread, assistant_id=assistant)
    same(run.status, "completed")
    same(await answer_in(thread), "one two three four five six")
    quick = await runs.create_and_poll(thread_id=thread, assistant_id=assistant, poll_interval_ms=50)
    same(quick.status, "completed")
    await beta.threads.messages.create(thread, role="user", content="call get_weather {}")
    asking = await runs.create_and_poll(thread_id=thread, assistant_id=assistant)
    same((asking.status, len(calls_asked(asking))), ("requires_action", 1))
    await runs.cancel(asking.id, thread_id=thread)
    same((await runs.poll(asking.id, thread_id=thread)).status, "cancelled")


@chapter("steps")
async def _():
    runs = beta.threads.runs
    assistant = await make_assistant()
    thread = await make_thread('call get_weather {"city":"Rome"}\nsay Warm.')
    asking = await runs.create_and_poll(thread_id=thread, assistant_id=assistant)
    outputs = [{"tool_call_id": call.id, "output": "30"} for call in calls_asked(asking)]
    await runs.submit_tool_outputs_and_poll(run_id=asking.id, thread_id=thread, tool_outputs=outputs)
    steps = [step async for step in runs.steps.list(asking.id, thread_id=thread, limit=1, order="asc")]
    same([step.type for step in steps], ["tool_calls", "message_creation"])
    call = steps[0].step_details.tool_calls[0]
    same((call.type, call.function.output, steps[0].status), ("function", "30", "completed"))
    same(await runs.steps.retrieve(steps[0].id, thread_id=thread, run_id=asking.id), steps[0])


@chapter("cancel")
async def _():
    runs = beta.threads.runs
    assistant = await make_assistant()
    thread = await make_thread("slow 500\nsay a b c d e f g h i j k l m n o p q r s t u v w")
    run = await runs.create(thread, assistant_id=assistant)
    same((await runs.cancel(run.id, thread_id=thread)).status, "cancelling")
    same((await runs.poll(run.id, thread_id=thread)).status, "cancelled")
    await refused(openai.BadRequestError, lambda: runs.cancel(run.id, thread_id=thread))

    async with runs.stream(thread_id=thread, assistant_id=assistant) as stream:
        async for _ in stream.text_deltas:
            if stream.current_run.status != "cancelling":
                await runs.cancel(stream.current_run.id, thread_id=thread)
            break
        same((await stream.get_final_run()).status, "cancelled")
    await beta.threads.messages.create(thread, role="user", content="say free again")


@chapter("endings")
async def _():
    runs = beta.threads.runs
    assistant = await make_assistant()
    thread = await make_thread("say So far\nfail rate_limit_exceeded")
    failed = await runs.create_and_poll(thread_id=thread, assistant_id=assistant)
    same((failed.status, failed.last_error.code), ("failed", "rate_limit_exceeded"))
    async with runs.stream(thread_id=thread, assistant_id=assistant) as stream:
        streamed = await stream.get_final_run()
    same((streamed.status, streamed.last_error.code), ("failed", "rate_limit_exceeded"))
    thread = await make_thread(f"say {'word ' * 400}")
    cut = await runs.create_and_poll(thread_id=thread, assistant_id=assistant, max_completion_tokens=256)
    same((cut.status, cut.incomplete_details.reason), ("incomplete", "max_completion_tokens"))
    same((await beta.threads.messages.list(thread, run_id=cut.id)).data[0].status, "incomplete")
    async with runs.stream(thread_id=thread, assistant_id=assistant, max_completion_tokens=256) as stream:
        same((await stream.get_final_run()).status, "incomplete")
