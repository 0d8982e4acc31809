"""Particles that rise and fall."""

from __future__ import annotations

import struct
import sys

from film import Canvas, Film

from offbit_reflow import Network, template_actor


def sets(frames: int) -> list[bytes]:
    """Give the particles of each frame."""
    config = {"count": 600, "radius": 0.15, "speed": 4.0, "lifetime": 2.0, "random": "hash", "gravity": [0, -3.0, 0]}
    net = Network()
    net.register_actor("particles", template_actor("tpl_particle_emitter"))
    net.add_node("particles", "particles", config)
    net.add_outport("particles", "particles", "particles")
    return list(net.run({"particles.dt": iter([1 / 20] * frames)}).outputs["particles"])


def draw(particles: bytes, width: int = 240, height: int = 240) -> Canvas:
    """Draw the particles; young ones are bright."""
    canvas = Canvas(width, height)
    for x, y, _z, _vx, _vy, _vz, life, age in struct.iter_unpack("<8f", particles):
        young = 1 - age / life
        canvas.dot(width / 2 + 30 * x, height / 2 - 30 * y, 3, (int(80 + 175 * young), int(60 + 150 * young), 220))
    return canvas


def film(frames: int = 60) -> Film:
    """Make the film."""
    return Film(draw(particles) for particles in sets(frames))


if __name__ == "__main__":
    film().save(sys.argv[1] if len(sys.argv) > 1 else "fountain.png")
