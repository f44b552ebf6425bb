"""How the site is built: ``python3 noxfile.py -s docs``."""

import logging
import sys
from importlib import metadata
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent / "building"))

logging.getLogger("ptbert_models").setLevel("WARNING")  # of models that are drawn

project = "ptbert"
author = "The ptbert authors"
copyright = "the ptbert authors, Apache License 2.0"
release = metadata.version("ptbert")

extensions = [
    "myst_parser",
    "sphinx.ext.autodoc",
    "sphinx.ext.napoleon",
    "sphinx_copybutton",
    "docstrings",
    "public_names",
    "model_pages",
    "schedule_pictures",
    "command_help",
    "attention_pictures",
    "measured_results",
    "see_pages",
]
exclude_patterns = ["tests", "building", "examples", "requirements.txt"]
myst_enable_extensions = ["colon_fence", "deflist", "fieldlist"]
myst_heading_anchors = 4
myst_url_schemes = {
    "http": None,
    "https": None,
    "source": "https://github.com/ptbert/ptbert/blob/main/{{path}}",  # a file of the repository
}
suppress_warnings = ["myst.header", "misc.highlighting_failure"]

nitpicky = True
autodoc_member_order = "bysource"
autodoc_typehints = "signature"
autodoc_typehints_format = "short"
autodoc_preserve_defaults = True
autodoc_class_signature = "mixed"
napoleon_google_docstring = True
napoleon_numpy_docstring = False
napoleon_custom_sections = ["Source"]
python_display_short_literal_types = True
python_maximum_signature_line_length = 88
add_module_names = False

html_theme = "furo"
html_title = f"ptbert {release}"
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_copy_source = False
html_show_sourcelink = False
copybutton_prompt_text = r"\$ |>>> |\.\.\. "
copybutton_prompt_is_regexp = True
