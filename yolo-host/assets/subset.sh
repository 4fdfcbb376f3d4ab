#!/bin/sh
# Makes DejaVuSans.subset.ttf from the full DejaVuSans.ttf (fonttools' pyftsubset on the PATH).
# usage: subset.sh /usr/share/fonts/truetype/dejavu/DejaVuSans.ttf
set -eu
# Basic Latin, Latin-1, Latin Extended-A, Greek, Cyrillic, then dashes, quotes, dots, euro, arrows and minus.
pyftsubset "$1" --output-file="$(dirname "$0")/DejaVuSans.subset.ttf" \
    --unicodes='U+0020-007E,U+00A0-017F,U+0370-03FF,U+0400-045F,U+0490-0491,U+2010-2015,U+2018-201E,U+2020-2022,U+2026,U+2030,U+2032-2033,U+2039-203A,U+20AC,U+2116,U+2122,U+2190-2193,U+2212' \
    --layout-features='' --legacy-kern --drop-tables+=GPOS,GSUB,GDEF,MATH \
    --no-hinting --name-IDs='*' --notdef-outline
