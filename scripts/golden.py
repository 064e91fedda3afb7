#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Makes workloads/golden/: tiny models of the reference implementation with their outputs.

    python3 -m venv env && env/bin/pip install torch diffusers transformers safetensors
    env/bin/python scripts/golden.py [NAME...]        (default: all; scripts/parity runs this)

Each directory has the layout of a published model (config.json, weights) and beside it
inputs.safetensors and outputs.safetensors, named as the arguments and results of the reference's
forward. Every parameter is random and none is zero, so that no wrong kernel goes unnoticed; all are
exact in fp16, so a golden may store them as fp32, bf16-free fp16 or in shards without a difference.

Single models are computed in float64 (the reference keeps the sinusoidal embeddings in fp32) and
rounded to fp32 at the end: the error of an fp32 implementation is then its own alone. Pipelines are
computed in fp32, as the reference's sampler rounds to fp32 at every step anyway.
"bf16_error.X" is the relative error of the reference's own bf16 run for output X: the yardstick for
bf16 implementations. Values come from the CPU, seeds are fixed.
"""

import copy
import json
import pathlib
import shutil
import sys
import tempfile

import diffusers
import torch
import transformers
from diffusers import (AutoencoderKL, EulerDiscreteScheduler, StableDiffusionXLPipeline,
                       UNet2DConditionModel)
from safetensors.torch import save_file
from transformers import (CLIPTextConfig, CLIPTextModel, CLIPTextModelWithProjection,
                          CLIPTokenizer)

ROOT = pathlib.Path(__file__).resolve().parent.parent / "workloads" / "golden"


# ---- weights -----------------------------------------------------------------------------------

def randomise(model, seed, gain=1.0):
    """Fan-in scaled weights, norms around one, biases that matter; all exact in fp16. A small gain
    of what norms read brings the variances down to their eps."""
    g = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, p in model.named_parameters():
            r = torch.randn(p.shape, generator=g, dtype=torch.float64)
            if "embedding.weight" in name:
                r *= 0.5
            elif p.dim() > 1:
                r /= (p.numel() / p.shape[0]) ** 0.5
            elif name.endswith("weight"):
                r = 1 + 0.2 * r
            else:
                r *= 0.1
            if "norm" not in name and any(w in name for w in ("conv", "proj_in", "to_out")):
                r *= gain
            p.copy_(r.half())
    return model.eval()


def normal(seed, *shape):
    g = torch.Generator().manual_seed(seed)
    return torch.randn(shape, generator=g, dtype=torch.float64).float()


def save(path, tensors):
    save_file({k: v.detach().contiguous() for k, v in tensors.items()}, path,
              metadata={"format": "pt"})


def save_shards(path, stem, tensors):
    """The first half of the tensors in one file, the rest in another, and the index."""
    names = sorted(tensors)
    files = [f"{stem}-{i + 1:05d}-of-00002.safetensors" for i in range(2)]
    parts = [names[:len(names) // 2], names[len(names) // 2:]]
    for file, part in zip(files, parts):
        save(path / file, {n: tensors[n] for n in part})
    size = sum(t.numel() * t.element_size() for t in tensors.values())
    index = {"metadata": {"total_size": size},
             "weight_map": {n: f for f, part in zip(files, parts) for n in part}}
    (path / f"{stem}.safetensors.index.json").write_text(json.dumps(index, indent=1) + "\n")


def save_model(model, path, how="fp16", rename=lambda name, t: (name, t)):
    """config.json as the reference writes it, and the weights: "fp32", "fp16" (variant file name)
    or "shards" (two files of fp32)."""
    with tempfile.TemporaryDirectory() as tmp:
        model.save_pretrained(tmp)
        config = json.loads((pathlib.Path(tmp) / "config.json").read_text())
    config.pop("dtype", None)
    path.mkdir(parents=True, exist_ok=True)
    (path / "config.json").write_text(json.dumps(config, indent=1) + "\n")
    stem = "model" if "architectures" in config else "diffusion_pytorch_model"
    kind = torch.float16 if how == "fp16" else torch.float32
    tensors = dict(rename(n, t if n.endswith("position_ids") else t.to(kind))
                   for n, t in model.state_dict().items())
    if how == "shards":
        save_shards(path, stem, tensors)
    else:
        save(path / f"{stem}{'.fp16' if how == 'fp16' else ''}.safetensors", tensors)


# ---- references --------------------------------------------------------------------------------

def relative_error(got, want):
    return (got.double() - want.double()).norm() / want.double().norm()


def cast(values, dtype):
    return {k: v.to(dtype) if v.is_floating_point() and k not in ("timestep", "time_ids") else v
            for k, v in values.items()}


def save_golden(path, model, forward, inputs, suffix=""):
    """forward(model, inputs) -> outputs, in float64; then once more in bf16 for the yardstick."""
    with torch.no_grad():
        exact = forward(copy.deepcopy(model).double(), cast(inputs, torch.float64))
        rough = forward(copy.deepcopy(model).bfloat16(), cast(inputs, torch.bfloat16))
    outputs = {k: v.float() for k, v in exact.items()}
    for k in exact:
        outputs[f"bf16_error.{k}"] = relative_error(rough[k], exact[k]).float()
    save(path / f"inputs{suffix}.safetensors", inputs)
    save(path / f"outputs{suffix}.safetensors", outputs)
    print(f"{path.name + suffix:24}", *(f"{k} {float(v.double().std()):.3g}" if v.dim() else
                               f"{k} {float(v):.3g}" for k, v in outputs.items()))


# ---- U-Nets ------------------------------------------------------------------------------------

def unet_forward(model, x):
    added = {k: x[k] for k in ("text_embeds", "time_ids") if k in x}
    y = model(x["sample"], x["timestep"], x["encoder_hidden_states"],
              added_cond_kwargs=added or None).sample
    return {"sample": y}


def unet(name, how, size, tokens, times, seed, **config):
    down = config.pop("down")
    gain = config.pop("gain", 1.0)
    letters = {"C": "CrossAttn", "D": ""}
    model = randomise(UNet2DConditionModel(
        down_block_types=[f"{letters[d]}DownBlock2D" for d in down],
        up_block_types=[f"{letters[d]}UpBlock2D" for d in reversed(down)], **config), seed,
        gain)
    batch = len(times)
    inputs = {
        "sample": normal(seed + 1, batch, config.get("in_channels", 4), *size),
        "timestep": torch.tensor(times),
        "encoder_hidden_states": normal(seed + 2, batch, tokens, config["cross_attention_dim"]),
    }
    if config.get("addition_embed_type") == "text_time":
        ids = config["addition_time_embed_dim"] * 6
        width = config["projection_class_embeddings_input_dim"] - ids
        inputs["text_embeds"] = normal(seed + 3, batch, width)
        inputs["time_ids"] = torch.tensor([[1024.0, 768, 16, 8, 1280, 960],
                                           [512.0, 640, 0, 0, 1024, 1024]])[:batch]
    save_model(model, ROOT / name, how)
    save_golden(ROOT / name, model, unet_forward, inputs)


def unets():
    # as SDXL: no attention on the finest level, deep transformers, pooled text and sizes
    unet("unet-sdxl", "fp16", (8, 12), 7, [951.0, 1.0], 100, down="DCC",
         block_out_channels=[8, 16, 24], layers_per_block=2, norm_num_groups=4,
         attention_head_dim=[1, 2, 3], transformer_layers_per_block=[1, 1, 3],
         cross_attention_dim=20, use_linear_projection=True, addition_embed_type="text_time",
         addition_time_embed_dim=8, projection_class_embeddings_input_dim=6 * 8 + 12)
    # odd widths and heads, attention on the outer levels only, layers differ by level
    unet("unet-odd", "shards", (4, 20), 3, [501.5], 200, down="CDC",
         block_out_channels=[10, 15, 25], layers_per_block=[1, 2, 1], norm_num_groups=5,
         attention_head_dim=[2, 3, 5], transformer_layers_per_block=[2, 1, 1],
         cross_attention_dim=7, use_linear_projection=True, in_channels=3, out_channels=5)
    # as Stable Diffusion 1.x: 1x1 convolutions around the transformer, 8 heads everywhere
    unet("unet-sd1", "fp16", (16, 8), 9, [1, 999], 300, down="CCCD",
         block_out_channels=[8, 16, 16, 24], layers_per_block=1, norm_num_groups=8,
         attention_head_dim=8, cross_attention_dim=12)
    # as Stable Diffusion 2.x with inpainting channels; sines first, shifted frequencies, other eps
    unet("unet-sd2", "fp16", (8, 8), 5, [333], 400, down="CCD",
         block_out_channels=[12, 12, 36], layers_per_block=2, norm_num_groups=3,
         attention_head_dim=[1, 3, 6], cross_attention_dim=16, use_linear_projection=True,
         in_channels=9, flip_sin_to_cos=False, freq_shift=1, norm_eps=1e-4)
    # one level, a size that nothing divides, activations so small that every eps matters
    unet("unet-flat", "fp32", (5, 7), 2, [42], 500, down="D", block_out_channels=[6],
         layers_per_block=1, norm_num_groups=2, attention_head_dim=2, cross_attention_dim=3,
         norm_eps=1e-3, gain=0.03)


# ---- autoencoders ------------------------------------------------------------------------------

def vae_forward(model, x):
    if "z" in x:
        return {"sample": model.decode(x["z"]).sample}
    return {"sample": model(x["sample"]).sample,
            "latent_parameters": model.encode(x["sample"]).latent_dist.parameters}


def old_spelling(name, t):
    """Attention as files of 2022 have it: other names, 1x1 convolutions."""
    for new, old in (("to_q", "query"), ("to_k", "key"), ("to_v", "value"),
                     ("to_out.0", "proj_attn")):
        if f"attentions.0.{new}.weight" in name:
            t = t[:, :, None, None]
        name = name.replace(f"attentions.0.{new}.", f"attentions.0.{old}.")
    return name, t


def vae(name, how, size, batch, seed, rename=lambda name, t: (name, t), **config):
    levels = len(config["block_out_channels"])
    model = randomise(AutoencoderKL(down_block_types=["DownEncoderBlock2D"] * levels,
                                    up_block_types=["UpDecoderBlock2D"] * levels, **config), seed)
    pixels = [n * 2 ** (levels - 1) for n in size]
    save_model(model, ROOT / name, how, rename)
    save_golden(ROOT / name, model, vae_forward,
                {"sample": normal(seed + 1, batch, config.get("in_channels", 3), *pixels)})
    save_golden(ROOT / name, model, vae_forward,
                {"z": normal(seed + 2, batch, config["latent_channels"], *size)}, "-decode")


def vaes():
    vae("vae-kl", "fp16", (5, 7), 2, 600, block_out_channels=[8, 12, 16], layers_per_block=2,
        norm_num_groups=4, latent_channels=4, scaling_factor=0.13025)
    vae("vae-old-names", "fp32", (6, 3), 1, 700, old_spelling, block_out_channels=[10, 15],
        layers_per_block=1, norm_num_groups=5, latent_channels=6, use_quant_conv=False,
        use_post_quant_conv=False, in_channels=1, out_channels=1)
    vae("vae-no-attention", "fp16", (3, 4), 1, 800, block_out_channels=[6, 6, 12, 12],
        layers_per_block=1, norm_num_groups=3, latent_channels=3, mid_block_add_attention=False)


# ---- text towers -------------------------------------------------------------------------------

def text_forward(model, x):
    y = model(x["input_ids"], output_hidden_states=True)
    out = {"last_hidden_state": y.last_hidden_state}
    out |= {f"hidden_states.{i}": h for i, h in enumerate(y.hidden_states)}
    if hasattr(y, "text_embeds"):
        out["text_embeds"] = y.text_embeds
    else:
        out["pooler_output"] = y.pooler_output
    return out


def with_position_ids(name, t):
    """Old files have text_model. in front of all names; new versions of the writer do not."""
    return name if name.startswith("text_") else f"text_model.{name}", t


def text(name, how, kind, ids, seed, rename=lambda name, t: (name, t), **config):
    model = randomise(kind(CLIPTextConfig(**config)), seed)
    save_model(model, ROOT / name, how, rename)
    save_golden(ROOT / name, model, text_forward, {"input_ids": torch.tensor(ids)})


def texts():
    # as CLIP-L: quick GELU, end token recorded as 2, so its place is that of the largest id
    text("text-quick-gelu", "fp16", CLIPTextModel,
         [[97, 5, 6, 7, 98, 98, 98, 98, 98], [97, 98, 0, 98, 1, 2, 3, 98, 98]], 900,
         with_position_ids, vocab_size=99, hidden_size=24, intermediate_size=56,
         num_hidden_layers=3, num_attention_heads=3, max_position_embeddings=9,
         hidden_act="quick_gelu", eos_token_id=2, bos_token_id=0, projection_dim=24)
    # exact GELU, right end token, shorter than the table of positions, one head
    text("text-gelu", "fp32", CLIPTextModel, [[40, 1, 41, 3, 41, 42]], 1000,
         vocab_size=43, hidden_size=15, intermediate_size=20, num_hidden_layers=2,
         num_attention_heads=1, max_position_embeddings=11, hidden_act="gelu", eos_token_id=41,
         bos_token_id=40, layer_norm_eps=1e-4, projection_dim=15)
    # as OpenCLIP bigG: projection to another width, padded with zeros
    text("text-projection", "fp16", CLIPTextModelWithProjection,
         [[61, 9, 8, 7, 62, 0, 0, 0], [61, 62, 0, 0, 0, 0, 0, 0], [61, 1, 2, 3, 4, 5, 6, 62]],
         1100, vocab_size=63, hidden_size=20, intermediate_size=80, num_hidden_layers=4,
         num_attention_heads=5, max_position_embeddings=8, hidden_act="gelu", eos_token_id=62,
         bos_token_id=61, pad_token_id=0, projection_dim=14)


# ---- tokenizer ---------------------------------------------------------------------------------

CORPUS = (
    "a photograph of an astronaut riding a horse on the moon, highly detailed, sharp focus, "
    "oil painting by the sea with a small red house and two trees under the blue sky; "
    "the quick brown fox's tail isn't there and they've said we'll do it, i'm sure you'd like "
    "normal quality, low quality, worst quality, low res, blurry, nsfw, nude "
    "caf\u00e9 na\u00efve fa\u00e7ade \u00fcber stra\u00dfe "
    "\u043f\u0440\u0438\u0432\u0435\u0442 \u043c\u0438\u0440 \u732b\u304c\u597d\u304d "
    "\u03b5\u03bb\u03bb\u03b7\u03bd\u03b9\u03ba\u03ac ")

TEXTS = [
    "", " ", "a", "A Photograph of an ASTRONAUT", "the  fox's\ttail\nisn't   there",
    "normal quality, low quality, worst quality, low res, blurry, nsfw, nude",
    "they've said we'll do it, I'm sure you'd like it", "IT'S rock'n'roll, y'all're 'tis 'Twas",
    "1234567890 3.14159 1,000,000 2nd \xbd \xb2 \u2167 \u0664\u0662",
    "hello!!! ... (wow) --- [x] {y} <z> & co.", "a_b-c/d\\e|f~g`h^i*j+k=l#m@n$o%p",
    "caf\xe9 cafe\u0301 CAF\xc9 \xc5ngstr\xf6m A\u030angstro\u0308m", "STRASSE stra\xdfe \u1e9e",
    "\u0130stanbul \u0131 I\u0307",
    "\u039f\u03b4\u03c5\u03c3\u03c3\u03b5\u03cd\u03c2 \u03a3\u03a3 \u03c2",
    "\u041f\u0420\u0418\u0412\u0415\u0422, \u043c\u0438\u0440!",
    "\u732b\u304c\u597d\u304d\u3067\u3059\u3002\uff21\uff22\uff23\uff11\uff12\uff13",
    "\ud55c\uad6d\uc5b4 \u1112\u1161\u11ab",
    "\u0627\u0644\u0639\u0631\u0628\u064a\u0629 \u05e2\u05d1\u05e8\u05d9\u05ea \u0939"
    "\u093f\u0928\u094d\u0926\u0940",
    "\U0001f600\U0001f469\u200d\U0001f4bb\U0001f1e9\U0001f1ea \u2764\ufe0f \u2603",
    "\xa0no\u2003break\u3000space\u200b zero\u2028line\x85next\ufeffmark",
    "tab\there\r\nnew\x0bline\x0cform", "nul\x01\x02control\x7f\x80\x9f",
    "<|startoftext|>a<|endoftext|>b<|endoftext|>", "<|STARTOFTEXT|> <|endoftext",
    "'s 't 're 've 'm 'll 'd 'S 'x ''s s'", "x'", "\u2019s it\u2019s \u201cquoted\u201d",
    "supercalifragilisticexpialidocious" * 3, "z" * 200, "\xe9" * 20, "e\u0301" * 10,
    "\ufb01 \ufb03 \u01c5 \u0149 \u1fb3", "\u2460\u24b6\u33a1 \xaa\xba",
    "mixed123abc456\xe9\u03b1\u4e2d7", "\U0001d538\U0001d7d8 \U00010400\U00010428",
    "a\u0315\u0300\u05ae\u0300b a\u0300\u0315", "\u212b \u2126 \u1e69 s\u0323\u0307", "!", "! !",
    "\xa1\xbf?", "a.b", "a . b",
]


def byte_alphabet():
    """Printable stand-ins for all bytes, in the order of the published vocabulary."""
    plain = [*range(33, 127), *range(161, 173), *range(174, 256)]
    rest = [b for b in range(256) if b not in plain]
    return plain + rest, {b: chr(b) for b in plain} | {b: chr(256 + i)
                                                       for i, b in enumerate(rest)}


def learn_merges(count):
    """Byte pairs of CORPUS by frequency (ties by order), as in byte pair encoding."""
    _, stand_in = byte_alphabet()
    words = [[stand_in[b] for b in w.encode()] for w in CORPUS.split()]
    for w in words:
        w[-1] += "</w>"
    merges = []
    while len(merges) < count:
        pairs = {}
        for w in words:
            for pair in zip(w, w[1:]):
                pairs[pair] = pairs.get(pair, 0) + 1
        if not pairs:
            break
        best = max(pairs, key=pairs.get)
        merges.append(best)
        for w in words:
            i = 0
            while i < len(w) - 1:
                if (w[i], w[i + 1]) == best:
                    w[i:i + 2] = [w[i] + w[i + 1]]
                i += 1
    return merges


def save_tokenizer(path, length, pad):
    """The four files of a published CLIP tokenizer; returns it as the reference reads them."""
    order, stand_in = byte_alphabet()
    merges = learn_merges(250)
    tokens = [stand_in[b] for b in order]
    tokens += [t + "</w>" for t in tokens] + ["".join(m) for m in merges]
    tokens = list(dict.fromkeys(tokens)) + ["<|startoftext|>", "<|endoftext|>"]
    special = {"bos_token": "<|startoftext|>", "eos_token": "<|endoftext|>",
               "unk_token": "<|endoftext|>", "pad_token": pad}
    path.mkdir(parents=True, exist_ok=True)
    (path / "vocab.json").write_text(json.dumps({t: i for i, t in enumerate(tokens)},
                                                ensure_ascii=False), encoding="utf-8")
    (path / "merges.txt").write_text("#version: 0.2\n" + "".join(f"{a} {b}\n" for a, b in merges),
                                     encoding="utf-8")
    (path / "special_tokens_map.json").write_text(json.dumps(special, indent=1) + "\n")
    (path / "tokenizer_config.json").write_text(json.dumps(
        {"tokenizer_class": "CLIPTokenizer", "model_max_length": length, "do_lower_case": True,
         "add_prefix_space": False, "errors": "replace", **special}, indent=1) + "\n")
    return CLIPTokenizer.from_pretrained(path), len(tokens)


def tokenizer():
    tok, _ = save_tokenizer(ROOT / "tokenizer", 77, "<|endoftext|>")
    cases = [{"text": t, "ids": tok(t, padding="max_length", truncation=True,
                                    max_length=77).input_ids} for t in TEXTS]
    (ROOT / "tokenizer" / "cases.json").write_text(
        "[\n" + ",\n".join(json.dumps(c) for c in cases) + "\n]\n")
    print(f"{'tokenizer':24} {len(cases)} texts")


# ---- samplers ----------------------------------------------------------------------------------

def schedulers():
    sdxl = dict(beta_start=0.00085, beta_end=0.012, beta_schedule="scaled_linear")
    cases = []
    for steps, config in [
            (20, dict(sdxl, timestep_spacing="leading", steps_offset=1)),
            (50, dict(sdxl, timestep_spacing="leading", steps_offset=1)),
            (7, dict(sdxl, timestep_spacing="leading", steps_offset=0)),
            (1, dict(sdxl, timestep_spacing="leading", steps_offset=1)),
            (20, dict(sdxl, timestep_spacing="trailing")),
            (30, dict(sdxl, timestep_spacing="linspace")),
            (3, dict(beta_schedule="linear", timestep_spacing="trailing")),
            (11, dict(beta_schedule="linear", timestep_spacing="linspace")),
            (1, dict(sdxl, timestep_spacing="linspace")),
            (17, dict(sdxl, timestep_spacing="trailing", num_train_timesteps=400)),
            (100, dict(sdxl, timestep_spacing="leading", steps_offset=1,
                       prediction_type="v_prediction"))]:
        s = EulerDiscreteScheduler(**config)
        s.set_timesteps(steps)
        cases.append({"config": config, "steps": steps, "timesteps": s.timesteps.tolist(),
                      "sigmas": s.sigmas.tolist(), "init_noise_sigma": float(s.init_noise_sigma)})
    ROOT.mkdir(parents=True, exist_ok=True)
    (ROOT / "schedulers.json").write_text("[\n" + ",\n".join(map(json.dumps, cases)) + "\n]\n")
    print(f"{'schedulers':24} {len(cases)} schedules")


# ---- pipelines ---------------------------------------------------------------------------------

def build_pipeline(path, length, how, seed, first, second, unet_config, vae_config, scheduler,
                   zeros):
    tok1, size = save_tokenizer(path / "tokenizer", length, "<|endoftext|>")
    tok2, _ = save_tokenizer(path / "tokenizer_2", length, "!")
    common = dict(vocab_size=size, max_position_embeddings=length, bos_token_id=size - 2)
    text1 = randomise(CLIPTextModel(CLIPTextConfig(**common, **first(size))), seed)
    text2 = randomise(CLIPTextModelWithProjection(CLIPTextConfig(**common, **second(size))),
                      seed + 1)
    pipe = StableDiffusionXLPipeline(
        vae=randomise(AutoencoderKL(**vae_config), seed + 2), text_encoder=text1,
        text_encoder_2=text2, tokenizer=tok1, tokenizer_2=tok2,
        unet=randomise(UNet2DConditionModel(**unet_config), seed + 3),
        scheduler=EulerDiscreteScheduler(**scheduler), force_zeros_for_empty_prompt=zeros,
        add_watermarker=False)
    pipe.set_progress_bar_config(disable=True)
    for part in ("text_encoder", "text_encoder_2", "unet", "vae"):
        save_model(getattr(pipe, part), path / part, how[part])
    pipe.scheduler.save_pretrained(path / "scheduler")
    index = {"_class_name": "StableDiffusionXLPipeline", "force_zeros_for_empty_prompt": zeros,
             "scheduler": ["diffusers", "EulerDiscreteScheduler"],
             "text_encoder": ["transformers", "CLIPTextModel"],
             "text_encoder_2": ["transformers", "CLIPTextModelWithProjection"],
             "tokenizer": ["transformers", "CLIPTokenizer"],
             "tokenizer_2": ["transformers", "CLIPTokenizer"],
             "unet": ["diffusers", "UNet2DConditionModel"], "vae": ["diffusers", "AutoencoderKL"]}
    (path / "model_index.json").write_text(json.dumps(index, indent=1) + "\n")
    return pipe


def call(pipe, settings, latents, dtype):
    """Latents after the last step and the image in [0,1]."""
    pipe = copy.deepcopy(pipe).to(dtype)  # fp32 weights must survive the bf16 run
    args = dict(prompt=[settings["prompt"]] * settings["batch"],
                height=settings["height"], width=settings["width"],
                num_inference_steps=settings["steps"], guidance_scale=settings["guidance"],
                latents=latents.to(dtype))
    if "negative_prompt" in settings:
        args["negative_prompt"] = [settings["negative_prompt"]] * settings["batch"]
    last = pipe(**args, output_type="latent").images
    image = pipe(**args, output_type="pt").images
    return {"latents": last.float(), "image": image.float()}


def ids_of(pipe, settings):
    texts = [settings["prompt"]]
    if "negative_prompt" in settings:
        texts.insert(0, settings["negative_prompt"])
    elif settings["guidance"] > 1 and not pipe.config.force_zeros_for_empty_prompt:
        texts.insert(0, "")
    return {name: getattr(pipe, tok)(texts, padding="max_length", truncation=True,
                                     max_length=pipe.tokenizer.model_max_length,
                                     return_tensors="pt").input_ids
            for name, tok in (("input_ids", "tokenizer"), ("input_ids_2", "tokenizer_2"))}


def run(pipe, path, name, seed, **settings):
    settings = {"batch": 1, **settings}
    factor = pipe.vae_scale_factor
    latents = normal(seed, settings["batch"], pipe.unet.config.in_channels,
                     settings["height"] // factor, settings["width"] // factor)
    exact = call(pipe, settings, latents, torch.float32)
    rough = call(pipe, settings, latents, torch.bfloat16)
    outputs = dict(exact)
    for k in exact:
        outputs[f"bf16_error.{k}"] = relative_error(rough[k], exact[k]).float()
    there = path / name
    there.mkdir(parents=True, exist_ok=True)
    (there / "settings.json").write_text(json.dumps(settings, indent=1) + "\n")
    save(there / "inputs.safetensors", {"latents": latents, **ids_of(pipe, settings)})
    save(there / "outputs.safetensors", outputs)
    print(f"{path.name}/{name:11}", *(f"{k} {float(v.double().std()):.3g}" if v.dim() else
                                      f"{k} {float(v):.3g}" for k, v in outputs.items()))


def pipeline_one():
    """As SDXL-base itself, tiny."""
    path = ROOT / "pipeline-sdxl"
    pipe = build_pipeline(
        path, 16, dict(text_encoder="fp32", text_encoder_2="shards", unet="fp16", vae="fp32"), 2000,
        lambda size: dict(hidden_size=12, intermediate_size=24, num_hidden_layers=2,
                          num_attention_heads=2, hidden_act="quick_gelu", eos_token_id=2,
                          projection_dim=12),
        lambda size: dict(hidden_size=20, intermediate_size=40, num_hidden_layers=3,
                          num_attention_heads=4, hidden_act="gelu", eos_token_id=2,
                          projection_dim=20),
        dict(sample_size=16, block_out_channels=[8, 16, 24], layers_per_block=1,
             down_block_types=["DownBlock2D", "CrossAttnDownBlock2D", "CrossAttnDownBlock2D"],
             up_block_types=["CrossAttnUpBlock2D", "CrossAttnUpBlock2D", "UpBlock2D"],
             norm_num_groups=4, attention_head_dim=[1, 2, 4], use_linear_projection=True,
             transformer_layers_per_block=[1, 1, 2], cross_attention_dim=32,
             addition_embed_type="text_time", addition_time_embed_dim=8,
             projection_class_embeddings_input_dim=6 * 8 + 20),
        dict(block_out_channels=[8, 8, 12], layers_per_block=1, norm_num_groups=4,
             down_block_types=["DownEncoderBlock2D"] * 3, up_block_types=["UpDecoderBlock2D"] * 3,
             latent_channels=4, scaling_factor=0.13025, sample_size=64),
        dict(beta_start=0.00085, beta_end=0.012, beta_schedule="scaled_linear",
             timestep_spacing="leading", steps_offset=1), True)
    run(pipe, path, "run-negative", 2010, height=48, width=32, steps=4, guidance=5.0,
        prompt="An astronaut riding a horse, caf\u00e9", negative_prompt="blurry, low quality")
    run(pipe, path, "run-zeros", 2020, height=32, width=64, steps=6, guidance=8.0,
        prompt="a photograph of the moon over the sea with a small red house and two trees, "
               "highly detailed, sharp focus")
    run(pipe, path, "run-unguided", 2030, height=32, width=32, steps=3, guidance=1.0,
        prompt="\u732b\u304c\u597d\u304d")


def pipeline_two():
    """Unlike SDXL: two levels, prediction of v, trailing steps, an encoded empty text, batch 2."""
    path = ROOT / "pipeline-v"
    pipe = build_pipeline(
        path, 9, dict(text_encoder="fp16", text_encoder_2="fp32", unet="fp16", vae="fp16"), 3000,
        lambda size: dict(hidden_size=15, intermediate_size=30, num_hidden_layers=2,
                          num_attention_heads=3, hidden_act="gelu", eos_token_id=size - 1,
                          projection_dim=15),
        lambda size: dict(hidden_size=10, intermediate_size=24, num_hidden_layers=2,
                          num_attention_heads=1, hidden_act="quick_gelu", eos_token_id=size - 1,
                          projection_dim=6),
        dict(sample_size=[6, 10], block_out_channels=[10, 15], layers_per_block=2, in_channels=3,
             out_channels=3, down_block_types=["CrossAttnDownBlock2D", "DownBlock2D"],
             up_block_types=["UpBlock2D", "CrossAttnUpBlock2D"], norm_num_groups=5,
             attention_head_dim=[2, 5], use_linear_projection=False,
             transformer_layers_per_block=[2, 1], cross_attention_dim=25,
             addition_embed_type="text_time", addition_time_embed_dim=4,
             projection_class_embeddings_input_dim=6 * 4 + 6),
        dict(block_out_channels=[6, 9], layers_per_block=1, norm_num_groups=3,
             down_block_types=["DownEncoderBlock2D"] * 2, up_block_types=["UpDecoderBlock2D"] * 2,
             latent_channels=3, scaling_factor=0.5, use_quant_conv=False,
             use_post_quant_conv=False),
        dict(beta_schedule="linear", timestep_spacing="trailing", prediction_type="v_prediction"),
        False)
    run(pipe, path, "run-empty", 3010, height=16, width=24, steps=5, guidance=3.0, batch=2,
        prompt="oil painting by the sea; we'll do it")
    run(pipe, path, "run-negative", 3020, height=32, width=16, steps=2, guidance=7.5,
        prompt="the quick brown fox's tail", negative_prompt="<|endoftext|> nude!")


# ---- main --------------------------------------------------------------------------------------

GROUPS = {"unets": unets, "vaes": vaes, "texts": texts, "tokenizer": tokenizer,
          "schedulers": schedulers, "pipeline-sdxl": pipeline_one, "pipeline-v": pipeline_two}


def main():
    names = sys.argv[1:] or list(GROUPS)
    unknown = [n for n in names if n not in GROUPS]
    if unknown:
        sys.exit(f"golden.py: unknown {unknown[0]}; one of {', '.join(GROUPS)}")
    if not sys.argv[1:]:
        shutil.rmtree(ROOT, ignore_errors=True)
    torch.set_num_threads(1)
    diffusers.logging.set_verbosity_error()
    diffusers.logging.disable_progress_bar()
    transformers.logging.set_verbosity_error()
    transformers.logging.disable_progress_bar()
    for name in names:
        GROUPS[name]()


if __name__ == "__main__":
    main()
