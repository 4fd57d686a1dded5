"""What the chapters of the story begin with."""

import os
import re
import json

import openai
from openai import AsyncAssistantEventHandler, AsyncOpenAI

# Knows the server from its environment alone. The demo model answers every name.
client = AsyncOpenAI()
beta = client.beta
MODEL = "gpt-4o"

WEATHER = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "description": "Tells the weather in a city.",
        "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
    },
}


def same(found, expected):
    assert found == expected, f"expected {expected!r}, found {found!r}"


async def make_assistant(at=client):
    return (await at.beta.assistants.create(model=MODEL, name="Compat", tools=[WEATHER])).id


async def make_thread(content, at=client):
    """With one message, which is what the demo model is told to do."""
    return (await at.beta.threads.create(messages=[{"role": "user", "content": content}])).id


def text_of(message):
    return message.content[0].text.value


async def answer_in(thread):
    """The newest message's text: lists begin with it."""
    return text_of((await beta.threads.messages.list(thread, limit=1)).data[0])


def calls_asked(run):
    return run.required_action.submit_tool_outputs.tool_calls


async def refused(kind, call):
    """The error of that class with which the call is refused."""
    try:
        await call()
    except kind as error:
        return error
    raise AssertionError(f"expected a {kind.__name__}, but the call succeeded")
