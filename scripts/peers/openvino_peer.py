# SPDX-License-Identifier: MIT
"""OpenVINO: the same module exported once to IR (kept in --dir), static shapes, bf16, latency hint."""
import argparse
import os
import sys

import numpy as np


def export(path, size):
    import openvino as ov
    import torch

    import sdxl_unet
    module = sdxl_unet.Step(sdxl_unet.build(torch.bfloat16)).eval()
    args = sdxl_unet.inputs(torch.bfloat16, size, size)
    with torch.no_grad():
        model = ov.convert_model(module, example_input=args,
                                 input=[list(a.shape) for a in args])
    ov.save_model(model, path, compress_to_fp16=False)


def main():
    p = argparse.ArgumentParser(description=__doc__)
    p.add_argument("--threads", type=int, default=2)
    p.add_argument("--dir", default=os.path.expanduser("~/.cache/bench-peers"))
    p.add_argument("--export", action="store_true", help="only write the IR")
    p.add_argument("--fp32", action="store_true", help="the faster type where bf16 is emulated")
    p.add_argument("--size", type=int, default=1024, help="height and width in pixels")
    a = p.parse_args()
    path = os.path.join(a.dir, f"sdxl_unet_{a.size}.xml")
    if a.export or not os.path.exists(path):
        os.makedirs(a.dir, exist_ok=True)
        # In a process of its own, so that its memory is given back.
        if not a.export:
            if os.spawnv(os.P_WAIT, sys.executable,
                         [sys.executable, __file__, "--export", "--dir", a.dir,
                          "--size", str(a.size)]):
                sys.exit("openvino.py: the export failed")
        else:
            export(path, a.size)
            return

    import openvino as ov

    import sdxl_unet
    core = ov.Core()
    compiled = core.compile_model(path, "CPU", {
        "INFERENCE_PRECISION_HINT": "f32" if a.fp32 else "bf16", "PERFORMANCE_HINT": "LATENCY",
        "INFERENCE_NUM_THREADS": a.threads, "NUM_STREAMS": "1"})
    request = compiled.create_infer_request()
    rng = np.random.default_rng(1)
    for port in compiled.inputs:
        shape = list(port.shape)
        values = rng.standard_normal(shape).astype(np.float32)
        request.set_tensor(port, tensor_of(ov, port, values))
    request.infer()
    sdxl_unet.serve(request.infer)


def tensor_of(ov, port, values):
    """A tensor of the port's own type (bf16 has no numpy type: the upper halves are copied)."""
    tensor = ov.Tensor(port.element_type, port.shape)
    if port.element_type == ov.Type.bf16:
        halves = (values.view(np.uint32) >> 16).astype(np.uint16)
        tensor.data.view(np.uint16)[...] = halves
    else:
        tensor.data[...] = values
    return tensor


main()
