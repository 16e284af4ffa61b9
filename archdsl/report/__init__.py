"""What a net costs and sees, as data: tables, memory, receptive fields, explanations."""

from archdsl.report.fields import Field, Sights, fields
from archdsl.report.memory import Memory, memory
from archdsl.report.rows import Report, Row, report
from archdsl.report.types import TYPES

__all__ = ["TYPES", "Field", "Memory", "Report", "Row", "Sights", "fields", "memory", "report"]
