"""How many photos would a network without knowledge need?"""

from __future__ import annotations

import math

# Beyond ten times the photos there are, a line through two points says nothing.
FURTHEST = 10.0
# A gain of less than this from twice the photos is within chance.
LEAST_GAIN = 0.01


def photos_needed(photos: tuple[int, int], accuracies: tuple[float, float], target: float) -> int | None:
    """Photos at which the error, as a power of their number, falls to the target's.

    Args:
        photos, accuracies: of two runs, the smaller first.
        target: accuracy to reach, 0 to 1.

    Returns:
        None when it cannot be read off: nothing is missing, more photos did not help, or it is too far away.
    """
    few, many = (1.0 - accuracy for accuracy in accuracies)
    wanted = 1.0 - target
    if wanted <= 0 or many <= wanted or few - many < LEAST_GAIN:
        return None
    exponent = math.log(few / many) / math.log(photos[1] / photos[0])
    factor = (many / wanted) ** (1 / exponent)
    return round(photos[1] * factor) if factor <= FURTHEST else None
