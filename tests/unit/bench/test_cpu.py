"""CPU time is of whole processes."""

import os
import subprocess
import sys

import pytest

from bench.cpu import GENERATOR, CpuMeter


def test_cpu_is_told_per_process_and_for_the_generator_itself() -> None:
    meter = CpuMeter({"me": os.getpid()})
    assert sum(range(200_000)) > 0
    spent_s = meter.spent_s()
    assert spent_s[GENERATOR] > 0
    assert spent_s["me"] >= 0
    assert meter.us_per_action(1_000)[GENERATOR] > 0
    assert meter.others_percent() >= 0  # no upper bound: the kernel counts in ticks of 10 ms, this took less


def test_a_process_that_died_meanwhile_is_an_error() -> None:
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as child:
        meter = CpuMeter({"child": child.pid})
        child.communicate(b"\n")
        with pytest.raises(ProcessLookupError, match="child died"):
            meter.spent_s()
