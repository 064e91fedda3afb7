# SPDX-License-Identifier: MIT
"""The SDXL-base-1.0 U-Net as a peer sees it: diffusers' module with random weights, no download.

Shared by the peers of this folder. Inputs are those of one classifier-free-guidance step at
1024x1024: batch 2, latents 128x128, 77 text tokens of 2048, pooled text 1280, 6 time ids.
"""
import time

import torch
from diffusers import UNet2DConditionModel

CONFIG = dict(
    sample_size=128, in_channels=4, out_channels=4, center_input_sample=False,
    flip_sin_to_cos=True, freq_shift=0,
    down_block_types=("DownBlock2D", "CrossAttnDownBlock2D", "CrossAttnDownBlock2D"),
    up_block_types=("CrossAttnUpBlock2D", "CrossAttnUpBlock2D", "UpBlock2D"),
    block_out_channels=(320, 640, 1280), layers_per_block=2, cross_attention_dim=2048,
    transformer_layers_per_block=(1, 2, 10), attention_head_dim=(5, 10, 20),
    use_linear_projection=True, addition_embed_type="text_time", addition_time_embed_dim=256,
    projection_class_embeddings_input_dim=2816,
)


def build(dtype):
    """The module with torch's default initialisation, made directly in `dtype`."""
    torch.manual_seed(0)
    before = torch.get_default_dtype()
    torch.set_default_dtype(dtype)
    try:
        unet = UNet2DConditionModel(**CONFIG).eval()
    finally:
        torch.set_default_dtype(before)
    assert sum(p.numel() for p in unet.parameters()) == 2_567_463_684
    return unet


def inputs(dtype, height=1024, width=1024, batch=2):
    g = torch.Generator().manual_seed(1)
    rand = lambda *shape: torch.randn(*shape, generator=g).to(dtype)
    ids = torch.tensor([[height, width, 0, 0, height, width]] * batch).to(dtype)
    return (rand(batch, 4, height // 8, width // 8), torch.tensor(500.0),
            rand(batch, 77, 2048), rand(batch, 1280), ids)


class Step(torch.nn.Module):
    """Positional tensors in, one tensor out: what compilers and exporters like."""

    def __init__(self, unet):
        super().__init__()
        self.unet = unet

    def forward(self, sample, timestep, context, text_embeds, time_ids):
        added = {"text_embeds": text_embeds, "time_ids": time_ids}
        return self.unet(sample, timestep, encoder_hidden_states=context,
                         added_cond_kwargs=added, return_dict=False)[0]


def serve(step):
    """Prints "ready", then for every line on stdin runs one step and prints its seconds."""
    print("ready", flush=True)
    while input_line():
        start = time.perf_counter()
        step()
        print(f"{time.perf_counter() - start:.6f}", flush=True)


def input_line():
    try:
        return input() is not None
    except EOFError:
        return False
