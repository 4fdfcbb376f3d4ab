#!/bin/sh
# The library builds and loads, and its block is what it should be. Needs the yolo command: on the PATH, or named by $YOLO.
set -eu
cd "$(dirname "$0")"
yolo=${YOLO:-yolo}
${CC:-cc} -std=c99 -Wall -Wextra -Werror -shared -fPIC -O2 -o {{library}} {{name}}.c

"$yolo" --plugin {{library}} blocks {{Name}} | grep -F '{{Name}} [c2, k=3, s=1]'

# Layer 1 maps 16 channels to 32: 9*16 + 2*16 parameters depthwise, 16*32 + 2*32 pointwise.
"$yolo" --plugin {{library}} info --json --cfg model.yaml | grep -qF '"parameters":752,"module":"{{Name}}"'
echo passed
