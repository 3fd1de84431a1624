"""The inventory as each tenant knows it."""

from __future__ import annotations

from orchestrator.inventory import Inventory
from presto.domain.enrolled import Enrolled
from presto.persistence.tenancy import Assignments, current


class Views:
    """The whole inventory, which may be exchanged, and what each tenant sees of it."""

    def __init__(self, inventory: Inventory, assignments: Assignments) -> None:
        self.assignments = assignments
        self.use(inventory)

    def use(self, inventory: Inventory) -> None:
        """From here on everybody works with this one."""
        self.whole = inventory
        # Those of a newer inventory stand in another dictionary.
        self._views: dict[str | None, Inventory] = {}
        self._enrolled: dict[str | None, Enrolled] = {}

    @property
    def inventory(self) -> Inventory:
        """The uCPEs and UNIs, as far as the tenant that is being served knows of them."""
        return self.inventory_of(current())

    @property
    def enrolled(self) -> Enrolled:
        """What the inventory has enrolled, as far as the tenant that is being served knows of it."""
        return self.enrolled_of(current())

    def inventory_of(self, tenant: str | None) -> Inventory:
        """As `inventory`, for a tenant."""
        known = self._views
        if tenant not in known:
            known[tenant] = self.assignments.visible(self.whole, tenant)
        return known[tenant]

    def enrolled_of(self, tenant: str | None) -> Enrolled:
        """As `enrolled`, for a tenant."""
        known = self._enrolled
        if tenant not in known:
            known[tenant] = Enrolled(self.inventory_of(tenant))
        return known[tenant]
