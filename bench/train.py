"""Training samples a second: the trainer beside PyTorch on the processor (see train.sh).

usage: train.py THROUGHPUT_EXAMPLE [RUNS]

Both sides fit the same function of eight inputs to 100,000 rows with Adam (decoupled weight decay,
squared error, float32), each row once a pass and in a new order. PyTorch has what its users would
reach for: tensors made in advance, the fused optimizer, and the better of two ways to make batches,
each on 1 and on 2 threads. The trainer also updates a moving average of its weights, which PyTorch
is not asked to do. Both start from the same distribution of weights, so the mean squared error on
rows of their own shows whether they learn alike.
"""

import json
import statistics
import subprocess
import sys
import time

import torch

ROWS, INPUTS, EVAL_ROWS = 100_000, 8, 2_000
THREADS = (1, 2)
SECONDS = 0.5  # of a PyTorch run, about
# What the ratio has to be, by network and batch.
WANTED = {
    ("256/179/125", 20): 4.0, ("256/179/125", 256): 1.5, ("256/179/125", 1024): 1.5,
    ("64/32", 20): 35.0, ("64/32", 256): 6.0, ("64/32", 1024): 3.0,
}
# The errors of the two sides differ by their random numbers; beyond this, they learn differently.
ERROR_FACTOR = 3.0


def examples(rows: int, seed: int):
    random = torch.Generator().manual_seed(seed)
    x = torch.rand((rows, INPUTS), generator=random)
    y = torch.sin(3 * x[:, 0]) + x[:, 1] * x[:, 2] - x[:, 3]
    return (x - 0.5) / 0.3, y[:, None].contiguous()


def network(name: str) -> torch.nn.Module:
    """The layers, starting as the trainer's do: He et al.'s weights, and a last layer of zeros."""
    layers, width = [], INPUTS
    for units in map(int, name.split("/")):
        hidden = torch.nn.Linear(width, units)
        torch.nn.init.kaiming_uniform_(hidden.weight, nonlinearity="relu")
        torch.nn.init.zeros_(hidden.bias)
        layers, width = [*layers, hidden, torch.nn.ReLU()], units
    last = torch.nn.Linear(width, 1)
    torch.nn.init.zeros_(last.weight)
    torch.nn.init.zeros_(last.bias)
    return torch.nn.Sequential(*layers, last)


def gathered(x, y, batch):
    """Batches by their rows' numbers."""
    while True:
        order = torch.randperm(len(x))
        for first in range(0, len(x) - batch + 1, batch):
            rows = order[first : first + batch]
            yield x[rows], y[rows]


def sliced(x, y, batch):
    """The rows in a new order at once, then slices of them."""
    while True:
        order = torch.randperm(len(x))
        x, y = x[order], y[order]
        for first in range(0, len(x) - batch + 1, batch):
            yield x[first : first + batch], y[first : first + batch]


def fit(name: str, batches, steps: int) -> torch.nn.Module:
    model = network(name)
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3, weight_decay=1e-2, fused=True)
    loss = torch.nn.functional.mse_loss
    for _ in range(steps):
        x, y = next(batches)
        optimizer.zero_grad(set_to_none=True)
        loss(model(x), y).backward()
        optimizer.step()
    return model


def peer(name: str, batch: int, runs: int) -> dict:
    """The best rate of all settings, each the median of its runs, and the error after as many samples."""
    train, held_out = examples(ROWS, 1), examples(EVAL_ROWS, 2)
    best = {"rate": 0.0}
    for threads in THREADS:
        torch.set_num_threads(threads)
        for make in (gathered, sliced):
            steps, rates = 100, []
            # The first run warms up, and says how many steps a run takes.
            while len(rates) < runs + 1:
                torch.manual_seed(len(rates))
                batches = make(*train, batch)
                next(batches)
                started = time.perf_counter()
                fit(name, batches, steps)
                rates.append(steps * batch / (time.perf_counter() - started))
                if len(rates) == 1:
                    steps = max(10, int(rates[0] * SECONDS / batch))
            rate = statistics.median(rates[1:])
            if rate > best["rate"]:
                best = {"rate": rate, "threads": threads, "batches": make.__name__}
    return best


def peer_error(name: str, batch: int, steps: int) -> float:
    torch.manual_seed(0)
    model = fit(name, sliced(*examples(ROWS, 1), batch), steps)
    x, y = examples(EVAL_ROWS, 2)
    with torch.no_grad():
        return float(torch.nn.functional.mse_loss(model(x), y))


def own(binary: str, threads: int, runs: int) -> list[dict]:
    lines = subprocess.run([binary, str(threads), str(runs)], check=True, capture_output=True, text=True)
    return [json.loads(line) for line in lines.stdout.splitlines()]


def main() -> int:
    binary, runs = sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else 5
    torch.set_num_interop_threads(1)
    measured = [line for threads in THREADS for line in own(binary, threads, runs)]
    print(f"training samples/s, medians of {runs}; PyTorch {torch.__version__}")
    print(f"{'network':12}{'batch':>6}{'1 thread':>11}{'2 threads':>11}{'PyTorch':>11}  {'with':20}"
          f"{'ratio':>7}{'1 thread':>9}{'wanted':>7}{'error':>9}{'PyTorch':>9}")
    failed = False
    for (name, batch), wanted in WANTED.items():
        cell = [line for line in measured if (line["network"], line["batch"]) == (name, batch)]
        rates = [statistics.median(line["rates"]) for line in cell]
        other = peer(name, batch, runs)
        error, other_error = cell[0]["eval_loss"], peer_error(name, batch, cell[0]["steps"])
        ratio = max(rates) / other["rate"]
        alike = 1 / ERROR_FACTOR < error / other_error < ERROR_FACTOR
        failed |= ratio < wanted or not alike
        print(f"{name:12}{batch:6}" + "".join(f"{rate:11,.0f}" for rate in rates) + f"{other['rate']:11,.0f}"
              f"  {other['batches'] + ', ' + str(other['threads']) + ' thread(s)':20}"
              f"{ratio:7.2f}{rates[0] / other['rate']:9.2f}{wanted:7.1f}{error:9.4f}{other_error:9.4f}"
              + ("" if ratio >= wanted else "  too slow") + ("" if alike else "  learns differently"), flush=True)
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
