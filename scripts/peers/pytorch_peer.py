# SPDX-License-Identifier: MIT
"""PyTorch + diffusers: bf16, channels-last, compiled with freezing (or --eager, --fp32)."""
import argparse
import sys
import time

import torch
import torch._inductor.config as inductor

import sdxl_unet


def main():
    p = argparse.ArgumentParser(description=__doc__)
    p.add_argument("--threads", type=int, default=2)
    p.add_argument("--eager", action="store_true")
    p.add_argument("--fp32", action="store_true", help="the faster type where bf16 is emulated")
    p.add_argument("--size", type=int, default=1024, help="height and width in pixels")
    a = p.parse_args()
    dtype = torch.float32 if a.fp32 else torch.bfloat16

    torch.set_num_threads(a.threads)
    unet = sdxl_unet.build(dtype).to(memory_format=torch.channels_last)
    unet.fuse_qkv_projections()
    module = sdxl_unet.Step(unet).eval()
    args = list(sdxl_unet.inputs(dtype, a.size, a.size))
    args[0] = args[0].to(memory_format=torch.channels_last)
    if not a.eager:
        inductor.freezing = True
        inductor.cpp.weight_prepack = True
        module = torch.compile(module, fullgraph=True, dynamic=False)
    start = time.perf_counter()
    with torch.inference_mode() if a.eager else torch.no_grad():
        module(*args)
        print(f"first call {time.perf_counter() - start:.1f} s", file=sys.stderr, flush=True)
        module(*args)
        sdxl_unet.serve(lambda: module(*args))


main()
