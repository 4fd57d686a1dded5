"""What the scenarios of Python share: the demo model calls the function, and quotes its output afterwards."""

import warnings

# The SDK says at each call that the original of this API has been switched off.
warnings.simplefilter("ignore", DeprecationWarning)

QUESTION = 'call get_weather {"city": "Rome"}'
OUTPUT = '{"temperature": 22}'
ANSWER = f"get_weather answered: {OUTPUT}"

WEATHER = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "description": "The weather of a city",
        "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
    },
}


def get_weather(city: str) -> str:
    """The weather of a city."""
    assert city == "Rome"
    return OUTPUT
