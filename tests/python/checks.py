"""Runs a module's functions named test_… and says a line for each, as ./test.sh counts them."""

import difflib
import sys
import traceback


def run(module: dict) -> int:
    failures = 0
    for name, test in list(module.items()):
        if not name.startswith("test_") or not callable(test):
            continue
        words = name.removeprefix("test_").replace("_", " ")
        try:
            test()
        except Exception:  # the next test runs all the same
            failures += 1
            print(f"not ok - {words}")
            traceback.print_exc(file=sys.stdout)
        else:
            print(f"ok - {words}", flush=True)
    return int(failures > 0)


def equal(found, wanted) -> None:
    if isinstance(found, str) and isinstance(wanted, str) and "\n" in wanted:
        lines = difflib.unified_diff(wanted.splitlines(), found.splitlines(), "wanted", "found", lineterm="", n=0)
        assert found == wanted, "\n" + "\n".join(list(lines)[:40])
    assert found == wanted, f"\nwanted: {wanted}\nfound:  {found}"
