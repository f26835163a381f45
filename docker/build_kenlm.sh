#!/usr/bin/env bash
# Build KenLM's trainer (lmplz), compiler (build_binary) and, for the tests, query into PREFIX/bin; the Python package
# brings none of them.
#
#     make kenlm                          into .venv/kenlm, where `python -m ccnet_pipeline.fluency train` finds them
#     docker/build_kenlm.sh PREFIX        elsewhere; then say KENLM_BIN=PREFIX/bin
#
# The source is the package index's archive of the very version whose Python module reads the models. Run again, it does
# nothing. PYTHON (default python3) names the interpreter whose pip fetches it, JOBS (default: all cores) the compilers.
set -euo pipefail

VERSION=0.3.0
SHA256=c4628bb9fb63c8a6f9240035b8b037385cfc404cb72e933cf48878291edac1e8
PYTHON=${PYTHON:-python3}
APT="apt-get install -y --no-install-recommends g++ make cmake libboost-program-options-dev libboost-system-dev \
libboost-thread-dev libboost-test-dev zlib1g-dev libbz2-dev liblzma-dev"

die() { echo "build_kenlm.sh: $*" >&2; exit 2; }

[[ $# -eq 1 && $1 != -* ]] || die "usage: docker/build_kenlm.sh PREFIX   (the programs go to PREFIX/bin)"
mkdir -p "$1/bin"
bin=$(cd "$1/bin" && pwd)
[[ ! -x $bin/lmplz || ! -x $bin/build_binary || ! -x $bin/query ]] || { echo "$bin has them already"; exit 0; }

for tool in cmake make g++; do command -v "$tool" >/dev/null || die "no $tool: $APT"; done
"$PYTHON" -m pip --version >/dev/null 2>&1 || die "$PYTHON has no pip; set PYTHON to one that has"

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
# Only kenlm itself from source: with ":all:" pip would compile cmake too, its build requirement, for half an hour.
"$PYTHON" -m pip download --quiet --no-deps --no-binary kenlm "kenlm==$VERSION"
echo "$SHA256  kenlm-$VERSION.tar.gz" | sha256sum --check --quiet
tar -xzf "kenlm-$VERSION.tar.gz"
# Boost goes in statically; where the programs run, they need libstdc++, zlib, bzip2 and xz.
cmake -S "kenlm-$VERSION" -B build -DBoost_USE_STATIC_LIBS=ON -DENABLE_INTERPOLATE=OFF >cmake.log 2>&1 \
    || { cat cmake.log >&2; die "cmake failed (see above); boost and the rest it needs: $APT"; }
cmake --build build --parallel "${JOBS:-$(nproc)}" --target lmplz build_binary query
install build/bin/{lmplz,build_binary,query} "$bin/"
echo "$bin/lmplz"
