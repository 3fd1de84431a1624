# Processes whose arguments change with the intent, and that are started anew when they end. Sourced; POSIX sh.

# keep NAME COMMAND...: runs COMMAND with the arguments that `begin` gave it, or nothing while there are none. A lock,
# because that ends the process whose arguments are old: NAME.pid must be that of the newest by then.
keep() {
  kept=$1
  shift
  while :; do
    exec 8>"$RUN/$kept.lock"
    flock 8
    arguments=$(cat "$RUN/$kept" 2>/dev/null)
    # shellcheck disable=SC2086  # a list of words, compiled from checked values
    if [ -n "$arguments" ]; then
      "$@" $arguments </dev/null >"$RUN/$kept.log" 2>&1 8>&- &
    else
      sleep infinity 8>&- &
    fi
    echo $! >"$RUN/$kept.pid"
    exec 8>&-
    wait $!
    [ "$arguments" != "$(cat "$RUN/$kept" 2>/dev/null)" ] || sleep 0.5 # it ended by itself: not in a tight loop
  done
}

# finish NAME ARGUMENTS: a process with other arguments has ended when this returns.
finish() { given "$1" "$2" || give "$1" ''; }

# begin NAME ARGUMENTS: a process with these arguments runs when this returns.
begin() { given "$1" "$2" || give "$1" "$2"; }

given() { [ "$2" = "$(cat "$RUN/$1" 2>/dev/null)" ]; }

give() {
  exec 8>"$RUN/$1.lock"
  flock 8
  printf '%s' "$2" >"$RUN/$1"
  ending=$(cat "$RUN/$1.pid" 2>/dev/null) || :
  end_kept "$ending" 2>/dev/null || :
  exec 8>&-
  for _ in $(seq 250); do
    [ "$ending" = "$(cat "$RUN/$1.pid" 2>/dev/null)" ] || return 0
    sleep 0.02
  done
}

# end_kept PID: an engine whose program needs more than that has its own.
end_kept() { kill "$1"; }

# keeps NAME: whether there is a process with arguments.
keeps() { [ -s "$RUN/$1" ] && kill -0 "$(cat "$RUN/$1.pid")" 2>/dev/null; }
