"""The result of a matrix of runs, and what is made of it: a grid as a page, JSON, CSV, JUnit XML, a badge."""

from reports.matrix.model import Axis, AxisValue, Cell, Deviation, MatrixResult, Outcome
from reports.matrix.write import write_matrix_report

__all__ = ["Axis", "AxisValue", "Cell", "Deviation", "MatrixResult", "Outcome", "write_matrix_report"]
