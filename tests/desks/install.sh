#!/bin/sh
# Installs the real help desks that tests/desks talks to: Roundup, django-helpdesk and Kinto from PyPI, each into an environment of
# its own (.desks), and Request Tracker 5, Redmine and Dovecot from Debian's own packages.
#
#   tests/desks/install.sh
#
# The last three need root and apt. Elsewhere it says so and ends with 0: those tests are then skipped. It makes no database and
# starts nothing; each test run starts a private RT and Redmine on SQLite, and a private Dovecot without
# privileges, in temporary folders and stops them again.
set -u
here=$(cd "$(dirname "$0")/../.." && pwd)

# environment NAME TITLE PACKAGE…: an environment of its own for a desk from PyPI
environment() {
    place="$here/.desks/$1" title="$2"
    shift 2
    if [ -f "$place/installed" ] && [ "$(cat "$place/installed")" = "$*" ]; then
        echo "install.sh: $title is installed"
    elif python3 -m venv "$place" && "$place/bin/pip" install -q --disable-pip-version-check "$@"; then
        echo "$*" >"$place/installed"
        echo "install.sh: installed $title in $place"
    else
        rm -rf "$place"
        echo "install.sh: could not install $title: its real-desk tests will be skipped" >&2
    fi
}

environment roundup Roundup roundup==2.6.0 pytz
environment helpdesk django-helpdesk django-helpdesk==2.6.1 "Django>=5.2,<5.3"
environment kinto Kinto kinto==26.5.0 kinto-attachment==8.0.0

rt="request-tracker5 rt5-standalone rt5-db-sqlite nullmailer libjson-perl libwww-perl"
redmine="redmine redmine-sqlite ruby ruby-webrick"
# the mailbox only: what sends mail in its tests is their own, for Debian installs one mail server at a time (nullmailer)
dovecot="dovecot-imapd"

# those of the packages $* that are not installed
absent() {
    for package in "$@"; do
        [ "$(dpkg-query -W -f='${db:Status-Status}' "$package" 2>/dev/null)" = installed ] || printf ' %s' "$package"
    done
}

# shellcheck disable=SC2086 # one word a package, here and below
missing="$(absent $rt)$(absent $redmine)$(absent $dovecot)"
if [ -z "$missing" ]; then
    echo "install.sh: Request Tracker, Redmine and Dovecot are installed"
    exit 0
fi
if ! command -v apt-get >/dev/null; then
    echo "install.sh: no apt-get here: install$missing yourself, or leave the real-desk tests skipped" >&2
    exit 0
fi
if [ "$(id -u)" != 0 ]; then
    echo "install.sh: not root: run 'sudo $0' to install$missing, or leave the real-desk tests skipped" >&2
    exit 0
fi

export DEBIAN_FRONTEND=noninteractive
# no database, no web server and no mail of the packages' own: the tests make their own desks
debconf-set-selections <<'SELECTIONS' || true
request-tracker5 request-tracker5/dbconfig-install boolean false
request-tracker5 request-tracker5/handle-siteconfig-permissions boolean false
request-tracker5 request-tracker5/webserver-database select sqlite
request-tracker5 request-tracker5/rtname string rt.test
request-tracker5 request-tracker5/organization string rt.test
nullmailer shared/mailname string rt.test
nullmailer nullmailer/relayhost string 127.0.0.1
redmine redmine/instances/default/dbconfig-install boolean false
redmine redmine/instances/default/database-type select sqlite3
SELECTIONS
apt-get -qq update || echo "install.sh: apt-get update failed, going on with the old lists" >&2

# install what of a desk ($1) is missing ($2)
install() {
    [ -n "$2" ] || return 0
    # shellcheck disable=SC2086
    if apt-get install -y -qq --no-install-recommends -o Dpkg::Options::=--force-confold \
        -o DPkg::Lock::Timeout=300 $2; then
        echo "install.sh: installed$2"
    else
        echo "install.sh: could not install$2: the tests with a real $1 will be skipped" >&2
    fi
}

# shellcheck disable=SC2086
install "Request Tracker" "$(absent $rt)"
# shellcheck disable=SC2086
install "Redmine" "$(absent $redmine)"
if [ -n "$(absent $dovecot)" ]; then
    # its package would start a mail server on every address: nothing may start while it is installed, nor afterwards
    policy=/usr/sbin/policy-rc.d
    [ -e "$policy" ] && policy=""
    if [ -n "$policy" ]; then
        printf '#!/bin/sh\nexit 101\n' >"$policy"
        chmod 755 "$policy"
        trap 'rm -f "$policy"' EXIT INT TERM
    fi
    # shellcheck disable=SC2086
    install "Dovecot" "$(absent $dovecot)"
    systemctl disable --quiet dovecot.service dovecot.socket 2>/dev/null || true
fi
