"""`make sdk-fixtures`: the SDKs that applications use make the traces of `tests/data/sdks`.

An application of 88 calls to 56 services (`script.jsonl`, run by `python/` and `node/`) runs under ADOT,
plain OpenTelemetry and the X-Ray SDK, as on Lambda, ECS, EC2 and EKS (`environments.py`). What answers it is
moto, with stubs for what moto lacks and for refusals (`stand_in.py`). What the SDKs send arrives at a sink
(`sink.py`), and is written with ids and times that are the same each time (`steady.py`). The SDKs are
installed from locked files.
"""
