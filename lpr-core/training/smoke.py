"""smoke.py: the whole way in about a minute, on rendered pictures only: data, both trainers (a few steps), export, evaluation.

It shows that the code runs from end to end; nets of so few steps read nothing. Fonts: whatever DejaVu or Liberation fonts the machine has.
"""
import csv
import glob
import os
import subprocess
import sys
import tempfile
import numpy as np
import cv2
from plates import Plates

HERE = os.path.dirname(os.path.abspath(__file__))
FOLDERS = {'scenes-openlpr': ('train_', 'val_'), 'eu-romania': ('type1_001_', 'type1_002_'), 'us-florida': ('train_', 'test_'), 'scenes-web': ('',), 'negatives': ('n',)}


def scene(p, name, root, folder, rows, plate=True):
    """a plate on a coloured field"""
    im = np.full((240, 320, 3), p.r.randint(40, 200), np.uint8)
    im = cv2.add(im, p.n.integers(0, 40, im.shape).astype(np.uint8))
    if plate:
        x, y, w, h = p.r.randint(20, 180), p.r.randint(20, 160), 100, 40
        pic, text, _ = p.plate((1, 0, 0, 0))
        im[y:y + h, x:x + w] = cv2.resize(pic, (w, h)).astype(np.uint8)
        rows.append((name, text, x, y, w, h))
    else:
        rows.append((name, '', '', '', '', ''))
    cv2.imwrite(os.path.join(root, folder, 'images', name), im)


def data(root, fonts):
    p, texts = Plates(fonts, 1), []
    for folder, names in FOLDERS.items():
        os.makedirs(os.path.join(root, folder, 'images'))
        rows = []
        for k in names:
            for i in range(4):
                scene(p, f'{k}{i}.png', root, folder, rows, folder != 'negatives')
        texts += [(folder, f, x, y, w, h, t, 'us') for f, t, x, y, w, h in rows if t]
        write(os.path.join(root, folder, 'labels.tsv'), 'file plate x y w h', rows)
    for folder in ('us-crops', 'br-crops'):
        os.makedirs(os.path.join(root, folder, 'images'))
        rows = []
        for i in range(24):
            pic, text, _ = p.plate((1, 0, 0, 0))
            cv2.imwrite(os.path.join(root, folder, 'images', f'{i}.png'), pic)
            rows.append((f'{i}.png', text))
        write(os.path.join(root, folder, 'labels.tsv'), 'file plate', rows)
    os.makedirs(os.path.join(root, 'vehicles-color', 'images'))
    cv2.imwrite(os.path.join(root, 'vehicles-color', 'images', '0.png'), np.full((200, 300, 3), 90, np.uint8))
    write(os.path.join(root, 'texts.tsv'), 'folder file x y w h text region', texts)


def write(path, head, rows):
    with open(path, 'w', newline='') as f:
        w = csv.writer(f, delimiter='\t')
        w.writerow(head.split())
        w.writerows(rows)


def main():
    found = glob.glob('/usr/share/fonts/**/DejaVuSansCondensed-Bold.ttf', recursive=True) + glob.glob('/usr/share/fonts/**/DejaVuSans-Bold.ttf', recursive=True) \
        + glob.glob('/usr/share/fonts/**/LiberationSans-Bold.ttf', recursive=True)
    if not found:
        sys.exit('smoke: no DejaVu or Liberation font under /usr/share/fonts: install fonts-dejavu-core')
    with tempfile.TemporaryDirectory() as d:
        root, fonts, models = (os.path.join(d, k) for k in ('data', 'fonts', 'models'))
        [os.mkdir(k) for k in (root, fonts, models)]
        for i, name in enumerate(('DejaVuSansCondensed-Bold.ttf', 'LiberationSans-Bold.ttf')):
            os.symlink(found[i % len(found)], os.path.join(fonts, name))
        data(root, found[:1])

        def run(*a):
            print('smoke:', *a[:1], flush=True)
            subprocess.run([sys.executable, os.path.join(HERE, a[0]), *a[1:]], check=True, cwd=d, timeout=300)
        both = ('--data', root, '--fonts', fonts)
        run('train_reader.py', 'rd.pt', '0.08', *both, '--texts', f'{root}/texts.tsv', '--batch', '16', '--ramp', '2000')
        run('train_detector.py', 'det.pt', '0.1', *both, '--batch', '2')
        run('export.py', 'reader', 'rd.pt', f'{models}/reader.onnx')
        run('export.py', 'detector', 'det.pt', f'{models}/detector.onnx')
        run('eval.py', '--models', models, '--data', root, '--texts', f'{root}/texts.tsv', '--set', 'web')
    print('smoke: everything ran')


if __name__ == '__main__':
    main()
