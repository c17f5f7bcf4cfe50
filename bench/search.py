"""Median best value after 50 evaluations: the default search beside Optuna's, on the same functions.

Prints for each function the medians and their distance from the lowest value there is, ours over the
better peer's; for the real task, whose lowest value nobody knows, the medians over each other. The
last lines compare processor time on the functions. Fails as search.sh says.
"""

import argparse
import json
import math
import statistics
import subprocess
import resource
import time
import warnings

import numpy
import optuna
import torch

CPU_PART = 40
optuna.logging.set_verbosity(optuna.logging.WARNING)
warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
torch.set_num_threads(1)

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


PEERS = {"Optuna TPE": optuna.samplers.TPESampler, "Optuna GP": optuna.samplers.GPSampler}


class Task:
    """The real task: every evaluation is a training by the same code, in a process of its own."""

    def __init__(self, binary: str, examples: str):
        self.process = subprocess.Popen([binary, "objective", examples], stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE, text=True)

    def __call__(self, trial):
        values = {
            "learning_rate": trial.suggest_float("learning_rate", 0.0003, 0.003, log=True),
            "first_layer_size": trial.suggest_int("first_layer_size", 50, 500),
            "num_layers": trial.suggest_int("num_layers", 1, 15),
            "scale_factor": trial.suggest_float("scale_factor", 0.1, 1.0),
        }
        self.process.stdin.write(json.dumps(values) + "\n")
        self.process.stdin.flush()
        return float(self.process.stdout.readline())


def own(binary: str, *arguments: str) -> dict[str, list[float]]:
    """Best values of the default search by function."""
    lines = subprocess.run([binary, *arguments], check=True, capture_output=True, text=True)
    found = {}
    for line in map(json.loads, lines.stdout.splitlines()):
        found.setdefault(line["function"], []).append(line["best"])
    return found


def best(sampler, objective, evaluations: int, seed: int) -> float:
    study = optuna.create_study(sampler=sampler(seed=seed))
    study.optimize(objective, n_trials=evaluations)
    return study.best_value


def print_row(name, medians, ratio):
    print(f"{name:14}" + "".join(f"{value:14.4f}" for value in medians) + f"{ratio:14.2f}", flush=True)


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("binary")
    parser.add_argument("--evaluations", type=int, default=50)
    parser.add_argument("--seeds", type=int, default=20)
    parser.add_argument("--task")
    parser.add_argument("--task-seeds", type=int, default=5)
    options = parser.parse_args()
    counts = [str(options.evaluations), str(options.seeds)]
    failed = False

    print(f"median best after {options.evaluations} evaluations, {options.seeds} seeds")
    print(f"{'':14}{'ours':>14}" + "".join(f"{name:>14}" for name in PEERS) + f"{'regret ratio':>14}")
    found = own(options.binary, "functions", *counts)
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    seconds = {"ours": usage.ru_utime + usage.ru_stime} | dict.fromkeys(PEERS, 0.0)
    for function, (objective, lowest) in FUNCTIONS.items():
        medians = [statistics.median(found[function])]
        for name, sampler in PEERS.items():
            began = time.process_time()
            bests = [best(sampler, objective, options.evaluations, seed) for seed in range(options.seeds)]
            seconds[name] += time.process_time() - began
            medians.append(statistics.median(bests))
        ratio = (medians[0] - lowest) / max(min(medians[1:]) - lowest, 1e-3)
        failed |= ratio > 1
        print_row(function, medians, ratio)
    print(f"{'CPU seconds':14}" + "".join(f"{value:14.1f}" for value in seconds.values()))
    times = [value / seconds["ours"] for value in seconds.values()]
    print(f"{'times ours':14}" + "".join(f"{value:14.1f}" for value in times))
    failed |= max(times) < CPU_PART

    if options.task:
        print(f"the real task, eval RMSE: medians of {options.task_seeds} seeds, ours over the better peer's")
        counts = [str(options.evaluations), str(options.task_seeds)]
        (values,) = own(options.binary, "task", *counts, options.task).values()
        medians = [statistics.median(values)]
        objective = Task(options.binary, options.task)
        for name, sampler in PEERS.items():
            bests = [best(sampler, objective, options.evaluations, seed) for seed in range(options.task_seeds)]
            medians.append(statistics.median(bests))
        ratio = medians[0] / min(medians[1:])
        failed |= ratio > 1
        print_row("real task", medians, ratio)
    return int(failed)


if __name__ == "__main__":
    raise SystemExit(main())
