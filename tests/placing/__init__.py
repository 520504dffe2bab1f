"""Templates like each framework's examples, deployed by a model of it: is each finding placed right?

`python -m tests.placing` prints how many findings have a place, have none, or a wrong one.
"""
