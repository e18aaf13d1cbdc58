"""Which data? Spheres, teachers, bundled real data, the user's own file; and what theorems ask of them.

Read with `open_dataset` (a name or a path), make the rows unit with `normalised`, and look at `hypotheses` before
believing a theorem's conclusion about your data.
"""

from odeflow.datasets.assumptions import HypothesisCheck, hypotheses
from odeflow.datasets.dataset import Dataset
from odeflow.datasets.files import read_dataset
from odeflow.datasets.gas_sensor import read_gas_sensor
from odeflow.datasets.generators import equispaced_circle, sphere, teacher_student
from odeflow.datasets.named import dataset_names, load_dataset, open_dataset
from odeflow.datasets.scaling import normalised, standardised

__all__ = [
    "Dataset",
    "HypothesisCheck",
    "dataset_names",
    "equispaced_circle",
    "hypotheses",
    "load_dataset",
    "normalised",
    "open_dataset",
    "read_dataset",
    "read_gas_sensor",
    "sphere",
    "standardised",
    "teacher_student",
]
