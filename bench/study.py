"""A study of the real task: `hptune` beside Optuna with PyTorch (see study.sh).

The peer is what a careful user of both would write for the same task: the default space and its
step budget, the fused AdamW without decay of biases, the cosine schedule, averaged weights, the
same first weights, full batches of tensors made in advance, looks at the eval split every 100 steps,
one thread a process, and as many processes as processors with one study between them. Its clock
starts when all processes stand ready, with everything imported; that of `hptune` with the process.
"""

import argparse
import json
import math
import multiprocessing
import pathlib
import re
import statistics
import subprocess
import time

TRIALS, STEPS, BATCH, LOOK, AVERAGE_EVERY = 30, 1000, 20, 100, 10
WANTED = 8.0


def read(examples: pathlib.Path, split: str):
    """A split's encoded inputs and targets, its reference prices and labels."""
    import csv

    import numpy
    import torch

    params = json.loads((examples / "transform_params.json").read_text())
    schema = json.loads((examples / "schema.json").read_text())
    with (examples / f"{split}.csv").open(newline="") as file:
        table = list(csv.DictReader(file))
    column = lambda name: numpy.array([float(row[name]) for row in table], dtype=numpy.float32)
    reference = column(params["reference"])
    encodings = {
        "identity": lambda x: x,
        "log_ratio": lambda x: numpy.log(x / reference),
        "ratio": lambda x: x / reference,
        "log1p": numpy.log1p,
    }
    encode = lambda how, x: (encodings[how["encoding"]](x) - how["mean"]) / how["scale"]
    features = [encode(feature, column(feature["input"])) for feature in params["features"]]
    label = column(schema["label_column"])
    tensors = numpy.stack(features, axis=1), encode(params["label"], label)[:, None], reference, label
    return params["label"], *(torch.tensor(x, dtype=torch.float32) for x in tensors)


def worker(examples: pathlib.Path, journal: str, seed: int, number: int, ready, done):
    """One process of the peer's study."""
    import optuna
    import torch
    from optuna.storages import JournalStorage
    from optuna.storages.journal import JournalFileBackend

    torch.set_num_threads(1)
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    _, x, y, _, _ = read(examples, "train")
    label, eval_x, _, reference, prices = read(examples, "eval")

    def objective(trial: optuna.Trial) -> float:
        rate = trial.suggest_float("learning_rate", 0.0003, 0.003, log=True)
        first = trial.suggest_int("first_layer_size", 50, 500)
        depth = trial.suggest_int("num_layers", 1, 15)
        factor = trial.suggest_float("scale_factor", 0.1, 1.0)
        torch.manual_seed(seed)
        layers, width = [], x.shape[1]
        for layer in range(depth):
            units = max(2, int(first * factor**layer))
            linear = torch.nn.Linear(width, units)
            torch.nn.init.kaiming_uniform_(linear.weight, nonlinearity="relu")
            torch.nn.init.zeros_(linear.bias)
            layers, width = [*layers, linear, torch.nn.ReLU()], units
        last = torch.nn.Linear(width, 1)
        torch.nn.init.zeros_(last.weight)
        torch.nn.init.zeros_(last.bias)
        model = torch.nn.Sequential(*layers, last)
        parameters = list(model.parameters())
        groups = [
            {"params": [p for p in parameters if p.dim() > 1], "weight_decay": 0.01},
            {"params": [p for p in parameters if p.dim() == 1], "weight_decay": 0.0},
        ]
        optimizer = torch.optim.AdamW(groups, lr=rate, fused=True)
        averages = [p.detach().clone() for p in parameters]

        def look() -> float:
            kept = [p.detach().clone() for p in parameters]
            with torch.no_grad():
                torch._foreach_copy_(parameters, averages)
                ratio = torch.exp(model(eval_x)[:, 0] * label["scale"] + label["mean"])
                error = torch.sqrt(torch.mean((ratio.double() * reference.double() - prices.double()) ** 2))
                torch._foreach_copy_(parameters, kept)
            return float(error)

        rows, left = None, 0
        for step in range(STEPS):
            if left < BATCH:
                rows, left = torch.randperm(len(x)), len(x)
            batch = rows[len(x) - left : len(x) - left + BATCH]
            left -= BATCH
            for group in optimizer.param_groups:
                group["lr"] = rate * 0.5 * (1 + math.cos(math.pi * step / STEPS))
            optimizer.zero_grad(set_to_none=True)
            torch.nn.functional.mse_loss(model(x[batch]), y[batch]).backward()
            optimizer.step()
            taken = step + 1
            if taken % AVERAGE_EVERY == 0:
                share = 1 - min(0.998, taken / (taken + 9)) ** AVERAGE_EVERY
                with torch.no_grad():
                    torch._foreach_lerp_(averages, parameters, share)
            if taken % LOOK == 0:
                error = look()
                trial.report(error, taken)
        return error

    sampler = optuna.samplers.TPESampler(seed=1000 * seed + number, constant_liar=True)
    storage = JournalStorage(JournalFileBackend(journal))
    study = optuna.create_study(study_name="study", storage=storage, sampler=sampler, load_if_exists=True)
    states = (optuna.trial.TrialState.COMPLETE, optuna.trial.TrialState.RUNNING)
    ready.wait()
    # A trial is begun only while fewer than all are done or under way.
    while len(study.get_trials(deepcopy=False, states=states)) < TRIALS:
        study.optimize(objective, n_trials=1)
    done.wait()


