"""What a network's config may hold: misspelt keys are told, also those inside of a section."""

import pytest

from offbit_reflow import Network

DELAY = {"secs": 1, "nanos": 0}
RETRY = {"max_retries": 1, "initial_delay": DELAY, "max_delay": DELAY, "backoff_multiplier": 2.0}
TRACING = {
    "server_url": "ws://localhost:8080",
    "batch_size": 1,
    "batch_timeout": DELAY,
    "enable_compression": True,
    "retry_config": RETRY,
    "enabled": False,
}


def test_the_form_of_earlier_releases():
    Network({"compression": {}, "tracing": TRACING})
    Network({"compression": None, "tracing": TRACING | {"retry_config": {}}})


@pytest.mark.parametrize(
    ("config", "words"),
    [
        ({"capcity": 3}, "config: unknown key `capcity`; did you mean `capacity`?"),
        ({"zzz": 3}, "config: unknown key `zzz`; there are cache_bytes, capacity,"),
        ({"compression": {"levl": 3}}, "config: compression: unknown key `levl`; did you mean `level`?"),
        ({"tracing": {"enabld": False}}, "config: tracing: unknown key `enabld`; did you mean `enabled`?"),
        (
            {"tracing": {"retry_config": {"max_delay": {"sec": 1}}}},
            "config: tracing.retry_config.max_delay: unknown key `sec`; did you mean `secs`?",
        ),
        ({"tracing": {"enabled": "x"}}, "config: `tracing.enabled` must be True or False, got"),
        ({"compression": {"enabled": 1}}, "config: `compression.enabled` must be True or False, got 1"),
        ({"compression": {"type_strategies": {"String": "Sometimes"}}}, "expected one of Never, Always"),
    ],
)
def test_a_key_that_is_none_is_told(config, words):
    with pytest.raises(RuntimeError) as caught:
        Network(config)
    assert words in str(caught.value)
