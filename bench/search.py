"""Median best value after 50 evaluations: the default search beside Optuna, on the same functions.

usage: search.py SEARCH_BINARY [EVALUATIONS] [SEEDS]     (see search.sh)

Optuna's Gaussian process needs torch; without it only TPE is a peer. Prints for each function the
medians and their distance from the lowest value there is, ours over the better peer's; the last
lines compare processor time with each peer's. Fails when the default search is worse than the better
peer on any function, or costs more than a fortieth of Optuna's Gaussian process.
"""

import json
import math
import statistics
import subprocess
import sys
import resource
import time

import numpy
import optuna

binary = sys.argv[1]
evaluations = int(sys.argv[2]) if len(sys.argv) > 2 else 50
seeds = int(sys.argv[3]) if len(sys.argv) > 3 else 20
optuna.logging.set_verbosity(optuna.logging.WARNING)

A = numpy.array([[10, 3, 17, 3.5, 1.7, 8], [0.05, 10, 17, 0.1, 8, 14],
                 [3, 3.5, 1.7, 10, 17, 8], [17, 8, 0.05, 10, 0.1, 14]])
P = numpy.array([[0.1312, 0.1696, 0.5569, 0.0124, 0.8283, 0.5886],
                 [0.2329, 0.4135, 0.8307, 0.3736, 0.1004, 0.9991],
                 [0.2348, 0.1451, 0.3522, 0.2883, 0.3047, 0.6650],
                 [0.4047, 0.8828, 0.8732, 0.5743, 0.1091, 0.0381]])


def branin(x):
    quadratic = x[1] - 5.1 / (4 * math.pi**2) * x[0] ** 2 + 5 / math.pi * x[0] - 6
    return quadratic**2 + 10 * (1 - 1 / (8 * math.pi)) * math.cos(x[0]) + 10


def hartmann(x):
    return -float(numpy.array([1, 1.2, 3, 3.2]) @ numpy.exp(-(A * (numpy.array(x) - P) ** 2).sum(1)))


def rosenbrock(x):
    return sum(100 * (b - a * a) ** 2 + (1 - a) ** 2 for a, b in zip(x, x[1:]))


def ackley(x):
    square, cosine = sum(v * v for v in x) / len(x), sum(math.cos(2 * math.pi * v) for v in x) / len(x)
    return -20 * math.exp(-0.2 * math.sqrt(square)) - math.exp(cosine) + 20 + math.e


def levy(x):
    w = [1 + (v - 1) / 4 for v in x]
    middle = sum((v - 1) ** 2 * (1 + 10 * math.sin(math.pi * v + 1) ** 2) for v in w[:-1])
    return (math.sin(math.pi * w[0]) ** 2 + middle
            + (w[-1] - 1) ** 2 * (1 + math.sin(2 * math.pi * w[-1]) ** 2))


def cube(function, width, low, high):
    return lambda trial: function([trial.suggest_float(f"x{i}", low, high) for i in range(width)])


def mixed(trial):
    rate = math.log10(trial.suggest_float("rate", 1e-5, 1, log=True))
    layers = trial.suggest_int("layers", 1, 12)
    kind = {"a": 0.5, "b": 0.0, "c": 1.0}[trial.suggest_categorical("kind", ["a", "b", "c"])]
    share = trial.suggest_float("share", 0, 1)
    return (rate + 2 + 0.15 * layers) ** 2 + 0.05 * (layers - 5) ** 2 + kind + 0.2 * (share - 0.3) ** 2


# With the lowest value there is: medians are compared by their distance from it.
FUNCTIONS = {
    "Branin": (lambda t: branin([t.suggest_float("x0", -5, 10), t.suggest_float("x1", 0, 15)]), 0.397887),
    "Hartmann-6": (cube(hartmann, 6, 0, 1), -3.32237),
    "Rosenbrock-4": (cube(rosenbrock, 4, -5, 10), 0.0),
    "Ackley-5": (cube(ackley, 5, -32.768, 32.768), 0.0),
    "Levy-4": (cube(levy, 4, -10, 10), 0.0),
    "mixed": (mixed, 0.0),
}


def peers():
    yield "Optuna TPE", lambda seed: optuna.samplers.TPESampler(seed=seed)
    try:
        import torch

        torch.set_num_threads(1)
        yield "Optuna GP", lambda seed: optuna.samplers.GPSampler(seed=seed)
    except ImportError:
        print("SKIPPED: Optuna's GP, because torch is not installed")


def cpu(who):
    usage = resource.getrusage(who)
    return usage.ru_utime + usage.ru_stime


def main() -> int:
    lines = subprocess.run([binary, str(evaluations), str(seeds)], check=True, capture_output=True, text=True)
    own_seconds = cpu(resource.RUSAGE_CHILDREN)
    own = {}
    for line in map(json.loads, lines.stdout.splitlines()):
        own.setdefault(line["function"], []).append(line["best"])
    medians, seconds = {"ours": {k: statistics.median(v) for k, v in own.items()}}, {"ours": own_seconds}
    for name, sampler in peers():
        started = time.process_time()
        medians[name] = {}
        for function, (objective, _) in FUNCTIONS.items():
            bests = []
            for seed in range(seeds):
                study = optuna.create_study(sampler=sampler(seed))
                study.optimize(objective, n_trials=evaluations)
                bests.append(study.best_value)
            medians[name][function] = statistics.median(bests)
        seconds[name] = time.process_time() - started
    print(f"\nmedian best of {seeds} seeds after {evaluations} evaluations")
    print(f"{'':14}" + "".join(f"{name:>14}" for name in medians) + f"{'regret ratio':>14}")
    failed = False
    for function, (_, lowest) in FUNCTIONS.items():
        regrets = {name: found[function] - lowest for name, found in medians.items()}
        better = min(regret for name, regret in regrets.items() if name != "ours")
        ratio = regrets["ours"] / max(better, 1e-3)
        failed |= ratio > 1
        print(f"{function:14}" + "".join(f"{found[function]:14.4f}" for found in medians.values()) + f"{ratio:14.2f}")
    print(f"{'CPU seconds':14}" + "".join(f"{value:14.1f}" for value in seconds.values()))
    times = [value / seconds["ours"] for value in seconds.values()]
    print(f"{'times ours':14}" + "".join(f"{value:14.1f}" for value in times))
    return int(failed or ("Optuna GP" in seconds and max(times) < 40))


sys.exit(main())
