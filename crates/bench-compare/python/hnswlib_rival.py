"""Measures hnswlib through its own Python package.

usage: hnswlib_rival.py FOLDER, with the task as JSON on standard input:

    {"dimension", "space": "cosine" | "ip" | "l2", "size", "threads", "m", "ef_construction",
     "k", "efs", "rounds", "patience", "single"}

FOLDER holds base.f32 and queries.f32 (row-major, little-endian). Writes the labels found with each
ef to FOLDER/labels.u32 and the times, in seconds, to standard output as JSON. Queries are handed
over in one call: a call per query would measure Python.
"""

import json
import sys
import time
from pathlib import Path

import hnswlib
import numpy as np


def build(task, base, threads, size, one_by_one=False):
    index = hnswlib.Index(space=task["space"], dim=task["dimension"])
    began = time.perf_counter()
    index.init_index(max_elements=size, M=task["m"], ef_construction=task["ef_construction"])
    index.set_num_threads(threads)
    if one_by_one:
        for row in base[:size]:
            index.add_items(row, num_threads=1)
    else:
        index.add_items(base[:size], num_threads=threads)
    return index, time.perf_counter() - began


def main(folder: Path) -> None:
    task = json.load(sys.stdin)
    base = np.fromfile(folder / "base.f32", dtype="<f4").reshape(-1, task["dimension"])
    queries = np.fromfile(folder / "queries.f32", dtype="<f4").reshape(-1, task["dimension"])
    size, threads = task["size"], task["threads"]

    builds = []
    for _ in range(task["rounds"]):
        index, seconds = build(task, base, threads, size)
        builds.append(seconds)
        if seconds > task["patience"]:
            break
    single = None
    if task["single"]:
        single = build(task, base, 1, task["single"], one_by_one=True)[1]

    searches = []
    with open(folder / "labels.u32", "wb") as out:
        for ef in task["efs"]:
            index.set_ef(ef)
            times = []
            for _ in range(max(task["rounds"], 3)):
                began = time.perf_counter()
                labels, _ = index.knn_query(queries, k=task["k"], num_threads=threads)
                times.append(time.perf_counter() - began)
            labels.astype("<u4").tofile(out)
            searches.append(times)
    json.dump({"builds": builds, "single": single, "searches": searches}, sys.stdout)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
