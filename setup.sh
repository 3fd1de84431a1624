#!/usr/bin/env bash
# Prepare this machine for the test-bed: packages, daemons, virtual environment, container images.
# Idempotent, and says only what it does. Run as root on Debian 12 / Ubuntu 24.04, with or without systemd.
set -euo pipefail
cd "$(dirname "$(readlink -f "$0")")"

. testbed/host/apt.sh

RUN=/run/lso-testbed
SYSTEM_PYTHON=/usr/bin/python3 # Mininet's module belongs to the distribution's interpreter
PACKAGES=(ca-certificates curl debian-archive-keyring ethtool gojq iperf3 iproute2 iptables iputils-ping jq libc6-dev mininet
    mmdebstrap nfdump nftables openssl openvswitch-switch postgresql procps python3-setuptools python3-venv tcc tcpdump util-linux vde2)
APT_LOCKS=(/var/lib/dpkg/lock-frontend /var/lib/dpkg/lock /var/lib/apt/lists/lock /var/cache/apt/archives/lock)
APT_WAIT=${LSO_APT_WAIT:-900} # seconds: the automatic upgrades of a new machine take minutes

case "${1:-}" in
-h | --help)
    cat <<'TXT'
usage: ./setup.sh [--no-images]

Install the missing distribution packages, start Docker and Open vSwitch where no init system does,
make .venv (command: .venv/bin/lso) and build the container images.

  --no-images   leave the container images alone (they are loaded from elsewhere)

environment:
  LSO_APT_WAIT  seconds to wait while another program installs packages (default: 900)
TXT
    exit 0
    ;;
"" | --no-images) ;;
*)
    echo "setup: unknown option: $1 (try --help)" >&2
    exit 2
    ;;
esac

say() { printf '[%4ss] %s\n' "$SECONDS" "$*"; }
die() {
    printf 'setup: %s\n' "$*" >&2
    exit 3
}

missing_packages() {
    local wanted=("${PACKAGES[@]}")
    command -v dockerd >/dev/null || wanted+=(docker.io) # a Docker Engine of another package is as good
    comm -23 <(printf '%s\n' "${wanted[@]}" | sort) \
        <(dpkg-query -W -f='${db:Status-Abbrev} ${Package}\n' "${wanted[@]}" 2>/dev/null | sed -n 's/^ii  *//p' | sort)
}

# The tests make a PostgreSQL cluster of their own; without this the package would make one too, and start it.
no_standing_cluster() {
    local conf=/etc/postgresql-common/createcluster.conf
    [ ! -e "$conf" ] || return 0
    mkdir -p "${conf%/*}"
    echo 'create_main_cluster = false' >"$conf"
}

install_packages() {
    local missing
    mapfile -t missing < <(missing_packages)
    ((${#missing[@]})) || return 0
    say "installing ${missing[*]}"
    [[ " ${missing[*]} " != *" postgresql "* ]] || no_standing_cluster
    export DEBIAN_FRONTEND=noninteractive
    local log=$RUN/apt.log apt=(apt-get -q -o DPkg::Lock::Timeout=60) # for who comes between waiting and locking
    wait_for_locks "$APT_WAIT" "${APT_LOCKS[@]}" || exit 3
    { "${apt[@]}" update && "${apt[@]}" install -y --no-install-recommends "${missing[@]}"; } >"$log" 2>&1 ||
        { tail -n 20 "$log" >&2; die "the packages could not be installed; the whole log is $log"; }
}

has_systemd() { [ -d /run/systemd/system ]; }

wait_for() { # wait_for SECONDS COMMAND…
    local deadline=$((SECONDS + $1))
    shift
    until "$@" >/dev/null 2>&1; do
        ((SECONDS < deadline)) || return 1
        sleep 0.1
    done
}

docker_answers() { curl -sf --max-time 2 --unix-socket /var/run/docker.sock http://docker/_ping; }

start_docker() {
    docker_answers >/dev/null 2>&1 && return 0
    say "starting the Docker Engine"
    if has_systemd; then
        systemctl start docker || true # the unit may be another name's; what counts is that it answers
    else
        setsid dockerd >"$RUN/dockerd.log" 2>&1 </dev/null &
    fi
    wait_for 40 docker_answers || die "the Docker Engine does not answer on /var/run/docker.sock; see $RUN/dockerd.log"
}

ovs_answers() { ovs-vsctl --timeout=2 --no-wait show && ovs-appctl --timeout=2 version; }

start_openvswitch() {
    ovs_answers >/dev/null 2>&1 && return 0
    say "starting Open vSwitch"
    if has_systemd; then
        systemctl start openvswitch-switch || true
    else
        local db=/etc/openvswitch/conf.db
        mkdir -p /etc/openvswitch /var/run/openvswitch /var/log/openvswitch
        [ -s "$db" ] || ovsdb-tool create "$db" /usr/share/openvswitch/vswitch.ovsschema
        pgrep -x ovsdb-server >/dev/null && [ -S /var/run/openvswitch/db.sock ] && ovs-vsctl --timeout=1 --no-wait show >/dev/null 2>&1 ||
            ovsdb-server "$db" --remote=punix:/var/run/openvswitch/db.sock --pidfile --detach --log-file 2>"$RUN/ovs.log"
        ovs-vsctl --no-wait init
        ovs-vswitchd unix:/var/run/openvswitch/db.sock --pidfile --detach --log-file 2>>"$RUN/ovs.log"
    fi
    wait_for 20 ovs_answers || die "Open vSwitch does not answer; see $RUN/ovs.log and /var/log/openvswitch"
}

make_venv() {
    local stamp wanted
    stamp=.venv/.stamp
    wanted="$($SYSTEM_PYTHON -V) $(pwd) $(cat pyproject.toml constraints.txt | sha256sum)"
    [ -f "$stamp" ] && [ "$(cat "$stamp")" = "$wanted" ] && return 0
    say "making the virtual environment"
    [ -x .venv/bin/python ] || $SYSTEM_PYTHON -m venv --system-site-packages .venv
    .venv/bin/python -m pip install -q --disable-pip-version-check -c constraints.txt -e '.[dev,matrix]' >"$RUN/pip.log" 2>&1 ||
        { tail -n 20 "$RUN/pip.log" >&2; die "the Python packages could not be installed; the whole log is $RUN/pip.log"; }
    printf '%s' "$wanted" >"$stamp"
}

# Where the environment forbids Python to write bytecode, each of many short processes would compile the project anew.
compile_project() {
    .venv/bin/python -m compileall -q -j 0 common lso orchestrator presto presto_api presto_client reports scenarios \
        standards testbed vnfs >/dev/null || true # a file that does not compile says so when it is run
}

[ "$(id -u)" = 0 ] || die "it makes namespaces and starts containers: run it as root"
mkdir -p "$RUN"
chmod 700 "$RUN"
install_packages
start_docker
start_openvswitch
make_venv
compile_project
[ "${1:-}" = --no-images ] || .venv/bin/lso build
say "ready: .venv/bin/lso --help"
