#!/bin/sh
# Makes the locks anew from the ranges of pyproject.toml, with uv and a network:
#   pip install uv && sh assistant/operations/locks/lock.sh [--upgrade]
# Versions that are locked already stay while the ranges allow them; --upgrade takes the newest instead.
# Then install anew (install.sh test), run the tests, and write down the licences (see README).
set -eu
cd "$(dirname "$0")/../../.."
locks=assistant/operations/locks
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
# Only what the documented installation runs on; hashes are those of every file of a version all the same.
{
    cat pyproject.toml
    echo "[tool.uv]"
    echo "environments = [\"python_version < '3.15' and sys_platform == 'linux' and platform_machine == 'x86_64'" \
        "and implementation_name == 'cpython'\"]"
} >"$work/pyproject.toml"
touch "$work/run" "$work/names"

for what in run test voice listen ocr postgres; do
    extra=""
    [ $what = run ] || extra="--extra $what"
    [ ! -e $locks/$what.lock ] || cp $locks/$what.lock "$work/$what.out"
    # shellcheck disable=SC2086 # several words
    (cd "$work" && uv pip compile pyproject.toml $extra --universal --python-version 3.11 \
        --fork-strategy fewest --generate-hashes --no-header --no-annotate -c run "$@" -o $what.out --quiet)
    # Without what is built for each machine (torch with its GPU packages, llama.cpp), pip itself, what run.lock
    # holds, and the words that say again which machines these locks are for.
    {
        echo "# Made by lock.sh; do not edit. sha256 of every file that pip may take."
        awk -v run="$work/names" '
            BEGIN { while ((getline name < run) > 0) known[name] = 1 }
            /^[a-z0-9]/ { name = $0; sub(/[=\[ ].*/, "", name)
                keep = !(name in known) && name !~ /^(torch|llama-cpp-python|pip|triton|nvidia-.*|cuda-.*)$/ }
            keep { sub(/ (;|and) python_full_version < .*/, " \\"); print }' "$work/$what.out"
    } >$locks/$what.lock
    [ $what != run ] || sed -n 's/^\([a-z0-9._-]*\)==.*/\1/p' $locks/run.lock >"$work/names"
    sed -n 's/^\([a-z0-9._-]*==[^ ]*\).*/\1/p' $locks/$what.lock >>"$work/run"
done
