"""An agent that proves a theorem: tool calls of the package `openai`, answered by a real Lean.

    OPENAI_BASE_URL=URL OPENAI_API_KEY=KEY python agent_loop.py MODEL "theorem t : 1 < 2 := by sorry"
"""

import json
import sys
from typing import Any

import lakatos
import openai


def tool(name: str, description: str, **arguments: Any) -> Any:
    shape = {"type": "object", "properties": arguments, "required": list(arguments)}
    return {"type": "function", "function": dict(name=name, description=description, parameters=shape)}


TEXT, TEXTS = {"type": "string"}, {"type": "array", "items": {"type": "string"}}
TOOLS = [
    tool("try_tactics", "Try each tactic at a state of the proof.", state=TEXT, tactics=TEXTS),
    tool("submit", "Hand in the whole tactic proof.", proof=TEXT),
]


def prove(client: Any, model: str, statement: str) -> str | None:
    """The proof that Lean's judge accepts; None where the agent gives up."""
    with lakatos.Session(workers=1) as lean:
        theorem = lean.theorem(statement)
        states = {"s0": theorem.state}
        task = f"Prove this Lean 4 theorem.\n{statement}\nState s0:\n{theorem.state}"
        talk: list[Any] = [{"role": "user", "content": task}]
        for _ in range(50):
            reply = client.chat.completions.create(model=model, messages=talk, tools=TOOLS)
            talk.append(message := reply.choices[0].message)
            for call in message.tool_calls or ():
                answer: Any = []
                try:
                    asked = json.loads(call.function.arguments)
                    if call.function.name == "submit":
                        answer = theorem.check(asked["proof"])
                        if isinstance(answer, lakatos.Accepted):
                            return str(asked["proof"])
                    else:
                        for result in states[asked["state"]].apply_all(asked["tactics"]):
                            left = {f"s{len(states) + n}": s for n, s in enumerate(result.states)}
                            states |= left
                            shown = {name: str(state) for name, state in left.items()}
                            answer.append(result.error or shown or "no goals left")
                except (ValueError, KeyError, TypeError, lakatos.UsageError) as error:
                    answer = f"wrong call: {error!r}"
                talk.append({"role": "tool", "tool_call_id": call.id, "content": str(answer)})
            if not message.tool_calls:
                break
    return None


if __name__ == "__main__":
    print(prove(openai.OpenAI(), *sys.argv[1:]) or "not proved")
