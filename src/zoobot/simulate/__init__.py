"""Simulated galaxies: the built-in data, for where there is no network. Everything made here is called simulated.

- ``galaxies``: a galaxy's true parameters (``Galaxy``), drawn at random (``draw_galaxy``), and its light (``light``).
- ``ring_set``: a survey's view of it (``observe``), and a labelled set of ringed and ringless ones (``rings``).
"""

from zoobot.simulate.galaxies import Galaxy, draw_galaxy, light
from zoobot.simulate.ring_set import observe, rings

__all__ = ["Galaxy", "draw_galaxy", "light", "observe", "rings"]
