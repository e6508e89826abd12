"""Pages of the site that are kept elsewhere: the benchmark tables, the changelog, the privacy audit."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from mkdocs.structure.files import File

ROOT = Path(__file__).resolve().parent.parent.parent
SOURCES = {
    "benchmarks.md": ROOT / "benchmarks" / "README.md",
    "changelog.md": ROOT / "CHANGELOG.md",
    "privacy_audit.md": ROOT / "docs" / "privacy_audit.md",
}
FILES = "https://github.com/tastebridge/tastebridge/blob/main"


def on_config(config: Any) -> Any:
    """List the audit among the explanations, if there is one."""
    if SOURCES["privacy_audit.md"].is_file():
        (explanations,) = [part["Explanation"] for part in config.nav if "Explanation" in part]
        explanations.append({"Privacy audit": "privacy_audit.md"})
    return config


def on_files(files: Any, config: Any) -> Any:
    """Add the pages, and the pictures they show; a source that is not there is left out."""
    for page, source in SOURCES.items():
        if not source.is_file():
            continue
        text = source.read_text()
        for picture in re.findall(r"\]\(([\w/.]+\.png)\)", text):
            name = f"img/{Path(picture).name}"
            if files.get_file_from_path(name) is None:
                there = str(source.parent / picture)
                files.append(File.generated(config, name, abs_src_path=there))
            text = text.replace(f"]({picture})", f"]({name})")
        # links to files of the repository lead to the repository
        text = re.sub(r"\]\((LICENSE|[\w/.]+\.py)\)", rf"]({FILES}/\1)", text)
        files.append(File.generated(config, page, content=text))
    return files
