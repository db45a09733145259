# Finds what a script needs and installs it where that is allowed. To be sourced.
# shellcheck shell=bash

need() { # need <command>
    command -v "$1" >/dev/null 2>&1
}

# Makes sure that a command is there. Fails, having said what is missing, where it cannot be.
provide() { # provide <command>
    widen_path
    if need "$1"; then
        return 0
    fi
    local manager package
    manager=$(package_manager)
    package=$(package_of "$1" "$manager")
    echo "$1 is missing: installing $package by ${manager:-nothing, no package manager is known here}"
    install_package "$manager" "$package" || true
    widen_path
    if ! need "$1"; then
        echo "$1 is missing and could not be installed: install $package" >&2
        return 1
    fi
}

# Adds the places where servers are kept out of the way of a user's PATH.
widen_path() {
    local folder
    for folder in /usr/sbin /usr/lib/postgresql/*/bin {/opt/homebrew,/usr/local}/opt/postgresql@*/bin; do
        if [[ -d $folder && :$PATH: != *:$folder:* ]]; then
            PATH=$PATH:$folder
        fi
    done
    hash -r
}

package_manager() {
    local manager
    for manager in apt-get brew dnf pacman zypper apk; do
        if need "$manager"; then
            echo "$manager"
            return
        fi
    done
}

package_of() { # package_of <command> <manager>
    case $1/$2 in
        cc/apt-get) echo build-essential ;;
        cc/apk) echo build-base ;;
        cc/brew) echo "the Xcode command line tools (xcode-select --install)" ;;
        cc/*) echo gcc ;;
        node/brew | npm/brew) echo node ;;
        node/*) echo nodejs ;;
        initdb/brew) echo postgresql@17 ;;
        initdb/dnf | initdb/zypper) echo postgresql-server ;;
        initdb/*) echo postgresql ;;
        mariadbd/apt-get | mariadbd/dnf) echo mariadb-server ;;
        mariadbd/*) echo mariadb ;;
        python3/pacman) echo python ;;
        redis-server/apt-get) echo redis-server ;;
        redis-server/*) echo redis ;;
        varnishd/*) echo varnish ;;
        *) echo "$1" ;;
    esac
}

install_package() { # install_package <manager> <package>
    case $1 in
        apt-get) install_debian "$2" ;;
        brew) brew install --quiet "$2" ;;
        dnf) as_root dnf install -y -q "$2" ;;
        pacman) as_root pacman -S --noconfirm --needed "$2" ;;
        zypper) as_root zypper --non-interactive install "$2" ;;
        apk) as_root apk add --quiet "$2" ;;
        *) return 1 ;;
    esac
}

install_debian() { # install_debian <package>
    local options=(-o Acquire::Retries=3 -o DPkg::Lock::Timeout=300)
    if [[ -z ${APT_UPDATED:-} ]]; then
        as_root apt-get "${options[@]}" update -qq || return 1
        APT_UPDATED=1
    fi
    as_root env DEBIAN_FRONTEND=noninteractive \
        apt-get "${options[@]}" install -y -qq --no-install-recommends "$1"
}

# Runs a command as root: directly, by a sudo that asks nothing, or not at all.
as_root() {
    if [[ $(id -u) -eq 0 ]]; then
        "$@"
    elif need sudo && sudo -n true 2>/dev/null; then
        sudo -n "$@"
    else
        echo "this needs root: $*" >&2
        return 1
    fi
}

# newman 6 needs node 16.
node_is_new_enough() {
    local version
    version=$(node --version)
    version=${version#v}
    if [[ ${version%%.*} -lt 16 ]]; then
        echo "node $version is too old for newman" >&2
        return 1
    fi
}
