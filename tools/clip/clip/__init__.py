"""Generator of the bundled demo clip: a small renderer of vehicles with US plates.

Everything that is drawn here is computed: no picture, model or font is part of the repository. The
same seed gives the same frames with the package versions of requirements.txt.
"""
