"""The labels that say which lab a resource belongs to, in each place where a label can be attached.

Docker objects have labels, processes a variable in their environment, interfaces an alias, bridges of Open vSwitch an
external id, packet filter rules a comment. Namespaces have none: they lie in the lab's folder.
"""

from __future__ import annotations

LABEL = "lso.lab"
CREATOR_LABEL = "lso.creator"
KEPT_LABEL = "lso.kept"
NODE_LABEL = "lso.node"
LAB_VARIABLE = "LSO_LAB"  # in the environment of a process
ALIAS = "lso"  # with the lab's id and its creator, by colons: alias of an interface outside the lab's namespaces
BRIDGE_KEY = "lso-lab"  # external id of a bridge of the machine's own Open vSwitch
BRIDGE_CREATOR = "lso-creator"
