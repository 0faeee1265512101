"""fonts(DIR): the font files under DIR that the renderer uses, sorted; DIR as made by get_fonts.sh."""
import glob
import os
import re

NAMES = re.compile(r'^(?:(?:barlow-condensed|barlow-semi-condensed|barlow|saira-condensed|saira-semi-condensed|overpass|oswald|roboto-condensed|archivo-narrow|'
                   r'fira-sans-condensed|oxanium|overpass-mono|'
                   r'rajdhani|teko|antonio|chakra-petch|sometype-mono|sofia-sans-condensed|ibm-plex-sans-condensed|ibm-plex-mono|jetbrains-mono|dm-mono|red-hat-mono|'
                   r'saira|tomorrow|encode-sans-condensed|asap-condensed|khand|signika|k2d)-latin-(?:500|600|700)-normal|(?:bebas-neue|league-gothic|share-tech-mono|share-tech|fjalla-one|pathway-gothic-one|electrolize|viga)-latin-400-normal|'
                   r'(?:pt-sans-narrow|b612-mono|quantico|pragati-narrow|titillium-web|space-mono|cousine)-latin-(?:400|700)-normal|ubuntu-condensed-latin-400-normal|Roboto-Medium|Roboto-Bold|'
                   r'RobotoCondensed-Bold|LiberationSansNarrow-Bold|LiberationSans-Bold|DejaVuSansCondensed-Bold|Dosis-SemiBold|Dosis-Bold|Lato-Bold|'
                   r'OpenSans-CondBold|Play-Bold|Play-Regular|Inter-SemiBold|Cabin-Bold|Karla-Bold|FreeSansBold|Cantarell-Bold|DejaVuSansMono-Bold|'
                   r'LiberationMono-Bold|Oxygen-Sans-Bold)\.(?:woff2|ttf|otf)$')
EU = ('barlow-latin', 'barlow-semi', 'share-tech', 'overpass', 'LiberationSans', 'oxanium', 'saira-semi', 'DejaVuSansMono', 'Roboto', 'Play', 'Dosis')
BR = ('barlow-condensed', 'roboto-condensed', 'LiberationSansNarrow', 'pt-sans-narrow', 'Roboto', 'archivo', 'fira', 'oswald')


def fonts(d):
    seen = {}
    for p in sorted(glob.glob(os.path.join(d, '**', '*'), recursive=True)):
        if NAMES.match(os.path.basename(p)):
            seen.setdefault(os.path.basename(p), p)
    return [seen[k] for k in sorted(seen)]
