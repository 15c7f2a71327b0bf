"""Cuts gray squares out of the photographs that the scikit-image package carries.

usage: image_patches.py OUT COUNT

Writes COUNT rows of 16 x 16 float32 gray values (0 to 255) to OUT, row-major, little-endian, in a
random but fixed order. No two squares start at the same pixel of a photograph, so a query is never
a row of the base; neighbouring squares may overlap, as they do in patch matching. The package is
only read as files: importing it would need far more packages.
"""

import sys
from importlib.metadata import files
from io import BytesIO

import numpy as np
from PIL import Image

SIDE = 16
SEED = 20
PHOTOGRAPHS = [
    "astronaut.png", "brick.png", "camera.png", "chelsea.png", "coffee.png", "coins.png",
    "grass.png", "gravel.png", "hubble_deep_field.jpg", "ihc.png", "moon.png",
    "motorcycle_left.png", "retina.jpg", "rocket.jpg",
]


def main(out: str, count: int) -> None:
    paths = {path.name: path for path in files("scikit-image") if "skimage/data" in str(path)}
    pictures = []
    for name in PHOTOGRAPHS:
        picture = Image.open(BytesIO(paths[name].read_binary())).convert("L")
        pictures.append(np.asarray(picture, dtype=np.float32))

    # A share of the rows for each photograph, so that the largest does not rule.
    random = np.random.default_rng(SEED)
    shares = [count // len(pictures) + (i < count % len(pictures)) for i in range(len(pictures))]
    rows = np.empty((count, SIDE * SIDE), dtype="<f4")
    at = 0
    for picture, share in zip(pictures, shares):
        height, width = (length - SIDE + 1 for length in picture.shape)
        if share > height * width:
            raise SystemExit(f"a photograph has {height * width} squares, {share} are wanted")
        for place in random.choice(height * width, size=share, replace=False):
            y, x = divmod(int(place), width)
            rows[at] = picture[y : y + SIDE, x : x + SIDE].ravel()
            at += 1
    random.shuffle(rows)
    rows.tofile(out)
    print(f"squares of {SIDE} x {SIDE} gray values from {len(pictures)} photographs, L2")


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
