"""Sets the environment's own prompt."""

import sys

sys.ps1 = "cx> "
