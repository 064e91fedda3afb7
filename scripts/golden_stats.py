#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Makes reports/golden/stats.json: what SciPy and NumPy say of random samples.

    python3 -m venv env && env/bin/pip install scipy
    env/bin/python scripts/golden_stats.py

reports/stats_golden_test.c compares. Samples are small, some with ties, zeros and heavy tails; they
are rounded to three or four digits, so that both sides start from the same numbers. Where SciPy has
no exact method (signed ranks with ties and many values), whole sign patterns are counted in Python's
unlimited integers, and SciPy's own permutation test confirms the small ones. The bootstrap draws
SciPy's resamples from the generator of stats_boot.h, so that both see the same ones.
"""

import fractions
import json
import pathlib

import numpy as np
import scipy
from scipy import stats

OUT = pathlib.Path(__file__).resolve().parent.parent / "reports" / "golden" / "stats.json"
EXHAUSTIVE = stats.PermutationMethod(n_resamples=10**9)
MASK = 2**64 - 1


# ---- samples -----------------------------------------------------------------------------------

def sample(g, n, shape):
    if shape == "normal":
        v = g.normal(0.2, 1, n)
    elif shape == "heavy":
        v = g.standard_t(1.5, n)
    elif shape == "skewed":
        v = g.lognormal(0, 1, n) - 1
    else:  # few values: ties and zeros
        return [float(x) for x in g.integers(-3, 5, n)]
    return [round(float(x), 4) for x in v]


# ---- ranks -------------------------------------------------------------------------------------

def count_sign_patterns(d):
    """T and its exact tails over all signs of the mid-ranks at hand."""
    d = np.array([x for x in d if x != 0])
    rank = [int(round(2 * r)) for r in stats.rankdata(np.abs(d))]
    ways = {0: 1}
    for r in rank:
        more = dict(ways)
        for s, k in ways.items():
            more[s + r] = more.get(s + r, 0) + k
        ways = more
    seen = sum(r for r, x in zip(rank, d) if x > 0)
    tails = [float(fractions.Fraction(sum(k for s, k in ways.items() if keep(s)), 2**len(rank)))
             for keep in (lambda s: s <= seen, lambda s: s >= seen)]
    return [seen / 2, tails[0], tails[1], min(1.0, 2 * min(tails))]


def signed_rank(d):
    used = [x for x in d if x != 0]
    if not used:
        return [0, 1, 1, 1]
    tied = len(set(np.abs(used))) < len(used)
    if len(used) > 100:
        ask = {"method": "asymptotic", "correction": True}
    elif not tied:
        ask = {"method": "exact"}
    elif len(used) <= 10:
        ask = {"method": EXHAUSTIVE}
    else:
        return count_sign_patterns(d)
    p = [float(stats.wilcoxon(used, alternative=a, **ask).pvalue)
         for a in ("less", "greater", "two-sided")]
    t = float(stats.wilcoxon(used, alternative="greater", **ask).statistic)
    if len(used) <= 100:
        assert np.allclose([t] + p, count_sign_patterns(d), rtol=1e-12), (d, p)
    return [t] + p


def mann_whitney(a, b):
    tied = len(set(a + b)) < len(a + b)
    if len(a + b) > 100:
        method = "asymptotic"
    elif not tied:
        method = "exact"
    elif len(a + b) <= 12:
        method = EXHAUSTIVE
    else:
        return None  # nobody to ask
    r = [stats.mannwhitneyu(a, b, alternative=x, method=method)
         for x in ("less", "greater", "two-sided")]
    return [float(r[0].statistic)] + [float(x.pvalue) for x in r]


def walsh(d):
    d = np.array(d)
    i, j = np.triu_indices(len(d))
    return np.sort((d[i] + d[j]) / 2)


def lower_bound(d, alpha):
    """The test of "greater" turned around: the first place that it no longer rejects."""
    w = walsh(d)
    gap = np.diff(w)[np.diff(w) > 0].min() / 3
    for v in w:
        if stats.wilcoxon(np.array(d) - (v + gap), alternative="greater",
                          method="exact").pvalue > alpha:
            return float(v)
    raise AssertionError


def bounds(d):
    if len(set(walsh(d))) < len(walsh(d)) or len(d) > 14:
        return []
    out = []
    for alpha in (0.005, 0.025, 0.05):
        if 2.0**-len(d) <= alpha:
            out.append([alpha, lower_bound(d, alpha), -lower_bound([-x for x in d], alpha)])
    return out


# ---- the others --------------------------------------------------------------------------------

def median_interval(v, conf):
    v, n = sorted(v), len(v)
    k = 0
    while k < n // 2 and stats.binom.cdf(k, n, 0.5) <= (1 - conf) / 2:
        k += 1
    if not k:
        return None
    return [v[k - 1], v[n - k], float(1 - 2 * stats.binom.cdf(k - 1, n, 0.5))]


def line(x, y):
    r = stats.linregress(x, y)
    t = stats.t.ppf(0.975, len(x) - 2)
    return [float(v) for v in (r.intercept, r.intercept - t * r.intercept_stderr,
                               r.intercept + t * r.intercept_stderr, r.slope,
                               r.slope - t * r.stderr, r.slope + t * r.stderr, r.rvalue**2)]


class Stream(np.random.Generator):
    """SplitMix64 by (seed, counter), see stats_boot.h."""

    def __init__(self, seed):
        super().__init__(np.random.PCG64(0))
        self.seed, self.counter = seed, 0

    def draw(self):
        self.counter += 1
        z = (self.seed + self.counter * 0x9E3779B97F4A7C15) & MASK
        z = ((z ^ z >> 30) * 0xBF58476D1CE4E5B9) & MASK
        z = ((z ^ z >> 27) * 0x94D049BB133111EB) & MASK
        return z ^ z >> 31

    def integers(self, low, high=None, size=None, **_):
        low, high = (0, low) if high is None else (low, high)
        return np.array([low + (self.draw() * (high - low) >> 64)
                         for _ in range(int(np.prod(size)))]).reshape(size)


def rounded_mean(v, axis=-1):
    """So that equal resamples have equal means, in whatever order they were added up."""
    return np.round(np.mean(v, axis=axis), 9)


def bootstrap(v, seed, resamples=200):
    out = []
    for statistic in (rounded_mean, np.median):
        for method in ("percentile", "BCa"):
            r = stats.bootstrap((v,), statistic, n_resamples=resamples, confidence_level=0.9,
                                method=method, batch=resamples, rng=Stream(seed))
            out += [float(r.confidence_interval.low), float(r.confidence_interval.high)]
    return [x if np.isfinite(x) else None for x in out]


def case(g, i):
    shape = ("normal", "heavy", "skewed", "few")[i % 4]
    n = int(g.integers(5, 26)) if i < 230 else (40, 50, 77, 100, 120, 150)[i % 6]
    d = sample(g, n, shape)
    m = int(g.integers(3, 7)) if shape == "few" else int(g.integers(3, 16))
    other = sample(g, m, shape)
    first = d[:6] if shape == "few" else d
    x = [float(v) for v in g.integers(1, 60, n)]
    c = {"d": d, "quartiles": [float(v) for v in np.percentile(d, [25, 50, 75])],
         "sd": float(np.std(d, ddof=1)), "signed": signed_rank(d),
         "estimate": float(np.median(walsh(d))), "bounds": bounds(d),
         "median": [median_interval(d, 0.95), median_interval(d, 0.99)],
         "other": other, "unpaired": [len(first), mann_whitney(first, other)],
         "x": x, "line": line(x, d)}
    if i % 4 == 1 or i % 12 == 0:
        c["bootstrap"] = bootstrap(d, i)
    return c


def distributions():
    rows = []
    for p in (1e-9, 0.005, 0.3, 0.5, 0.9, 0.9999):
        rows.append(["normal", p, 0, 0, float(stats.norm.ppf(p))])
        for dof in (1, 2, 7, 30, 400):
            rows.append(["student", p, dof, 0, float(stats.t.ppf(p, dof))])
    for x in (-40.0, -3.3, -0.1, 0.7, 2.0):
        for dof in (1, 5, 100):
            rows.append(["student_cdf", x, dof, 0, float(stats.t.cdf(x, dof))])
    for n in (1, 10, 44, 662, 3000):
        for p in (0.01, 0.5, 0.9):
            for k in {0, n // 3, n // 2, n - 1}:
                rows.append(["binomial", k, n, p, float(stats.binom.cdf(k, n, p))])
    for k, n in ((0, 59), (0, 300), (3, 300), (59, 60)):
        upper = stats.binomtest(k, n).proportion_ci(0.9).high
        rows.append(["upper", k, n, 0.95, float(upper)])
    return rows


def main():
    g = np.random.default_rng(20261125)
    lines = [json.dumps(case(g, i), separators=(",", ":")) for i in range(240)]
    OUT.parent.mkdir(exist_ok=True)
    OUT.write_text('{"made_with":"scipy %s, numpy %s",\n"distributions":%s,\n"cases":[\n%s\n]}\n' % (
        scipy.__version__, np.__version__, json.dumps(distributions(), separators=(",", ":")),
        ",\n".join(lines)))


main()
