"""detector_quads.py MODELS ROOT OUT.json: what the detector says of the transcribed training plates, at three sizes, so that the reader learns its habits."""
import json
import sys
import cv2
from detector_data import held
from eval import Pipeline, iou
from reader_data import transcribed


def main():
    models, root, out = sys.argv[1:4]
    cv2.setNumThreads(1)
    pipe = Pipeline(models, score=.3, passes=1)
    done, res = {}, {}
    for folder, f, im, (x, y, w, h), t in transcribed(root, sys.argv[4] if len(sys.argv) > 4 else 'texts.tsv'):
        if held(folder, f):
            continue
        if (folder, f) not in done:
            done = {(folder, f): []}
            for pipe.long in (400, 640, 900):
                done[folder, f].append(pipe.detect(im))
        for ds in done[folder, f]:
            v = [(iou((x, y, x + w, y + h), d[1:5]), d) for d in ds]
            if v and max(v, key=lambda k: k[0])[0] > .4:
                d = max(v, key=lambda k: k[0])[1]
                for q in pipe.quads(d, True):
                    res.setdefault(f'{folder}/{f}/{x:g}/{y:g}', []).append([[round(float(c), 2) for c in p] for p in q])
    json.dump(res, open(out, 'w'))
    print('plates', len(res), 'quads', sum(map(len, res.values())))


if __name__ == '__main__':
    main()
