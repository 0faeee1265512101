"""restart.py detector|reader MODEL.onnx OUT.pt BATCH.npy [deep]: the exported weights back in a checkpoint that the trainers take with --init.

Export folds batch normalisation into the convolutions. Here each convolution gets its folded weights, and its normalisation the statistics of
pictures (rendered noise will not do: they must be like the training data) with the scale and shift that undo them: in evaluation the net gives
what the ONNX file gives, and in training the first steps see the statistics they expect. Optimiser state is not in an ONNX file and starts anew. `deep`: the file has a reader with the `deep` blocks.
"""
import sys
import numpy as np
import onnx
import torch
from onnx import numpy_helper


def order(net, x):
    """[(convolution, its normalisation or None)] in the order of the forward pass"""
    seen, hooks = [], []
    for m in net.modules():
        if isinstance(m, (torch.nn.Conv2d, torch.nn.BatchNorm2d)):
            hooks.append(m.register_forward_hook(lambda m, *_: seen.append(m)))
    net.eval()
    with torch.no_grad():
        net(x)
    [h.remove() for h in hooks]
    out = []
    for m in seen:
        if isinstance(m, torch.nn.Conv2d):
            out.append([m, None])
        else:
            out[-1][1] = m
    return out


def restore(net, path, x):
    """puts the weights of the ONNX file into `net`; `x` is a batch like the training data"""
    g = onnx.load(path).graph
    init = {i.name: torch.from_numpy(numpy_helper.to_array(i).copy()) for i in g.initializer}
    convs = [(init[n.input[1]], init[n.input[2]]) for n in g.node if n.op_type == 'Conv']
    pairs = order(net, x)
    assert len(pairs) == len(convs), (len(pairs), len(convs))
    with torch.no_grad():
        for (c, b), (w, bias) in zip(pairs, convs):
            assert c.weight.shape == w.shape, (c.weight.shape, w.shape)
            c.weight.copy_(w)
            if b is None:
                c.bias.copy_(bias)
            else:
                b.running_mean.zero_(); b.running_var.fill_(1 - b.eps); b.weight.fill_(1.); b.bias.copy_(bias)
        stats = {}
        hooks = [b.register_forward_pre_hook(lambda m, i: stats.__setitem__(m, (i[0].mean((0, 2, 3)), i[0].var((0, 2, 3), unbiased=False)))) for _, b in pairs if b is not None]
        net.eval(); net(x)
        [h.remove() for h in hooks]
        for _, b in pairs:
            if b is not None:
                mean, var = stats[b]
                b.bias.add_(mean)                      # (y - mean) / dev * dev + (bias + mean) = y + bias
                b.running_mean.copy_(mean); b.running_var.copy_(var); b.weight.copy_((var + b.eps).sqrt())


def main():
    kind, path, out = sys.argv[1:4]
    batch = np.load(sys.argv[4])                       # (N,3,H,W) 0..1 for the detector, (N,1,64,128) standardised for the reader
    torch.set_num_threads(1)
    if kind == 'detector':
        from detector_net import Detector as Net
    else:
        from reader_net import Reader as Net
    net, x = Net() if kind == "detector" else Net(deep=len(sys.argv) > 5), torch.from_numpy(batch).float()
    restore(net, path, x)
    import onnxruntime as ort
    s = ort.InferenceSession(path, providers=['CPUExecutionProvider'])
    with torch.no_grad():
        a, b = net(x).numpy(), s.run(None, {s.get_inputs()[0].name: x.numpy()})[0]
    print('largest difference', float(np.abs(a - b).max()))
    torch.save({'net': net.state_dict(), 'ema': {k: v.clone() for k, v in net.state_dict().items()}, 'step': 10000}, out)


if __name__ == '__main__':
    main()
