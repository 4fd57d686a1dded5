"""`OpenAIAssistantAgent` of LlamaIndex."""

import os
import tempfile

from llama_index.agent.openai import OpenAIAssistantAgent
from llama_index.core.tools import FunctionTool

from scenario import ANSWER, QUESTION, get_weather

with tempfile.TemporaryDirectory() as folder:
    path = os.path.join(folder, "lamp.txt")
    with open(path, "w") as lamp:
        lamp.write("The lamp is lit.")
    agent = OpenAIAssistantAgent.from_new(
        name="Forecaster",
        instructions="Be brief.",
        model="gpt-4o",
        tools=[FunctionTool.from_defaults(fn=get_weather)],
        openai_tools=[],
        run_retrieve_sleep_time=0.05,
    )
    answer = agent.chat(QUESTION)
    assert str(answer) == ANSWER, answer
    files = list(agent.upload_files([path]))
    agent.add_message("The lamp.", file_ids=files, tools=[{"type": "file_search"}])
    history = [message.content for message in agent.chat_history]
    assert ANSWER in history and QUESTION in history, history
    agent.reset()
    assert str(agent.chat("say hello")) == "hello"
print("pass scenario")
