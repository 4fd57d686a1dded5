"""`OpenAIAssistantAgent` of Semantic Kernel."""

import asyncio

from semantic_kernel.agents import AssistantAgentThread, OpenAIAssistantAgent
from semantic_kernel.functions import kernel_function

from scenario import ANSWER, OUTPUT


class Weather:
    @kernel_function
    def get_weather(self, city: str) -> str:
        """The weather of a city."""
        assert city == "Rome"
        return OUTPUT


async def main():
    client = OpenAIAssistantAgent.create_client(ai_model_id="gpt-4o")
    file = await client.files.create(file=("lamp.txt", b"The lamp is lit."), purpose="assistants")
    tools, resources = OpenAIAssistantAgent.configure_code_interpreter_tool(file_ids=[file.id])
    definition = await client.beta.assistants.create(
        model="gpt-4o", name="Forecaster", tools=tools, tool_resources=resources
    )
    assert definition.tool_resources.code_interpreter.file_ids == [file.id], definition
    agent = OpenAIAssistantAgent(client=client, definition=definition, plugins=[Weather()])
    thread = AssistantAgentThread(client=client)
    # Semantic Kernel puts the name of the plugin before that of the function.
    question = 'call Weather-get_weather {"city": "Rome"}'
    response = await agent.get_response(messages=question, thread=thread)
    assert str(response) == f"Weather-{ANSWER}", response
    parts = [str(part) async for part in agent.invoke_stream(messages="say one two three", thread=response.thread)]
    assert "".join(parts) == "one two three", parts
    await thread.delete()
    await client.beta.assistants.delete(agent.id)


asyncio.run(main())
print("pass scenario")
