#!/bin/bash
# Inside the virtual machine, as root: set the project up as on any machine, then run the command given.
set -euo pipefail
carried=/srv/carried
home=/root/lso-testbed

say() { printf '== %s\n' "$*"; }

say "the machine: $(. /etc/os-release && echo "$PRETTY_NAME"), Linux $(uname -r), systemd $(systemctl is-system-running || true)"
cp -a $carried/project $home
cd $home

say "loading the container images"
docker load --quiet --input $carried/images.tar

say "setup.sh, as on any machine; the images are here already"
engines() { systemctl show --property=MainPID,NRestarts --value docker ovsdb-server ovs-vswitchd | tr '\n' ' '; }
before=$(engines)
./setup.sh --no-images
[ "$before" = "$(engines)" ] || {
    say "setup.sh restarted a daemon that systemd runs: before '$before', after '$(engines)'"
    exit 3
}

.venv/bin/lso doctor >$carried/results/doctor.txt 2>&1 || true # the command below says what cannot run
cat $carried/results/doctor.txt
say "$*"
exec "$@"
