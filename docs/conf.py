"""Configuration of Sphinx for the documentation; build it with `make docs`."""

from grader import __version__

project = "Container grader"
author = "The container grader's authors"
project_copyright = "the container grader's authors, Apache-2.0"
version = release = __version__

extensions = ["myst_parser"]
myst_enable_extensions = ["colon_fence", "deflist"]
myst_heading_anchors = 3
exclude_patterns = ["_build", "examples"]

html_theme = "furo"
html_title = f"Container grader {__version__}"
html_show_sourcelink = False
