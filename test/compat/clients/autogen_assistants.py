"""`OpenAIAssistantAgent` of AutoGen."""

import asyncio
import os
import tempfile

from autogen_agentchat.messages import TextMessage
from autogen_core import CancellationToken
from autogen_ext.agents.openai import OpenAIAssistantAgent
from openai import AsyncOpenAI

from scenario import ANSWER, QUESTION, get_weather


async def main():
    token = CancellationToken()
    agent = OpenAIAssistantAgent(
        name="Forecaster",
        description="Tells the weather",
        client=AsyncOpenAI(),
        model="gpt-4o",
        instructions="Be brief.",
        tools=[get_weather, "file_search"],
    )

    async def ask(text):
        response = await agent.on_messages([TextMessage(source="user", content=text)], token)
        return response.chat_message.content

    assert await ask(QUESTION) == ANSWER
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "lamp.txt")
        with open(path, "w") as lamp:
            lamp.write("The lamp is lit.")
        await agent.on_upload_for_file_search(path, token)
        assert "The lamp is lit." in await ask("Is the lamp lit?")
        await agent.delete_uploaded_files(token)
        await agent.delete_vector_store(token)
    await agent.delete_assistant(token)


asyncio.run(main())
print("pass scenario")
