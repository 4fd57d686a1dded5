"""Files and uploads."""

import tempfile
from pathlib import Path


@chapter("files")
async def _():
    made = await client.files.create(file=("notes 你好.txt", b"Some words."), purpose="assistants")
    assert made.id.startswith("file-")
    same((made.filename, made.bytes, made.purpose), ("notes 你好.txt", 11, "assistants"))
    same((await client.files.wait_for_processing(made.id)).status, "processed")
    same(await client.files.retrieve(made.id), made)
    kept = await refused(openai.BadRequestError, lambda: client.files.content(made.id))
    same(kept.body["message"], "Not allowed to download files of purpose: assistants")

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "lines.jsonl"
        path.write_text('{"n":1}\n')
        lines = await client.files.create(file=path, purpose="batch")
    same(lines.filename, "lines.jsonl")
    content = await client.files.content(lines.id)
    same((content.text, content.read()), ('{"n":1}\n', b'{"n":1}\n'))
    same(await client.files.retrieve_content(lines.id), '{"n":1}\n')
    async with client.files.with_streaming_response.content(lines.id) as response:
        same(b"".join([part async for part in response.iter_bytes()]), b'{"n":1}\n')

    listed = [file.id async for file in client.files.list(limit=1, order="asc")]
    same(listed[-2:], [made.id, lines.id])
    assert all([file.purpose == "batch" async for file in client.files.list(purpose="batch")])
    for file in (made, lines):
        same((await client.files.delete(file.id)).deleted, True)
    missing = await refused(openai.NotFoundError, lambda: client.files.retrieve(made.id))
    same(missing.body["message"], f"No such File object: {made.id}")


@chapter("uploads")
async def _():
    async def begin():
        return await client.uploads.create(
            filename="big.jsonl", bytes=12, mime_type="text/jsonl", purpose="batch"
        )

    upload = await begin()
    same(upload.status, "pending")
    first = await client.uploads.parts.create(upload.id, data=b'{"a":1}\n')
    second = await client.uploads.parts.create(upload.id, data=b"{} \n")
    done = await client.uploads.complete(upload.id, part_ids=[first.id, second.id])
    same(done.status, "completed")
    same((await client.files.content(done.file.id)).text, '{"a":1}\n{} \n')
    same((await client.uploads.cancel((await begin()).id)).status, "cancelled")
    chunked = await client.uploads.upload_file_chunked(
        file=b"x" * 1000, filename="x.jsonl", bytes=1000, mime_type="text/jsonl", purpose="batch", part_size=400
    )
    same((chunked.status, chunked.file.bytes), ("completed", 1000))
    for file in (done.file, chunked.file):
        await client.files.delete(file.id)
