"""`OpenAIAssistantRunnable` and `OpenAIAssistantV2Runnable` of LangChain for Python."""

from langchain_classic.agents.openai_assistant import OpenAIAssistantRunnable
from langchain_community.agents.openai_assistant import OpenAIAssistantV2Runnable

from scenario import ANSWER, OUTPUT, QUESTION, WEATHER

for runnable, more in [
    (OpenAIAssistantRunnable, {}),
    (OpenAIAssistantV2Runnable, {"tool_resources": {"code_interpreter": {"file_ids": []}}}),
]:
    tools = [WEATHER, {"type": "code_interpreter"}]
    assistant = runnable.create_assistant(
        "Forecaster", "Be brief.", tools, "gpt-4o", as_agent=True, check_every_ms=50, **more
    )
    (action,) = assistant.invoke({"content": QUESTION})
    assert (action.tool, action.tool_input) == ("get_weather", {"city": "Rome"}), action
    finish = assistant.invoke({"intermediate_steps": [(action, OUTPUT)], "content": QUESTION})
    assert finish.return_values["output"] == ANSWER, finish
    finish = assistant.invoke({"content": "say hello", "thread_id": finish.thread_id})
    assert finish.return_values["output"] == "hello", finish
print("pass scenario")
