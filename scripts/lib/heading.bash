# Prints what a figure needs beside it: the date, the machine, the command. To be sourced.
# shellcheck shell=bash

# shellcheck disable=SC2016 # the backticks are Markdown
heading() { # heading <command>
    local processor
    processor=$(sed -n 's/^model name[^:]*: //p' /proc/cpuinfo 2>/dev/null | head -n 1) || true
    printf 'Date: %s · %s, %s cores · %s · commit %s · `%s`\n\n' \
        "$(date -u +%Y-%m-%d)" \
        "${processor:-$(uname -sm)}" \
        "$(getconf _NPROCESSORS_ONLN)" \
        "$(rustc --version | cut -d ' ' -f 1-2)" \
        "$(git rev-parse --short HEAD 2>/dev/null || echo unknown)" \
        "$1"
}
