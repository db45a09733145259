# Builds Conduit, starts its servers and ends them by pid. To be sourced.
# shellcheck shell=bash

# Every server that was started and not yet ended.
CONDUIT_PIDS=()

# Builds Conduit. Sets CONDUIT, the executable: `cargo run` would wait for any other build.
build_conduit() { # build_conduit <profile: dev or release>
    local target folder=$1
    cargo build -p conduit --profile "$1" || return 1
    target=$(cargo metadata --no-deps --format-version 1 | sed -n 's/.*"target_directory":"\([^"]*\)".*/\1/p')
    if [[ $1 == dev ]]; then
        folder=debug
    fi
    CONDUIT=$target/$folder/conduit
}

# Starts Conduit on a free port with a new SQLite file, and waits until it says where it serves.
# Sets CONDUIT_PID, CONDUIT_ADDRESS (host:port) and CONDUIT_LOG.
start_conduit() { # start_conduit <folder>
    local folder=$1 deadline=$((SECONDS + 60))
    rm -rf "$folder"
    mkdir -p "$folder"
    folder=$(cd "$folder" && pwd)
    CONDUIT_LOG=$folder/server.log
    env -u DATABASE "$CONDUIT" --listen 127.0.0.1:0 --directory "$folder" >"$CONDUIT_LOG" 2>&1 &
    CONDUIT_PID=$!
    CONDUIT_PIDS+=("$CONDUIT_PID")
    CONDUIT_ADDRESS=
    while [[ $SECONDS -lt $deadline ]]; do
        CONDUIT_ADDRESS=$(sed -n 's|.*http://\(127\.0\.0\.1:[0-9]*\).*|\1|p' "$CONDUIT_LOG" | head -n 1)
        if [[ -n $CONDUIT_ADDRESS ]]; then
            return 0
        fi
        if ! kill -0 "$CONDUIT_PID" 2>/dev/null; then
            break
        fi
        sleep 0.1
    done
    echo "Conduit did not start:" >&2
    cat "$CONDUIT_LOG" >&2
    return 1
}

# Ends all servers: politely, and after ten seconds for certain.
stop_conduit() {
    local pid
    for pid in ${CONDUIT_PIDS[@]+"${CONDUIT_PIDS[@]}"}; do
        end_process "$pid"
    done
    CONDUIT_PIDS=()
}

end_process() { # end_process <pid>
    local tenths=0
    kill -TERM "$1" 2>/dev/null || true
    while kill -0 "$1" 2>/dev/null && [[ $tenths -lt 100 ]]; do
        sleep 0.1
        tenths=$((tenths + 1))
    done
    kill -KILL "$1" 2>/dev/null || true
    wait "$1" 2>/dev/null || true
}
