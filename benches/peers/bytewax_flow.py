"""bytewax: a flow of map steps, fed in batches of 100."""

from __future__ import annotations

from time import perf_counter

from harness import main


def batches(nodes, packets):
    import bytewax.operators as op
    from bytewax.dataflow import Dataflow
    from bytewax.outputs import DynamicSink, StatelessSinkPartition
    from bytewax.testing import TestingSource, run_main

    arrived = [0]

    class Count(StatelessSinkPartition):
        def write_batch(self, items):
            arrived[0] += len(items)

    class Sink(DynamicSink):
        def build(self, step_id, worker_index, worker_count):
            return Count()

    flow = Dataflow("chain")
    stream = op.input("in", flow, TestingSource(range(packets), batch_size=100))
    for number in range(nodes):
        stream = op.map(f"node_{number}", stream, lambda value: value + 1)
    op.output("out", stream, Sink())
    started = perf_counter()
    run_main(flow)
    elapsed = perf_counter() - started
    assert arrived[0] == packets
    return packets / elapsed


def import_time():
    started = perf_counter()
    import bytewax.operators
    import bytewax.testing  # noqa: F401  # importing is what is measured

    return (perf_counter() - started) * 1e3


if __name__ == "__main__":
    main(globals())
