#!/bin/sh
# The PoC scenario in the virtual machine, or another command of the project: see docs/vm.md.
set -e
cd "$(dirname "$(readlink -f "$0")")/../.."
exec .venv/bin/python -m testbed.vm "$@"
