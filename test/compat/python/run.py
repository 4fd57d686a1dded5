"""The story, told with the installed version of the official SDK: `python run.py async|sync [CHAPTER ...]`.

The chapters are written for the asynchronous client. For the synchronous one `await` and `async` are struck out line
by line, so that both clients are asked for exactly the same. Prints `pass NAME`, `fail NAME: REASON` or
`skip NAME: REASON` for each chapter.
"""

import asyncio
import inspect
import re
import sys
import traceback
import warnings
from pathlib import Path

# The SDK says at each call that the original of this API has been switched off.
warnings.simplefilter("ignore", DeprecationWarning)

FILES = ["make", "objects", "runs", "functions", "streams", "files", "stores", "tools", "answers"]


def without_async(source: str) -> str:
    source = re.sub(r"\bawait ", "", source)
    source = re.sub(r"\basync (def|for|with)\b", r"\1", source)
    return source.replace("Async", "")


def load(client: str) -> dict:
    chapters = {}

    def chapter(name):
        return lambda tell: chapters.setdefault(name, tell)

    names = {"chapter": chapter, "FOLDER": Path(__file__).parent, "__name__": "story"}
    for file in FILES:
        path = Path(__file__).with_name(f"{file}.py")
        source = path.read_text()
        code = source if client == "async" else without_async(source)
        exec(compile(code, str(path), "exec"), names)
    return chapters


async def told(tell) -> None:
    """The async chapters share one event loop, because they share the client's connections."""
    result = tell()
    if inspect.isawaitable(result):
        await result


async def main() -> int:
    client, *chosen = sys.argv[1:]
    failed = 0
    for name, tell in load(client).items():
        if chosen and name not in chosen:
            continue
        try:
            await told(tell)
            print(f"pass {name}", flush=True)
        except Exception as error:
            failed = 1
            reason = " | ".join(f"{type(error).__name__}: {error}".splitlines())
            print(f"fail {name}: {reason}", flush=True)
            traceback.print_exc()
    return failed


sys.exit(asyncio.run(main()))
