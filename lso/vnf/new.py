"""A folder to begin with: the reference product of its kind under another name, with a guide in each file."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

from lso.exits import UsageError, reason
from lso.vnf.references import REFERENCES
from lso.vnf.subject import NAME
from testbed.images.recipes import PROJECT

VERSION = "0.1.0"
_SHORTEST, _LONGEST = 2, 40

GUIDES = {
    "Dockerfile": """\
The image. `lso vnf check` builds it; COPY sees this folder under its name, and what products share: `common/` and
`contract/`. Everything under /vnf may be written in any language: the helpers of common/ are a convenience. Keep the
lines down to the first empty one as they are, and the layer is shared with other products; then install your engine.
The labels at the end, product.json and descriptor.yaml have to agree.""",
    "compile.jq": """\
WRITE HERE what an intent becomes in your engine's own configuration: an object of strings, with lan_mac and wan_mac.
engine.sh finds each as a shell variable. $applied is the intent before, or null. refuse(error; path) rejects: here,
before anything is touched. What the JSON Schema of the kind demands has been checked before.""",
    "engine.sh": """\
WRITE HERE how your engine is started (engine_start; each process that must live by engine_process), stopped, found
alive (engine_runs) and given what compile.jq made (engine_apply; $LAN and $WAN are the interfaces), and where it tells
its state (engine_facts prints JSON values). Applying twice must be applying once. POSIX sh; common.sh has helpers.""",
    "report.jq": """\
WRITE HERE your kind's part of the status, from the array of what engine_facts printed, by the schema in
contract/<kind>-status.schema.json. Numbers come from the engine; never from what was asked for.""",
    "descriptor.yaml": """\
What the orchestrator knows of the product: its node type, its image, and what the container may do. All capabilities
that are not named here are dropped, so ask for as few as will do. Devices are as /dev/net/tun, sysctls as
net.ipv4.ip_forward: "1".""",
}

README = """\
# {name}: a {kind} VNF

What it has to do is in docs/vnf-contract.md of the test-bed, the way in docs/add-a-vnf.md. This folder works as it is:
it is `{reference}` under another name. Put your product in its place, file by file; each file begins with what to write
there. Then:

    lso vnf check {folder}                  hold it against the contract; --html FILE writes a report
    lso vnf add {folder}                    put it into the catalogue, so that labs and servers find it
    products: {{site-a: {{{kind}: {name}}}}}    use it: this line in a scenario file
"""


def create(kind: str, name: str, parent: Path) -> Path:
    """Make the folder *name* in *parent* and return it. Raises UsageError; then nothing was made."""
    folder, reference = parent / name, REFERENCES[kind]
    _refuse(name, folder)
    source = PROJECT / "vnfs" / reference
    try:
        parent.mkdir(parents=True, exist_ok=True)
        folder.mkdir()
    except OSError as error:
        raise UsageError(f"{folder}: {reason(error)}") from error
    for file in sorted(path for path in source.iterdir() if path.is_file()):
        shutil.copy(file, folder)  # with its permission to be executed
        text = renamed(file.name, file.read_text(encoding="utf-8"), reference, name)
        (folder / file.name).write_text(guided(file.name, text), encoding="utf-8")
    text = README.format(kind=kind, name=name, reference=reference, folder=folder)
    (folder / "README.md").write_text(text, encoding="utf-8")
    return folder


def _refuse(name: str, folder: Path) -> None:
    faults = []
    if not (NAME.fullmatch(name) and _SHORTEST <= len(name) <= _LONGEST):
        faults.append(
            f"{name[:60]!r} is no name for a product: {_SHORTEST} to {_LONGEST} small letters, digits, '.', '_' and '-'"
        )
    elif (PROJECT / "vnfs" / name).exists():
        faults.append(f"{name!r} is a product of this checkout, or what products share: take another name")
    elif folder.exists() or folder.is_symlink():
        faults.append(f"{folder} is there already: remove it or take another name")
    if faults:
        raise UsageError("\n".join(faults))


def renamed(file: str, text: str, reference: str, name: str) -> str:
    """The *text* of the reference product's *file* as that of the product *name*."""
    if file == "Dockerfile":
        text = re.sub(rf"(?<=[ ]){reference}/", f"{name}/", text)
        text = re.sub(r'(lso\.vnf\.vendor=)"[^"]*"', rf'\1"{name}"', text)
        return re.sub(r'(lso\.vnf\.version=)"[^"]*"', rf'\1"{VERSION}"', text)
    if file == "product.json":
        text = re.sub(r'("vendor": )"[^"]*"', rf'\1"{name}"', text)
        return re.sub(r'("version": )"[^"]*"', rf'\1"{VERSION}"', text)
    if file == "descriptor.yaml":
        node_type = "".join(part.capitalize() for part in re.split(r"[._-]", name))
        text = text.replace("../../orchestrator/types/lso_types.yaml", "lso_types.yaml")
        text = re.sub(r"(?m)^  lso\.vnf\.\w+:", f"  lso.vnf.{node_type}:", text)
        return text.replace(f"lso/vnf-{reference}", f"lso/vnf-{name}")
    return text


def guided(file: str, text: str) -> str:
    """The *text* with the guide of the *file* in front, as a comment."""
    if file not in GUIDES:
        return text
    return "\n".join(f"# {line}".rstrip() for line in GUIDES[file].splitlines()) + "\n\n" + text
