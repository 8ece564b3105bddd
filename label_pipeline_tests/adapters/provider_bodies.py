"""Bodies as providers send them, shortened; where each was seen is beside it. Keep out: expectations."""

from typing import Any

AZURE_FILTER: dict[str, Any] = {  # helm #3327, compl-ai #20, openai-dotnet #55
    "error": {
        "message": "The response was filtered due to the prompt triggering Azure OpenAI's content management policy. "
        "Please modify your prompt and retry.",
        "type": None, "param": "prompt", "code": "content_filter", "status": 400,
        "innererror": {
            "code": "ResponsibleAIPolicyViolation",
            "content_filter_result": {"violence": {"filtered": True, "severity": "medium"}},
        },
    }
}  # fmt: skip
VLLM_OVERLONG: dict[str, Any] = {  # vllm #33425
    "error": {
        "message": "This model's maximum context length is 2048 tokens. However, your request has 8000 input tokens. "
        "Please reduce the length of the input messages. (parameter=input_tokens, value=8000)",
        "type": "BadRequestError", "param": "input_tokens", "code": 400,
    }
}  # fmt: skip
VLLM_OVERLONG_FLAT: dict[str, Any] = {  # ogx #4534
    "object": "error",
    "message": "This model's maximum context length is 6048 tokens. However, you requested 6616 tokens (568 in the "
    "messages, 6048 in the completion). Please reduce the length of the messages or completion.",
    "type": "BadRequestError", "param": None, "code": 400,
}  # fmt: skip
VLLM_TOO_LARGE: dict[str, Any] = {  # the server's source
    "error": {
        "message": "'max_tokens' or 'max_completion_tokens' is too large: 300. This model's maximum context length is "
        "4096 tokens and your request has 4000 input tokens.",
        "type": "BadRequestError", "param": "max_tokens", "code": 400,
    }
}  # fmt: skip
OPENROUTER_MODERATED: dict[str, Any] = {  # its documentation
    "error": {
        "code": 403, "message": "Your chosen model requires moderation and your input was flagged",
        "metadata": {"reasons": ["violence"], "flagged_input": "a piece of the document", "provider_name": "OpenAI"},
    }
}  # fmt: skip
FASTAPI_QUOTES: dict[str, Any] = {
    "detail": [
        {
            "type": "string_too_long", "loc": ["body", "messages", 1, "content"],
            "msg": "String should have at most 4000 characters", "input": "the model was not found in the old mine",
        }
    ]
}  # fmt: skip
"""A validation error of any server on FastAPI: it repeats the input, here a document that speaks of a model."""
FASTAPI_FIELD: dict[str, Any] = {
    "detail": [{"type": "extra_forbidden", "loc": ["body", "temperature"], "msg": "Extra inputs are not permitted",
                "input": 0}]
}  # fmt: skip
MISTRAL_FIELD: dict[str, Any] = {  # eca #231
    "object": "error", "type": "invalid_request_error", "param": None, "code": None,
    "message": {"detail": [{"type": "extra_forbidden", "loc": ["body", "temperature"],
                            "msg": "Extra inputs are not permitted", "input": 0}]},
}  # fmt: skip
GEMINI_RATE: list[Any] = [  # continue #10062, Roo-Code #3883
    {
        "error": {
            "code": 429,
            "message": "You exceeded your current quota, please check your plan and billing details. For more "
            "information on this error, head to: https://ai.google.dev/gemini-api/docs/rate-limits.",
            "status": "RESOURCE_EXHAUSTED",
            "details": [
                {"@type": "type.googleapis.com/google.rpc.Help", "links": []},
                {"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "26s"},
            ],
        }
    }
]
GEMINI_RATE_IN_WORDS: list[Any] = [
    {"error": {"code": 429, "message": "You exceeded your current quota, please check your plan and billing details. "
               "Please retry in 20.04466179s.", "status": "RESOURCE_EXHAUSTED"}}
]  # fmt: skip
OPENAI_RATE: dict[str, Any] = {
    "error": {"message": "Rate limit reached for gpt-4o in organization org-x on tokens per min (TPM): Limit 30000, "
              "Used 29000, Requested 2000. Please try again in 1m2.5s.", "type": "tokens", "param": None,
              "code": "rate_limit_exceeded"}
}  # fmt: skip
OPENAI_NO_CREDIT: dict[str, Any] = {
    "error": {"message": "You exceeded your current quota, please check your plan and billing details.",
              "type": "insufficient_quota", "param": None, "code": "insufficient_quota"}
}  # fmt: skip


def _success(**choice: Any) -> dict[str, Any]:
    return {
        "id": "gen-1", "object": "chat.completion", "model": "judge",
        "choices": [{"index": 0, "message": {"role": "assistant", "content": ""}, **choice}],
        "usage": {"prompt_tokens": None, "completion_tokens": None, "total_tokens": 0},
    }  # fmt: skip


BROKEN_OFF: dict[str, dict[str, Any]] = {
    # bifrost #5425, litellm, OpenRouter's documentation; vLLM's and DeepSeek's words for the same
    "half a text": _success(finish_reason="error", message={"role": "assistant", "content": '{"rationale": "bec'}),
    "an error beside it": _success(finish_reason="stop", error={"code": 502, "message": "Provider returned error"}),
    "aborted": _success(finish_reason="abort", message={"role": "assistant", "content": '{"grade": 1}'}),
    "no resources": _success(finish_reason="insufficient_system_resource"),
    "silence, and no reason": _success(finish_reason=None, message={"role": "assistant", "content": None}),
    "no choice": {**_success(), "choices": []},
    "an error alone": {"error": {"message": "Provider returned error", "code": 502}},
}
"""Successes that hold no answer."""
