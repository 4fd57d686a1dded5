"""Assistants, threads, messages and lists."""


@chapter("assistants")
async def _():
    made = await beta.assistants.create(
        model=MODEL,
        name="Forecaster",
        description="Knows the weather.",
        instructions="Be brief.",
        tools=[WEATHER],
        metadata={"team": "compat"},
        temperature=0.5,
    )
    assert made.id.startswith("asst_")
    same(await beta.assistants.retrieve(made.id), made)
    changed = await beta.assistants.update(made.id, name="Oracle", metadata={"team": "other"})
    same((changed.name, changed.metadata, changed.instructions), ("Oracle", {"team": "other"}, "Be brief."))
    second = await make_assistant()
    listed = [one.id async for one in beta.assistants.list(limit=1, order="asc")]
    assert listed.index(made.id) < listed.index(second)
    deleted = await beta.assistants.delete(made.id)
    same(deleted.to_dict(), {"id": made.id, "object": "assistant.deleted", "deleted": True})


@chapter("threads")
async def _():
    empty = await beta.threads.create()
    assert empty.id.startswith("thread_")
    made = await beta.threads.create(
        messages=[
            {"role": "user", "content": "Hello"},
            {"role": "assistant", "content": [{"type": "text", "text": "Hi"}]},
        ],
        metadata={"topic": "greeting"},
    )
    same(await answer_in(made.id), "Hi")
    found = await beta.threads.retrieve(made.id)
    same((found.id, found.metadata, found.created_at), (made.id, made.metadata, made.created_at))
    changed = await beta.threads.update(made.id, metadata={"topic": "farewell"})
    same(changed.metadata, {"topic": "farewell"})
    same((await beta.threads.delete(made.id)).deleted, True)
    await refused(openai.NotFoundError, lambda: beta.threads.retrieve(made.id))


@chapter("messages")
async def _():
    messages = beta.threads.messages
    thread = await make_thread("first")
    made = await messages.create(thread, role="user", content="second", metadata={"n": "2"})
    same(text_of(made), "second")
    same(await messages.retrieve(made.id, thread_id=thread), made)
    changed = await messages.update(made.id, thread_id=thread, metadata={"n": "two"})
    same(changed.metadata, {"n": "two"})
    page = await messages.list(thread)
    same([text_of(message) for message in page.data], ["second", "first"])
    same((await messages.delete(made.id, thread_id=thread)).deleted, True)
    await refused(openai.NotFoundError, lambda: messages.retrieve(made.id, thread_id=thread))


@chapter("lists")
async def _():
    messages = beta.threads.messages
    words = [f"message {index}" for index in range(45)]
    first = [{"role": "user", "content": word} for word in words[:30]]
    thread = (await beta.threads.create(messages=first)).id
    for word in words[30:]:
        await messages.create(thread, role="user", content=word)
    same([text_of(message) async for message in messages.list(thread, limit=20, order="asc")], words)
    sizes = [len(page.data) async for page in (await messages.list(thread, limit=20)).iter_pages()]
    same(sizes, [20, 20, 5])
    page = await messages.list(thread, limit=20)
    same(page.has_next_page(), True)
    same(text_of((await page.get_next_page()).data[0]), "message 24")
    before = await messages.list(thread, before=page.data[3].id, limit=100)
    same([text_of(message) for message in before.data], ["message 44", "message 43", "message 42"])
