#!/bin/bash
# Inside the virtual machine, as root: set the project up as on any machine, then run the command given.
set -euo pipefail
carried=/srv/carried
home=/root/lso-testbed

say() { printf '== %s\n' "$*"; }

# What runs leave behind is written on the machine's own disk, and taken out whole at the end, however that comes.
trap 'say "taking the results out"; cp -a $home/runs/. $carried/results/ 2>/dev/null || true' EXIT

say "the machine: $(. /etc/os-release && echo "$PRETTY_NAME"), Linux $(uname -r), systemd $(systemctl is-system-running || true)"
cp -a $carried/project $home
cd $home
mkdir -p runs

say "loading the container images"
docker load --quiet --input $carried/images.tar

say "setup.sh, as on any machine; the images are here already"
engines() { systemctl show --property=MainPID,NRestarts --value docker ovsdb-server ovs-vswitchd | tr '\n' ' '; }
before=$(engines)
export PIP_NO_COMPILE=1 # what a run does not import need not be compiled, which takes minutes here
./setup.sh --no-images
[ "$before" = "$(engines)" ] || {
    say "setup.sh restarted a daemon that systemd runs: before '$before', after '$(engines)'"
    exit 3
}

.venv/bin/lso doctor >runs/doctor.txt 2>&1 || true # the command below says what cannot run
cat runs/doctor.txt
say "${*@Q}"
"$@"
