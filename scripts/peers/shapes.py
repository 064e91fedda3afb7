# SPDX-License-Identifier: MIT
"""Every linear and convolution of an SDXL U-Net step and VAE decode, shape by shape: our own
product, the oneDNN that bench is built with, and PyTorch with packed weights (its own oneDNN), in
turn on the same cores.

    python shapes.py --test ../../build/obj/kernels/cpu/onednn_test --rounds 3 [--only WORD]

PyTorch computes the product, the bias and the residual of a linear: no GEGLU, no residual of a
convolution. A time is the best of several calls; the table has the median over the rounds, and the
better of the two others over ours (above 1: we are faster). The last line weighs the shapes by
their calls.
"""
import argparse
import re
import statistics
import subprocess
import time

import torch

LINE = re.compile(r"\s*(\d+) x (.*?)\s+([\d.]+) ms\s+([\d.]+) GFLOP/s")
SHAPE = re.compile(r"(linear|conv) (\d+)x(\d+) (\d+) -> (\d+) k(\d) s(\d)")


def ours(test, shape, *more):
    out = subprocess.run([test, "--bench", "bf16", shape, *more], capture_output=True, text=True,
                         check=True).stdout
    return {m[2]: float(m[3]) / 1e3 for m in map(LINE.match, out.splitlines()) if m}


def packed_linear(rows, inputs, outputs, residual):
    x = torch.randn(rows, inputs).bfloat16()
    w = torch.ops.mkldnn._reorder_linear_weight(torch.randn(outputs, inputs).bfloat16(), rows)
    b = torch.randn(outputs).bfloat16()
    if residual:
        r = torch.randn(rows, outputs).bfloat16()
        return lambda: torch.ops.mkldnn._linear_pointwise(x, r, w, b, "add")
    return lambda: torch.ops.mkldnn._linear_pointwise(x, w, b, "none", [], "")


def packed_conv(n, size, inputs, outputs, kernel, stride):
    x = torch.randn(n, inputs, size, size).bfloat16().to(memory_format=torch.channels_last)
    w, pad = torch.randn(outputs, inputs, kernel, kernel).bfloat16(), kernel // 2
    b = torch.randn(outputs).bfloat16()
    w = torch._C._nn.mkldnn_reorder_conv2d_weight(
        w.to_mkldnn(), [pad, pad], [stride, stride], [1, 1], 1, x.shape)
    return lambda: torch.ops.mkldnn._convolution_pointwise(
        x, w, b, [pad, pad], [stride, stride], [1, 1], 1, "none", [], "")


def pytorch(shape):
    kind, n, size, inputs, outputs, kernel, stride = SHAPE.match(shape).groups()
    n, size, inputs, outputs, kernel, stride = map(int, (n, size, inputs, outputs, kernel, stride))
    if kind == "linear":
        call = packed_linear(size, inputs, outputs, shape.endswith("residual"))
    else:
        call = packed_conv(n, size, inputs, outputs, kernel, stride)
    best, begin = float("inf"), time.perf_counter()
    while best == float("inf") or time.perf_counter() - begin < .5:
        t = time.perf_counter()
        call()
        best = min(best, time.perf_counter() - t)
    return best


def shapes(test, only):
    out = subprocess.run([test, "--bench", "bf16", only], capture_output=True, text=True,
                         check=True).stdout
    return [(int(m[1]), m[2]) for m in map(LINE.match, out.splitlines()) if m]


def main():
    p = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    p.add_argument("--test", default="../../build/obj/kernels/cpu/onednn_test")
    p.add_argument("--rounds", type=int, default=3)
    p.add_argument("--threads", type=int, default=2)
    p.add_argument("--only", default="", help="shapes whose line contains this")
    a = p.parse_args()
    torch.set_num_threads(a.threads)
    sums = [0, 0, 0]
    print(torch.__config__.show().split("MKL-DNN")[-1].splitlines()[0].strip())
    print(f"{'shape':45} {'ours':>9} {'oneDNN':>9} {'PyTorch':>9}  peer/ours")
    with torch.no_grad():
        for calls, shape in shapes(a.test, a.only):
            rounds = [(ours(a.test, shape)[shape], ours(a.test, shape, "onednn")[shape],
                       pytorch(shape)) for _ in range(a.rounds)]
            t = [statistics.median(r[i] for r in rounds) for i in range(3)]
            sums = [s + calls * v for s, v in zip(sums, t)]
            print(f"{shape:45}" + "".join(f" {1e3 * v:7.2f}ms" for v in t) +
                  f"  {min(t[1:]) / t[0]:.2f}", flush=True)
    print(f"{'all, by calls':45}" + "".join(f" {1e3 * v:7.0f}ms" for v in sums) +
          f"  {min(sums[1:]) / sums[0]:.2f}")


main()
