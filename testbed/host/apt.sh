# Functions of setup.sh: wait while another program installs packages. They need Bash and perl-base, which Debian always has.

# lock_holder FILE: print the process that holds FILE locked as apt and dpkg lock theirs (fcntl); fail if nobody does.
lock_holder() {
    [ -e "$1" ] || return 1
    perl -MFcntl=:DEFAULT,SEEK_SET -e '
        open(my $file, "+<", $ARGV[0]) or exit 1;
        my $form = "s s x4 q q l x4"; # struct flock of 64-bit Linux
        my $lock = pack($form, F_WRLCK, SEEK_SET, 0, 0, 0);
        fcntl($file, F_GETLK, $lock) or exit 1;
        my ($kind, undef, undef, undef, $process) = unpack($form, $lock);
        exit 1 if $kind == F_UNLCK;
        print $process;' "$1"
}

# holder_text PID: how people know it. 0 is what the kernel says of a process in another PID namespace.
holder_text() {
    local name
    if [ "$1" -gt 0 ] && name=$(tr '\0\n' '  ' <"/proc/$1/cmdline" 2>/dev/null) && [ -n "$name" ]; then
        printf 'process %s (%.60s)' "$1" "${name% }"
    elif [ "$1" -gt 0 ]; then
        printf 'process %s' "$1"
    else
        printf 'a process outside this container'
    fi
}

# wait_for_locks SECONDS FILE…: until nobody holds one of the files; say for whom it waits, once for each. Fails, and says
# who holds what, when that takes longer.
wait_for_locks() {
    local deadline=$((SECONDS + $1)) told="" file holder text
    shift
    for file in "$@"; do
        while holder=$(lock_holder "$file"); do
            text="$(holder_text "$holder"), which holds $file"
            if ((SECONDS >= deadline)); then
                echo "setup: gave up waiting for $text; try again when it has ended" >&2
                return 1
            fi
            [ "$told" = "$holder" ] || printf '[%4ss] waiting for %s\n' "$SECONDS" "$text"
            told=$holder
            sleep 0.5
        done
    done
}
