#!/usr/bin/env bash
# What counting needs, in a folder: qemu that loads plugins, the plugin, and an aarch64 Python with ncnn, ONNX Runtime and LiteRT.
# usage: setup.sh [FOLDER]        Needs Debian 12 on x86-64, a C compiler, pip; as root, as it lets apt know arm64. 200 MB.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
folder=${1:-${XDG_CACHE_HOME:-$HOME/.cache}/yolo-instructions}
mkdir -p "$folder/packages"
cd "$folder"
unpack() { # FOLDER PACKAGE…: unpacked, not installed, so that the machine stays what it is
    local target=$1
    shift
    (cd packages && apt-get -qq download "$@" 2>/dev/null)
    for package in packages/*.deb; do dpkg -x "$package" "$target"; done
    rm packages/*.deb
}
if [ ! -e ready ]; then
    dpkg --print-foreign-architectures | grep -qx arm64 || dpkg --add-architecture arm64
    apt-get -qq update
    # The static qemu cannot load plugins.
    unpack qemu qemu-user libcapstone4
    python=(python3.11-minimal libpython3.11-minimal libpython3.11-stdlib)
    libraries=(libc6 libstdc++6 libgcc-s1 zlib1g libexpat1 libffi8 liblzma5 libbz2-1.0 libssl3 libuuid1)
    unpack arm64 "${python[@]/%/:arm64}" "${libraries[@]/%/:arm64}"
    for wheel in ncnn onnxruntime ai_edge_litert numpy protobuf flatbuffers packaging tqdm requests portalocker; do
        pip download --quiet --no-deps --dest packages --only-binary=:all: --python-version 311 \
            --platform manylinux_2_28_aarch64 --platform manylinux_2_27_aarch64 --platform manylinux_2_17_aarch64 \
            --platform manylinux2014_aarch64 --platform any "$wheel"
    done
    for wheel in packages/*.whl; do python3 -m zipfile -e "$wheel" site; done
    rm -r packages
    touch ready
fi
cc -O2 -Wall -shared -fPIC "$here/count.c" -o libcount.so
