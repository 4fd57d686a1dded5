"""`OpenAIAssistantProvider` and `OpenAIAssistantsClient` of Microsoft's Agent Framework."""

import asyncio
import warnings

from agent_framework.openai import OpenAIAssistantProvider, OpenAIAssistantsClient
from openai import AsyncOpenAI

from scenario import ANSWER, QUESTION, get_weather

# The framework says at each construction that it will drop these classes.
warnings.simplefilter("ignore", DeprecationWarning)


async def main():
    client = AsyncOpenAI()
    provider = OpenAIAssistantProvider(client)
    agent = await provider.create_agent(
        name="Forecaster",
        model="gpt-4o",
        instructions="Be brief.",
        tools=[get_weather, OpenAIAssistantsClient.get_file_search_tool(max_num_results=3)],
    )
    session = agent.create_session()
    answer = await agent.run(QUESTION, session=session)
    assert answer.text == ANSWER, answer
    parts = [update.text async for update in agent.run("say one two three", session=session, stream=True)]
    assert "".join(parts) == "one two three" and len([part for part in parts if part]) > 1, parts
    messages = await client.beta.threads.messages.list(session.service_session_id)
    assert messages.data[0].content[0].text.value == "one two three", messages

    assistants = await client.beta.assistants.list()
    assistant = next(assistant for assistant in assistants.data if assistant.name == "Forecaster")
    assert assistant.tools[1].file_search.max_num_results == 3, assistant
    again = await provider.get_agent(assistant.id, tools=[get_weather])
    assert (await again.run("say hello")).text == "hello"
    await client.beta.assistants.delete(assistant.id)


asyncio.run(main())
print("pass scenario")
