"""export.py detector|reader CHECKPOINT OUT.onnx: writes the ONNX file and compares it with PyTorch's output."""
import sys
import numpy as np
import torch


def main():
    kind, ckpt, out = sys.argv[1:4]
    if kind == 'detector':
        from detector_net import Detector
        net, xs = Detector(), [torch.rand(1, 3, 384, 640), torch.rand(2, 3, 288, 416)]
        axes = {'image': {0: 'n', 2: 'h', 3: 'w'}, 'cells': {0: 'n', 2: 'h8', 3: 'w8'}}
        names = ['image'], ['cells']
    else:
        from reader_net import Reader
        keys = () if ckpt == 'random' else torch.load(ckpt, map_location='cpu')
        net, xs = Reader(deep=any(k.startswith('deep.') for k in (keys.get('ema', keys) if keys else ()))), [torch.randn(1, 1, 64, 128), torch.randn(5, 1, 64, 128)]
        axes = {'crops': {0: 'n'}, 'logits': {0: 'n'}}
        names = ['crops'], ['logits']
    if ckpt != 'random':
        s = torch.load(ckpt, map_location='cpu')
        net.load_state_dict(s.get('ema', s))
    net.eval()
    torch.onnx.export(net, (xs[0],), out, input_names=names[0], output_names=names[1], dynamic_axes=axes,
                      opset_version=17, do_constant_folding=True, dynamo=False)
    import onnxruntime as ort
    s = ort.InferenceSession(out, providers=['CPUExecutionProvider'])
    for x in xs:
        with torch.no_grad():
            a = net(x).numpy()
        b = s.run(None, {names[0][0]: x.numpy()})[0]
        print(out, tuple(x.shape), tuple(b.shape), 'largest difference', float(np.abs(a - b).max()))


if __name__ == '__main__':
    main()
