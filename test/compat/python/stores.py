"""Vector stores, the files in them, and search."""

TIDES = "The tide in the harbour of Saint-Malo rises by twelve metres."
BREAD = "Rye bread is baked with sourdough for two hours."


async def upload(text):
    return (await client.files.create(file=("words.txt", text.encode()), purpose="assistants")).id


async def make_store():
    return (await client.vector_stores.create()).id


@chapter("vector-stores")
async def _():
    stores = client.vector_stores
    made = await stores.create(name="Shelf", metadata={"team": "compat"})
    assert made.id.startswith("vs_")
    same(made.status, "completed")
    same(await stores.retrieve(made.id), made)
    changed = await stores.update(made.id, name="Board", expires_after={"anchor": "last_active_at", "days": 3})
    same((changed.name, changed.expires_after.days), ("Board", 3))
    second = await stores.create()
    listed = [store.id async for store in stores.list(limit=1, order="asc")]
    same(listed[-2:], [made.id, second.id])
    for store in (second, made):
        same((await stores.delete(store.id)).deleted, True)
    await refused(openai.NotFoundError, lambda: stores.retrieve(made.id))


@chapter("store-files")
async def _():
    files = client.vector_stores.files
    store = await make_store()
    polled = await files.upload_and_poll(vector_store_id=store, file=("tides.txt", TIDES.encode()))
    same((polled.status, polled.last_error), ("completed", None))
    created = await files.create_and_poll(file_id=await upload(BREAD), vector_store_id=store)
    same(created.status, "completed")
    begun = await files.upload(vector_store_id=store, file=("more.txt", b"More words."))
    same((await files.poll(begun.id, vector_store_id=store)).status, "completed")
    plain = await files.create(store, file_id=await upload("Even more."), attributes={"year": 2020})
    same((await files.poll(plain.id, vector_store_id=store, poll_interval_ms=50)).status, "completed")

    same((await files.retrieve(plain.id, vector_store_id=store)).attributes, {"year": 2020})
    attributes = {"year": 2021, "of": "words"}
    same((await files.update(plain.id, vector_store_id=store, attributes=attributes)).attributes, attributes)
    listed = [file.id async for file in files.list(store, limit=3, filter="completed")]
    same(listed, [plain.id, begun.id, created.id, polled.id])
    same([part.text async for part in files.content(polled.id, vector_store_id=store)], [TIDES])
    same((await files.delete(created.id, vector_store_id=store)).deleted, True)
    same((await client.vector_stores.retrieve(store)).file_counts.total, 3)
    same((await client.files.retrieve(created.id)).id, created.id)
    odd = (await client.files.create(file=("x.zip", b"zip"), purpose="assistants")).id
    error = await refused(openai.BadRequestError, lambda: files.create(store, file_id=odd))
    same(error.code, "unsupported_file")
    await client.vector_stores.delete(store)


@chapter("file-batches")
async def _():
    batches = client.vector_stores.file_batches
    store = await make_store()
    files = [("tides.txt", TIDES.encode()), ("bread.txt", BREAD.encode())]
    polled = await batches.upload_and_poll(store, files=files)
    same((polled.status, polled.file_counts.completed, polled.file_counts.total), ("completed", 2, 2))
    ids = [file.id async for file in batches.list_files(polled.id, vector_store_id=store)]
    same(len(ids), 2)
    same(await batches.retrieve(polled.id, vector_store_id=store), polled)
    same((await batches.create_and_poll(store, file_ids=ids)).status, "completed")
    begun = await batches.create(store, file_ids=ids)
    same((await batches.poll(begun.id, vector_store_id=store)).status, "completed")
    same((await batches.cancel(begun.id, vector_store_id=store)).status, "completed")
    await client.vector_stores.delete(store)


@chapter("search")
async def _():
    store = await make_store()
    files = [("tides.txt", TIDES.encode()), ("bread.txt", BREAD.encode())]
    await client.vector_stores.file_batches.upload_and_poll(store, files=files)
    found = [one async for one in client.vector_stores.search(store, query="How high is the tide?")]
    same((found[0].filename, found[0].content[0].text), ("tides.txt", TIDES))
    assert found[0].score > 0
    await client.vector_stores.files.update(
        found[0].file_id, vector_store_id=store, attributes={"topic": "sea"}
    )
    other = await client.vector_stores.search(
        store, query=["tide", "harbour"], filters={"type": "ne", "key": "topic", "value": "sea"}
    )
    assert all(one.filename == "bread.txt" for one in other.data)
    await client.vector_stores.delete(store)