def peer(examples: pathlib.Path, journal: pathlib.Path, seed: int, workers: int):
    """Seconds at which each trial ended and its error, in order."""
    import optuna
    from optuna.storages import JournalStorage
    from optuna.storages.journal import JournalFileBackend

    spawn = multiprocessing.get_context("spawn")
    ready, done = spawn.Barrier(workers + 1), spawn.Barrier(workers + 1)
    arguments = [(examples, str(journal), seed, number, ready, done) for number in range(workers)]
    processes = [spawn.Process(target=worker, args=each) for each in arguments]
    for process in processes:
        process.start()
    ready.wait()
    began = time.time()
    done.wait()
    whole = time.time() - began
    for process in processes:
        process.join()
    study = optuna.load_study(study_name="study", storage=JournalStorage(JournalFileBackend(str(journal))))
    ended = [(trial.datetime_complete.timestamp() - began, trial.value) for trial in study.trials if trial.value]
    return whole, sorted(ended)


def own(hptune: str, examples: pathlib.Path, work: pathlib.Path, seed: int):
    """As `peer`."""
    best = work / "best.json"
    command = [hptune, "--examples", examples, "--best-hyperparameters", best, "--report", work / "report.html",
               "--max-trial-count", str(TRIALS), "--seed", str(seed)]
    began, ended = time.time(), []
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    for line in process.stderr:
        if found := re.search(r"trial \d+/\d+: rmse ([0-9.]+), best", line):
            ended.append((time.time() - began, float(found[1])))
    if process.wait() != 0:
        raise SystemExit(f"hptune failed: {line}")
    assert len(ended) == TRIALS, f"{len(ended)} trials were logged"
    return time.time() - began, ended


def until(ended, error: float) -> float:
    return next(seconds for seconds, found in ended if found <= error)


def main() -> int:
    parser = argparse.ArgumentParser()
    for name in ("hptune", "examples", "work"):
        parser.add_argument(f"--{name}", type=pathlib.Path, required=True)
    parser.add_argument("--studies", type=int, default=5)
    parser.add_argument("--workers", type=int, default=2)
    options = parser.parse_args()
    print(f"{TRIALS} trials of {STEPS} steps; Optuna with PyTorch in {options.workers} process(es)")
    print(f"{'seed':>4}{'best RMSE':>11}{'peer':>9}{'seconds':>10}{'peer':>9}{'ratio':>7}"
          f"{'to RMSE':>9}{'seconds':>9}{'peer':>9}{'ratio':>7}")
    wholes, reached = [], []
    for seed in range(options.studies):
        whole, ended = own(options.hptune, options.examples, options.work, seed)
        other, other_ended = peer(options.examples, options.work / f"journal-{seed}", seed, options.workers)
        bests = [min(error for _, error in each) for each in (ended, other_ended)]
        times = [until(each, max(bests)) for each in (ended, other_ended)]
        wholes.append(other / whole)
        reached.append(times[1] / times[0])
        print(f"{seed:4}{bests[0]:11.2f}{bests[1]:9.2f}{whole:10.1f}{other:9.1f}{wholes[-1]:7.1f}"
              f"{max(bests):9.2f}{times[0]:9.1f}{times[1]:9.1f}{reached[-1]:7.1f}", flush=True)
    medians = statistics.median(wholes), statistics.median(reached)
    print(f"median times as fast: {medians[0]:.1f} for the whole study, {medians[1]:.1f} to the same error; wanted {WANTED}")
    return int(min(medians) < WANTED)


if __name__ == "__main__":
    raise SystemExit(main())
