"""Templates by name, and sites compiled from them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from common.findings import Fault, FileFinding, nearest
from common.product_folder import product_folder
from orchestrator.intent import SiteIntent
from orchestrator.model import TemplateError, UnknownProduct, UnknownTemplate
from orchestrator.tosca.documents.report import Report
from orchestrator.tosca.documents.sources import Root
from orchestrator.tosca.products import Products, VnfProduct, read_product
from orchestrator.tosca.schema.values import secrets_in
from orchestrator.tosca.site import build_site
from orchestrator.tosca.template import Template, check_inputs, evaluate, read_template

Choice = tuple[tuple[str, str], ...]
"""Kinds of VNF and the names of the products that serve them."""

NO_CHOICE: Mapping[str, str] = {}
"""The products are those that the template names."""

_PACKAGE = Path(__file__).resolve().parent.parent
_SHORTEST_SECRET = 4  # a shorter one would be found inside ordinary words


class Catalogue:
    """The package's templates, and those in further folders, which come first when names are equal.

    A template may import files from the folders of templates, from the package's types, and from the folders of VNFs,
    the package's own, the catalogue's (`product_folder`) and further ones; all else on the machine is out of its reach.
    Several threads may use it.
    """

    def __init__(self, folders: Iterable[Path] = (), vnfs: Iterable[Path] = ()) -> None:
        self._folders = (*_roots(folders), Root.of("templates", _PACKAGE / "templates"))
        added = Root.of("catalogue", product_folder())
        self._vnfs = (Root.of("vnfs", _PACKAGE.parent / "vnfs"), added, *_roots(vnfs))
        self._roots = (*self._folders, Root.of("types", _PACKAGE / "types"), *self._vnfs)
        self._read: dict[tuple[Path, Choice], Template] = {}
        self._products = Products(self._vnfs, self._roots)

    def names(self) -> tuple[str, ...]:
        """The names of all templates."""
        return tuple(sorted({path.stem for root in self._folders for path in root.folder.glob("*.yaml")}))

    def template(self, name: str, products: Mapping[str, str] = NO_CHOICE) -> Template:
        """The template of that name with *products*, kind → name, in the places of its own.

        It is read anew only when a file of it has changed. Raises UnknownTemplate, UnknownProduct.
        """
        for root in self._folders:
            path = root.folder / f"{name}.yaml"
            if path.parent == root.folder and path.is_file():
                return self.read(path, products)
        raise UnknownTemplate(str(Fault((), f"there is no template {name}", nearest(name, self.names()))))

    def products(self) -> tuple[VnfProduct, ...]:
        """The VNF products whose descriptors are in the folders of VNFs, by node type; raises TemplateError."""
        return tuple(sorted(self._products.all(), key=lambda product: product.node_type))

    def product(self, kind: str, name: str) -> VnfProduct:
        """The product of that name, which must be of that kind; raises UnknownProduct."""
        products = {product.name: product for product in self.products()}
        if name not in products:
            raise UnknownProduct(f"there is no product {name}", nearest(name, products))
        if products[name].kind != kind:
            of_kind = [other for other, product in products.items() if product.kind == kind]
            message = f"{name} is a product of the kind {products[name].kind}, not {kind}"
            raise UnknownProduct(message, nearest(name, of_kind))
        return products[name]

    def describe(self, descriptor: Path) -> VnfProduct:
        """The product that *descriptor* is of, wherever it is; raises TemplateError with what is wrong with it."""
        return read_product(descriptor, (Root.of(descriptor.parent, descriptor.parent), *self._roots))

    def compile(self, name: str, inputs: Mapping[str, Any], products: Mapping[str, str] = NO_CHOICE) -> SiteIntent:
        """Fill a template with inputs; *products*, kind → name, take the places of its own.

        Raises UnknownTemplate, UnknownProduct, or TemplateError with everything that is wrong.
        """
        return compile_template(self.template(name, products), inputs)

    def read(self, path: Path, products: Mapping[str, str] = NO_CHOICE) -> Template:
        """The template in that file, which must be in one of the folders; raises UnknownProduct."""
        key = path, tuple(sorted(products.items()))
        template = self._read.get(key)
        if template is None or not template.current():
            chosen = [self.product(kind, name) for kind, name in products.items()]
            template = self._read[key] = read_template(path.stem, path, self._roots, chosen)
        return template

    def at(self, path: Path) -> Template:
        """The template in that file, wherever it is; its findings have the path as it was given."""
        return read_template(path.stem, path, (Root.of(path.parent, path.parent), *self._roots))


def _roots(folders: Iterable[Path]) -> list[Root]:
    return [Root.of(folder.name, folder) for folder in folders]


def compile_site(template_name: str, inputs: Mapping[str, Any], catalogue: Catalogue) -> SiteIntent:
    """Fill the catalogue's template of that name with inputs; raises UnknownTemplate or TemplateError."""
    return catalogue.compile(template_name, inputs)


def compile_template(template: Template, inputs: Mapping[str, Any]) -> SiteIntent:
    """Fill a template with inputs; raises TemplateError. No finding shows a secret."""
    report = Report()
    report.extend(template.findings)
    site = _fill(template, inputs, report)
    if site is None or report:
        raise TemplateError(_without_secrets(template, inputs, report.findings))
    return site


def validate(path: Path, inputs: Mapping[str, Any] | None = None) -> tuple[FileFinding, ...]:
    """Everything that is wrong with the template in that file, and with the inputs if there are any."""
    template = Catalogue().at(path)
    if inputs is None:
        return template.findings
    try:
        compile_template(template, inputs)
    except TemplateError as error:
        return error.findings
    return ()


def _fill(template: Template, inputs: Mapping[str, Any], report: Report) -> SiteIntent | None:
    usable = not report
    values = check_inputs(template, inputs, report)
    if template.topology is None or not usable:
        return None
    nodes = evaluate(template.types, template.topology, values, report)
    return None if report else build_site(template, nodes, report)


def _without_secrets(
    template: Template, inputs: Mapping[str, Any], findings: tuple[FileFinding, ...]
) -> tuple[FileFinding, ...]:
    """Findings with secret inputs blotted out, wherever a template or a caller may have put them."""
    fields = template.topology.inputs if template.topology else {}
    found = [secrets_in(template.types, fields[name].schema, value) for name, value in inputs.items() if name in fields]
    secrets = sorted((text for text in set().union(*found) if len(text) >= _SHORTEST_SECRET), key=len, reverse=True)

    def blot(text: str) -> str:
        for secret in secrets:
            text = text.replace(secret, "***")
        return text

    return tuple(
        replace(item, path=blot(item.path), message=blot(item.message), hint=blot(item.hint)) for item in findings
    )
