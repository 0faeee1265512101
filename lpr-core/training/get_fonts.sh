#!/bin/sh
# get_fonts.sh DIR: fetches the open fonts that the renderer draws with (Debian packages and @fontsource on npm); none is kept in this repository.
set -e
mkdir -p "$1/debs" && cd "$1"
[ -f package.json ] || npm init -y >/dev/null
for f in barlow-condensed barlow-semi-condensed barlow saira-condensed saira-semi-condensed overpass oswald bebas-neue league-gothic roboto-condensed \
    share-tech-mono share-tech archivo-narrow pt-sans-narrow fira-sans-condensed ubuntu-condensed oxanium overpass-mono \
    rajdhani teko antonio fjalla-one pathway-gothic-one chakra-petch b612-mono sometype-mono sofia-sans-condensed ibm-plex-sans-condensed ibm-plex-mono \
    jetbrains-mono dm-mono red-hat-mono saira electrolize quantico tomorrow encode-sans-condensed asap-condensed khand pragati-narrow viga signika \
    titillium-web k2d space-mono cousine; do set -- "$@" "@fontsource/$f"; done
shift
npm i --no-audit --no-fund "$@"
(cd debs && apt-get download fonts-roboto-unhinted fonts-liberation fonts-dejavu-core fonts-dejavu-extra fonts-dosis fonts-lato fonts-open-sans \
    fonts-play fonts-inter fonts-cabin fonts-karla fonts-freefont-ttf fonts-cantarell fonts-oxygen)
for d in debs/*.deb; do dpkg -x "$d" .; done
