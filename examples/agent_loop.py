"""An agent that proves a theorem: tool calls of the package `openai`, answered by a real Lean.

    OPENAI_BASE_URL=http://localhost:8000/v1 OPENAI_API_KEY=none \
        python agent_loop.py MODEL "theorem swap (p q : Prop) (h : p ∧ q) : q ∧ p := by sorry"
"""

import json
import sys

import lakatos
import openai


def tool(name, description, **arguments):
    shape = {"type": "object", "properties": arguments, "required": list(arguments)}
    return {"type": "function", "function": dict(name=name, description=description, parameters=shape)}


TEXT, TEXTS = {"type": "string"}, {"type": "array", "items": {"type": "string"}}
TOOLS = [
    tool("try_tactics", "Try each tactic at a state of the proof.", state=TEXT, tactics=TEXTS),
    tool("submit", "Hand in the whole tactic proof.", proof=TEXT),
]


def prove(client, model, statement):
    """The proof that Lean's judge accepts; None where the agent gives up."""
    with lakatos.Session(workers=1) as lean:
        theorem = lean.theorem(statement)
        states = {"s0": theorem.state}
        task = f"Prove this Lean 4 theorem.\n{statement}\nState s0:\n{theorem.state}"
        talk = [{"role": "user", "content": task}]
        for _ in range(50):
            reply = client.chat.completions.create(model=model, messages=talk, tools=TOOLS)
            message = reply.choices[0].message
            talk.append(message)
            for call in message.tool_calls or ():
                try:
                    asked = json.loads(call.function.arguments)
                    if call.function.name == "submit":
                        answer = theorem.check(asked["proof"])
                        if isinstance(answer, lakatos.Accepted):
                            return asked["proof"]
                    else:
                        answer = []
                        for result in states[asked["state"]].apply_all(asked["tactics"]):
                            left = {f"s{len(states) + n}": s for n, s in enumerate(result.states)}
                            states |= left
                            shown = {name: str(state) for name, state in left.items()}
                            answer.append(result.error or shown or "no goals left")
                except (ValueError, KeyError, TypeError, lakatos.UsageError) as error:
                    answer = f"wrong call: {error!r}"
                talk.append({"role": "tool", "tool_call_id": call.id, "content": str(answer)})
            if not message.tool_calls:
                return None


if __name__ == "__main__":
    print(prove(openai.OpenAI(), *sys.argv[1:]) or "not proved")
