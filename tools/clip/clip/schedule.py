"""What drives by: ten vehicles in forty seconds, seven by day and three at dusk."""

from dataclasses import dataclass

import numpy as np

from .backdrop import LANE
from .plates import Plate, draw_plate, random_plate
from .vehicle import Pose, Vehicle

FPS, SECONDS = 25, 40
FRAMES = FPS * SECONDS
SEED = 20
#: Dusk falls and day returns within these seconds; the clip ends as it began.
DUSK, DAWN = (23.8, 26.8), (38.0, 39.8)
#: How much faster vehicles are for each second before and after the gate, m/s.
HURRY = 0.75
_NEAR = 9.0  # distance at which a pass has its time, metres


@dataclass(frozen=True)
class Pass:
    """One vehicle that passes: `near_s` is when its middle is 9 m away, `speed` (m/s) how fast it is then.

    Vehicles slow down for the gate: they come and go faster, by HURRY for each second.
    """

    kind: str
    colour: str
    state: str
    direction: str  # approaching | departing
    near_s: float
    speed: float
    frame: str | None = None
    clear: bool = True
    aside: float = 0.0

    def pose(self, time: float) -> Pose:
        """Where it is at `time` seconds."""
        dt = time - self.near_s
        way = self.speed * dt + 0.5 * HURRY * dt * abs(dt)
        heading = 1 if self.direction == "approaching" else -1
        y = _NEAR - way if heading > 0 else _NEAR + way
        wobble = 0.05 * np.sin(0.35 * way + self.near_s)
        return Pose((-LANE if heading > 0 else LANE) + self.aside + wobble, y, heading, way,
                    0.006 * np.cos(0.35 * way + self.near_s) * heading, 0.006 * np.sin(time * 9.0 + self.near_s))

    def speed_at(self, time: float) -> float:
        """Speed in metres a second at `time`."""
        return self.speed + HURRY * abs(time - self.near_s)


PASSES = (
    Pass("sedan", "red", "CA", "approaching", 7.9, 6.2, "chrome"),
    Pass("suv", "beige", "FL", "departing", 10.2, 6.6),
    Pass("van", "white", "TX", "approaching", 12.9, 5.6, None, aside=0.05),
    Pass("pickup", "blue", "GA", "departing", 15.0, 7.2, "black"),
    Pass("suv", "black", "NY", "approaching", 18.0, 6.0, "black", aside=-0.05),
    Pass("sedan", "grey", "AZ", "departing", 17.6, 6.0),
    Pass("pickup", "orange", "CO", "approaching", 22.0, 5.2, aside=0.04),
    Pass("van", "silver", "NM", "departing", 26.4, 5.4, clear=False),
    Pass("sedan", "blue", "WA", "approaching", 29.4, 5.6, "chrome"),
    Pass("suv", "white", "NJ", "departing", 31.0, 8.2, "black"),
)


def plates(seed: int) -> list[Plate]:
    """One plate for each pass; no two alike. Passes that are not `clear` show 0 and O, 1 and I."""
    rng = np.random.default_rng(seed)
    out: list[Plate] = []
    for item in PASSES:
        while True:
            plate = random_plate(rng, item.state, item.clear)
            if not item.clear and not (set("O0") & set(plate.number) and set("I1") & set(plate.number)):
                continue
            if plate.number not in {p.number for p in out}:
                break
        out.append(plate)
    return out


def vehicles(seed: int) -> list[Vehicle]:
    """The vehicles of PASSES with their plates drawn."""
    drawn = []
    for number, (item, plate) in enumerate(zip(PASSES, plates(seed), strict=True)):
        rng = np.random.default_rng([seed, number])
        drawn.append(Vehicle(item.kind, item.colour, draw_plate(plate, rng, item.frame), rng, number % 3))
    return drawn


def night(time: float) -> float:
    """0 by day, 1 at dusk, smooth between."""
    def ease(t):
        t = min(max(t, 0.0), 1.0)
        return t * t * (3 - 2 * t)

    return ease((time - DUSK[0]) / (DUSK[1] - DUSK[0])) * (1 - ease((time - DAWN[0]) / (DAWN[1] - DAWN[0])))
